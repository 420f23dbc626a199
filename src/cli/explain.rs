//! `elara list` and `elara explain`.

use serde_json::{Value, json};

use crate::cli::Failure;
use crate::cli::arguments::{ListArguments, ListFormat};
use crate::cli::registry::{Entry, entries};
use crate::cli::terminal::Terminal;
use crate::report::Exit;
use crate::report::text::{Colour, Ink, wrapped};
use crate::scenario::nearest;

const WIDTH: usize = 80;

/// Lists everything that has a name, or one kind of it.
pub fn list(arguments: &ListArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut entries = entries();
    entries.retain(|entry| arguments.kind.is_none_or(|kind| kind == entry.kind));
    let text = match arguments.format {
        ListFormat::Text => table(&entries, terminal.ink),
        ListFormat::Json => document(&entries),
    };
    Terminal::print(&text)?;
    Ok(Exit::AsExpected)
}

fn document(entries: &[Entry]) -> String {
    let entry = |entry: &Entry| json!({ "kind": entry.kind.singular(), "name": entry.name, "about": entry.about });
    let all: Value = entries.iter().map(entry).collect();
    format!("{all:#}\n")
}

fn table(entries: &[Entry], ink: Ink) -> String {
    let kinds = entries.chunk_by(|one, next| one.kind == next.kind);
    let tables: Vec<String> = kinds.map(|entries| table_of_one_kind(entries, ink)).collect();
    tables.join("\n")
}

fn table_of_one_kind(entries: &[Entry], ink: Ink) -> String {
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let mut text = format!("{}\n", ink.paint(Colour::Bold, entries[0].kind.plural()));
    for entry in entries {
        text += format!("  {:<width$}  {}", entry.name, entry.about).trim_end();
        text.push('\n');
    }
    text
}

/// Explains everything of a name.
pub fn explain(name: &str, terminal: &Terminal) -> Result<Exit, Failure> {
    let entries = entries();
    let named: Vec<&Entry> = entries.iter().filter(|entry| entry.name == name).collect();
    if named.is_empty() {
        let known = entries.iter().map(|entry| entry.name.as_str());
        let cure = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`elara list` shows every name".into(),
        };
        return Err(Failure::Other(format!("nothing is called `{name}`; {cure}")));
    }
    let pages: Vec<String> = named.iter().map(|entry| page(entry, terminal.ink)).collect();
    Terminal::print(&pages.join("\n"))?;
    Ok(Exit::AsExpected)
}

fn page(entry: &Entry, ink: Ink) -> String {
    let mut text =
        format!("{} ({})\n", ink.paint(Colour::Bold, &entry.name), entry.kind.singular());
    let told = entry.text.starts_with(&entry.about);
    if !entry.about.is_empty() && !told {
        text += &format!("{}\n", wrapped(&entry.about, WIDTH).join("\n"));
    }
    if !entry.text.is_empty() {
        text.push('\n');
    }
    for line in entry.text.lines() {
        let shown =
            if line.starts_with(' ') { line.to_owned() } else { wrapped(line, WIDTH).join("\n") };
        text += &format!("{shown}\n");
    }
    text
}
