//! The project runs anywhere: no file names the folders of one machine or the host of a package registry.

use crate::fault::Fault;
use crate::tree::Tree;

/// What may not stand in a file. `Cargo.lock` and other lock files are the package clients' own.
const BANNED: &[(&str, &str)] = &[
    ("/root/", "a home folder"),
    ("/home/", "a home folder"),
    ("/Users/", "a home folder"),
    ("/work/", "one machine's work folder"),
    ("pypi.org", "a package registry's host"),
    ("pythonhosted.org", "a package registry's host"),
    ("registry.npmjs", "a package registry's host"),
    ("static.crates.io", "a package registry's host"),
    ("index.crates.io", "a package registry's host"),
    ("deb.debian.org", "a package registry's host"),
];

/// Files that are exempt: this table, and what package clients write.
const EXEMPT: &[&str] = &["xtask/src/paths.rs", "Cargo.lock", "package-lock.json"];

/// Every banned text, with its line. `~/` and relative paths are fine, and so is `/home/user` in a test.
pub(crate) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.files.iter().filter(|file| !EXEMPT.iter().any(|end| file.path.ends_with(end))) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let hit = BANNED.iter().find(|(text, _)| stands(line, text));
            let free = file.is_test() || line.contains("/home/user") || line.contains("/home/me");
            if let Some((text, what)) = hit.filter(|(_, what)| !free || what.contains("host")) {
                faults.push(Fault::new(format!("{}:{number}", file.path), format!("`{text}` is {what}")));
            }
        }
    }
    faults
}

/// Whether a line has the text where an absolute path could start, not inside a longer relative one.
fn stands(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back().unwrap_or(' ');
        !text.starts_with('/') || !(before.is_alphanumeric() || "._-~/*}$".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::tree;

    fn count(path: &str, text: &str) -> usize {
        check(&tree(&[(path, text)])).len()
    }

    #[test]
    fn absolute_homes_and_hosts_are_found() {
        assert_eq!(count("README.md", "see /root/.cargo and `/work/x`\n/home/alice/data"), 2);
        assert_eq!(count("a.toml", "url = \"https://pypi.org/simple\""), 1);
    }

    #[test]
    fn relative_paths_and_examples_are_fine() {
        assert_eq!(count("README.md", "bench/work/x ~/work/y $HOME/work/z /home/user/data"), 0);
        assert_eq!(count("a/tests/it/b.rs", "\"/root/x\""), 0);
        assert_eq!(count("Cargo.lock", "index.crates.io"), 0);
    }
}
