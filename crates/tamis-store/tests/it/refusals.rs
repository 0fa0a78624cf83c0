//! What the store refuses, and how it says so.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tamis_core::{Classify, Kind};
use tamis_store::{Location, Store, StoreOptions};

#[test]
fn a_newer_lake_or_an_unknown_feature_is_refused() {
    let (dir, store) = crate::folder_lake();
    drop(store);
    let path = dir.path().join("lake.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to, needs) in [
        ("\"format\": 1", "\"format\": 2", "lake format 2"),
        ("\"required\": []", "\"required\": [\"withheld\"]", "feature `withheld`"),
    ] {
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = Store::open(&Location::Folder(dir.path().into()), StoreOptions::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        assert!(error.to_string().contains(needs), "{error}");
    }
    fs::write(&path, &text[..10]).unwrap();
    let error = Store::open(&Location::Folder(dir.path().into()), StoreOptions::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
}

#[test]
fn a_store_opened_for_reading_does_not_write() {
    let (dir, store) = crate::folder_lake();
    let ids = crate::put(&store, &[b"x".to_vec()]);
    let options = crate::options(|o| o.read_only = true);
    let reader = Store::open(&Location::Folder(dir.path().into()), options).unwrap();
    assert_eq!(reader.get(&ids[0]).unwrap(), "x");
    assert_eq!(reader.writer().unwrap_err().kind(), Kind::Denied);
    assert_eq!(reader.swap_ref("main", None, "x".into()).unwrap_err().kind(), Kind::Denied);
}

#[test]
fn a_read_only_folder_is_a_clear_error() {
    let (dir, store) = crate::folder_lake();
    let parts = ["", "packs", "refs", "tmp", "lock"];
    let set = |mode| {
        for part in parts {
            fs::set_permissions(dir.path().join(part), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o555);
    if fs::write(dir.path().join("probe"), "").is_ok() {
        eprintln!("skipped: permissions do not bind this user");
        fs::remove_file(dir.path().join("probe")).unwrap();
    } else {
        let writer = store.writer().unwrap();
        let error = writer.put(b"x").map(drop).and_then(|()| writer.finish().map(drop)).unwrap_err();
        assert_eq!(error.kind(), Kind::Denied, "{error}");
        assert!(error.to_string().contains("tmp"), "{error}");
        assert_eq!(store.swap_ref("main", None, "x".into()).unwrap_err().kind(), Kind::Denied);
    }
    set(0o755);
}
