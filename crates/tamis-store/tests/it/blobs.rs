//! Blobs of all sizes, and what versions of them share.

use std::io::{Read, Seek, SeekFrom};

use proptest::prelude::*;
use tamis_core::Hash;
use tamis_store::{Store, WHOLE};

#[test]
fn blobs_around_every_limit_read_back() {
    let (dir, store) = crate::folder_lake();
    let sizes = [0, 1, 255, 256, 4096, WHOLE - 1, WHOLE, WHOLE + 1, 5 << 20, (16 << 20) - 1, 16 << 20, (33 << 20) + 7];
    let writer = store.writer().unwrap();
    let mut ids = Vec::new();
    for size in sizes {
        let bytes = crate::noise(size as u64, size);
        let id = writer.put_blob(&bytes).unwrap();
        assert_eq!(id, writer.put_blob_from(&mut &bytes[..]).unwrap(), "{size}");
        assert_eq!(id.0, Hash::of(&bytes));
        ids.push(id);
    }
    let before = ids.iter().map(|id| store.blob(id).unwrap().len() as usize).collect::<Vec<_>>();
    assert_eq!(before, sizes, "readable before it is finished");
    writer.finish().unwrap();
    let store = crate::reopen(&dir);
    for (id, size) in ids.iter().zip(sizes) {
        let blob = store.blob(id).unwrap();
        assert_eq!(blob.read().unwrap(), crate::noise(size as u64, size));
        let mut streamed = Vec::new();
        blob.reader().read_to_end(&mut streamed).unwrap();
        assert_eq!(Hash::of(&streamed), id.0);
    }
}

#[test]
fn an_appended_file_and_one_with_an_insertion_share_most_chunks() {
    let (_dir, store) = crate::folder_lake();
    let old = crate::noise(1, 30 << 20);
    let writer = store.writer().unwrap();
    writer.put_blob(&old).unwrap();
    let first = writer.finish().unwrap().bytes;
    let appended = [&old[..], &crate::noise(2, 1 << 20)].concat();
    let inserted = [&old[..10 << 20], b"a few bytes", &old[10 << 20..]].concat();
    for new in [appended, inserted] {
        let writer = store.writer().unwrap();
        let id = writer.put_blob(&new).unwrap();
        let bytes = writer.finish().unwrap().bytes;
        assert!(bytes < first / 8, "{bytes} of {first}");
        assert_eq!(store.blob(&id).unwrap().read().unwrap(), new);
    }
}

/// A stream that fails half way.
struct Broken(u64);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| std::io::Error::other("the line broke"))?;
        buffer.fill(self.0 as u8);
        Ok(buffer.len())
    }
}

#[test]
fn a_stream_that_breaks_is_an_error_and_no_blob() {
    let store = Store::memory().unwrap();
    let writer = store.writer().unwrap();
    let error = writer.put_blob_from(&mut Broken(1000)).unwrap_err();
    assert!(error.to_string().contains("the line broke"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn ranges_and_seeks_agree_with_the_content(seeks in prop::collection::vec((0u64..3_000_000, 0usize..400_000), 1..8)) {
        thread_local! {
            static BLOB: (Vec<u8>, tamis_store::Blob) = {
                let store = Store::memory().unwrap();
                let bytes = crate::noise(3, 2_500_000);
                let writer = store.writer().unwrap();
                let id = writer.put_blob(&bytes).unwrap();
                writer.finish().unwrap();
                (bytes, store.blob(&id).unwrap())
            };
        }
        BLOB.with(|(bytes, blob)| {
            let mut reader = blob.reader();
            for (at, length) in seeks {
                let end = (at as usize + length).min(bytes.len());
                let expected = bytes.get(at as usize..end).unwrap_or_default();
                assert_eq!(blob.read_range(at..at + length as u64).unwrap(), expected);
                reader.seek(SeekFrom::Start(at)).unwrap();
                let mut part = vec![0; length];
                let mut filled = 0;
                while filled < length {
                    let count = reader.read(&mut part[filled..]).unwrap();
                    if count == 0 { break }
                    filled += count;
                }
                assert_eq!(&part[..filled], expected);
            }
        });
    }
}
