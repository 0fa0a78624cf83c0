//! Hashes and numbers beside ImageHash, Pillow and NumPy. Skipped where their Python environment is absent.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use tamis_infer::{Input, Value, lookup};

/// The Python of the environment that `scripts/requirements-infer.txt` describes.
pub(crate) fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/tamis-infer-venv"));
    let venv = std::env::var_os("TAMIS_INFER_VENV").map(PathBuf::from).or(home)?;
    let python = venv.join("bin/python");
    if !python.exists() {
        println!("skipped: no `{}` (see scripts/requirements-infer.txt)", python.display());
        return None;
    }
    Some(python)
}

/// Photographs of the shared data.
pub(crate) fn photographs(most: usize) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut found = Vec::new();
    let mut open = vec![folder.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "jpg" || e == "jpeg") {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        println!("skipped: no photographs in `{}`", folder.display());
    }
    found.sort();
    let step = (found.len() / most).max(1);
    found.into_iter().step_by(step).take(most).collect()
}

#[test]
fn hashes_and_numbers_agree_with_python() {
    let (Some(python), photographs) = (python(), photographs(200)) else { return };
    if photographs.is_empty() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracle.py");
    let said = Command::new(python).arg(script).args(&photographs).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Vec<serde_json::Value> = serde_json::from_slice(&said.stdout).unwrap();
    let bytes: Vec<Vec<u8>> = photographs.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let inputs: Vec<Input<'_>> = bytes.iter().map(|bytes| Input::Media(bytes)).collect();
    let values = |name: &str| -> Vec<Value> {
        let function = lookup(name, &BTreeMap::new()).unwrap();
        function.batch(&inputs, NonZeroUsize::new(2).unwrap()).into_iter().map(Result::unwrap).collect()
    };
    for name in ["phash", "dhash"] {
        let ours = values(name);
        let bits = ours.iter().zip(&said).map(|(value, said)| {
            let (Value::Unsigned(ours), Some(theirs)) = (value, said[name].as_str()) else { panic!("no hash") };
            (ours ^ u64::from_str_radix(theirs, 16).unwrap()).count_ones()
        });
        let bits: Vec<u32> = bits.collect();
        let equal = bits.iter().filter(|&&bits| bits == 0).count();
        println!("{name}: {equal} of {} equal, at most {} bits apart", bits.len(), bits.iter().max().unwrap());
        // The decoders of JPEG differ by a level here and there, which turns a bit near the border now and then.
        assert!(equal * 100 >= bits.len() * 80 && bits.iter().all(|&bits| bits <= 4), "{name}: {bits:?}");
    }
    let Value::Float(_) = values("brightness")[0] else { panic!("no number") };
    for (at, value) in values("quality").into_iter().enumerate() {
        let Value::Record(parts) = value else { panic!("no record") };
        let names = ["brightness", "contrast", "entropy", "blur", "p1", "p5", "p10", "p90", "p95", "p99"];
        for (part, name) in parts.iter().zip(names) {
            let (Value::Float(ours), Some(theirs)) = (part, said[at][name].as_f64()) else { panic!("no {name}") };
            // The decoders differ a little; blur, which looks at the finest detail, the most.
            let slack = if name == "blur" { 0.02 * theirs.max(1.0) } else { 0.005 * theirs.max(1.0) };
            assert!((ours - theirs).abs() <= slack, "{name} of {}: {ours}, {theirs}", photographs[at].display());
        }
    }
}

#[test]
fn vectors_of_a_real_model_agree_with_onnxruntime() {
    let model =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/models/efficientnet_lite0_imagenet.onnx");
    let (Some(python), photographs) = (python(), photographs(6)) else { return };
    if photographs.is_empty() || !model.exists() {
        println!("skipped: no `{}`", model.display());
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/model_oracle.py");
    let said = Command::new(python).arg(script).arg(&model).arg("t93").args(&photographs).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Vec<Vec<f64>> = serde_json::from_slice(&said.stdout).unwrap();
    let bytes: Vec<Vec<u8>> = photographs.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let inputs: Vec<Input<'_>> = bytes.iter().map(|bytes| Input::Media(bytes)).collect();
    for backend in ["rten", "ort"] {
        if backend == "ort" && std::env::var_os("TAMIS_ONNXRUNTIME").is_none() {
            println!("skipped: TAMIS_ONNXRUNTIME names no libonnxruntime.so");
            continue;
        }
        let model = model.to_str().unwrap();
        let given = [("model", model), ("output", "t93"), ("fit", "stretch"), ("backend", backend)];
        let params = given.iter().map(|(name, value)| ((*name).to_owned(), serde_json::json!(value))).collect();
        let values = lookup("embed", &params).unwrap().batch(&inputs, NonZeroUsize::new(2).unwrap());
        for ((value, said), path) in values.into_iter().zip(&said).zip(&photographs) {
            let Value::Embedding(ours) = value.unwrap() else { panic!("no vector") };
            let cosine: f64 = ours.iter().zip(said).map(|(&a, b)| f64::from(a) * b).sum();
            println!("{backend}, {}: {cosine:.6}", path.display());
            // The decoders of JPEG differ by a level here and there.
            assert!(ours.len() == said.len() && cosine > 0.995, "{backend}, {}: {cosine}", path.display());
        }
    }
}
