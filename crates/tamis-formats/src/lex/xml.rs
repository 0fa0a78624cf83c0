//! XML as a small tree with lines. Entities beyond the five of XML itself and character numbers are refused, not
//! expanded, so that a file cannot grow in memory; depth and size are bounded.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Fault, text};

/// Elements inside elements at most.
const DEPTH: usize = 64;

/// An element with its attributes, text and children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// The name without its prefix's meaning.
    pub(crate) name: String,
    /// Attributes in order.
    pub(crate) attributes: Vec<(String, String)>,
    /// The text between its children, trimmed.
    pub(crate) text: String,
    /// The elements inside.
    pub(crate) children: Vec<Element>,
    /// The line it starts on.
    pub(crate) line: u64,
}

impl Element {
    /// The first child of a name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The value of an attribute.
    pub(crate) fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The finite number in an attribute.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.attr(name).and_then(|t| t.trim().parse().ok()).filter(|n: &f64| n.is_finite())
    }

    /// The text of the first child of a name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.as_str())
    }
}

/// Reads a whole document.
///
/// # Errors
/// A [`Fault`] for what is not well-formed, cut short, of an unknown encoding, or uses entities of its own.
pub(crate) fn parse(bytes: &[u8]) -> Result<Element, Fault> {
    read(bytes, None)
}

/// Reads a document whose outermost element holds many others: each of those is handed on and forgotten; what was
/// read before a fault stands. The outermost element comes back without them.
///
/// # Errors
/// As [`parse`].
pub(crate) fn each(bytes: &[u8], mut take: impl FnMut(Element)) -> Result<Element, Fault> {
    read(bytes, Some(&mut take))
}

fn read(bytes: &[u8], mut take: Option<&mut dyn FnMut(Element)>) -> Result<Element, Fault> {
    let document = decode(bytes)?;
    let mut reader = Reader::from_str(&document);
    let mut lines = Lines { document: document.as_bytes(), at: 0, line: 1, start: 0 };
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let (line, column) = lines.of(reader.buffer_position());
        let fault = |message: String| Fault::new(line, column, message);
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(e) => {
                let (line, column) = lines.of(reader.error_position());
                return Err(Fault::new(line, column, e.to_string()));
            }
        };
        match event {
            Event::Start(tag) => {
                if open.len() >= DEPTH {
                    return Err(fault(format!("elements are nested deeper than {DEPTH}")));
                }
                open.push(element(&tag, line).map_err(fault)?);
            }
            Event::Empty(tag) => {
                let done = element(&tag, line).map_err(fault)?;
                close(done, &mut open, &mut root, &mut take).map_err(fault)?;
            }
            Event::End(_) => {
                let done = open.pop().ok_or_else(|| fault("an element ends that was not begun".to_owned()))?;
                close(done, &mut open, &mut root, &mut take).map_err(fault)?;
            }
            Event::Text(found) => push(&mut open, &found),
            Event::CData(found) => push(&mut open, &found),
            Event::GeneralRef(name) => {
                let name = name.to_string();
                let found = entity(&name)
                    .ok_or_else(|| fault(format!("the entity `&{};` is not expanded", text::crop(&name))))?;
                if let Some(top) = open.last_mut() {
                    top.text.push(found);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let (line, column) = lines.of(document.len() as u64);
    match (open.last(), root) {
        (Some(top), _) => Err(Fault::new(line, column, format!("the file ends inside `<{}>`", text::crop(&top.name)))),
        (None, Some(root)) => Ok(root),
        (None, None) => Err(Fault::new(line, column, "there is no element")),
    }
}

fn push(open: &mut [Element], found: &str) {
    if let Some(top) = open.last_mut() {
        top.text.push_str(found);
    }
}

fn close(
    mut done: Element,
    open: &mut [Element],
    root: &mut Option<Element>,
    take: &mut Option<&mut dyn FnMut(Element)>,
) -> Result<(), String> {
    if done.text.trim().len() != done.text.len() {
        done.text = done.text.trim().to_owned();
    }
    match (open, take) {
        ([_], Some(take)) => take(done),
        ([.., parent], _) => parent.children.push(done),
        _ if root.is_none() => *root = Some(done),
        _ => return Err("a second outermost element".to_owned()),
    }
    Ok(())
}

fn element(tag: &BytesStart<'_>, line: u64) -> Result<Element, String> {
    let mut out = Element { name: tag.name().as_ref().to_owned(), line, ..Element::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = unescape(&attribute.value)?;
        out.attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Ok(out)
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';').ok_or("`&` without `;`")?;
        out.push_str(before);
        out.push(entity(name).ok_or_else(|| format!("the entity `&{};` is not expanded", text::crop(name)))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Text escaped for an element's content; what XML 1.0 cannot hold at all becomes U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The text of a document by its mark or declared encoding.
fn decode(bytes: &[u8]) -> Result<String, Fault> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(200)).unwrap_or_default()).to_ascii_lowercase();
    let declared = head.split_once("encoding=").and_then(|(_, rest)| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest.get(1..)?.split(quote).next().map(str::to_owned)
    });
    let marked = matches!(bytes, [0xEF, 0xBB, 0xBF, ..] | [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]);
    match declared.as_deref() {
        _ if marked => Ok(text::decode(bytes).into_owned()),
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(e) => {
                let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
                let line = 1 + before.iter().filter(|b| **b == b'\n').count() as u64;
                Err(Fault::new(line, 0, "the text is not UTF-8 and declares no other encoding"))
            }
        },
        Some("iso-8859-1" | "latin1" | "latin-1" | "windows-1252" | "cp1252") => Ok(text::latin1(bytes)),
        Some(other) => Err(Fault::new(1, 0, format!("the encoding `{}` is not read", text::crop(other)))),
    }
}

/// Turns positions, asked in rising order, into lines and columns; linear over the whole document.
struct Lines<'a> {
    document: &'a [u8],
    at: usize,
    line: u64,
    start: usize,
}

impl Lines<'_> {
    fn of(&mut self, position: u64) -> (u64, u64) {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.document.len());
        while self.at < position {
            if self.document.get(self.at) == Some(&b'\n') {
                self.line += 1;
                self.start = self.at + 1;
            }
            self.at += 1;
        }
        (self.line, (self.at.saturating_sub(self.start)) as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_lines_text_and_entities() {
        let root =
            parse("<?xml version=\"1.0\"?>\n<a x=\"1 &amp; 2\">\n <b>t&lt;&#65;</b><c/></a>".as_bytes()).unwrap();
        assert_eq!((root.name.as_str(), root.line), ("a", 2));
        assert_eq!(root.attributes, [("x".to_owned(), "1 & 2".to_owned())]);
        assert_eq!((root.text_of("b"), root.children[0].line), (Some("t<A"), 3));
    }

    #[test]
    fn own_entities_are_refused_not_expanded() {
        let bomb = b"<!DOCTYPE l [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><l>&b;</l>";
        assert!(parse(bomb).unwrap_err().message.contains("not expanded"));
    }

    #[test]
    fn latin1_is_read_as_declared_and_cut_files_say_where() {
        let root = parse(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>caf\xe9</a>").unwrap();
        assert_eq!(root.text, "caf\u{e9}");
        let fault = parse(b"<a>\n<b>1</b>\n<c>").unwrap_err();
        assert_eq!((fault.line, fault.message.as_str()), (3, "the file ends inside `<c>`"));
        assert!(parse("<a>".repeat(200).as_bytes()).is_err());
    }
}
