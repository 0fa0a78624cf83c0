//! The engine: an open lake and the operations on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tamis_core::{DatasetName, SystemClock};
use tamis_repo::{Dataset, Repo};
use tamis_store::{Location, StoreOptions};

use crate::error::{EngineError, Result};
use crate::references::References;

/// An open lake. Cheap to clone; every operation is a method (see the modules of `ops`).
#[derive(Clone, Debug)]
pub struct Engine {
    repo: Repo,
    location: Location,
    references: Arc<References>,
}

/// The folder that makes a folder a lake's home: `.tamis` in a project.
pub const DOT_TAMIS: &str = ".tamis";

impl Engine {
    /// Creates a lake: a path, `s3://…`, `gs://…`, `az://…` or `memory://name`.
    pub fn init(location: &str) -> Result<Engine> {
        let location = Location::parse(location)?;
        let repo = Repo::init(&location, options())?;
        Ok(Engine { repo, location, references: Arc::default() })
    }

    /// Opens a lake.
    pub fn open(location: &str) -> Result<Engine> {
        let location = Location::parse(location)?;
        let repo = Repo::open(&location, options())?;
        Ok(Engine { repo, location, references: Arc::default() })
    }

    /// Opens a lake, making it first where it is a folder that is not there or is empty.
    pub fn open_or_init(location: &str) -> Result<Engine> {
        match Engine::open(location) {
            Err(error) if error.code.id == "lake.none" => Engine::init(location),
            other => other,
        }
    }

    /// The history layer below.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Where the lake is, without secrets.
    pub fn place(&self) -> String {
        self.location.to_string()
    }

    /// Where the lake is.
    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// What reads media that stay where they are.
    pub(crate) fn references(&self) -> &Arc<References> {
        &self.references
    }

    /// A dataset of the lake.
    pub fn dataset(&self, name: &DatasetName) -> Result<Dataset> {
        Ok(self.repo.dataset(name)?)
    }
}

fn options() -> StoreOptions {
    let mut options = StoreOptions::default();
    options.clock = Arc::new(SystemClock);
    options.cache_dir = cache_dir();
    options
}

/// Where remote lakes are cached.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    base.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"))).map(|dir| dir.join("tamis"))
}

/// Finds the lake that is meant: `given` (an option or `TAMIS_LAKE`), else a `.tamis` folder in
/// `start` or above it, else the user's own lake in their data folder.
pub fn find_lake(given: Option<&str>, start: &Path) -> Result<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    for folder in start.ancestors() {
        let candidate = folder.join(DOT_TAMIS);
        if candidate.join("lake.json").is_file() {
            return Ok(candidate.display().to_string());
        }
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    let data = data.ok_or_else(|| {
        EngineError::new("lake.none", "cannot find a lake: there is no home folder").hint("name one with --lake")
    })?;
    Ok(data.join("tamis/lake").display().to_string())
}
