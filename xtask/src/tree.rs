//! The files of the project: what git tracks, and what it would track.

use std::path::Path;
use std::process::Command;

/// Every text file, by path relative to the root with `/`, in path order.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Tree {
    /// Lists by `git ls-files` (tracked, and untracked but not ignored) and reads; files that are not UTF-8 are left out.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .map_err(|error| format!("cannot run `git ls-files`: {error}"))?;
        if !output.status.success() {
            return Err(format!("`git ls-files` failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let mut paths: Vec<String> = String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(String::from)
            .collect();
        paths.sort();
        paths.dedup();
        let files = paths
            .into_iter()
            .filter_map(|path| std::fs::read_to_string(root.join(&path)).ok().map(|text| File { path, text }))
            .collect();
        Ok(Self { files })
    }

    /// The file at that path.
    pub(crate) fn find(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files under a folder (`docs/adr/`), or all for the empty prefix, whose names end so.
    pub(crate) fn under<'a>(&'a self, folder: &'a str, end: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.starts_with(folder) && file.path.ends_with(end))
    }
}

impl File {
    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether it only holds tests or what tests read: their own folder, or the sibling `tests.rs` of a module.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "testdata" | "tests.rs"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A tree from `(path, text)`.
    pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File { path: String::from(*path), text: String::from(*text) };
        Tree { files: files.iter().map(file).collect() }
    }

    #[test]
    fn finds_by_folder_and_ending() {
        let tree = tree(&[("docs/a.md", ""), ("docs/b.txt", ""), ("src/docs/c.md", "")]);
        let found: Vec<_> = tree.under("docs/", ".md").map(|file| file.name()).collect();
        assert_eq!(found, ["a.md"]);
        assert!(tree.find("docs/b.txt").is_some());
    }

    #[test]
    fn knows_tests_by_their_place() {
        let tree = tree(&[("c/tests/it/a.rs", ""), ("c/src/x/tests.rs", ""), ("c/src/contests.rs", "")]);
        let tests: Vec<_> = tree.files.iter().map(File::is_test).collect();
        assert_eq!(tests, [true, true, false]);
    }
}
