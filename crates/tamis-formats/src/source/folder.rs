//! Folders: a walk that never leaves the root. Links to files inside are followed; others are findings.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use tamis_core::{Place, Report};

use super::{Entry, Files, SourceLimits, check, is_hidden};
use crate::error::{FormatError, Result};

struct Folder {
    root: PathBuf,
}

impl Files for Folder {
    fn open(&self, entry: &Entry) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(self.root.join(&entry.path))?))
    }

    fn local(&self, entry: &Entry) -> Option<PathBuf> {
        Some(self.root.join(&entry.path))
    }
}

/// Every file below a folder.
pub(super) fn list(root: &Path, limits: &SourceLimits, report: &Report) -> Result<(Vec<Entry>, Arc<dyn Files>)> {
    let root = root.canonicalize().map_err(|e| FormatError::io("list", root.display().to_string(), e))?;
    let mut walk = Walk { root: &root, limits, report, entries: Vec::new() };
    walk.folder(&root, "", 0)?;
    let entries = walk.entries;
    Ok((entries, Arc::new(Folder { root })))
}

/// A source of one file.
pub(super) fn single(path: &Path) -> Result<(Vec<Entry>, Arc<dyn Files>)> {
    let fail = |e| FormatError::io("read", path.display().to_string(), e);
    let path = path.canonicalize().map_err(fail)?;
    let facts = fs::metadata(&path).map_err(fail)?;
    let root = path.parent().map(Path::to_owned).unwrap_or_default();
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .ok_or_else(|| FormatError::BadPath { path: path.display().to_string(), reason: "its name is not UTF-8" })?;
    Ok((vec![entry(name.to_owned(), &facts)], Arc::new(Folder { root })))
}

fn entry(path: String, facts: &fs::Metadata) -> Entry {
    let time = facts.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
    Entry { path, size: facts.len(), etag: Some(format!("{}-{time}", facts.len())), at: 0 }
}

struct Walk<'a> {
    root: &'a Path,
    limits: &'a SourceLimits,
    report: &'a Report,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, inside: &str, depth: u32) -> Result<()> {
        if depth > self.limits.depth {
            let (path, allowed) = (inside.to_owned(), u64::from(self.limits.depth));
            return Err(FormatError::TooLarge {
                path,
                unit: "folders inside folders",
                found: u64::from(depth),
                allowed,
            });
        }
        let items = match fs::read_dir(folder) {
            Ok(items) => items,
            Err(e) if depth == 0 => return Err(FormatError::io("list", folder.display().to_string(), e)),
            Err(e) => {
                self.report.error("source.unreadable", Place::file(inside), format!("cannot list the folder: {e}"));
                return Ok(());
            }
        };
        let mut files: Vec<(fs::DirEntry, String)> = Vec::new();
        let mut folders: Vec<(PathBuf, String)> = Vec::new();
        for item in items {
            let item = item.map_err(|e| FormatError::io("list", folder.display().to_string(), e))?;
            let name = item.file_name();
            let Some(name) = name.to_str() else {
                let shown = crate::paths::join(inside, &name.to_string_lossy());
                self.report.error("source.name", Place::file(shown), "the name is not UTF-8; the file is left out");
                continue;
            };
            if is_hidden(name) {
                continue;
            }
            let path = crate::paths::join(inside, name);
            match item.file_type() {
                Ok(kind) if kind.is_dir() => folders.push((item.path(), path)),
                Ok(kind) => {
                    if self.is_wanted(&item, kind, &path) {
                        files.push((item, path));
                    }
                }
                Err(e) => self.report.error("source.unreadable", Place::file(&path), e),
            }
        }
        self.files(files)?;
        folders.into_iter().try_for_each(|(folder, path)| self.folder(&folder, &path, depth + 1))
    }

    /// Whether an item is a file to take in; says why where it is not.
    fn is_wanted(&self, item: &fs::DirEntry, kind: fs::FileType, path: &str) -> bool {
        if kind.is_symlink() {
            let target = item.path().canonicalize();
            let inside = target.as_ref().is_ok_and(|t| t.starts_with(self.root) && t.is_file());
            if !inside {
                let message = match target {
                    Err(_) => "the link points nowhere",
                    Ok(t) if t.is_dir() => "links to folders are not followed",
                    Ok(_) => "the link points outside the folder",
                };
                self.report.error("source.link", Place::file(path), message);
                return false;
            }
        } else if !kind.is_file() {
            self.report.warn("source.special", Place::file(path), "neither file nor folder; left out");
            return false;
        }
        if let Err(reason) = check(path) {
            self.report.error("source.path", Place::file(path.escape_debug().to_string()), reason);
            return false;
        }
        true
    }

    /// Takes in the files of one folder; their sizes are asked for on all cores.
    fn files(&mut self, files: Vec<(fs::DirEntry, String)>) -> Result<()> {
        let facts = |(item, path): (fs::DirEntry, String)| {
            // Of a link, the facts of what it points to.
            let facts = item.metadata().and_then(|facts| match facts.is_symlink() {
                true => fs::metadata(item.path()),
                false => Ok(facts),
            });
            (path, facts)
        };
        let found: Vec<(String, std::io::Result<fs::Metadata>)> =
            files.into_par_iter().with_min_len(64).map(facts).collect();
        for (path, facts) in found {
            match facts {
                Ok(facts) => self.entries.push(entry(path, &facts)),
                Err(e) => self.report.error("source.unreadable", Place::file(&path), e),
            }
        }
        if self.entries.len() as u64 > self.limits.entries {
            let (found, allowed) = (self.entries.len() as u64, self.limits.entries);
            let path = self.root.display().to_string();
            return Err(FormatError::TooLarge { path, unit: "entries", found, allowed });
        }
        Ok(())
    }
}
