//! Media that other people's encoders wrote: libsndfile, laspy, ffmpeg. Skipped where the Python environment is absent.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tamis_media::{
    Facts, FrameAt, Limits, SpectrumOptions, VideoTool, cloud_preview, decode_audio, facts, facts_of, peaks,
    spectrogram,
};

/// The folder of the written media and what should be found in them.
fn written() -> Option<&'static (tempfile::TempDir, serde_json::Value)> {
    static WRITTEN: OnceLock<Option<(tempfile::TempDir, serde_json::Value)>> = OnceLock::new();
    let write = || {
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/tamis-venv"));
        let venv = std::env::var_os("TAMIS_VENV").map(PathBuf::from).or(home)?;
        let python = venv.join("bin/python");
        if !python.exists() {
            println!("skipped: no `{}` (run `make venv`)", python.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracle.py");
        let said = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        print!("{}", String::from_utf8_lossy(&said.stderr));
        Some((folder, serde_json::from_slice(&said.stdout).unwrap()))
    };
    WRITTEN.get_or_init(write).as_ref()
}

/// One part of what was written; says so where its package is absent.
fn part(name: &str) -> Option<(&'static Path, &'static serde_json::Value)> {
    let (folder, found) = written()?;
    let part = found.get(name);
    if part.is_none() {
        println!("skipped: the Python environment cannot write {name}");
    }
    part.map(|part| (folder.path(), part))
}

#[test]
fn sounds_of_libsndfile_are_decoded() {
    let Some((folder, said)) = part("sounds") else { return };
    let (rate, samples) = (said["rate"].as_u64().unwrap() as u32, said["samples"].as_u64().unwrap());
    let names = said["names"].as_array().unwrap();
    assert_eq!(names.len(), 6);
    for name in names.iter().map(|name| name.as_str().unwrap()) {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let Ok(Facts::Audio(probe)) = facts(&bytes, name) else { panic!("{name} is no sound") };
        assert_eq!((probe.sample_rate, probe.channels), (rate, 2), "{name}");
        // An MP3 has whole frames, and silence before the first.
        let slack = if name.ends_with("mp3") { 4 * 1152 } else { 0 };
        let counted = probe.samples.unwrap();
        assert!((samples..=samples + slack).contains(&counted), "{name}: {counted} samples");
        let mut all = Vec::new();
        decode_audio(&bytes, &Limits::default(), |piece| all.extend_from_slice(piece)).unwrap();
        let decoded = all.len() as u64 / 2;
        assert!(decoded.abs_diff(samples) <= slack, "{name}: {decoded} samples decoded");
        // The middle is one second of a steady tone in each channel.
        let middle = &all[all.len() / 4 / 2 * 2..all.len() * 3 / 4 / 2 * 2];
        for (channel, amplitude) in [(0, 0.5_f32), (1, 0.25)] {
            let most = middle.iter().skip(channel).step_by(2).fold(0.0_f32, |most, s| most.max(s.abs()));
            assert!((most - amplitude).abs() < 0.02, "{name} channel {channel}: {most}");
        }
        let wave = peaks(&bytes, 1024, &Limits::default()).unwrap();
        let top = wave.pairs.iter().fold(0.0_f32, |top, pair| top.max(pair[1]));
        assert!((top - 0.5).abs() < 0.03, "{name}: {top}");
        let power = spectrogram(&bytes, &SpectrumOptions::default(), &Limits::default()).unwrap();
        let row = &power.power[20 * power.bands..21 * power.bands];
        let loudest = (0..power.bands).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        // 440 Hz in bands of rate / 1024.
        assert!((20..=21).contains(&loudest), "{name}: band {loudest}");
    }
}

#[test]
fn clouds_of_laspy_are_read() {
    let Some((folder, said)) = part("clouds") else { return };
    let vector = |value: &serde_json::Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
    for form in [0, 3, 6, 7] {
        for kind in ["las", "laz"] {
            let name = format!("p{form}.{kind}");
            let bytes = std::fs::read(folder.join(&name)).unwrap();
            let Ok(Facts::Cloud(probe)) = facts(&bytes, &name) else { panic!("{name} is no cloud") };
            assert_eq!(probe.points, 5000, "{name}");
            for (end, bound) in probe.bounds.unwrap().iter().enumerate() {
                for (found, expected) in bound.iter().zip(vector(&said["bounds"][end])) {
                    assert!((found - expected).abs() < 1e-6, "{name}: {found} for {expected}");
                }
            }
            let all = cloud_preview(&bytes, &name, 5000, &Limits::default()).unwrap();
            assert_eq!(all.xyz.len(), 5000, "{name}");
            for (found, expected) in all.xyz[0].iter().zip(vector(&said["first"])) {
                assert!((f64::from(*found) - expected).abs() < 1e-4, "{name}: {found} for {expected}");
            }
            let intensity = all.intensity.unwrap();
            assert_eq!((intensity[0], intensity[4999]), (0.0, 4999.0), "{name}");
        }
    }
}

#[test]
fn films_of_ffmpeg_are_probed_and_their_frames_found() {
    let Some((folder, said)) = part("films") else { return };
    let tool = VideoTool::new(Some(said["program"].as_str().unwrap().as_ref()));
    for name in said["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
        let path = folder.join(name);
        let mut file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
        let Ok(Facts::Video(probe)) = facts_of(&mut file, name) else { panic!("{name} is no film") };
        assert_eq!((probe.width, probe.height, probe.has_audio), (Some(64), Some(48), false), "{name}");
        assert_eq!(probe.frames, Some(50), "{name}");
        // A film in fragments tells no more in its head.
        let is_whole = name != "f.mp4";
        assert!(!is_whole || (probe.fps.unwrap_or(0.0) - 25.0).abs() < 0.6, "{name}: {probe:?}");
        assert!(!is_whole || (probe.duration.unwrap_or(0.0) - 2.0).abs() < 0.09, "{name}: {probe:?}");
        let keys = match name {
            "s.mp4" => Some(vec![0, 25]),
            "a.avi" => None,
            _ => Some(vec![0, 10, 20, 30, 40]),
        };
        if let (Some(expected), Some(found)) = (keys, &probe.keys) {
            assert_eq!(*found, expected, "{name}");
        } else {
            assert!(!name.ends_with("mp4") || !is_whole, "{name} has an index of key frames");
        }
        for index in [0, 1, 17, 49] {
            for at in [FrameAt::Index(index), FrameAt::Seconds(index as f64 / 25.0)] {
                let image = tool.frame(&path, at, Some(&probe), &Limits::default()).unwrap();
                let grey =
                    image.to_8bit().pixels().iter().map(|v| f64::from(*v)).sum::<f64>() / image.pixels().len() as f64;
                assert!((grey - (4 * index + 20) as f64).abs() < 2.5, "{name} {at:?}: grey {grey}");
            }
        }
        assert!(tool.frame(&path, FrameAt::Index(60), Some(&probe), &Limits::default()).is_err(), "{name}");
    }
}
