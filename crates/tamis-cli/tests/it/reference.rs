//! docs/cli.md is what the commands say about themselves.

use std::fmt::Write;

use super::Place;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

#[test]
fn the_reference_is_what_help_says() {
    let place = Place::new();
    let help = place.ok(&["--help"]);
    let after = help.split("Commands:\n").nth(1).unwrap();
    let names =
        after.lines().take_while(|line| line.starts_with("  ")).filter_map(|line| line.split_whitespace().next());
    let mut text = String::from(
        "# The command line\n\nWritten from `tamis help`; renew it with `TAMIS_UPDATE=1 cargo test -p tamis-cli reference`.\n\
         Data goes to stdout, talk to stderr. Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 denied,\n\
         130 interrupted. With `--json`, lists print one object a line.\n",
    );
    for name in names.filter(|name| *name != "help") {
        let help = place.ok(&[name, "--help"]);
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## tamis {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    }
    if std::env::var_os("TAMIS_UPDATE").is_some() {
        std::fs::write(PATH, &text).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(written == text, "docs/cli.md is out of date: run `TAMIS_UPDATE=1 cargo test -p tamis-cli reference`");
}
