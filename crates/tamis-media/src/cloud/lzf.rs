//! LZF, the compression of binary PCD files. Source: the format of liblzf by M. Lehmann.

/// Unpacks into exactly `size` bytes; [`None`] when the data is damaged or gives another size.
pub(super) fn unpack(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    // One packed byte never gives more than 264 (two or three bytes copy at most that many).
    if size > packed.len().saturating_mul(264) {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    let mut at = 0;
    while at < packed.len() {
        let control = usize::from(packed[at]);
        at += 1;
        if control < 32 {
            out.extend_from_slice(packed.get(at..at + control + 1)?);
            at += control + 1;
        } else {
            let mut length = control >> 5;
            if length == 7 {
                length += usize::from(*packed.get(at)?);
                at += 1;
            }
            let back = (control & 31) << 8 | usize::from(*packed.get(at)?);
            at += 1;
            let from = out.len().checked_sub(back + 1)?;
            for i in from..from + length + 2 {
                out.push(*out.get(i)?);
            }
        }
        if out.len() > size {
            return None;
        }
    }
    (out.len() == size).then_some(out)
}
