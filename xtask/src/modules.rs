//! Modules of a crate use each other in one direction: cycles between top-level modules are faults.
//!
//! An edge is any path `crate::module::…` in the code of a module, tests left out. A name that the crate's root only
//! re-exports (`crate::Store`) counts for the module it comes from, so that a cycle cannot hide behind `lib.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::Fault;
use crate::source;
use crate::tree::Tree;
use crate::workspace::Workspace;

/// Modules of the type that a crate is entered by. It delegates to its verbs, which take it: its own edges do not count.
const ENTRIES: &[(&str, &str)] = &[
    ("tamis-store", "store"),
    ("tamis-table", "table"),
    ("tamis-repo", "repo"),
    ("tamis-repo", "dataset"),
    ("tamis-engine", "engine"),
];

/// Edges `(crate, from, to)` that are not followed: cycles that are known and owed. The list only gets shorter.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // A node lists leaves, and the cache of leaves opens nodes.
    ("tamis-table", "node", "leaf"),
    // Landing merges what others landed before, and a merge lands.
    ("tamis-repo", "merge", "landing"),
    // Rows apply the edits of a transaction, read by a snapshot's options and merge by the rules of merge.
    ("tamis-repo", "rows", "merge"),
    ("tamis-repo", "rows", "snapshot"),
    ("tamis-repo", "rows", "transaction"),
    // The arguments name the commands, which take their parts of them.
    ("tamis-cli", "args", "cmd"),
];

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Every cycle of every crate, once.
pub(crate) fn check(workspace: &Workspace, tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for package in &workspace.packages {
        let Ok(folder) = package.folder().strip_prefix(&workspace.root) else { continue };
        let source = format!("{}/src/", folder.to_string_lossy());
        let mut edges = edges(tree, &source);
        for (_, from, to) in EXCEPTIONS.iter().filter(|(name, ..)| *name == package.name) {
            edges.entry(String::from(*from)).or_default().remove(*to);
        }
        for (_, entry) in ENTRIES.iter().filter(|(name, _)| *name == package.name) {
            edges.remove(*entry);
        }
        let cycles = cycles(&edges);
        faults.extend(
            cycles.iter().map(|cycle| Fault::new(&package.name, format!("modules in a cycle: {}", cycle.join(" -> ")))),
        );
    }
    faults
}

/// Which top-level module names which, under one `src/` folder.
fn edges(tree: &Tree, source: &str) -> Edges {
    let files: Vec<_> = tree.under(source, ".rs").filter(|file| !file.is_test()).collect();
    let module = |path: &str| {
        let first = path[source.len()..].split('/').next().unwrap_or_default();
        String::from(first.strip_suffix(".rs").unwrap_or(first))
    };
    let is_root = |name: &str| matches!(name, "lib" | "main" | "bin");
    let modules: BTreeSet<String> = files.iter().map(|file| module(&file.path)).filter(|name| !is_root(name)).collect();
    let exported =
        tree.find(&format!("{source}lib.rs")).map(|root| reexports(&root.text, &modules)).unwrap_or_default();
    let mut edges = Edges::new();
    for file in files {
        let from = module(&file.path);
        if is_root(&from) {
            continue;
        }
        let code = source::without_tests(&source::code_only(&file.text));
        let used = crate_paths(&code)
            .into_iter()
            .filter_map(|name| modules.get(&name).cloned().or_else(|| exported.get(&name).cloned()));
        let used: Vec<_> = used.filter(|to| *to != from).collect();
        edges.entry(from).or_default().extend(used);
    }
    edges
}

/// First names after `crate::`, those of a group each.
fn crate_paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source::names(code).filter(|(_, name)| *name == "crate") {
        if let Some(rest) = code[at + "crate".len()..].trim_start().strip_prefix("::") {
            found.extend(heads(rest).into_iter().map(String::from));
        }
    }
    found
}

