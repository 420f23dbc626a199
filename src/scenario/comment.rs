//! Comments: the key `$comment` of any object, a text or a list of texts, as in JSON Schema.
//!
//! They are for whoever reads the file. They are taken out of the tree before anything else looks at it, so that no
//! decoder has to know of them.

use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json};

/// The key of a comment.
pub const KEY: &str = "$comment";

/// Takes all comments out.
///
/// # Errors
/// If what is called a comment is none, or an object has two. It is then still in the tree.
pub fn remove(json: &mut Json) -> Decoded<()> {
    match &mut json.content {
        Content::List(items) => items.iter_mut().try_for_each(remove),
        Content::Object(entries) => {
            let mut comments = entries.iter().filter(|entry| entry.key == KEY);
            if let Some(first) = comments.next() {
                check(&first.value)?;
            }
            if let Some(second) = comments.next() {
                let problem = format!("the key `{KEY}` is there twice");
                return Err(Problem::of(second.id, problem).cure("write one, as a list of texts"));
            }
            entries.retain(|entry| entry.key != KEY);
            entries.iter_mut().try_for_each(|entry| remove(&mut entry.value))
        }
        _ => Ok(()),
    }
}

fn check(json: &Json) -> Decoded<()> {
    let is_text = |json: &Json| matches!(json.content, Content::Text(_));
    match &json.content {
        Content::Text(_) => Ok(()),
        Content::List(items) if items.iter().all(is_text) => Ok(()),
        _ => Err(Problem::expected(json, "a comment: a text or a list of texts")),
    }
}
