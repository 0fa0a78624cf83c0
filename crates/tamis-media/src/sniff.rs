//! What some bytes are, by their first bytes and, where those do not tell, by the file's name.

/// Bytes at a fixed place.
type Mark = (usize, &'static [u8]);

/// Bytes at fixed places that name a media type. The first match wins.
const MAGIC: &[(&str, &[Mark])] = &[
    ("image/jpeg", &[(0, b"\xff\xd8\xff")]),
    ("image/png", &[(0, b"\x89PNG\r\n\x1a\n")]),
    ("image/webp", &[(0, b"RIFF"), (8, b"WEBP")]),
    ("image/gif", &[(0, b"GIF87a")]),
    ("image/gif", &[(0, b"GIF89a")]),
    ("image/tiff", &[(0, b"II\x2a\0")]),
    ("image/tiff", &[(0, b"MM\0\x2a")]),
    ("image/tiff", &[(0, b"II\x2b\0\x08\0\0\0")]),
    ("image/tiff", &[(0, b"MM\0\x2b\0\x08\0\0")]),
    ("image/avif", &[(4, b"ftypavif")]),
    ("image/heic", &[(4, b"ftyphei")]),
    ("image/heic", &[(4, b"ftypmif1")]),
    ("video/quicktime", &[(4, b"ftypqt  ")]),
    ("audio/mp4", &[(4, b"ftypM4A")]),
    ("video/mp4", &[(4, b"ftyp")]),
    ("video/x-msvideo", &[(0, b"RIFF"), (8, b"AVI ")]),
    ("audio/wav", &[(0, b"RIFF"), (8, b"WAVE")]),
    ("audio/flac", &[(0, b"fLaC")]),
    ("audio/ogg", &[(0, b"OggS")]),
    ("audio/mpeg", &[(0, b"ID3")]),
    ("application/dicom", &[(128, b"DICM")]),
    ("audio/mpeg", &[(0, b"\xff\xfb")]),
    ("audio/mpeg", &[(0, b"\xff\xf3")]),
    ("audio/mpeg", &[(0, b"\xff\xf2")]),
    ("model/las", &[(0, b"LASF")]),
    ("model/ply", &[(0, b"ply\n")]),
    ("model/ply", &[(0, b"ply\r")]),
    ("application/pdf", &[(0, b"%PDF-")]),
    ("application/zip", &[(0, b"PK\x03\x04")]),
    ("application/zip", &[(0, b"PK\x05\x06")]),
    ("application/gzip", &[(0, b"\x1f\x8b")]),
    ("application/zstd", &[(0, b"\x28\xb5\x2f\xfd")]),
    ("application/x-tar", &[(257, b"ustar")]),
    ("application/vnd.apache.parquet", &[(0, b"PAR1")]),
    ("application/x-hdf5", &[(0, b"\x89HDF\r\n\x1a\n")]),
    ("application/x-npy", &[(0, b"\x93NUMPY")]),
];

/// What a name's extension says.
const EXTENSIONS: &[(&str, &str)] = &[
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jpe", "image/jpeg"),
    ("jfif", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("bmp", "image/bmp"),
    ("dib", "image/bmp"),
    ("gif", "image/gif"),
    ("avif", "image/avif"),
    ("heic", "image/heic"),
    ("heif", "image/heic"),
    ("svg", "image/svg+xml"),
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("mkv", "video/x-matroska"),
    ("avi", "video/x-msvideo"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("dcm", "application/dicom"),
    ("pcd", "model/pcd"),
    ("ply", "model/ply"),
    ("las", "model/las"),
    ("laz", "model/las"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("tgz", "application/gzip"),
    ("zst", "application/zstd"),
    ("tar", "application/x-tar"),
    ("parquet", "application/vnd.apache.parquet"),
    ("h5", "application/x-hdf5"),
    ("npy", "application/x-npy"),
    ("json", "application/json"),
    ("geojson", "application/json"),
    ("jsonl", "application/jsonl"),
    ("ndjson", "application/jsonl"),
    ("csv", "text/csv"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("html", "text/html"),
    ("md", "text/markdown"),
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("bin", "application/octet-stream"),
];

/// Media types that bytes alone cannot tell from plain text or JSON: a name may say more.
const VAGUE: &[&str] = &["text/plain", "application/json", "application/zip", "application/gzip"];

/// The media type of some bytes by their beginning (the first 512 are enough); [`None`] when they tell nothing.
///
/// Text is recognised only as UTF-8 without control characters; empty bytes are nothing.
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let has = |&(at, want): &Mark| bytes.get(at..at + want.len()) == Some(want);
    if let Some((mime, _)) = MAGIC.iter().find(|(_, marks)| marks.iter().all(has)) {
        return Some(mime);
    }
    if bytes.starts_with(b"BM") && is_bmp(bytes) {
        return Some("image/bmp");
    }
    if bytes.starts_with(b"\x1a\x45\xdf\xa3") {
        let head = bytes.get(..bytes.len().min(64)).unwrap_or_default();
        let is_webm = head.windows(4).any(|w| w == b"webm");
        return Some(if is_webm { "video/webm" } else { "video/x-matroska" });
    }
    sniff_text(bytes.get(..bytes.len().min(512)).unwrap_or_default())
}

/// `BM` alone is too weak: the reserved words are 0 and the DIB header's size is a known one.
fn is_bmp(bytes: &[u8]) -> bool {
    let size = crate::numbers::le32(bytes, 14).unwrap_or_default();
    crate::numbers::le32(bytes, 6) == Some(0) && matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
}

fn sniff_text(head: &[u8]) -> Option<&'static str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may be cut at the end of the window.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(head.get(..e.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}');
    if text.is_empty() || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c')) {
        return None;
    }
    let start = text.trim_start();
    if start.starts_with("# .PCD") {
        return Some("model/pcd");
    }
    if start.starts_with("<svg") {
        return Some("image/svg+xml");
    }
    if start.starts_with("<?xml") {
        return Some(if start.contains("<svg") { "image/svg+xml" } else { "application/xml" });
    }
    if start.starts_with(['{', '[']) {
        return Some("application/json");
    }
    Some("text/plain")
}

/// The media type that a file's name claims, by its extension; [`None`] for one that is not known.
pub fn mime_of_name(name: &str) -> Option<&'static str> {
    let extension = name.rsplit(['/', '\\']).next()?.rsplit_once('.')?.1;
    EXTENSIONS.iter().find(|(e, _)| e.eq_ignore_ascii_case(extension)).map(|(_, mime)| *mime)
}

