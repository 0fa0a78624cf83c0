//! What the tables hold, against what the samples are.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BinaryArray, StructArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields};
use tamis_core::{Sample, Sensor, SensorKind};
use tamis_repo::CommitOptions;
use tamis_table::{GroupSchema, RowBatch, TableSchema};

use crate::support::*;

fn model(count: u64) -> Vec<Sample> {
    let mut all: Vec<Sample> = (0..count).map(sample).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn small() -> (tamis_repo::Repo, tamis_repo::Dataset) {
    let (repo, signs) = lake();
    commit(&signs, (0..300).map(sample), "first");
    (repo, signs)
}

#[test]
fn samples_have_their_columns_and_fields() {
    let (repo, _) = small();
    let expected: Vec<String> = model(300)
        .iter()
        .map(|s| {
            let media = s.media.as_ref().unwrap();
            let speed = s.fields["speed"].as_f64().unwrap();
            let labels = s.layers["truth"].len();
            let odd = s.fields.get("odd").map_or("-".to_owned(), ToString::to_string);
            let weather = s.fields["Weather"].as_str().unwrap();
            format!(
                "{}|{}|{}|{}|{speed:?}|{}|{weather}|{odd}|{labels}",
                s.path,
                s.segment(),
                s.split.as_deref().unwrap_or("-"),
                media.size,
                s.fields["night"]
            )
        })
        .collect();
    let sql = r#"SELECT path, segment, split, size, speed, night, "Weather", odd, labels FROM samples ORDER BY path"#;
    assert_eq!(ask(&repo, sql), expected);
    // A condition whose columns are not asked for, few and many rows left.
    for (condition, fits) in [
        (
            "size = 103 AND night",
            Box::new(|s: &Sample| s.media.as_ref().unwrap().size == 103 && s.fields["night"] == true)
                as Box<dyn Fn(&Sample) -> bool>,
        ),
        ("timestamp = 7.5", Box::new(|s: &Sample| s.timestamp == Some(7.5))),
        ("split IS NULL", Box::new(|s: &Sample| s.split.is_none())),
        (
            "speed > 100 OR \"Weather\" = 'sun'",
            Box::new(|s: &Sample| s.fields["speed"].as_f64().unwrap() > 100.0 || s.fields["Weather"] == "sun"),
        ),
        ("odd = '\"text\"'", Box::new(|s: &Sample| s.fields.get("odd").is_some_and(|v| v == "text"))),
        (
            "NOT night AND path > 's00/000100.jpg'",
            Box::new(|s: &Sample| s.fields["night"] == false && *s.path > *"s00/000100.jpg"),
        ),
    ] {
        let expected: Vec<String> = model(300).iter().filter(|s| fits(s)).map(|s| s.path.clone()).collect();
        assert_eq!(
            ask(&repo, &format!("SELECT path FROM samples WHERE {condition} ORDER BY path")),
            expected,
            "{condition}"
        );
        assert_eq!(
            ask(&repo, &format!("SELECT count(*) FROM samples WHERE {condition}")),
            [expected.len().to_string()]
        );
    }
}

#[test]
fn annotations_are_one_row_a_label() {
    let (repo, _) = small();
    let line = |s: &Sample, l: &tamis_core::Label| {
        let b = l.bounds().unwrap();
        let split = s.split.as_deref().unwrap_or("-");
        format!(
            "{}|{split}|truth|{}|box2d|{}|{:?}|{:?}",
            s.path,
            l.id,
            l.class.as_deref().unwrap(),
            l.confidence.unwrap(),
            b.xmax
        )
    };
    let all: Vec<String> =
        model(300).iter().flat_map(|s| s.layers["truth"].iter().map(|l| line(s, l)).collect::<Vec<_>>()).collect();
    let columns = "path, split, layer, id, type, class, confidence, xmax";
    assert_eq!(ask(&repo, &format!("SELECT {columns} FROM annotations ORDER BY path, id")), all);
    // The same after a condition on labels, read row by row and page by page.
    for condition in ["class = 'bus'", "confidence = 0.5 AND class = 'car'", "id >= 2", "class <> 'car' AND xmin < 5"] {
        let fits = |l: &tamis_core::Label| {
            let class = l.class.as_deref().unwrap();
            match condition {
                "class = 'bus'" => class == "bus",
                "id >= 2" => l.id >= 2,
                "class <> 'car' AND xmin < 5" => class != "car" && l.bounds().unwrap().xmin < 5.0,
                _ => l.confidence == Some(0.5) && class == "car",
            }
        };
        let expected: Vec<String> = model(300)
            .iter()
            .flat_map(|s| s.layers["truth"].iter().filter(|l| fits(l)).map(|l| line(s, l)).collect::<Vec<_>>())
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(
            ask(&repo, &format!("SELECT {columns} FROM annotations WHERE {condition} ORDER BY path, id")),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn counts_come_right_whether_from_the_root_or_from_rows() {
    let (repo, signs) = small();
    let check = |samples: &[Sample]| {
        let mut by: BTreeMap<(String, String), u64> = BTreeMap::new();
        let labels = |s: &Sample| s.layers.get("truth").cloned().unwrap_or_default();
        for (s, l) in samples.iter().flat_map(|s| labels(s).into_iter().map(move |l| (s, l))) {
            *by.entry((l.class.unwrap(), s.split.clone().unwrap_or("-".into()))).or_default() += 1;
        }
        let class = |class: &str| by.iter().filter(|((c, _), _)| c == class).map(|(_, n)| n).sum::<u64>();
        let mut expected: Vec<String> = ["bus", "car"].map(|c| format!("{c}|{}", class(c))).to_vec();
        expected.retain(|line| !line.ends_with("|0"));
        assert_eq!(ask(&repo, "SELECT class, count(*) FROM annotations GROUP BY class ORDER BY class"), expected);
        let joint: Vec<String> = by.iter().map(|((c, s), n)| format!("{c}|{s}|{n}")).collect();
        assert_eq!(
            ask(
                &repo,
                "SELECT class, split, count(*) FROM annotations GROUP BY class, split ORDER BY class, coalesce(split, '-')"
            ),
            joint
        );
        assert_eq!(ask(&repo, "SELECT count(*) FROM annotations WHERE class = 'bus'"), [class("bus").to_string()]);
        assert_eq!(ask(&repo, "SELECT count(*) FROM annotations WHERE class = 'nobody'"), ["0"]);
        assert_eq!(ask(&repo, "SELECT count(*) AS n FROM samples"), [samples.len().to_string()]);
        let least = samples.iter().map(|s| s.timestamp.unwrap()).fold(f64::INFINITY, f64::min);
        let most = samples.iter().map(|s| s.timestamp.unwrap()).fold(0.0, f64::max);
        assert_eq!(ask(&repo, "SELECT min(timestamp), max(timestamp) FROM samples"), [format!("{least:?}|{most:?}")]);
        let mut splits: BTreeMap<String, u64> = BTreeMap::new();
        samples.iter().for_each(|s| *splits.entry(s.split.clone().unwrap_or("-".into())).or_default() += 1);
        let expected: Vec<String> = splits.iter().map(|(s, n)| format!("{s}|{n}")).collect();
        assert_eq!(
            ask(&repo, "SELECT split, count(*) FROM samples GROUP BY split ORDER BY coalesce(split, '-')"),
            expected
        );
        let some = samples.iter().filter(|s| *s.path >= *"s00/000100.jpg" && s.split.as_deref() == Some("val")).count();
        assert_eq!(
            ask(&repo, "SELECT count(*) FROM samples WHERE path >= 's00/000100.jpg' AND split = 'val'"),
            [some.to_string()]
        );
    };
    let mut samples = model(300);
    check(&samples);
    // Deltas on the base: removed, changed and new rows.
    let mut edit = signs.transaction("main").unwrap();
    for n in [0u64, 7, 8, 299] {
        edit.delete(&sample(n).path).unwrap();
    }
    for n in 20..24u64 {
        let mut changed = sample(n);
        changed.layers.insert("truth".into(), vec![boxed(1, "bus", [0.0, 0.0, 1.0, 1.0])]);
        changed.split = Some("val".into());
        samples.retain(|s| s.path != changed.path);
        edit.put(changed.clone()).unwrap();
        samples.push(changed);
    }
    edit.put(sample(900)).unwrap();
    edit.commit_with("edit", &me(), &CommitOptions::default()).unwrap();
    samples.retain(|s| [0u64, 7, 8, 299].iter().all(|n| s.path != sample(*n).path));
    samples.push(sample(900));
    samples.sort_by(|a, b| a.path.cmp(&b.path));
    check(&samples);
    let paths: Vec<String> = samples.iter().map(|s| s.path.clone()).collect();
    assert_eq!(ask(&repo, "SELECT path FROM samples ORDER BY path"), paths);
}

#[test]
fn every_revision_of_every_dataset_can_be_asked_in_one_statement() {
    let (repo, signs) = small();
    signs.create_tag("v1", "main", "first", &me()).unwrap();
    commit(&signs, [Sample { split: Some("test".into()), ..sample(5) }, sample(1000)], "second");
    let other = repo.create(&tamis_core::DatasetName::new("other").unwrap(), &me()).unwrap();
    commit(&other, (10..20).map(sample), "other");
    assert_eq!(ask(&repo, r#"SELECT count(*) FROM "acme/signs@v1.samples""#), ["300"]);
    assert_eq!(ask(&repo, r#"SELECT count(*) FROM "acme/signs@v1".samples"#), ["300"]);
    assert_eq!(ask(&repo, r#"SELECT count(*) FROM "acme/signs@main~1.samples""#), ["300"]);
    assert_eq!(ask(&repo, r#"SELECT count(*) FROM "acme/signs@{1}.samples""#), ["300"]);
    assert_eq!(ask(&repo, "SELECT count(*) FROM samples"), ["301"]);
    assert_eq!(ask(&repo, "SELECT count(*) FROM other.samples"), ["10"]);
    let sql = r#"SELECT n.path, n.split, o.split FROM samples n JOIN "acme/signs@v1.samples" o ON n.path = o.path
                 WHERE n.split <> o.split"#;
    assert_eq!(ask(&repo, sql), ["s00/000005.jpg|test|train"]);
    let sql = r#"SELECT path FROM samples EXCEPT SELECT path FROM "acme/signs@v1.samples""#;
    assert_eq!(ask(&repo, sql), ["s01/001000.jpg"]);
    let sql = "SELECT count(*) FROM samples s JOIN other.samples o USING (path)";
    assert_eq!(ask(&repo, sql), ["10"]);
    let sql =
        "SELECT path, what, change, old, new FROM diff('v1', 'main') WHERE what <> 'media' ORDER BY path, what LIMIT 2";
    assert_eq!(ask(&repo, sql)[0], "s00/000005.jpg|field split|changed|\"train\"|\"test\"");
    assert_eq!(ask(&repo, "SELECT count(*) FROM diff('acme/signs', 'v1', 'v1')"), ["0"]);
    assert_eq!(ask(&repo, "SELECT message FROM log"), ["second", "first"]);
    // A day on which the dataset was not there yet, and one that is to come.
    assert_eq!(ask(&repo, r#"SELECT count(*) FROM "acme/signs@2999-01-01.samples""#), ["301"]);
    assert_eq!(ask(&repo, r#"SELECT count(*) FROM "acme/signs@main@{2999-01-01}.samples""#), ["301"]);
}

#[test]
fn ontology_sensors_and_other_layers_are_tables_and_columns() {
    let (repo, signs) = small();
    let mut edit = signs.transaction("main").unwrap();
    let mut ontology = tamis_core::Ontology::default();
    ontology.add_class(tamis_core::LabelType::Box2d, "car");
    edit.set_ontology(ontology).unwrap();
    let sensor = Sensor {
        name: "front".into(),
        kind: SensorKind::Camera,
        description: String::new(),
        extrinsics: None,
        intrinsics: None,
    };
    edit.set_sensor("", "front", Some(sensor)).unwrap();
    let mut two = sample(3);
    two.layers.insert("pred/a".into(), vec![boxed(1, "bus", [0.0, 0.0, 2.0, 2.0])]);
    edit.put(two).unwrap();
    edit.commit("more", &me()).unwrap();
    assert_eq!(ask(&repo, "SELECT type, what, name FROM ontology"), ["box2d|class|car"]);
    assert_eq!(ask(&repo, "SELECT name, kind FROM sensors"), ["front|camera"]);
    assert_eq!(ask(&repo, r#"SELECT path FROM samples WHERE has_class("pred/a", 'bus')"#), ["s00/000003.jpg"]);
    assert_eq!(ask(&repo, "SELECT path, class FROM annotations WHERE layer = 'pred/a'"), ["s00/000003.jpg|bus"]);
    assert_eq!(
        ask(&repo, "SELECT layer, count(*) FROM annotations WHERE path = 's00/000003.jpg' GROUP BY layer ORDER BY 1"),
        ["pred/a|1", "truth|3"]
    );
}

#[test]
fn a_dataset_without_samples_or_layers_answers() {
    let (repo, _) = lake();
    assert_eq!(ask(&repo, "SELECT count(*) FROM samples"), ["0"]);
    assert_eq!(ask(&repo, "SELECT path, split FROM samples WHERE split = 'x'"), Vec::<String>::new());
    assert_eq!(ask(&repo, "SELECT class, count(*) FROM annotations GROUP BY class"), Vec::<String>::new());
    assert_eq!(ask(&repo, "SELECT count(*) FROM annotations WHERE class = 'x'"), ["0"]);
}

#[test]
fn derived_fields_are_columns_and_other_tables_are_tables() {
    let (repo, signs) = small();
    let mut edit = signs.transaction("main").unwrap();
    let values = UInt64Array::from(vec![7, 9]);
    let fields: Fields = vec![Field::new("value", DataType::UInt64, true)].into();
    let group = GroupSchema::new("derived/phash", fields.clone());
    let keys = BinaryArray::from_iter_values(["s00/000001.jpg", "s00/000003.jpg"]);
    let rows = StructArray::new(fields, vec![Arc::new(values)], None);
    edit.put_group(&group, std::iter::once(Ok((keys.clone(), rows.clone())))).unwrap();
    let schema = TableSchema { groups: vec![GroupSchema::new("finding", rows.fields().clone())] };
    edit.put_table("findings", schema, std::iter::once(Ok(RowBatch { keys, groups: vec![Some(rows)] }))).unwrap();
    edit.commit("derive", &me()).unwrap();
    assert_eq!(ask(&repo, "SELECT path, phash FROM samples WHERE phash > 7"), ["s00/000003.jpg|9"]);
    assert_eq!(ask(&repo, "SELECT key, value FROM findings ORDER BY key DESC LIMIT 1"), ["s00/000003.jpg|9"]);
    assert_eq!(ask(&repo, "SELECT value FROM findings WHERE key < 's00/000002.jpg'"), ["7"]);
    let sql = "SELECT a.path, b.path FROM samples a JOIN samples b ON a.path < b.path WHERE hamming_distance(a.phash, b.phash) <= 3";
    assert_eq!(ask(&repo, sql), ["s00/000001.jpg|s00/000003.jpg"]);
}
