//! Undoing changes in a checkout that were not committed.

use std::fs;
use std::path::Path;

use serde::Serialize;
use tamis_core::Report;

use super::state::{FOLDER, State, io, note};
use super::status::changes;
use super::write::{self, Origin, Wish};
use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

/// What was restored.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// Files that are as they were checked out again.
    pub files: Vec<String>,
    /// Files that are new and were left alone.
    pub left: Vec<String>,
}

impl Engine {
    /// Brings files of a checkout back to what the commit has: those that begin with one of
    /// `paths`, or all. New files stay.
    pub fn restore(&self, ctx: &Ctx, root: &Path, paths: &[String]) -> Result<Restored> {
        let mut state = State::load(root)?;
        let changes = changes(&state)?;
        let wanted = |file: &str| paths.is_empty() || paths.iter().any(|path| file.starts_with(path.as_str()));
        if let Some(path) =
            paths.iter().find(|path| !changes.iter().any(|change| change.file.starts_with(path.as_str())))
        {
            return Err(EngineError::new("sample.none", format!("nothing below `{path}` has changed"))
                .hint("see `tamis status`"));
        }
        let (_, snapshot) = self.checked_out(&state)?;
        let mut restored = Restored { files: Vec::new(), left: Vec::new() };
        let scratch = root.join(FOLDER).join("scratch");
        drop(fs::remove_dir_all(&scratch));
        for change in changes.iter().filter(|change| wanted(&change.file)) {
            let Some(entry) = state.find(&change.file).cloned() else {
                restored.left.push(change.file.clone());
                continue;
            };
            let path = root.join(&change.file);
            if path.symlink_metadata().is_ok() {
                fs::remove_file(&path).map_err(|e| io("write", &path, e))?;
            }
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|e| io("write", parent, e))?;
            }
            let fresh = if entry.sample.is_empty() && !self.repo().store().contains(&entry.hash)? {
                if !scratch.is_dir() {
                    let format = tamis_formats::find(&state.identity.format)?;
                    write::labels(&snapshot, format, &scratch, &Report::new(), ctx)?;
                }
                let from = scratch.join(&change.file);
                fs::copy(&from, &path).map_err(|e| io("write", &path, e))?;
                note(root, &change.file, "")?
            } else {
                let bytes = Origin::Lake(tamis_core::BlobId(entry.hash));
                write::put(self, root, &Wish { file: entry.file.clone(), sample: entry.sample.clone(), bytes })?
            };
            state.entries.retain(|entry| entry.file != change.file);
            let at = state.entries.partition_point(|entry| entry.file < change.file);
            state.entries.insert(at, fresh);
            restored.files.push(change.file.clone());
        }
        drop(fs::remove_dir_all(&scratch));
        state.save()?;
        Ok(restored)
    }
}