/// The media type by bytes first and name second: the name decides only where the bytes tell nothing or are a
/// container or text, of which it may name a kind.
pub fn sniff_named(bytes: &[u8], name: &str) -> Option<&'static str> {
    match sniff(bytes) {
        None => mime_of_name(name).filter(|mime| !mime.starts_with("image/") || !is_decodable(mime)),
        Some(vague) if VAGUE.contains(&vague) => {
            Some(mime_of_name(name).filter(|mime| !is_binary(mime)).unwrap_or(vague))
        }
        sure => sure,
    }
}

/// Whether this crate decodes a media type.
pub(crate) fn is_decodable(mime: &str) -> bool {
    matches!(mime, "image/jpeg" | "image/png" | "image/webp" | "image/tiff" | "image/bmp" | "image/gif")
}

/// Whether a media type has a magic of its own, so that bytes without it are not of that type.
fn is_binary(mime: &str) -> bool {
    MAGIC.iter().any(|(m, _)| *m == mime && !VAGUE.contains(m))
        || matches!(mime, "image/bmp" | "application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_more_than_names() {
        assert_eq!(sniff(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(sniff(b"RIFF\0\0\0\0WAVEfmt "), Some("audio/wav"));
        assert_eq!(sniff(b"\0\0\0\x18ftypmp42"), Some("video/mp4"));
        assert_eq!(sniff(b"# .PCD v0.7 - Point Cloud"), Some("model/pcd"));
        assert_eq!(sniff(b" {\"a\": 1}"), Some("application/json"));
        assert_eq!(sniff("Grüße".as_bytes()), Some("text/plain"));
        assert_eq!(sniff(b"BMW is a car"), Some("text/plain"));
        assert_eq!(sniff(b"\0\x01\x02"), None);
        assert_eq!(sniff(b""), None);
        assert_eq!(sniff_named(b"\x89PNG\r\n\x1a\n", "a.jpg"), Some("image/png"));
        assert_eq!(sniff_named(b"a,b\n1,2\n", "a.csv"), Some("text/csv"));
        assert_eq!(sniff_named(b"hello", "a.jpg"), Some("text/plain"));
        assert_eq!(sniff_named(b"\0\0\0", "a.jpg"), None);
        assert_eq!(sniff_named(b"\0\0\0\0", "velodyne/1.bin"), Some("application/octet-stream"));
        assert_eq!(mime_of_name("x/Y.JPEG"), Some("image/jpeg"));
        assert_eq!(mime_of_name("x.jpg/y"), None);
    }
}