/// The first names of a path or of a braced group of paths: `{a::b, c::{d, e}}` gives `a`, `c`.
fn heads(rest: &str) -> Vec<&str> {
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return source::names(rest).next().map(|(_, name)| name).into_iter().collect();
    };
    let (mut depth, mut expects, mut found) = (1_usize, true, Vec::new());
    let mut at = 0;
    for (start, name) in source::names(group).chain([(group.len(), "")]) {
        for c in group[at.min(start)..start].chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => expects = true,
                _ => {}
            }
            if depth == 0 {
                return found;
            }
        }
        if expects && depth == 1 {
            found.push(name);
            expects = false;
        }
        at = start + name.len();
    }
    found
}

/// Names that the root re-exports from its modules: `pub use store::{Store, Writer as W}` gives both to `store`.
fn reexports(root: &str, modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let code = source::without_tests(&source::code_only(root));
    let mut found = BTreeMap::new();
    for statement in code.split(';') {
        let Some(at) = statement.find("use ").filter(|at| statement[..*at].contains("pub")) else { continue };
        let mut names = source::names(&statement[at + "use ".len()..]).map(|(_, name)| name);
        let Some(module) = names.find(|name| !matches!(*name, "crate" | "self")) else { continue };
        if modules.contains(module) {
            found.extend(names.map(|name| (String::from(name), String::from(module))));
        }
    }
    found
}

/// One shortest cycle for each module that is in one, each set of modules once.
fn cycles(edges: &Edges) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for start in edges.keys() {
        if let Some(cycle) = way_back(edges, start) {
            let members: BTreeSet<_> = cycle.iter().cloned().collect();
            if seen.insert(members) {
                found.push(cycle);
            }
        }
    }
    found
}

/// The shortest way from a module back to itself, by breadth-first search.
fn way_back(edges: &Edges, start: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in edges.get(at).into_iter().flatten() {
            if next == start {
                let mut way = vec![String::from(start), String::from(at)];
                let mut step = at;
                while let Some(before) = came_from.get(step) {
                    way.push(String::from(*before));
                    step = before;
                }
                way.reverse();
                if at == start {
                    way.truncate(2);
                }
                return Some(way);
            }
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::tree;
    use crate::workspace::tests::workspace;

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        check(&workspace(&[("c", 0, &[], &[])]), &tree(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_direction_is_fine() {
        let files = [
            ("crates/c/src/lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("crates/c/src/a/mod.rs", "use crate::b::{B, C};"),
            ("crates/c/src/b.rs", "// crate::a\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
        ];
        assert_eq!(faults(&files), Vec::<String>::new());
    }

    #[test]
    fn a_cycle_is_told_once() {
        let files = [
            ("crates/c/src/lib.rs", ""),
            ("crates/c/src/a.rs", "use crate::{b::X, std};"),
            ("crates/c/src/b/x.rs", "fn f() { crate::d::g() }"),
            ("crates/c/src/d.rs", "use crate::a;"),
        ];
        assert_eq!(faults(&files), ["c: modules in a cycle: a -> b -> d -> a"]);
    }

    #[test]
    fn a_cycle_does_not_hide_behind_the_root() {
        let files = [
            ("crates/c/src/lib.rs", "mod a; mod b; pub use crate::a::{A, Aa as Alias};"),
            ("crates/c/src/a.rs", "use crate::b::B;"),
            ("crates/c/src/b.rs", "use crate::Alias;"),
        ];
        assert_eq!(faults(&files), ["c: modules in a cycle: a -> b -> a"]);
    }

    #[test]
    fn the_entry_of_a_crate_may_delegate() {
        let files = [
            ("crates/tamis-store/src/store.rs", "use crate::blob::Blob;"),
            ("crates/tamis-store/src/blob.rs", "use crate::store::Store;"),
        ];
        assert!(check(&workspace(&[("tamis-store", 1, &[], &[])]), &tree(&files)).is_empty());
    }

    #[test]
    fn groups_give_their_first_names() {
        assert_eq!(heads("{a::{x, y}, b, c as d, e::f::{g, h::{i}}} j"), ["a", "b", "c", "e"]);
        assert_eq!(heads("a::b"), ["a"]);
        assert_eq!(heads("*"), Vec::<&str>::new());
    }
}
