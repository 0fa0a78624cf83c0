//! Texts with wildcards.

/// A text, or texts by wildcards: `*` stands for any characters, `?` for one. Upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    glyphs: Vec<Glyph>,
    /// The text, where there is no wildcard.
    literal: Option<String>,
}

/// A part of a [`Pattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// This character.
    Char(char),
    /// Any one character.
    One,
    /// Any characters, or none.
    Many,
}

impl Pattern {
    /// A pattern of these parts; several [`Glyph::Many`] in a row are one.
    pub fn new(glyphs: impl IntoIterator<Item = Glyph>) -> Pattern {
        let mut glyphs: Vec<Glyph> = glyphs.into_iter().collect();
        glyphs.dedup_by(|a, b| *a == Glyph::Many && *b == Glyph::Many);
        let char = |glyph: &Glyph| match glyph {
            Glyph::Char(char) => Some(*char),
            Glyph::One | Glyph::Many => None,
        };
        let literal = glyphs.iter().map(char).collect();
        Pattern { glyphs, literal }
    }

    /// A text without wildcards.
    pub fn literally(text: &str) -> Pattern {
        Pattern { glyphs: text.chars().map(Glyph::Char).collect(), literal: Some(text.to_owned()) }
    }

    /// Its parts.
    pub fn glyphs(&self) -> &[Glyph] {
        &self.glyphs
    }

    /// The text, where it has no wildcard.
    pub fn literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }

    /// The text before the first wildcard.
    pub fn prefix(&self) -> String {
        let char = |glyph: &Glyph| match glyph {
            Glyph::Char(char) => Some(*char),
            Glyph::One | Glyph::Many => None,
        };
        self.glyphs.iter().map_while(char).collect()
    }

    /// Whether every text fits.
    pub fn is_everything(&self) -> bool {
        self.glyphs == [Glyph::Many]
    }

    /// Whether a whole text fits. O(text · pattern) at worst.
    pub fn fits(&self, text: &str) -> bool {
        if let Some(literal) = &self.literal {
            return literal == text;
        }
        // Greedy with one step back to the last `*`: enough, since a later `*` makes earlier ones free.
        let (mut at, mut rest) = (0, text.chars());
        let mut back: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match self.glyphs.get(at) {
                Some(Glyph::Many) => {
                    back = Some((at, rest.clone()));
                    at += 1;
                    continue;
                }
                Some(glyph) => {
                    let mut ahead = rest.clone();
                    let is_next = match (ahead.next(), glyph) {
                        (Some(char), Glyph::Char(wanted)) => char == *wanted,
                        (next, _) => next.is_some(),
                    };
                    if is_next {
                        (at, rest) = (at + 1, ahead);
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            let Some((star, from)) = &mut back else { return false };
            if from.next().is_none() {
                return false;
            }
            (at, rest) = (*star + 1, from.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text.chars().map(|char| match char {
            '*' => Glyph::Many,
            '?' => Glyph::One,
            char => Glyph::Char(char),
        }))
    }

    #[test]
    fn wildcards_stand_for_characters() {
        let fits = [("a*c", "abbc"), ("*", ""), ("a?c", "aöc"), ("*b*b", "abab"), ("**x", "x"), ("a*b*c", "a-b-b-c")];
        for (wild, text) in fits {
            assert!(pattern(wild).fits(text), "{wild} {text}");
        }
        for (wild, text) in [("a*c", "abcd"), ("?", ""), ("a?c", "ac"), ("bus", "Bus"), ("a*b*c", "a-c-b")] {
            assert!(!pattern(wild).fits(text), "{wild} {text}");
        }
        assert_eq!(pattern("train/*x").prefix(), "train/");
        assert!(pattern("***").is_everything());
    }
}
