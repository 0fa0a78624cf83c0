//! What the documents list is what the tree has: the crate table, the indexes of specifications and decisions, links.
//!
//! `write` makes the lists between `<!-- list -->` and `<!-- end -->` anew; `check` tells where they are stale.

use crate::fault::Fault;
use crate::tree::{File, Tree};
use crate::workspace::Workspace;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const SPECS: &str = "docs/spec/";
const DECISIONS: &str = "docs/adr/";
const START: &str = "<!-- list -->\n";
const END: &str = "<!-- end -->";

/// Stale lists, clashing numbers of decisions, and links to files that are not there.
pub(crate) fn check(workspace: &Workspace, tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, list) in lists(workspace, tree) {
        match tree.find(&path).and_then(|file| body(&file.text)) {
            None => faults.push(Fault::new(path, format!("has no list between `{}` and `{END}`", START.trim()))),
            Some(found) if found != list => {
                let lines = found
                    .lines()
                    .filter(|line| !list.contains(line))
                    .chain(list.lines().filter(|line| !found.contains(line)));
                let first = lines.map(str::trim).find(|line| !line.is_empty()).unwrap_or("order of the lines");
                faults.push(Fault::new(path, format!("its list is stale ({first}); run `cargo xtask docs --write`")));
            }
            Some(_) => {}
        }
    }
    faults.extend(numbers(tree));
    faults.extend(tree.under("", ".md").flat_map(|file| dead_links(tree, file)));
    faults
}

/// Writes every list anew.
pub(crate) fn write(workspace: &Workspace, tree: &Tree) -> Result<(), String> {
    for (path, list) in lists(workspace, tree) {
        let file = tree.find(&path).ok_or_else(|| format!("there is no `{path}`"))?;
        let old = body(&file.text).ok_or_else(|| format!("`{path}` has no list"))?;
        let text = file.text.replacen(&format!("{START}{old}"), &format!("{START}{list}"), 1);
        if text != file.text {
            std::fs::write(workspace.root.join(&path), text)
                .map_err(|error| format!("cannot write `{path}`: {error}"))?;
            println!("xtask docs: wrote {path}");
        }
    }
    Ok(())
}

/// Each document that holds a list, with the list that it ought to hold.
fn lists(workspace: &Workspace, tree: &Tree) -> Vec<(String, String)> {
    let index = |folder: &str| {
        let files = tree
            .under(folder, ".md")
            .filter(|file| file.name() != "README.md" && !file.path[folder.len()..].contains('/'));
        files.map(|file| format!("- [{}]({})\n", title(file), file.name())).collect::<String>()
    };
    vec![
        (String::from(ARCHITECTURE), crate_table(workspace)),
        (format!("{SPECS}README.md"), index(SPECS)),
        (format!("{DECISIONS}README.md"), index(DECISIONS)),
    ]
}

fn crate_table(workspace: &Workspace) -> String {
    let rows = workspace.packages.iter().map(|package| {
        let layer = package.layer().map_or(String::from("-"), |layer| layer.to_string());
        format!("| {layer} | `{}` | {} |\n", package.name, package.description.as_deref().unwrap_or_default())
    });
    String::from("| layer | crate | what it does |\n|---|---|---|\n") + &rows.collect::<String>()
}

/// The list that a document holds now.
fn body(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(START)?;
    rest.split_once(END).map(|(body, _)| body)
}

/// The first heading of a document, or its file name.
fn title(file: &File) -> &str {
    file.text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(file.name()).trim()
}

/// Decisions are `NNNN-title.md`, each number once.
fn numbers(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut before: Option<(&str, &str)> = None;
    for file in tree.under(DECISIONS, ".md").filter(|file| file.name() != "README.md") {
        let number = file.name().get(..4).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(number) = number.filter(|_| file.name().as_bytes().get(4) == Some(&b'-')) else {
            faults.push(Fault::new(&file.path, "a decision is called NNNN-title.md"));
            continue;
        };
        if let Some((_, other)) = before.filter(|(taken, _)| *taken == number) {
            faults.push(Fault::new(&file.path, format!("number {number} is taken by `{other}`")));
        }
        before = Some((number, file.name()));
    }
    faults
}

