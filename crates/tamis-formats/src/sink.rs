//! Where a dataset is written to: a folder of files, each written once, inside the root.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tamis_core::{BlobId, MediaSource};

use crate::error::{FormatError, Result};

/// Bytes that a writer wants from whoever has them.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// A record's media.
    Media(&'a MediaSource),
    /// A mask's image.
    Blob(&'a BlobId),
}

/// The answer to [`Wanted`].
pub enum Fetched {
    /// The bytes.
    Bytes(bytes::Bytes),
    /// A file on this disk that may be copied or linked to.
    Local(PathBuf),
    /// A stream of the bytes.
    Stream(Box<dyn std::io::Read>),
    /// The caller writes this file itself (it was told the path); the sink only takes note of the path.
    Taken,
}

/// How a file on this disk comes into the sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linking {
    /// A copy (by reference where the file system can).
    #[default]
    Copy,
    /// A hard link, else a copy.
    Hard,
    /// A symbolic link, else a copy.
    Symbolic,
}

type Fetch = dyn FnMut(&str, Wanted<'_>) -> std::io::Result<Fetched>;

/// A folder that a dataset is written into.
pub struct Sink {
    root: PathBuf,
    linking: Linking,
    leaves_media: bool,
    fetch: RefCell<Box<Fetch>>,
    written: RefCell<HashSet<String>>,
}

impl Sink {
    /// A folder that is made when it is not there and that must be empty (files whose name starts with `.` aside).
    /// `fetch` is asked for the bytes of each media file, with the path in the sink they go to.
    ///
    /// # Errors
    /// [`FormatError::BadPath`] when the folder is not empty; [`FormatError::Io`].
    pub fn folder(
        root: &Path,
        fetch: impl FnMut(&str, Wanted<'_>) -> std::io::Result<Fetched> + 'static,
    ) -> Result<Sink> {
        let shown = root.display().to_string();
        fs::create_dir_all(root).map_err(|e| FormatError::io("write", &shown, e))?;
        let items = fs::read_dir(root).map_err(|e| FormatError::io("list", &shown, e))?;
        for item in items {
            let item = item.map_err(|e| FormatError::io("list", &shown, e))?;
            if !item.file_name().to_string_lossy().starts_with('.') {
                return Err(FormatError::BadPath { path: shown, reason: "the folder is not empty" });
            }
        }
        Ok(Sink {
            root: root.to_owned(),
            linking: Linking::Copy,
            leaves_media: false,
            fetch: RefCell::new(Box::new(fetch)),
            written: RefCell::default(),
        })
    }

    /// Chooses how files on this disk come into the sink.
    pub fn with_linking(mut self, linking: Linking) -> Sink {
        self.linking = linking;
        self
    }

    /// Chooses that files of media and masks are only noted and nobody is asked for them: a rehearsal.
    pub fn leaving_media(mut self) -> Sink {
        self.leaves_media = true;
        self
    }

    fn target(&self, path: &str) -> Result<PathBuf> {
        let bad = |reason| FormatError::BadPath { path: path.escape_debug().to_string(), reason };
        tamis_core::check_path(path).map_err(|_| bad("it would leave the folder"))?;
        if path.split('/').any(|part| part.len() > 255) {
            return Err(bad("a part of it is longer than 255 bytes"));
        }
        if !self.written.borrow_mut().insert(path.to_owned()) {
            return Err(bad("another file was written there already"));
        }
        let target = self.root.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|e| FormatError::io("write", path, e))?;
        }
        Ok(target)
    }

    /// Makes a file for writing.
    ///
    /// # Errors
    /// [`FormatError::BadPath`], [`FormatError::Io`].
    pub fn create(&self, path: &str) -> Result<BufWriter<fs::File>> {
        let target = self.target(path)?;
        let file = fs::OpenOptions::new().write(true).create_new(true).open(target);
        Ok(BufWriter::with_capacity(64 << 10, file.map_err(|e| FormatError::io("write", path, e))?))
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`FormatError::BadPath`], [`FormatError::Io`].
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let mut file = self.create(path)?;
        file.write_all(bytes).and_then(|()| file.flush()).map_err(|e| FormatError::io("write", path, e))
    }

    /// Writes a media file or mask, asking the caller for its bytes.
    ///
    /// # Errors
    /// [`FormatError::BadPath`], [`FormatError::Io`] (also the caller's).
    pub fn media(&self, path: &str, wanted: Wanted<'_>) -> Result<()> {
        if self.leaves_media {
            return self.target(path).map(drop);
        }
        if let Wanted::Media(MediaSource::Bytes(bytes)) = wanted {
            return self.put(path, bytes);
        }
        let fail = |e| FormatError::io("write", path, e);
        let fetched = (self.fetch.borrow_mut())(path, wanted).map_err(|e| FormatError::io("read", path, e))?;
        match fetched {
            Fetched::Bytes(bytes) => self.put(path, &bytes),
            Fetched::Local(from) => {
                let target = self.target(path)?;
                let linked = match self.linking {
                    Linking::Copy => false,
                    Linking::Hard => fs::hard_link(&from, &target).is_ok(),
                    Linking::Symbolic => std::os::unix::fs::symlink(&from, &target).is_ok(),
                };
                if linked { Ok(()) } else { fs::copy(from, target).map(drop).map_err(fail) }
            }
            Fetched::Stream(mut stream) => {
                let mut file = self.create(path)?;
                std::io::copy(&mut stream, &mut file).and_then(|_| file.flush()).map_err(fail)
            }
            Fetched::Taken => self.target(path).map(drop),
        }
    }

    /// The bytes of a media file or mask, for formats that keep media inside their own files; `path` is the name there.
    ///
    /// # Errors
    /// [`FormatError::BadPath`] when the caller would rather write the file itself; [`FormatError::Io`].
    pub(crate) fn bytes(&self, path: &str, wanted: Wanted<'_>) -> Result<Vec<u8>> {
        if let Wanted::Media(MediaSource::Bytes(bytes)) = wanted {
            return Ok(bytes.clone());
        }
        let fail = |e| FormatError::io("read", path, e);
        match (self.fetch.borrow_mut())(path, wanted).map_err(fail)? {
            Fetched::Bytes(bytes) => Ok(bytes.to_vec()),
            Fetched::Local(from) => fs::read(from).map_err(fail),
            Fetched::Stream(mut stream) => {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).map(|_| bytes).map_err(fail)
            }
            Fetched::Taken => Err(FormatError::BadPath {
                path: path.to_owned(),
                reason: "the format keeps media inside its own files",
            }),
        }
    }

    /// A sink that fetches from a source: for turning one format into another without a lake.
    ///
    /// # Errors
    /// As [`Sink::folder`].
    pub fn from_source(root: &Path, source: &crate::source::Source) -> Result<Sink> {
        let source = source.clone();
        Sink::folder(root, move |_, wanted| match wanted {
            Wanted::Media(MediaSource::File(path)) => match source.local(path) {
                Some(local) => Ok(Fetched::Local(local)),
                None => source.reader(path).map(|r| Fetched::Stream(r)).map_err(std::io::Error::other),
            },
            _ => Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the bytes are not in the source")),
        })
    }
}

/// A text as one component of a path: what has a meaning in paths or command lines becomes `_`.
pub(crate) fn safe(text: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ') { c } else { '_' };
    let mut out: String = text.chars().map(keep).take(80).collect();
    if out.is_empty() || out.starts_with('.') {
        out.insert(0, '_');
    }
    out
}

impl Sink {
    /// Whether nothing was written to this path yet.
    pub(crate) fn is_new(&self, path: &str) -> bool {
        !self.written.borrow().contains(path)
    }
}
