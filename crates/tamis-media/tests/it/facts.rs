//! One probe for all media, on files made here byte by byte, on real scans, and on damaged ones.

use proptest::prelude::*;
use tamis_media::{
    Facts, FrameAt, Limits, SpectrumOptions, VideoTool, cloud_preview, dicom_image, facts, fuzz, peaks, spectrogram,
};

fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    out.extend(channels.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend((rate * u32::from(channels) * 2).to_le_bytes());
    out.extend((channels * 2).to_le_bytes());
    out.extend(16u16.to_le_bytes());
    out.extend(b"data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// 30 frames in one second at 640 × 360, key frames 0 and 12, the index after the film.
fn mp4() -> Vec<u8> {
    let mut entry = vec![0u8; 78];
    entry[24..28].copy_from_slice(&[2, 128, 1, 104]);
    let stsd = atom(b"stsd", &[&words(&[0, 1])[..], &atom(b"avc1", &entry)].concat());
    let stts = atom(b"stts", &words(&[0, 1, 30, 512]));
    let stss = atom(b"stss", &words(&[0, 2, 1, 13]));
    let minf = atom(b"minf", &atom(b"stbl", &[stsd, stts, stss].concat()));
    let mdhd = atom(b"mdhd", &words(&[0, 0, 0, 15_360, 15_360, 0]));
    let hdlr = atom(b"hdlr", b"\0\0\0\0\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let mdia = atom(b"mdia", &[mdhd, hdlr, minf].concat());
    let trak = atom(b"trak", &[atom(b"tkhd", &words(&[3, 0, 0, 1, 0])), mdia].concat());
    let moov = atom(b"moov", &[atom(b"mvhd", &words(&[0, 0, 0, 1000, 1000])), trak].concat());
    [atom(b"ftyp", b"isom\0\0\0\0"), atom(b"mdat", &[7; 1000]), moov].concat()
}

fn ebml(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &(content.len() as u32 | 0x1000_0000).to_be_bytes(), content].concat()
}

/// Three frames, the first a key frame, 40 ms each.
fn webm() -> Vec<u8> {
    let head = ebml(b"\x1a\x45\xdf\xa3", &ebml(b"\x42\x82", b"webm"));
    let info = ebml(b"\x15\x49\xa9\x66", &ebml(b"\x44\x89", &120f64.to_be_bytes()));
    let size = [ebml(b"\xb0", &[1, 64]), ebml(b"\xba", &[240])].concat();
    let entry = [
        ebml(b"\xd7", &[1]),
        ebml(b"\x83", &[1]),
        ebml(b"\x86", b"V_VP9"),
        ebml(b"\x23\xe3\x83", &40_000_000u32.to_be_bytes()),
        ebml(b"\xe0", &size),
    ];
    let tracks = ebml(b"\x16\x54\xae\x6b", &ebml(b"\xae", &entry.concat()));
    let block = |flags: u8| ebml(b"\xa3", &[0x81, 0, 0, flags, 1, 2, 3]);
    let cluster = ebml(b"\x1f\x43\xb6\x75", &[block(0x80), block(0), block(0)].concat());
    [head, ebml(b"\x18\x53\x80\x67", &[info, tracks, cluster].concat())].concat()
}

fn pcd(data: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\n\
         COUNT 1 1 1 1\nWIDTH 3\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 3\nDATA {data}\n"
    );
    [head.as_bytes(), body].concat()
}

const POINTS: [[f32; 4]; 3] = [[1.0, 2.0, 3.0, 0.5], [-1.0, 4.0, 0.0, 0.25], [0.0, 0.0, 9.0, 1.0]];

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// The three codings of PCD and two of PLY, all of [`POINTS`].
fn clouds() -> Vec<(&'static str, Vec<u8>)> {
    let plain = floats(POINTS.into_iter().flatten());
    let by_field = floats((0..4).flat_map(|field| POINTS.map(|p| p[field])));
    // Literal runs of at most 32 bytes are valid LZF.
    let packed: Vec<u8> = by_field.chunks(32).flat_map(|c| [&[c.len() as u8 - 1], c].concat()).collect();
    let sizes = [(packed.len() as u32).to_le_bytes(), (by_field.len() as u32).to_le_bytes()].concat();
    let text: String = POINTS.iter().map(|[x, y, z, i]| format!("{x} {y} {z} {i}\n")).collect();
    let ply = |format: &str| {
        format!(
            "ply\nformat {format} 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n\
             property float intensity\nelement face 0\nproperty list uchar int vertex_indices\nend_header\n"
        )
    };
    let big: Vec<u8> = POINTS.into_iter().flatten().flat_map(f32::to_be_bytes).collect();
    vec![
        ("a.pcd", pcd("ascii", text.as_bytes())),
        ("b.pcd", pcd("binary", &plain)),
        ("c.pcd", pcd("binary_compressed", &[sizes, packed].concat())),
        ("d.ply", [ply("ascii").as_bytes(), text.as_bytes()].concat()),
        ("e.ply", [ply("binary_little_endian").as_bytes(), &plain].concat()),
        ("f.ply", [ply("binary_big_endian").as_bytes(), &big].concat()),
        ("velodyne/0.bin", plain),
        ("las", las()),
    ]
}

fn las() -> Vec<u8> {
    let mut out = vec![0u8; 227];
    out[..4].copy_from_slice(b"LASF");
    (out[24], out[25]) = (1, 2);
    out[94..96].copy_from_slice(&227u16.to_le_bytes());
    out[96..100].copy_from_slice(&227u32.to_le_bytes());
    out[105..107].copy_from_slice(&20u16.to_le_bytes());
    out[107..111].copy_from_slice(&3u32.to_le_bytes());
    let numbers = [0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 1.0, -1.0, 4.0, 0.0, 9.0, 0.0];
    let numbers: Vec<u8> = numbers.iter().flat_map(|v: &f64| v.to_le_bytes()).collect();
    out[131..227].copy_from_slice(&numbers);
    for [x, y, z, _] in POINTS {
        let mut point = [0u8; 20];
        for (axis, v) in [x, y, z].into_iter().enumerate() {
            point[axis * 4..axis * 4 + 4].copy_from_slice(&((v * 2.0) as i32).to_le_bytes());
        }
        out.extend(point);
    }
    out
}

fn dicom(explicit: bool) -> Vec<u8> {
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    let mut put = |group: u16, element: u16, vr: &[u8; 2], value: &[u8], explicit: bool| {
        out.extend(group.to_le_bytes());
        out.extend(element.to_le_bytes());
        match (explicit, vr) {
            (false, _) => out.extend((value.len() as u32).to_le_bytes()),
            (true, b"OW") => {
                out.extend(b"OW\0\0");
                out.extend((value.len() as u32).to_le_bytes());
            }
            (true, vr) => {
                out.extend(vr);
                out.extend((value.len() as u16).to_le_bytes());
            }
        }
        out.extend(value);
    };
    let syntax: &[u8] = if explicit { b"1.2.840.10008.1.2.1\0" } else { b"1.2.840.10008.1.2\0" };
    put(2, 0x10, b"UI", syntax, true);
    put(8, 0x60, b"CS", b"CT", explicit);
    for (element, value) in [(2u16, 1u16), (0x10, 1), (0x11, 3), (0x100, 16), (0x101, 12), (0x103, 1)] {
        put(0x28, element, b"US", &value.to_le_bytes(), explicit);
    }
    put(0x28, 0x1050, b"DS", b"40\\50 ", explicit);
    put(0x28, 0x1051, b"DS", b"80", explicit);
    put(0x28, 0x1052, b"DS", b"-10 ", explicit);
    let pixels: Vec<u8> = [10i16, 50, 90].iter().flat_map(|v| v.to_le_bytes()).collect();
    put(0x7FE0, 0x10, b"OW", &pixels, explicit);
    out
}

fn sine() -> Vec<u8> {
    let of = |i: usize| (f64::sin(std::f64::consts::TAU * 1000.0 * i as f64 / 8000.0) * 16_384.0) as i16;
    wav(8000, 1, &(0..8000).map(of).collect::<Vec<_>>())
}

#[test]
fn sound_is_measured() {
    let Ok(Facts::Audio(found)) = facts(&wav(8000, 2, &[0, 1, 2, 3, 4, 5]), "a.wav") else { panic!("no sound") };
    assert_eq!((found.sample_rate, found.channels, found.samples), (8000, 2, Some(3)));
    let shape = peaks(&wav(8000, 2, &[0, 100, -16_384, 0, 16_384, 0, 8, 32_767]), 2, &Limits::default()).unwrap();
    assert_eq!(shape.pairs.len(), 4, "two stretches of two channels");
    assert_eq!(shape.pairs[0], [-0.5, 0.0]);
    assert!((shape.pairs[3][1] - 1.0).abs() < 1e-4 && shape.pairs[3][0] == 0.0);
    let short = Limits { max_bytes: 100, ..Limits::default() };
    assert!(peaks(&sine(), 10, &short).unwrap_err().to_string().contains("bytes, allowed are 100"));
}

#[test]
fn a_sine_is_one_line_of_the_spectrogram() {
    let options = SpectrumOptions { window: 256, hop: 128, mel: None };
    let found = spectrogram(&sine(), &options, &Limits::default()).unwrap();
    assert_eq!((found.bands, found.power.len()), (129, 129 * 61));
    // 1000 Hz of 8000 in 256 samples is bin 32; amplitude 1/2 has power (1/2)² / 4.
    for row in found.power.chunks_exact(129) {
        let loudest = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        assert_eq!(loudest.0, 32);
        assert!((loudest.1 - 0.0625).abs() < 1e-3, "{}", loudest.1);
    }
    let mel = spectrogram(&sine(), &SpectrumOptions { mel: Some(20), ..options }, &Limits::default()).unwrap();
    let row = &mel.power[..20];
    let loudest = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    // 1000 mel of 2146 in 21 steps.
    assert!((8..=9).contains(&loudest), "{loudest}");
}

#[test]
fn film_is_measured() {
    let Ok(Facts::Video(found)) = facts(&mp4(), "a.mp4") else { panic!("no film") };
    assert_eq!((found.codec.as_str(), found.width, found.height), ("avc1", Some(640), Some(360)));
    assert_eq!((found.duration, found.frames, found.fps), (Some(1.0), Some(30), Some(30.0)));
    assert_eq!((found.keys, found.is_constant, found.has_audio), (Some(vec![0, 12]), Some(true), false));
    let Ok(Facts::Video(found)) = facts(&webm(), "a.webm") else { panic!("no film") };
    assert_eq!((found.mime, found.codec.as_str()), ("video/webm", "V_VP9"));
    assert_eq!((found.width, found.height, found.frames), (Some(320), Some(240), Some(3)));
    assert_eq!((found.duration, found.fps, found.keys), (Some(0.12), Some(25.0), Some(vec![0])));
    let avih: Vec<u8> =
        [40_000u32, 0, 0, 0, 50, 0, 1, 0, 320, 240, 0, 0, 0, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let chunk = |id: &[u8], content: &[u8]| [id, &(content.len() as u32).to_le_bytes(), content].concat();
    let list = chunk(b"LIST", &[b"hdrl".to_vec(), chunk(b"avih", &avih)].concat());
    let Ok(Facts::Video(found)) = facts(&[b"RIFF\0\0\0\0AVI ".to_vec(), list].concat(), "a.avi") else { panic!() };
    assert_eq!((found.width, found.frames, found.fps, found.duration), (Some(320), Some(50), Some(25.0), Some(2.0)));
}

#[test]
fn frames_come_from_a_program() {
    let missing = VideoTool::new(Some("/nowhere/ffmpeg".as_ref()));
    let error = missing.frame("a.mp4".as_ref(), FrameAt::Index(0), None, &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("not installed") && error.contains("install ffmpeg"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        VideoTool::new(Some(path.as_os_str()))
    };
    let png = tamis_media::encode_png(&tamis_media::Image::rgb8(1, 1, vec![1, 2, 3]).unwrap()).unwrap();
    let picture = folder.path().join("p.png");
    std::fs::write(&picture, &png).unwrap();
    let copy = script("copy", &format!("for last; do :; done; cp '{}' \"$last\"", picture.display()));
    let image = copy.frame("a.mp4".as_ref(), FrameAt::Seconds(0.5), None, &Limits::default()).unwrap();
    assert_eq!(image.pixels(), [1, 2, 3]);
    let fails = script("fails", "echo 'moov atom not found' >&2; exit 1");
    let error = fails.frame("a.mp4".as_ref(), FrameAt::Index(3), None, &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("moov atom not found"), "{error}");
    let hangs = script("hangs", "exec sleep 30");
    let brief = Limits { max_millis: 50, ..Limits::default() };
    let error = hangs.frame("a.mp4".as_ref(), FrameAt::Index(3), None, &brief).unwrap_err().to_string();
    assert!(error.contains("longer than 50 ms"), "{error}");
}

#[test]
fn all_codings_of_a_cloud_give_the_same_points() {
    for (name, bytes) in clouds() {
        let Ok(Facts::Cloud(found)) = facts(&bytes, name) else { panic!("{name}: {:?}", facts(&bytes, name)) };
        assert_eq!(found.points, 3, "{name}");
        assert_eq!(found.bounds, Some([[-1.0, 0.0, 0.0], [1.0, 4.0, 9.0]]), "{name}");
        let all = cloud_preview(&bytes, name, 10, &Limits::default()).unwrap();
        assert_eq!(all.xyz, POINTS.map(|[x, y, z, _]| [x, y, z]), "{name}");
        if name != "las" {
            assert_eq!(all.intensity, Some(POINTS.map(|p| p[3]).to_vec()), "{name}");
        }
        assert_eq!(cloud_preview(&bytes, name, 2, &Limits::default()).unwrap().xyz.len(), 2, "{name}");
    }
}

#[test]
fn real_scans_are_measured() {
    let root = std::env::var_os("TAMIS_TEST_DATA").map(std::path::PathBuf::from);
    let root = root.unwrap_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let demo = root.join("mmdet3d_demo/demo/data");
    if !demo.exists() {
        return eprintln!("skipped: there is no `{}` (set TAMIS_TEST_DATA)", demo.display());
    }
    let bytes = std::fs::read(demo.join("kitti/000008.bin")).unwrap();
    let Ok(Facts::Cloud(found)) = facts(&bytes, "velodyne/000008.bin") else { panic!("no cloud") };
    assert_eq!((found.points, found.fields.len()), (17_238, 4));
    let [low, high] = found.bounds.unwrap();
    assert!(low[0] > 0.0 && high[0] < 80.0, "KITTI keeps what the camera sees: {low:?} {high:?}");
    let name = "n015-2018-07-24-11-22-45+0800__LIDAR_TOP__1532402927647951.pcd.bin";
    let bytes = std::fs::read(demo.join("nuscenes").join(name)).unwrap();
    let Ok(Facts::Cloud(found)) = facts(&bytes, name) else { panic!("no cloud") };
    assert_eq!((found.points, found.fields.len()), (34_688, 5));
}

#[test]
fn dicom_is_seen_through_its_window() {
    for explicit in [true, false] {
        let bytes = dicom(explicit);
        let Ok(Facts::Dicom(found)) = facts(&bytes, "a.dcm") else { panic!("no picture") };
        assert_eq!((found.width, found.height, found.bits, found.window), (3, 1, 12, Some([40.0, 80.0])));
        assert_eq!(found.modality.as_deref(), Some("CT"));
        // Values 0, 40, 80 after the intercept; the window is 0 to 80.
        let image = dicom_image(&bytes, None, &Limits::default()).unwrap();
        assert_eq!(image.pixels(), [0, 128, 255]);
        assert_eq!(dicom_image(&bytes, Some([0.0, 1.0]), &Limits::default()).unwrap().pixels(), [128, 255, 255]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_media_never_panic(which in 0usize..16, cut in any::<u16>(), edits in prop::collection::vec((any::<u16>(), any::<u8>()), 0..12)) {
        let mut all: Vec<Vec<u8>> = clouds().into_iter().map(|(_, bytes)| bytes).collect();
        all.extend([wav(8000, 2, &[1; 64]), mp4(), webm(), dicom(true), dicom(false), b"fLaC\0\0\0\x22".repeat(6)]);
        let at = which % all.len();
        let mut bytes = all.swap_remove(at);
        bytes.truncate(bytes.len().min(usize::from(cut) % 4096));
        for (at, value) in edits {
            let length = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(usize::from(at) % length) {
                *byte = value;
            }
        }
        fuzz::other_media(&bytes);
    }
}