/// Relative links of a document whose target is neither a file nor a folder of the tree.
fn dead_links(tree: &Tree, file: &File) -> Vec<Fault> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let dead = links(&file.text).filter(|(_, target)| {
        let path = resolve(folder, target);
        path.as_ref().is_none_or(|path| {
            !tree.files.iter().any(|file| file.path == *path || file.path.starts_with(&format!("{path}/")))
        })
    });
    dead.map(|(line, target)| {
        Fault::new(format!("{}:{line}", file.path), format!("links to `{target}`, which is not there"))
    })
    .collect()
}

/// Targets of `[text](target)` with their lines, outside code; web addresses and anchors left out.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..)
        .zip(text.lines())
        .filter(move |(_, line)| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        })
        .flat_map(|(number, line)| line.split("](").skip(1).map(move |rest| (number, rest)))
        .filter_map(|(number, rest)| rest.split_once(')').map(|(target, _)| (number, target)))
        .map(|(number, target)| (number, target.split('#').next().unwrap_or_default()))
        .filter(|(_, target)| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

/// A path from a folder, `.` and `..` taken away; `None` when it leaves the tree.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::tree;
    use crate::workspace::tests::workspace;

    const TABLE: &str =
        "<!-- list -->\n| layer | crate | what it does |\n|---|---|---|\n| 0 | `a` | what a does. |\n<!-- end -->";

    fn faults(architecture: &str, spec: &str, adr: &str, more: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![(ARCHITECTURE, architecture), ("docs/adr/README.md", adr)];
        files.extend_from_slice(more);
        files.push(("docs/spec/README.md", spec));
        check(&workspace(&[("a", 0, &[], &[])]), &tree(&files)).iter().map(ToString::to_string).collect()
    }

    const EMPTY: &str = "<!-- list -->\n<!-- end -->";

    #[test]
    fn lists_that_agree_are_fine() {
        assert_eq!(faults(TABLE, EMPTY, EMPTY, &[]), Vec::<String>::new());
    }

    #[test]
    fn a_stale_table_and_a_missing_one_are_told() {
        assert!(faults(&TABLE.replace("`a`", "`b`"), EMPTY, EMPTY, &[])[0].contains("stale"));
        assert!(faults("", EMPTY, EMPTY, &[])[0].contains("no list"));
    }

    #[test]
    fn each_specification_is_in_the_index() {
        let spec = ("docs/spec/pack.md", "# The pack\n");
        assert_eq!(faults(TABLE, EMPTY, EMPTY, &[spec]).len(), 1);
        let index = "<!-- list -->\n- [The pack](pack.md)\n<!-- end -->";
        assert_eq!(faults(TABLE, index, EMPTY, &[spec]), Vec::<String>::new());
    }

    #[test]
    fn decisions_have_a_number_of_their_own() {
        let index = "<!-- list -->\n- [A](0001-a.md)\n- [B](0001-b.md)\n- [C](c.md)\n<!-- end -->";
        let more = [("docs/adr/0001-a.md", "# A"), ("docs/adr/0001-b.md", "# B"), ("docs/adr/c.md", "# C")];
        let said = faults(TABLE, EMPTY, index, &more);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("0001 is taken"));
    }

    #[test]
    fn dead_links_are_told_with_their_line() {
        let text = "see [a](../ARCHITECTURE.md#x), [web](https://x.y), [dir](adr)\n[b](gone.md)\n```\n[c](gone.md)\n```\n[d](../../x)";
        let said = faults(TABLE, EMPTY, EMPTY, &[("docs/x.md", text)]);
        assert_eq!(
            said,
            [
                "docs/x.md:2: links to `gone.md`, which is not there",
                "docs/x.md:6: links to `../../x`, which is not there"
            ]
        );
    }
}
