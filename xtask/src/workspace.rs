//! The crates of the workspace as `cargo metadata` tells them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// The workspace's root and its own crates, sorted by layer and name.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One of our crates.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) manifest_path: PathBuf,
    #[serde(default)]
    pub(crate) metadata: Option<Metadata>,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
}

/// A direct dependency.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal one, else `dev` or `build`.
    #[serde(default)]
    pub(crate) kind: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    tamis: Option<Tamis>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Tamis {
    layer: Option<u32>,
}

#[derive(Deserialize)]
struct CargoMetadata {
    workspace_root: PathBuf,
    packages: Vec<Package>,
}

impl Package {
    /// The layer that the manifest declares in `[package.metadata.tamis]`.
    pub(crate) fn layer(&self) -> Option<u32> {
        self.metadata.as_ref()?.tamis.as_ref()?.layer
    }

    /// The folder of the crate.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new(""))
    }
}

impl Workspace {
    /// Asks cargo; needs no network.
    pub(crate) fn load() -> Result<Self, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .output()
            .map_err(|error| format!("cannot run `cargo metadata`: {error}"))?;
        if !output.status.success() {
            return Err(format!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Self::parse(&output.stdout)
    }

    fn parse(json: &[u8]) -> Result<Self, String> {
        let CargoMetadata { workspace_root, mut packages } =
            serde_json::from_slice(json).map_err(|error| format!("cannot read what `cargo metadata` said: {error}"))?;
        packages
            .sort_by(|a, b| (a.layer().unwrap_or(u32::MAX), &a.name).cmp(&(b.layer().unwrap_or(u32::MAX), &b.name)));
        Ok(Self { root: workspace_root, packages })
    }

    /// Our crate of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A workspace from `(name, layer, normal dependencies, dev dependencies)`.
    pub(crate) fn workspace(crates: &[(&str, u32, &[&str], &[&str])]) -> Workspace {
        let dependency = |name: &&str, kind: Option<&str>| serde_json::json!({ "name": name, "kind": kind });
        let packages: Vec<_> = crates
            .iter()
            .map(|(name, layer, normal, dev)| {
                let normal = normal.iter().map(|name| dependency(name, None));
                let dev = dev.iter().map(|name| dependency(name, Some("dev")));
                serde_json::json!({
                    "name": name,
                    "description": format!("what {name} does."),
                    "manifest_path": format!("/w/crates/{name}/Cargo.toml"),
                    "metadata": { "tamis": { "layer": layer } },
                    "dependencies": normal.chain(dev).collect::<Vec<_>>(),
                })
            })
            .collect();
        let json = serde_json::json!({ "workspace_root": "/w", "packages": packages });
        Workspace::parse(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn reads_layers_and_kinds_and_sorts_by_layer() {
        let workspace = workspace(&[("b", 1, &["a"], &["t"]), ("a", 0, &[], &[])]);
        assert_eq!(workspace.packages[0].name, "a");
        assert_eq!(workspace.find("b").unwrap().layer(), Some(1));
        assert_eq!(workspace.find("b").unwrap().dependencies[1].kind.as_deref(), Some("dev"));
        assert_eq!(workspace.find("b").unwrap().folder(), Path::new("/w/crates/b"));
    }

    #[test]
    fn a_crate_without_metadata_has_no_layer() {
        let json =
            br#"{"workspace_root":"/w","packages":[{"name":"x","metadata":null},{"name":"y","metadata":{"docs":1}}]}"#;
        let workspace = Workspace::parse(json).unwrap();
        assert!(workspace.packages.iter().all(|package| package.layer().is_none()));
    }
}
