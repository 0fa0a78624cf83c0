//! Which crate may use which: our own by layer, foreign ones by owner.

use crate::fault::Fault;
use crate::workspace::{Dependency, Package, Workspace};

/// Dependencies inside one layer, or upwards, that are wanted all the same.
const ALLOWED: &[(&str, &str)] =
    &[("tamis-formats", "tamis-media"), ("tamis-infer", "tamis-media"), ("tamis-cli", "tamis-server")];

/// Crates that nobody may depend on but as a dev-dependency.
const DEV_ONLY: &[&str] = &["tamis-testkit", "xtask"];

/// Foreign crates and the only crates of ours that may name them. `arrow` is the vocabulary from the table up.
const OWNED: &[(&str, &[&str])] = &[
    ("anyhow", &["tamis-cli", "xtask"]),
    (
        "arrow",
        &[
            "tamis-table",
            "tamis-repo",
            "tamis-query",
            "tamis-index",
            "tamis-formats",
            "tamis-infer",
            "tamis-quality",
            "tamis-engine",
            "tamis-server",
            "tamis-python",
            "tamis-testkit",
        ],
    ),
    ("axum", &["tamis-server"]),
    ("clap", &["tamis-cli"]),
    ("clap_complete", &["tamis-cli"]),
    ("clap_mangen", &["tamis-cli"]),
    ("claxon", &["tamis-media"]),
    ("csv", &["tamis-formats"]),
    ("datafusion", &["tamis-query"]),
    ("fastcdc", &["tamis-store"]),
    ("foyer", &["tamis-store"]),
    ("image", &["tamis-media"]),
    ("indicatif", &["tamis-cli"]),
    ("kamadak-exif", &["tamis-media"]),
    ("laz", &["tamis-media"]),
    ("lewton", &["tamis-media"]),
    ("matrixmultiply", &["tamis-index"]),
    ("memmap2", &["tamis-store"]),
    ("nanomp3", &["tamis-media"]),
    ("object_store", &["tamis-store"]),
    ("ort", &["tamis-infer"]),
    ("parquet", &["tamis-formats", "tamis-query"]),
    ("pulp", &["tamis-quality"]),
    ("pyo3", &["tamis-python"]),
    ("quick-xml", &["tamis-formats"]),
    ("realfft", &["tamis-media"]),
    ("rten", &["tamis-infer"]),
    ("rten-tensor", &["tamis-infer"]),
    ("rusqlite", &["tamis-server"]),
    ("rust-embed", &["tamis-server"]),
    ("tar", &["tamis-formats"]),
    ("tokio", &["tamis-store", "tamis-query", "tamis-server", "tamis-python"]),
    ("tower-http", &["tamis-server"]),
    ("tracing-subscriber", &["tamis-server"]),
    ("unicode-segmentation", &["tamis-index"]),
    ("zip", &["tamis-formats"]),
    ("zune-jpeg", &["tamis-media"]),
];

/// Every dependency that breaks a rule. Dev-dependencies are free.
pub(crate) fn check(workspace: &Workspace) -> Vec<Fault> {
    let mut faults = Vec::new();
    for package in &workspace.packages {
        if package.layer().is_none() && package.name != "xtask" {
            faults.push(Fault::new(&package.name, "its Cargo.toml has no `[package.metadata.tamis] layer = N`"));
        }
        let used = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        faults.extend(used.filter_map(|dependency| judge(workspace, package, dependency)));
    }
    faults
}

fn judge(workspace: &Workspace, package: &Package, dependency: &Dependency) -> Option<Fault> {
    let name = dependency.name.as_str();
    if let Some(ours) = workspace.find(name) {
        if DEV_ONLY.contains(&name) {
            return Some(Fault::new(&package.name, format!("`{name}` is for tests: make it a dev-dependency")));
        }
        let (above, below) = (package.layer()?, ours.layer()?);
        let allowed = below < above || ALLOWED.contains(&(package.name.as_str(), name));
        let what = || format!("layer {above} may not depend on `{name}` of layer {below}: dependencies go down");
        return (!allowed).then(|| Fault::new(&package.name, what()));
    }
    // `arrow-array` and its like follow `arrow`.
    let family = if name.starts_with("arrow-") { "arrow" } else { name };
    let (_, owners) = OWNED.iter().find(|(owned, _)| *owned == family)?;
    let allowed = owners.contains(&package.name.as_str());
    let what = || format!("`{name}` is the secret of {}", owners.join(", "));
    (!allowed).then(|| Fault::new(&package.name, what()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::workspace;

    fn faults(crates: &[(&str, u32, &[&str], &[&str])]) -> Vec<String> {
        check(&workspace(crates)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dependency_must_go_down() {
        let down: &[(&str, u32, &[&str], &[&str])] = &[("a", 0, &[], &[]), ("b", 1, &["a"], &[])];
        assert_eq!(faults(down), Vec::<String>::new());
        let up: &[(&str, u32, &[&str], &[&str])] = &[("a", 0, &["b"], &[]), ("b", 1, &[], &[])];
        assert_eq!(faults(up), ["a: layer 0 may not depend on `b` of layer 1: dependencies go down"]);
        let level: &[(&str, u32, &[&str], &[&str])] = &[("a", 4, &["b"], &[]), ("b", 4, &[], &[])];
        assert_eq!(faults(level).len(), 1);
    }

    #[test]
    fn listed_pairs_may_share_a_layer() {
        let pair: &[(&str, u32, &[&str], &[&str])] =
            &[("tamis-formats", 4, &["tamis-media"], &[]), ("tamis-media", 4, &[], &[])];
        assert_eq!(faults(pair), Vec::<String>::new());
    }

    #[test]
    fn dev_dependencies_are_free() {
        let dev: &[(&str, u32, &[&str], &[&str])] =
            &[("a", 0, &[], &["tamis-testkit", "axum"]), ("tamis-testkit", 4, &[], &[])];
        assert_eq!(faults(dev), Vec::<String>::new());
        let normal: &[(&str, u32, &[&str], &[&str])] =
            &[("a", 5, &["tamis-testkit"], &[]), ("tamis-testkit", 4, &[], &[])];
        assert_eq!(faults(normal).len(), 1);
    }

    #[test]
    fn a_foreign_crate_is_the_secret_of_its_owner() {
        let crates: &[(&str, u32, &[&str], &[&str])] =
            &[("tamis-cli", 6, &["clap", "serde"], &[]), ("tamis-repo", 3, &["clap", "arrow-array", "parquet"], &[])];
        let said = faults(crates);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("`clap` is the secret of tamis-cli"));
        assert!(said[1].contains("`parquet`"));
    }

    #[test]
    fn a_crate_without_layer_is_told() {
        let mut bare = workspace(&[("tamis-x", 0, &[], &[])]);
        bare.packages[0] = Package { name: String::from("tamis-x"), ..Package::default() };
        assert_eq!(check(&bare).len(), 1);
    }
}
