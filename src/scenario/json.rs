//! A JSON text as a tree in which every value remembers where it stood.
//!
//! `serde_json` judges the syntax (and refuses what is nested deeper than 128 levels); the walk here then goes over a text
//! that is known to be well formed and keeps what serde's data model drops: positions, duplicate keys, and numbers as
//! they were written. Each value and key gets a number of its own, so that an error needs to carry no more than that
//! number, and the path to it is looked up only when there is an error.

use std::fmt::Write;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The scenario's text, from this byte on.
    Text(usize),
    /// The override of this number.
    Override(usize),
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Json {
    /// Its number in the document.
    pub id: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Content {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object: its entries in order, duplicates included.
    Object(Vec<Entry>),
}

/// One entry of an object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key's own number in the document.
    pub id: u32,
    /// Where the key comes from.
    pub origin: Origin,
    /// The key.
    pub key: String,
    /// The value.
    pub value: Json,
}

/// Numbers for the values and keys of one document, handed out in order.
#[derive(Debug, Default)]
pub struct Numbers(u32);

impl Numbers {
    /// The next number.
    pub const fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

impl Json {
    /// Reads a whole text.
    ///
    /// # Errors
    /// `serde_json`'s error if the text is not JSON, or nested too deeply.
    pub fn parse(text: &str, numbers: &mut Numbers) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<serde_json::Value>(text)?;
        Ok(Walk { text, at: 0, numbers, fixed: None }.value())
    }

    /// Reads the value of the override of this number: JSON, or else a bare text.
    pub fn parse_override(text: &str, number: usize, numbers: &mut Numbers) -> Self {
        let fixed = Some(Origin::Override(number));
        if serde_json::from_str::<serde_json::Value>(text).is_ok() {
            return Walk { text, at: 0, numbers, fixed }.value();
        }
        let content = Content::Text(text.to_owned());
        Self { id: numbers.next(), origin: Origin::Override(number), content }
    }

    /// What was found, in words, for an error message.
    pub fn described(&self) -> String {
        match &self.content {
            Content::Null => "`null`".into(),
            Content::Bool(value) => format!("`{value}`"),
            Content::Number(text) => format!("the number {}", shortened(text)),
            Content::Text(text) => format!("the text \"{}\"", shortened(text)),
            Content::List(_) => "a list".into(),
            Content::Object(_) => "an object".into(),
        }
    }

    /// The path to the value or key of this number, and where it comes from.
    pub fn locate(&self, id: u32) -> Option<(String, Origin)> {
        let mut path = String::new();
        self.find(id, &mut path).map(|origin| (path, origin))
    }

    fn find(&self, id: u32, path: &mut String) -> Option<Origin> {
        if self.id == id {
            return Some(self.origin);
        }
        let length = path.len();
        match &self.content {
            Content::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    write!(path, "[{place}]").expect("a string takes all that is written to it");
                    if let Some(origin) = item.find(id, path) {
                        return Some(origin);
                    }
                    path.truncate(length);
                }
            }
            Content::Object(entries) => {
                for entry in entries {
                    push_key(path, &entry.key);
                    if entry.id == id {
                        return Some(entry.origin);
                    }
                    if let Some(origin) = entry.value.find(id, path) {
                        return Some(origin);
                    }
                    path.truncate(length);
                }
            }
            _ => {}
        }
        None
    }
}

/// A text of a user's, cut to what a message can bear and free of control characters.
pub fn shortened(text: &str) -> String {
    const LENGTH_MAX: usize = 40;
    let mut short: String = text.chars().take(LENGTH_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(LENGTH_MAX).is_some() {
        short.push_str("...");
    }
    short
}

fn push_key(path: &mut String, key: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte);
    if key.is_empty() || !key.bytes().all(plain) {
        write!(path, "[\"{}\"]", shortened(key)).expect("a string takes all that is written to it");
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(&shortened(key));
}

/// A walk over a text that is known to be JSON.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    numbers: &'a mut Numbers,
    /// The origin of all values, if it is not their place in the text.
    fixed: Option<Origin>,
}

impl Walk<'_> {
    fn origin(&self) -> Origin {
        self.fixed.unwrap_or(Origin::Text(self.at))
    }

    /// The next byte that is not blank.
    fn peek(&mut self) -> u8 {
        let blanks = self.text[self.at..].bytes().take_while(u8::is_ascii_whitespace).count();
        self.at += blanks;
        self.text.as_bytes()[self.at]
    }

    fn value(&mut self) -> Json {
        let first = self.peek();
        let (id, origin) = (self.numbers.next(), self.origin());
        let content = match first {
            b'{' => Content::Object(self.entries()),
            b'[' => Content::List(self.items()),
            b'"' => Content::Text(self.string()),
            b't' => self.word(Content::Bool(true), "true"),
            b'f' => self.word(Content::Bool(false), "false"),
            b'n' => self.word(Content::Null, "null"),
            _ => self.number(),
        };
        Json { id, origin, content }
    }

    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.at += 1;
        while self.peek() != b'}' {
            if self.peek() == b',' {
                self.at += 1;
                self.peek();
            }
            let (id, origin) = (self.numbers.next(), self.origin());
            let key = self.string();
            assert_eq!(self.peek(), b':', "a key is followed by its value");
            self.at += 1;
            entries.push(Entry { id, origin, key, value: self.value() });
        }
        self.at += 1;
        entries
    }

    fn items(&mut self) -> Vec<Json> {
        let mut items = Vec::new();
        self.at += 1;
        while self.peek() != b']' {
            if self.peek() == b',' {
                self.at += 1;
            }
            items.push(self.value());
        }
        self.at += 1;
        items
    }

    fn string(&mut self) -> String {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += 1;
        while bytes[self.at] != b'"' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).expect("the syntax was checked before")
    }

    fn word(&mut self, content: Content, word: &str) -> Content {
        self.at += word.len();
        content
    }

    fn number(&mut self) -> Content {
        let rest = &self.text[self.at..];
        let length =
            rest.bytes().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        assert!(length > 0, "what is no other value is a number");
        self.at += length;
        Content::Number(rest[..length].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Json {
        Json::parse(text, &mut Numbers::default()).expect("it is JSON")
    }

    #[test]
    fn a_value_is_found_by_its_number_with_its_path_and_place() {
        let text = r#" { "a": [ 1, { "b c": "x\"]" } ], "d": null } "#;
        let tree = parse(text);
        let Content::Object(entries) = &tree.content else { panic!("it is an object") };
        let Content::List(items) = &entries[0].value.content else { panic!("it is a list") };
        let Content::Object(inner) = &items[1].content else { panic!("it is an object") };
        let at = text.find(r#""x"#).expect("it is in the text");
        assert_eq!(
            tree.locate(inner[0].value.id),
            Some((r#"a[1]["b c"]"#.into(), Origin::Text(at)))
        );
        assert_eq!(tree.locate(entries[1].value.id).expect("it is there").0, "d");
        assert_eq!(tree.locate(9_999), None);
    }

    #[test]
    fn duplicates_and_the_spelling_of_numbers_are_kept() {
        let tree = parse(r#"{"a":1.50,"a":-2e3}"#);
        let Content::Object(entries) = &tree.content else { panic!("it is an object") };
        assert_eq!(entries.len(), 2);
        assert!(matches!(&entries[0].value.content, Content::Number(text) if text == "1.50"));
        assert!(matches!(&entries[1].value.content, Content::Number(text) if text == "-2e3"));
    }
}
