//! The program as people run it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod damage;
mod real;
mod reference;
mod resume;
mod search;
mod sources;
mod sql;
mod walk;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A scratch folder with a lake of its own.
struct Place {
    dir: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    talk: String,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tamis"));
        command.args(args).current_dir(folder).env("TAMIS_LAKE", self.path("lake"));
        command.env("TAMIS_AUTHOR", "Ada <ada@example.org>").env("TAMIS_NO_PROGRESS", "1");
        command
    }

    fn run_in(&self, folder: &Path, args: &[&str]) -> Said {
        let output = self.command(folder, args).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            talk: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn run(&self, args: &[&str]) -> Said {
        self.run_in(self.dir.path(), args)
    }

    fn ok(&self, args: &[&str]) -> String {
        self.ok_in(self.dir.path(), args)
    }

    fn ok_in(&self, folder: &Path, args: &[&str]) -> String {
        let said = self.run_in(folder, args);
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        said.out
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }
}
