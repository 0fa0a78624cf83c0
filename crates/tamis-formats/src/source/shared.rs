//! A file that many readers read at their own places: each clone has its own position.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A window of a shared file.
#[derive(Clone)]
pub(crate) struct SharedFile {
    file: Arc<File>,
    start: u64,
    length: u64,
    at: u64,
}

impl SharedFile {
    /// The whole file.
    pub(crate) fn new(file: File) -> io::Result<SharedFile> {
        let length = file.metadata()?.len();
        Ok(SharedFile { file: Arc::new(file), start: 0, length, at: 0 })
    }

    /// A part of this window, cut where the window ends.
    pub(crate) fn part(&self, start: u64, length: u64) -> SharedFile {
        let start = start.min(self.length);
        let length = length.min(self.length - start);
        SharedFile { file: Arc::clone(&self.file), start: self.start + start, length, at: 0 }
    }

    /// Bytes in the window.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let want = (buffer.len() as u64).min(left) as usize;
        let Some(buffer) = buffer.get_mut(..want) else { return Ok(0) };
        let read = self.file.read_at(buffer, self.start + self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "cannot seek before the start"))?;
        Ok(self.at)
    }
}
