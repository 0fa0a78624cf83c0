//! The grammar of revisions.

use crate::{Error, Result};

/// A parsed revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The name or id that it starts from.
    pub(crate) base: String,
    /// Where it goes from there.
    pub(crate) steps: Vec<Step>,
}

/// One step of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `~n`: n first parents back.
    Back(u32),
    /// `^n`: the n-th parent; `^0` is the commit itself.
    Parent(u32),
    /// `@{n}`: the n-th value of the ref before now.
    Nth(u32),
    /// `@{time}`: the ref's value at a time.
    At(String),
}

/// Parses a revision. Linear in its length.
pub(crate) fn parse(text: &str) -> Result<Revision> {
    let bad = |reason: &str| Error::Invalid {
        what: "revision",
        name: text.chars().take(80).collect::<String>().escape_debug().to_string(),
        reason: reason.to_owned(),
    };
    let end = text.find(['~', '^', '@']).unwrap_or(text.len());
    let (base, mut rest) = text.split_at(end);
    if base.is_empty() && !rest.is_empty() && !rest.starts_with('@') {
        return Err(bad("it does not start with a name or id"));
    }
    let mut steps = Vec::new();
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        if sign == '@' {
            let inner = rest.strip_prefix('{').ok_or_else(|| bad("`@` is followed by `{`, as in `@{1}`"))?;
            let close = inner.find('}').ok_or_else(|| bad("`@{` has no `}`"))?;
            let what = inner[..close].trim();
            rest = &inner[close + 1..];
            if !steps.is_empty() {
                return Err(bad("`@{…}` stands directly after the name of a ref"));
            }
            steps.push(match what.parse() {
                Ok(n) => Step::Nth(n),
                Err(_) if what.is_empty() => return Err(bad("`@{}` is empty")),
                Err(_) => Step::At(what.to_owned()),
            });
            continue;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let n = match number {
            "" => 1,
            number => number.parse().map_err(|_| bad("a number in it is too large"))?,
        };
        rest = after;
        steps.push(match sign {
            '~' => Step::Back(n),
            '^' => Step::Parent(n),
            _ => return Err(bad("after the name only `~n`, `^n` and `@{…}` may stand")),
        });
    }
    Ok(Revision { base: base.to_owned(), steps })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn steps_are_read_in_order() {
        let revision = parse("fix/boxes@{2 hours ago}~3^2~").unwrap();
        assert_eq!(revision.base, "fix/boxes");
        assert_eq!(revision.steps, [Step::At("2 hours ago".into()), Step::Back(3), Step::Parent(2), Step::Back(1)]);
        assert_eq!(parse("@{1}").unwrap(), Revision { base: String::new(), steps: vec![Step::Nth(1)] });
        for bad in ["~1", "main@", "main@{", "main@{}", "main~1x", "main~1@{1}", "main~99999999999"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
