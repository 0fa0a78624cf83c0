//! Runs the reference programs: a script of `tests/oracle` reads cases on its input and writes answers.
//!
//! Answers to the cases of seed 0 are kept in `tests/golden`; `TAMIS_GOLDEN=write` makes them anew. Other seeds are
//! compared live where the environment of `scripts/venv.sh` or `scripts/requirements-quality.txt` has the package.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The folder of real data beside the workspace; says so and is [`None`] where it is absent.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        println!("skipped: no real data at `../shared/data/{name}` beside the workspace");
        return None;
    }
    Some(path)
}

/// The answers of a script to some cases, from the first environment whose packages it can import.
pub(crate) fn live(script: &str, cases: &Value) -> Option<Value> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let own = |variable: &str, name: &str| {
        std::env::var_os(variable).map_or_else(|| home.join(".cache").join(name), PathBuf::from)
    };
    for venv in [own("TAMIS_VENV", "tamis-venv"), own("TAMIS_QUALITY_VENV", "tamis-quality-venv")] {
        let python = venv.join("bin/python");
        if !python.is_file() {
            continue;
        }
        let mut command = Command::new(python);
        command.arg(folder("oracle").join(format!("{script}.py")));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let text = serde_json::to_vec(cases).unwrap();
        // A script that cannot import its package ends without reading.
        let writer = std::thread::spawn(move || input.write_all(&text).is_ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        if output.status.success() {
            return Some(serde_json::from_slice(&output.stdout).unwrap());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("ModuleNotFoundError"), "`{script}.py` failed: {said}");
    }
    println!("skipped: no environment with the packages of `{script}.py`; see `scripts/requirements-quality.txt`");
    None
}

/// The kept answers to the cases of seed 0.
pub(crate) fn golden(script: &str, name: &str, cases: &Value) -> Value {
    let path = folder("golden").join(format!("{name}.json"));
    if std::env::var_os("TAMIS_GOLDEN").is_some_and(|v| v == "write") {
        let answers = live(script, cases).expect("the package is needed to write golden answers");
        std::fs::write(&path, serde_json::to_string(&answers).unwrap() + "\n").unwrap();
    }
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

/// Asserts that two numbers agree.
#[track_caller]
pub(crate) fn near(found: f64, wanted: f64, within: f64, what: &str) {
    let both_nan = found.is_nan() && wanted.is_nan();
    assert!(both_nan || (found - wanted).abs() <= within, "{what}: {found}, expected {wanted}");
}

/// The numbers of a JSON array; null is NaN.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}
