//! Pieces of text kept for later by number: in memory while they are few, then in an unnamed temporary file.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

const IN_MEMORY: usize = 64 << 20;

/// Where a piece is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    at: u64,
    length: u32,
}

/// Pieces, written one after the other.
#[derive(Default)]
pub(crate) struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    in_file: u64,
}

impl Spool {
    /// Keeps a piece.
    pub(crate) fn put(&mut self, text: &[u8]) -> io::Result<Piece> {
        let length = u32::try_from(text.len()).map_err(|_| io::Error::other("one value is larger than 4 GiB"))?;
        let piece = Piece { at: self.in_file + self.memory.len() as u64, length };
        self.memory.extend_from_slice(text);
        if self.memory.len() > IN_MEMORY {
            let mut file = match self.file.take() {
                Some(file) => file,
                None => tempfile::tempfile()?,
            };
            file.write_all(&self.memory)?;
            self.file = Some(file);
            self.in_file += self.memory.len() as u64;
            self.memory.clear();
        }
        Ok(piece)
    }

    /// A piece that was kept.
    pub(crate) fn get(&self, piece: Piece) -> io::Result<Vec<u8>> {
        let length = piece.length as usize;
        if let Some(at) = piece.at.checked_sub(self.in_file) {
            let at = at as usize;
            let found = at.checked_add(length).and_then(|end| self.memory.get(at..end));
            return found.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
        let mut text = vec![0; length];
        match &self.file {
            Some(file) => file.read_exact_at(&mut text, piece.at).map(|()| text),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
