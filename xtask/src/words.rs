//! Names say what a thing is: the words that say nothing are banned.

use crate::fault::Fault;
use crate::source;
use crate::tree::Tree;

/// Words that no name may have as a part.
const NOWHERE: &[&str] = &["manager", "helper", "helpers", "util", "utils", "processor", "wrapper", "handler", "misc"];

/// Words that no type or module may end in; as a part of a longer name they can mean something (`base_tree`).
const NOT_LAST: &[&str] = &["common", "impl", "info", "data", "base"];

/// First words that no function may have.
const NOT_FIRST: &[&str] = &["do", "process", "handle"];

/// Names that stay: other people's words for their own things.
const KEPT: &[&str] = &["MaskInfo"];

/// A banned word in the name of a type, function or module of Rust code; tests are free.
pub(crate) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.under("", ".rs").filter(|file| !file.is_test() && !file.path.starts_with("fuzz/")) {
        if let Some(word) = banned("mod", file.name().strip_suffix(".rs").unwrap_or_default()) {
            faults.push(Fault::new(&file.path, format!("`{word}` says nothing: name the file after its noun or verb")));
        }
        let code = source::without_tests(&source::code_only(&file.text));
        let mut keyword = "";
        for (at, name) in source::names(&code) {
            if let Some(word) = banned(keyword, name) {
                let place = format!("{}:{}", file.path, source::line_of(&code, at));
                faults.push(Fault::new(place, format!("`{word}` in `{name}` says nothing: name what it is or does")));
            }
            keyword = name;
        }
    }
    faults
}

/// The banned word of a name that stands after a keyword, if any.
fn banned(keyword: &str, name: &str) -> Option<String> {
    if KEPT.contains(&name) {
        return None;
    }
    let words = words(name);
    let is_type = matches!(keyword, "struct" | "enum" | "trait" | "type" | "union");
    let hit = match keyword {
        "fn" => words.first().filter(|first| words.len() > 1 && NOT_FIRST.contains(&first.as_str())),
        "mod" => words.last().filter(|last| NOT_LAST.contains(&last.as_str())),
        _ if is_type => words.last().filter(|last| words.len() > 1 && NOT_LAST.contains(&last.as_str())),
        _ => return None,
    };
    hit.or_else(|| words.iter().find(|word| NOWHERE.contains(&word.as_str()))).cloned()
}

/// The words of a name in either case, in lower case: `TreeNode2` and `tree_node2` give `tree`, `node2`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for c in name.chars() {
        if c != '_' {
            let starts = before == '_' || (c.is_uppercase() && before.is_lowercase());
            if starts {
                words.push(String::new());
            }
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::tree;

    fn count(code: &str) -> usize {
        check(&tree(&[("a/src/b.rs", code)])).len()
    }

    #[test]
    fn empty_words_are_found_with_their_line() {
        let faults =
            check(&tree(&[("a/src/b.rs", "struct Page;\nstruct PageManager;\nfn process_row() {}\nmod utils;")]));
        let places: Vec<_> = faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["a/src/b.rs:2", "a/src/b.rs:3", "a/src/b.rs:4"]);
        assert_eq!(check(&tree(&[("a/src/helpers.rs", "")])).len(), 1);
    }

    #[test]
    fn a_word_inside_a_longer_name_may_mean_something() {
        assert_eq!(count("fn base_tree() {} struct BasePage; fn process() {} struct Database; enum Dataset {}"), 0);
        assert_eq!(count("struct ImageInfo; trait StoreImpl {}"), 2);
    }

    #[test]
    fn uses_comments_strings_and_tests_are_free() {
        assert_eq!(count("// struct FooManager\nlet x = \"fn do_it\"; other::Helper::new();"), 0);
        assert_eq!(count("#[cfg(test)]\nmod tests { struct FooHelper; }"), 0);
        assert_eq!(check(&tree(&[("a/tests/it/b.rs", "struct FooHelper;")])).len(), 0);
    }

    #[test]
    fn names_split_into_words() {
        assert_eq!(words("TreeNode2"), ["tree", "node2"]);
        assert_eq!(words("__tree_node"), ["tree", "node"]);
    }
}
