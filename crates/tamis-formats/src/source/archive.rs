//! Archives: zip is read by its directory; tar is indexed once and then read at offsets; a compressed tar is first
//! unpacked to an unnamed temporary file, within the limits.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Crc;
use tamis_core::{Place, Report};

use super::shared::SharedFile;
use super::{Entry, Files, SourceLimits, check, is_hidden};
use crate::error::{FormatError, Result};
use crate::paths;

type Found = (Vec<Entry>, Arc<dyn Files>);

/// Opens an archive; [`None`] when the file is none.
pub(super) fn open(path: &Path, limits: &SourceLimits, report: &Report) -> Result<Option<Found>> {
    let shown = path.display().to_string();
    let fail = |e| FormatError::io("read", &shown, e);
    let file = SharedFile::new(File::open(path).map_err(fail)?).map_err(fail)?;
    let mut head = Vec::new();
    file.clone().take(512).read_to_end(&mut head).map_err(fail)?;
    let packed = file.len();
    let found = match tamis_media::sniff(&head) {
        Some("application/zip") => zip(&shown, file, limits, report)?,
        Some("application/x-tar") => tar(&shown, file, limits, report)?,
        Some("application/gzip") => {
            let plain = flate2::read::MultiGzDecoder::new(BufReader::new(file));
            tar(&shown, unpack(&shown, plain, packed, limits)?, limits, report)?
        }
        Some("application/zstd") => {
            let plain = zstd::Decoder::new(file).map_err(fail)?;
            tar(&shown, unpack(&shown, plain, packed, limits)?, limits, report)?
        }
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn unpack(shown: &str, mut plain: impl Read, packed: u64, limits: &SourceLimits) -> Result<SharedFile> {
    let mut spool = tempfile::tempfile().map_err(|e| FormatError::io("write", "a temporary file", e))?;
    let mut buffer = vec![0u8; 256 << 10];
    let mut unpacked = 0u64;
    loop {
        let read = match plain.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(FormatError::archive(shown, e)),
        };
        unpacked += read as u64;
        limits.check_unpacked(shown, packed, unpacked)?;
        spool
            .write_all(buffer.get(..read).unwrap_or_default())
            .map_err(|e| FormatError::io("write", "a temporary file", e))?;
    }
    SharedFile::new(spool).map_err(|e| FormatError::io("read", "a temporary file", e))
}

/// Takes an archive's name for a file, or says in the report why not.
fn accept(name: &[u8], report: &Report) -> Option<String> {
    let Ok(text) = std::str::from_utf8(name) else {
        let shown = String::from_utf8_lossy(name).into_owned();
        report.error("source.name", Place::file(shown), "the name is not UTF-8; the file is left out");
        return None;
    };
    let text = if text.contains('/') { text.to_owned() } else { text.replace('\\', "/") };
    let text = text.strip_prefix("./").unwrap_or(&text);
    match check(text) {
        Ok(()) if is_hidden(text) => None,
        Ok(()) => Some(text.to_owned()),
        Err(reason) => {
            report.error("source.path", Place::file(text.escape_debug().to_string()), reason);
            None
        }
    }
}

struct Tar {
    file: SharedFile,
}

impl Files for Tar {
    fn open(&self, entry: &Entry) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.file.part(entry.at, entry.size)))
    }
}

