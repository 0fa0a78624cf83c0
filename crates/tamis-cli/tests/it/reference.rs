//! docs/cli.md is what the commands say about themselves.

use std::fmt::Write;

use super::Place;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

/// The commands that a help text lists.
fn verbs(help: &str) -> Vec<String> {
    let after = help.split("Commands:\n").nth(1).unwrap_or("");
    let lines = after.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Adds what a command says about itself.
fn section(place: &Place, words: &[&str], text: &mut String) -> String {
    let help = place.ok(&[words, &["--help"]].concat());
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let level = "#".repeat(words.len() + 1);
    let _ = write!(text, "\n{level} tamis {}\n\n```text\n{}\n```\n", words.join(" "), lines.join("\n").trim_end());
    help
}

#[test]
fn the_reference_is_what_help_says() {
    let place = Place::new();
    let help = place.ok(&["--help"]);
    let mut text = String::from(
        "# The command line\n\nWritten from `tamis help`; renew it with `TAMIS_UPDATE=1 cargo test -p tamis-cli reference`.\n\
         Data goes to stdout, talk to stderr. Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 denied,\n\
         130 interrupted. With `--json`, lists print one object a line.\n",
    );
    for name in verbs(&help) {
        let help = section(&place, &[&name], &mut text);
        for verb in verbs(&help) {
            section(&place, &[&name, &verb], &mut text);
        }
    }
    if std::env::var_os("TAMIS_UPDATE").is_some() {
        std::fs::write(PATH, &text).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(written == text, "docs/cli.md is out of date: run `TAMIS_UPDATE=1 cargo test -p tamis-cli reference`");
}
