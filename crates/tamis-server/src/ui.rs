//! The web UI: files of a folder, or those that were built into the program.

use std::path::{Component, Path, PathBuf};

use rust_embed::RustEmbed;

use crate::error::{Result, ServeError};

/// The page of a program that was built without the UI.
pub(crate) const PLACEHOLDER: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Tamis</title>\
    <h1>Tamis</h1><p>The server runs. This program was built without the web UI: build it with <code>make ui</code>, then \
    start <code>tamis serve --ui ui/dist</code>, or build the program again.<p>The API is under <code>/api/v1</code>.";

/// What `make ui` built before the program was; in a program for development, the files as they are now.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Built;

/// Where the UI comes from.
pub(crate) enum Ui {
    /// The program itself.
    Built,
    /// A folder.
    Folder(PathBuf),
}

impl Ui {
    /// The UI of a folder, or the one that was built in.
    pub(crate) fn open(folder: Option<PathBuf>) -> Result<Ui> {
        match folder {
            None => Ok(Ui::Built),
            Some(folder) if folder.join("index.html").is_file() => Ok(Ui::Folder(folder)),
            Some(folder) => Err(ServeError::NoUi(folder.display().to_string())),
        }
    }

    /// A file of the UI, by its path in it.
    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || path.contains('\0') || !is_plain {
            return None;
        }
        match self {
            Ui::Built => Built::get(path).map(|file| file.data.into_owned()),
            Ui::Folder(folder) => std::fs::read(folder.join(path)).ok(),
        }
    }
}

/// The media type of a file of the UI.
pub(crate) fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
