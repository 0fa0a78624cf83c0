//! Development tasks: the guards that keep the shape of the code, and the generators of its indexes.
//!
//! `cargo xtask` alone runs every guard; `cargo xtask help` lists them. A guard is a pure function from what it read
//! to a list of [`fault::Fault`]s, so that each is tested on small fixtures without a workspace.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program of the developer")]

mod deps;
mod docs;
mod fault;
mod modules;
mod paths;
mod sizes;
mod source;
mod tree;
mod words;
mod workspace;

use std::process::ExitCode;

use fault::Fault;
use tree::Tree;
use workspace::Workspace;

/// One guard: its name on the command line, what it keeps, and how it is run.
struct Guard {
    name: &'static str,
    keeps: &'static str,
    run: fn(&Workspace, &Tree) -> Vec<Fault>,
}

const GUARDS: &[Guard] = &[
    Guard {
        name: "deps",
        keeps: "crates depend downwards only; a foreign crate is the secret of its owner; modules form no cycle",
        run: |workspace, tree| [deps::check(workspace), modules::check(workspace, tree)].concat(),
    },
    Guard { name: "sizes", keeps: "code files and crate roots stay small", run: |_, tree| sizes::check(tree) },
    Guard { name: "words", keeps: "names say what a thing is: no banned words", run: |_, tree| words::check(tree) },
    Guard { name: "docs", keeps: "crate table, indexes and links agree with the tree", run: docs::check },
    Guard {
        name: "paths",
        keeps: "no file names one machine's folders or a package registry's host",
        run: |_, tree| paths::check(tree),
    },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["help" | "-h" | "--help"] => {
            println!("cargo xtask [GUARD…]        run these guards, or all\n");
            GUARDS.iter().for_each(|guard| println!("  {:<8} {}", guard.name, guard.keeps));
            println!("\ncargo xtask docs --write    bring the crate table and the indexes up to date");
            ExitCode::SUCCESS
        }
        ["docs", "--write"] => report(load().and_then(|(workspace, tree)| docs::write(&workspace, &tree))),
        names => report(load().and_then(|(workspace, tree)| run(names, &workspace, &tree))),
    }
}

/// Reads what the guards look at.
fn load() -> Result<(Workspace, Tree), String> {
    let workspace = Workspace::load()?;
    let tree = Tree::load(&workspace.root)?;
    Ok((workspace, tree))
}

/// Runs the named guards (all when none is named) and prints every fault; the error counts them.
fn run(names: &[&str], workspace: &Workspace, tree: &Tree) -> Result<(), String> {
    if let Some(name) = names.iter().find(|name| GUARDS.iter().all(|guard| guard.name != **name)) {
        return Err(format!("no guard is called `{name}`; run `cargo xtask help`"));
    }
    let mut count = 0;
    for guard in GUARDS.iter().filter(|guard| names.is_empty() || names.contains(&guard.name)) {
        let faults = (guard.run)(workspace, tree);
        faults.iter().for_each(|fault| eprintln!("xtask {}: {fault}", guard.name));
        let fatal = faults.iter().filter(|fault| fault.fatal).count();
        if fatal == 0 {
            println!("xtask {}: ok", guard.name);
        }
        count += fatal;
    }
    if count == 0 { Ok(()) } else { Err(format!("{count} faults")) }
}

fn report(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