fn tar(shown: &str, file: SharedFile, limits: &SourceLimits, report: &Report) -> Result<Found> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places: HashMap<String, (u64, u64)> = HashMap::new();
    let mut links: Vec<(String, Option<String>)> = Vec::new();
    let mut archive = tar::Archive::new(file.clone());
    for item in archive.entries_with_seek().map_err(|e| FormatError::archive(shown, e))? {
        let item = match item {
            Ok(item) => item,
            Err(e) if entries.is_empty() => return Err(FormatError::archive(shown, e)),
            Err(e) => {
                report.error("source.archive", Place::file(shown), format!("the archive is damaged: {e}"));
                break;
            }
        };
        let kind = item.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let Some(path) = accept(&item.path_bytes(), report) else { continue };
        let (at, size) = (item.raw_file_position(), item.size());
        if kind.is_hard_link() || kind.is_symlink() {
            let target = item.link_name_bytes().and_then(|t| String::from_utf8(t.into_owned()).ok());
            let from_top = kind.is_hard_link();
            let target = target.map(|t| if from_top { t } else { paths::join(paths::folder(&path), &t) });
            links.push((path, target.and_then(|t| paths::normal(&t))));
        } else if !kind.is_file() && !kind.is_contiguous() {
            report.warn("source.special", Place::file(path), "neither file nor folder, or a sparse file; left out");
        } else if at.saturating_add(size) > file.len() {
            report.error("source.archive", Place::file(path), "the archive ends before the file does");
        } else {
            places.insert(path.clone(), (at, size));
            entries.push(Entry { path, size, etag: None, at });
        }
        if (entries.len() + links.len()) as u64 > limits.entries {
            let found = (entries.len() + links.len()) as u64;
            return Err(FormatError::TooLarge {
                path: shown.to_owned(),
                unit: "entries",
                found,
                allowed: limits.entries,
            });
        }
    }
    for (path, target) in links {
        match target.and_then(|t| places.get(&t)) {
            Some(&(at, size)) => entries.push(Entry { path, size, etag: None, at }),
            None => report.error("source.link", Place::file(path), "the link points outside the archive or nowhere"),
        }
    }
    Ok((entries, Arc::new(Tar { file })))
}

struct Zip {
    archive: zip::ZipArchive<SharedFile>,
    file: SharedFile,
}

impl Files for Zip {
    fn open(&self, entry: &Entry) -> io::Result<Box<dyn Read + Send>> {
        let mut archive = self.archive.clone();
        let item = archive.by_index_raw(entry.at as usize)?;
        let start =
            item.data_start().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the entry has no start"))?;
        let packed = self.file.part(start, item.compressed_size());
        let plain: Box<dyn Read + Send> = match item.compression() {
            zip::CompressionMethod::Stored => Box::new(packed),
            zip::CompressionMethod::Deflated => Box::new(flate2::read::DeflateDecoder::new(packed)),
            other => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, format!("packed by {other}, not by deflate")));
            }
        };
        Ok(Box::new(Checked { plain, left: entry.size, crc: Crc::new(), wanted: item.crc32() }))
    }
}

/// Reads exactly as many bytes as the directory says and compares their checksum.
struct Checked {
    plain: Box<dyn Read + Send>,
    left: u64,
    crc: Crc,
    wanted: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = (buffer.len() as u64).min(self.left) as usize;
        if want == 0 {
            return Ok(0);
        }
        let damaged = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let read = self.plain.read(buffer.get_mut(..want).unwrap_or_default())?;
        if read == 0 {
            return Err(damaged("the entry is shorter than the archive says"));
        }
        self.crc.update(buffer.get(..read).unwrap_or_default());
        self.left -= read as u64;
        if self.left == 0 && self.crc.sum() != self.wanted {
            return Err(damaged("the entry's checksum is wrong"));
        }
        Ok(read)
    }
}

fn zip(shown: &str, file: SharedFile, limits: &SourceLimits, report: &Report) -> Result<Found> {
    let fail = |e: zip::result::ZipError| FormatError::archive(shown, e);
    let mut archive = zip::ZipArchive::new(file.clone()).map_err(fail)?;
    if archive.len() as u64 > limits.entries {
        let (found, allowed) = (archive.len() as u64, limits.entries);
        return Err(FormatError::TooLarge { path: shown.to_owned(), unit: "entries", found, allowed });
    }
    let (mut entries, mut unpacked) = (Vec::new(), 0u64);
    for at in 0..archive.len() {
        let item = match archive.by_index_raw(at) {
            Ok(item) => item,
            Err(e) => {
                report.error("source.archive", Place::file(shown).at(format!("entry {at}")), e);
                continue;
            }
        };
        if item.is_dir() || item.name_raw().ends_with(b"/") {
            continue;
        }
        let Some(path) = accept(item.name_raw(), report) else { continue };
        if item.is_symlink() {
            report.error("source.link", Place::file(path), "links in zip archives are not followed");
            continue;
        }
        if item.encrypted() {
            report.error("source.encrypted", Place::file(path), "the entry is encrypted; left out");
            continue;
        }
        unpacked = unpacked.saturating_add(item.size());
        limits.check_unpacked(shown, file.len(), unpacked)?;
        entries.push(Entry {
            path,
            size: item.size(),
            etag: Some(format!("{:08x}-{}", item.crc32(), item.size())),
            at: at as u64,
        });
    }
    Ok((entries, Arc::new(Zip { archive, file })))
}
