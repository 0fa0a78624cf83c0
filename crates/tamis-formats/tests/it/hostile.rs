//! Input that is broken or means harm: findings and errors, never a panic, never a path outside.

use std::io::Write;

use tamis_core::{Report, Severity};
use tamis_formats::{FormatError, Source, SourceLimits, fuzz};

use crate::scratch::{open, png, put, read_as};

fn codes(report: &Report) -> Vec<String> {
    report.findings().into_iter().map(|f| f.code).collect()
}

#[test]
fn links_out_of_the_folder_and_bad_names_are_findings() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("in");
    put(&root, "a/b.png", png(2, 2));
    put(&root, ".git/config", "x");
    put(&root, ".DS_Store", "x");
    put(temp.path(), "secret.png", png(2, 2));
    std::os::unix::fs::symlink("../../secret.png", root.join("a/out.png")).unwrap();
    std::os::unix::fs::symlink("b.png", root.join("a/in.png")).unwrap();
    std::os::unix::fs::symlink(".", root.join("loop")).unwrap();
    let report = Report::new();
    let source = open(&root, &report);
    let paths: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).collect();
    assert_eq!(paths, ["a/b.png", "a/in.png"]);
    assert_eq!((codes(&report), report.count(Severity::Error)), (vec!["source.link".to_owned()], 2));
    assert!(source.read("../secret.png").is_err());
}

fn zip(path: &std::path::Path, entries: &[(&str, &[u8])]) {
    let mut out = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in entries {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(bytes).unwrap();
    }
    out.finish().unwrap();
}

#[test]
fn archives_stay_inside_and_inside_their_limits() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a.zip");
    zip(&path, &[("../out.png", b"x"), ("/abs.png", b"x"), ("ok/a.png", &png(2, 2)), ("__MACOSX/a.png", b"x")]);
    let report = Report::new();
    let source = open(&path, &report);
    assert_eq!(source.entries().len(), 1);
    assert_eq!(source.read("ok/a.png").unwrap(), png(2, 2));
    assert_eq!(report.count(Severity::Error), 2);
    zip(&path, &[("bomb", &vec![0; 64 << 20])]);
    let bomb = Source::open(&path, &SourceLimits::default(), &Report::new());
    assert!(matches!(bomb, Err(FormatError::TooLarge { .. })));
}

#[test]
fn tars_of_all_packings_read_alike() {
    let temp = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let bytes = png(3, 3);
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "cat/a.png", bytes.as_slice()).unwrap();
    tar.append_link(
        &mut {
            let mut h = tar::Header::new_gnu();
            h.set_entry_type(tar::EntryType::Symlink);
            h.set_size(0);
            h
        },
        "cat/evil.png",
        "/etc/passwd",
    )
    .unwrap();
    let plain = tar.into_inner().unwrap();
    put(temp.path(), "a.tar", &plain);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&plain).unwrap();
    put(temp.path(), "a.tar.gz", gz.finish().unwrap());
    put(temp.path(), "a.tar.zst", zstd::encode_all(plain.as_slice(), 3).unwrap());
    for name in ["a.tar", "a.tar.gz", "a.tar.zst"] {
        let report = Report::new();
        let source = open(&temp.path().join(name), &report);
        assert_eq!((source.name(), source.entries().len()), ("a", 1), "{name}");
        assert_eq!(source.read("cat/a.png").unwrap(), bytes);
        assert_eq!(codes(&report), ["source.link"], "{name}");
    }
}

#[test]
fn coco_says_where_and_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "img/a.png", png(10, 10));
    let text = r#"{"images": [
 {"id": 1, "file_name": "img\\a.png", "width": 10, "height": 10},
 {"id": 1, "file_name": "img/b.png"},
 {"id": 2, "file_name": "../../etc/passwd"},
 {"id": 3, "file_name": "gone.png"}],
"annotations": [
 {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]},
 {"id": 2, "image_id": 1, "category_id": 9, "bbox": [1, 1, 20, 2]},
 {"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 1, NaN, 2]},
 {"id": 4, "image_id": 1, "category_id": 1, "bbox": [1, 1, -5, 2]},
 {"id": 5, "image_id": 77, "category_id": 1, "bbox": [1, 1, 2, 2]}],
"categories": [{"id": 1, "name": "cat"}]}"#;
    put(temp.path(), "a.json", text);
    let report = Report::new();
    let (_, records) = read_as(temp.path(), "coco", &report);
    assert_eq!(records.iter().map(|r| r.path.as_str()).collect::<Vec<_>>(), ["gone.png", "img/a.png"]);
    assert_eq!(records[1].layers["truth"].len(), 2);
    let found = codes(&report);
    for code in [
        "duplicate_image",
        "image_path",
        "missing_image",
        "unknown_category",
        "box_outside",
        "box_negative",
        "unknown_image",
        "syntax",
    ] {
        assert!(found.contains(&format!("coco.{code}")), "{code}: {found:?}");
    }
    let syntax = report.findings().into_iter().find(|f| f.code == "coco.syntax").unwrap();
    assert_eq!(syntax.places[0].line, Some(9));
}

#[test]
fn broken_xml_rows_and_tables_are_findings() {
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "voc/a.png", png(9, 9));
    put(temp.path(), "voc/a.xml", "<annotation><filename>a.png</filename>\n<object><name>x</name>");
    put(temp.path(), "voc/b.png", png(9, 9));
    put(
        temp.path(),
        "voc/b.xml",
        "<!DOCTYPE x [<!ENTITY l \"lol\">]><annotation><filename>b.png</filename><object><name>&l;</name></object></annotation>",
    );
    let report = Report::new();
    assert_eq!(read_as(&temp.path().join("voc"), "voc", &report).1.len(), 2);
    assert_eq!(report.count(Severity::Error), 2, "{:?}", report.findings());
    put(temp.path(), "yolo/images/a.png", png(9, 9));
    put(temp.path(), "yolo/labels/a.txt", "\u{feff}0 0.5 0.5 0.1 0.1\r\n0 0.5 0.5 nan 1\r\n7 .5 .5 .1 .1\r\nfoo\r\n");
    put(temp.path(), "yolo/data.yaml", "names: [cat]\ntrain: images\n");
    let report = Report::new();
    let (_, records) = read_as(&temp.path().join("yolo"), "yolo", &report);
    assert_eq!((records[0].layers["truth"].len(), report.count(Severity::Error)), (2, 2), "{:?}", report.findings());
    put(temp.path(), "csv/a.png", png(9, 9));
    put(temp.path(), "csv/t.csv", format!("file,label\na.png,cat\na.png\na.png,{}\n", "x".repeat(10_000_000)));
    let report = Report::new();
    let (_, records) = read_as(&temp.path().join("csv"), "csv", &report);
    assert_eq!(records[0].layers["truth"].len(), 2);
    assert_eq!(codes(&report), ["csv.ragged"]);
}

/// Every small file of the corpus, and cuts and changes of it, through every parser.
#[test]
fn the_corpus_and_its_mutations_are_answered() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut count = 0;
    for item in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(item.unwrap().path()).unwrap();
        let step = (bytes.len() / 40).max(1);
        for cut in (0..=bytes.len()).step_by(step) {
            fuzz::syntax(&bytes[..cut]);
            let mut changed = bytes.clone();
            if let Some(byte) = changed.get_mut(cut) {
                *byte = byte.wrapping_add(101);
            }
            fuzz::syntax(&changed);
            count += 2;
        }
    }
    assert!(count > 100);
}
