//! Bounds-checked numbers out of untrusted bytes: each answers [`None`] past the end.

/// `N` bytes at an offset.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// 16 bits, most significant byte first.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// 32 bits, most significant byte first.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// 16 bits, least significant byte first.
pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// 24 bits, least significant byte first.
pub(crate) fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]))
}

/// 32 bits, least significant byte first.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The four letters of a chunk's name.
pub(crate) fn tag(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    array(bytes, at)
}

/// 64 bits, most significant byte first.
pub(crate) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// 64 bits, least significant byte first.
pub(crate) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A float of 32 bits, least significant byte first.
pub(crate) fn lef32(bytes: &[u8], at: usize) -> Option<f32> {
    array(bytes, at).map(f32::from_le_bytes)
}

/// A float of 64 bits, least significant byte first.
pub(crate) fn lef64(bytes: &[u8], at: usize) -> Option<f64> {
    array(bytes, at).map(f64::from_le_bytes)
}
