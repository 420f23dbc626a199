//! What the objects of a scenario look like: one table from which both the parser and the JSON Schema are made.
//!
//! A decoder opens an object *with its shape*. The shape refuses unknown, missing and duplicate keys; a decoder that asks
//! for a key that is not in the shape, or leaves one of its keys unread, fails an assertion. So the two cannot drift
//! apart: what the schema knows, the parser reads, and the reverse.

use std::cell::Cell;

use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Entry, Json, shortened};
use crate::scenario::suggest;

/// The keys of one kind of object.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What the object is, for messages: "the network".
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its keys, in groups, because some kinds of objects share some keys.
    pub groups: [&'static [Field]; 3],
}

/// One key of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Whether it may be left out.
    pub need: Need,
    /// What it says.
    pub about: &'static str,
}

/// Whether a key may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It may not.
    Required,
    /// It may.
    Optional,
}

/// What a value may be, as the schema describes it.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// What an operation carries: nothing, a whole number, a text, or a list of these.
    Value,
    /// The name of a node, a region or a scenario.
    Name,
    /// `true` or `false`.
    Flag,
    /// A whole number or a git commit hash.
    Seed,
    /// A time span with a unit.
    Duration,
    /// A time span that may be negative.
    SignedDuration,
    /// A distribution of time spans.
    Distribution,
    /// A signed time span, or two between which each node draws one.
    OffsetRange,
    /// Parts per million, or two numbers between which each node draws one.
    PpmRange,
    /// From 0 to 1.
    Probability,
    /// Bytes, as a number or with a unit.
    Size,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// A whole number that may be negative, from the first to the second.
    Integer(i64, i64),
    /// A number with at most three decimals, from the first to the second, in thousandths.
    Thousandths(u32, u32),
    /// At whom a fault is aimed.
    Target,
    /// A target, or an object that names it: `{"target": T}`.
    Aim,
    /// A coverage mark.
    Mark,
    /// One of some names.
    OneOf(fn() -> Vec<&'static str>),
    /// A list.
    List(&'static Kind),
    /// A list that is not empty.
    Some(&'static Kind),
    /// A list of two.
    Pair(&'static Kind),
    /// An object with any keys.
    Map(&'static Kind),
    /// An object with some of these keys.
    MapOf(fn() -> Vec<&'static str>, &'static Kind),
    /// An object of this shape.
    Object(&'static Shape),
    /// Any of several kinds.
    AnyOf(&'static [Kind]),
    /// The system and its options.
    System,
    /// One fault of the timeline.
    Fault,
    /// One generator of faults.
    Generator,
}

impl Field {
    /// A key that must be there.
    pub const fn required(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, need: Need::Required, about }
    }

    /// A key that may be left out.
    pub const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, need: Need::Optional, about }
    }
}

impl Shape {
    /// An object with these keys.
    pub const fn new(name: &'static str, about: &'static str, fields: &'static [Field]) -> Self {
        Self { name, about, groups: [fields, &[], &[]] }
    }

    /// With further keys, shared with other shapes.
    #[must_use]
    pub const fn and(mut self, fields: &'static [Field]) -> Self {
        let place = if self.groups[1].is_empty() { 1 } else { 2 };
        assert!(self.groups[place].is_empty(), "a shape has three groups of keys");
        self.groups[place] = fields;
        self
    }

    /// All keys, in order.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.groups.into_iter().flatten()
    }

    /// Reads an object of this shape.
    ///
    /// # Errors
    /// If it is no object, if a key is unknown, missing or there twice, or what the decoder finds wrong.
    ///
    /// # Panics
    /// If the decoder ends well and did not read one of the shape's keys.
    pub fn read<'a, T>(
        self,
        json: &'a Json,
        decode: impl FnOnce(&Object<'a>) -> Decoded<T>,
    ) -> Decoded<T> {
        let object = Object::open(json, self)?;
        let value = decode(&object)?;
        let all = (1_u64 << self.fields().count()) - 1;
        assert_eq!(object.asked.get(), all, "a decoder reads every key of {}", self.name);
        Ok(value)
    }
}

/// An object whose keys were found to be those of its shape.
pub struct Object<'a> {
    /// The object itself, for problems with it as a whole.
    pub json: &'a Json,
    entries: &'a [Entry],
    shape: Shape,
    /// Which keys of the shape were asked for, one bit for each.
    asked: Cell<u64>,
}

impl<'a> Object<'a> {
    fn open(json: &'a Json, shape: Shape) -> Decoded<Self> {
        let entries = entries(json, shape.name)?;
        for (place, entry) in entries.iter().enumerate() {
            if !shape.fields().any(|field| field.name == entry.key) {
                return Err(unknown_key(entry, shape));
            }
            refuse_duplicate(&entries[..place], entry)?;
        }
        for field in shape.fields().filter(|field| field.need == Need::Required) {
            if !entries.iter().any(|entry| entry.key == field.name) {
                let problem = format!("{} lacks the key `{}`", shape.name, field.name);
                let cure = format!("add `{}`: {}", field.name, field.about);
                return Err(Problem::at(json, problem).cure(cure));
            }
        }
        Ok(Self { json, entries, shape, asked: Cell::new(0) })
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<&'a Json> {
        let place = self.shape.fields().position(|field| field.name == key);
        let place = place.expect("a decoder asks for keys of its shape only");
        self.asked.set(self.asked.get() | 1 << place);
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Reads the value of a key, if it is there.
    pub fn read<T>(
        &self,
        key: &str,
        decode: impl FnOnce(&'a Json) -> Decoded<T>,
    ) -> Decoded<Option<T>> {
        self.get(key).map(decode).transpose()
    }

    /// Reads the value of a key, or takes the default.
    pub fn read_or<T>(
        &self,
        key: &str,
        default: T,
        decode: impl FnOnce(&'a Json) -> Decoded<T>,
    ) -> Decoded<T> {
        Ok(self.read(key, decode)?.unwrap_or(default))
    }

    /// Reads the value of a required key.
    pub fn need<T>(&self, key: &str, decode: impl FnOnce(&'a Json) -> Decoded<T>) -> Decoded<T> {
        decode(self.get(key).expect("the required keys were checked when the object was opened"))
    }
}

/// The entries of an object.
pub fn entries<'a>(json: &'a Json, what: &str) -> Decoded<&'a [Entry]> {
    match &json.content {
        Content::Object(entries) => Ok(entries),
        _ => Err(Problem::expected(json, format!("an object ({what})"))),
    }
}

/// Refuses an entry whose key was there before.
pub fn refuse_duplicate(before: &[Entry], entry: &Entry) -> Decoded<()> {
    if before.iter().any(|earlier| earlier.key == entry.key) {
        let problem = format!("the key `{}` is there twice", shortened(&entry.key));
        return Err(Problem::of(entry.id, problem).cure("keep one of them"));
    }
    Ok(())
}

/// The one key of an object that has one of several keys: which variant it is, and its value.
pub fn variant<'a>(json: &'a Json, shapes: &[Shape]) -> Decoded<(&'static str, &'a Json)> {
    let names = || shapes.iter().flat_map(|shape| shape.fields().map(|field| field.name));
    let what = shapes.first().map_or("", |shape| shape.name);
    let entries = entries(json, what)?;
    let Some(entry) = entries.first() else {
        let all: Vec<&str> = names().collect();
        return Err(Problem::at(json, format!("{what} says nothing")).cure(suggest_all(&all)));
    };
    let Some(name) = names().find(|name| *name == entry.key) else {
        let problem = format!("unknown key `{}` in {what}", shortened(&entry.key));
        return Err(Problem::of(entry.id, problem).cure(suggest::cure(&entry.key, names())));
    };
    if let Some(second) = entries.get(1) {
        refuse_duplicate(&entries[..1], second)?;
        let problem = format!("{what} has one key, and `{name}` is there already");
        return Err(Problem::of(second.id, problem).cure("keep one of them"));
    }
    Ok((name, &entry.value))
}

fn suggest_all(names: &[&str]) -> String {
    format!("expected {}", suggest::one_of(names))
}

fn unknown_key(entry: &Entry, shape: Shape) -> Problem {
    let problem = format!("unknown key `{}` in {}", shortened(&entry.key), shape.name);
    let known = shape.fields().map(|field| field.name);
    Problem::of(entry.id, problem).cure(suggest::cure(&entry.key, known))
}
