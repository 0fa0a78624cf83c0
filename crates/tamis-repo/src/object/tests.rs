//! Encodings are fixed: these bytes must never change for version 1.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tamis_core::{CommitId, Hash, ObjectId, Ontology, OperationId, TableId};

use super::*;

fn id(n: u8) -> Hash {
    Hash([n; 32])
}

fn commit() -> CommitObject {
    CommitObject {
        author: Author::new("Ada", "ada@example.org"),
        change: ChangeId(0x2a),
        extra: Default::default(),
        message: "first".into(),
        ontology: Some(ObjectId(id(2))),
        parents: vec![CommitId(id(1))],
        sensors: None,
        tables: [(SAMPLES.to_owned(), TableEntry { change: Some(id(4)), table: TableId(id(3)) })].into(),
        time: 1_700_000_000_000_000,
    }
}

fn view() -> View {
    let branch = Branch { commit: CommitId(id(1)), merge: None, protected: true };
    View { branches: [("main".to_owned(), branch)].into(), default: "main".into(), ..View::default() }
}

fn operation() -> OperationObject {
    OperationObject {
        action: Action::CherryPick,
        author: Author::default(),
        description: "x".into(),
        parent: None,
        time: 5,
        view: ObjectId(id(9)),
    }
}

fn check<T: Object + PartialEq + std::fmt::Debug>(value: &T, golden: &str) {
    let bytes = value.encode().unwrap();
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), golden);
    assert_eq!(&T::decode(&Hash::of(&bytes), &bytes).unwrap(), value);
}

#[test]
fn encodings_are_golden() {
    let h = |n: u8| Hash([n; 32]).to_hex();
    check(
        &commit(),
        &format!(
            "tamis commit 1\n{{\"author\":{{\"email\":\"ada@example.org\",\"name\":\"Ada\"}},\"change\":\"{:032x}\",\"message\":\"first\",\"ontology\":\"{}\",\"parents\":[\"{}\"],\"tables\":{{\"samples\":{{\"change\":\"{}\",\"table\":\"{}\"}}}},\"time\":1700000000000000}}",
            0x2a,
            h(2),
            h(1),
            h(4),
            h(3)
        ),
    );
    check(
        &view(),
        &format!(
            "tamis view 1\n{{\"branches\":{{\"main\":{{\"commit\":\"{}\",\"protected\":true}}}},\"default\":\"main\"}}",
            h(1)
        ),
    );
    check(
        &operation(),
        &format!(
            "tamis operation 1\n{{\"action\":\"cherry_pick\",\"author\":{{}},\"description\":\"x\",\"time\":5,\"view\":\"{}\"}}",
            h(9)
        ),
    );
    check(&Head { operation: OperationId(id(7)) }, &format!("tamis head 1\n{{\"operation\":\"{}\"}}", h(7)));
}

#[test]
fn the_root_commit_never_changes() {
    let repo = crate::Repo::memory().unwrap();
    let root = repo.commit(repo.root()).unwrap();
    assert!(root.is_root() && root.time == 0);
    assert_eq!(repo.root(), crate::Repo::memory().unwrap().root());
}

#[test]
fn other_bytes_of_the_same_value_are_refused() {
    let good = String::from_utf8(commit().encode().unwrap()).unwrap();
    for bad in [
        good.replace("{\"author\"", "{ \"author\""),
        good.replace("\"time\":1700000000000000", "\"time\":1700000000000000,\"x\":1"),
        good.replace("commit 1", "commit 2"),
        good.replace("tamis commit", "tamis view"),
        good.replace('\n', " "),
        good[..good.len() - 1].to_owned(),
        String::new(),
    ] {
        assert!(CommitObject::decode(&Hash::ZERO, bad.as_bytes()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn malformed_objects_never_panic(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut bytes = commit().encode().unwrap();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = CommitObject::decode(&Hash::ZERO, &bytes);
        let _ = View::decode(&Hash::ZERO, &bytes);
        let _ = OperationObject::decode(&Hash::ZERO, &bytes);
        let _ = Ontology::decode(&Hash::ZERO, &bytes);
    }
}
