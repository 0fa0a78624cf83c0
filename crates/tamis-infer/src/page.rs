//! The page about functions, written from the registry.

use std::fmt::Write;

use crate::registry::FUNCTIONS;

/// The page in Markdown: every function with its values and parameters.
pub fn functions_markdown() -> String {
    let mut out = String::from(
        "# Derived fields\n\nWritten from the table in `crates/tamis-infer`; do not edit. A function computes one value of \
         a sample from its media or text alone. Its id is made of name, version and parameters (files by their content), \
         so what was computed once is never computed again.\n\n| function | works on | gives | what it is |\n\
         |---|---|---|---|\n",
    );
    for spec in FUNCTIONS {
        let (name, input) = (spec.name, spec.input.as_str());
        let _ = writeln!(out, "| [{name}](#{name}) | {input} | {} | {} |", spec.gives, spec.help);
    }
    for spec in FUNCTIONS {
        let _ = writeln!(out, "\n## {}\n\n{}. Gives {}. Version {}.", spec.name, spec.help, spec.gives, spec.version);
        if !spec.deterministic {
            out.push_str("Values may differ in their last digits between machines.\n");
        }
        let _ = writeln!(out, "\nSource: {}.", spec.source);
        if !spec.params.is_empty() {
            out.push_str("\n| parameter | values | default | what it does |\n|---|---|---|---|\n");
        }
        for param in spec.params {
            let default = match param.default {
                None => "has to be given".to_owned(),
                Some("") => "none".to_owned(),
                Some(default) => format!("`{default}`"),
            };
            let _ = writeln!(out, "| `{}` | {} | {default} | {} |", param.name, param.kind.describe(), param.help);
        }
    }
    out
}
