//! `--set PATH=VALUE`: changes of the tree before it is decoded.
//!
//! What is set goes through the same decoders as what a file says, so it is judged as strictly; an error then names the
//! option instead of a line.

use crate::scenario::error::{Place, ScenarioError};
use crate::scenario::json::{Content, Entry, Json, Numbers, Origin};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Place(usize),
}

/// Sets what an option says.
///
/// # Errors
/// If the option is not `PATH=VALUE`, or the path leads nowhere.
pub fn apply(
    root: &mut Json,
    option: (usize, &str),
    numbers: &mut Numbers,
) -> Result<(), ScenarioError> {
    let (number, text) = option;
    let error = |path: &str, problem: String, cure: &str| ScenarioError {
        place: Place::Override(text.to_owned()),
        path: path.to_owned(),
        problem,
        cure: cure.to_owned(),
        excerpt: None,
    };
    let example = "write a path and a value, as network.loss=0.01 or faults[0].for=30s";
    let Some((path, value)) = text.split_once('=') else {
        return Err(error("", "expected PATH=VALUE".into(), example));
    };
    let Some(steps) = steps(path) else {
        return Err(error("", format!("`{path}` is not a path"), example));
    };
    let mut editor = Editor { number, numbers };
    let place = editor.follow(root, &steps).map_err(|problem| error(path, problem, ""))?;
    *place = Json::parse_override(value, number, editor.numbers);
    Ok(())
}

/// Splits `a.b[0].c` into its steps.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, places) = part.split_at(part.find('[').unwrap_or(part.len()));
        if key.is_empty() {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        let mut rest = places;
        while !rest.is_empty() {
            let (place, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(Step::Place(place.parse().ok()?));
            rest = after;
        }
    }
    Some(steps)
}

struct Editor<'a> {
    number: usize,
    numbers: &'a mut Numbers,
}

impl Editor<'_> {
    /// Goes along a path; what is missing at its end is made.
    fn follow<'j>(
        &mut self,
        mut json: &'j mut Json,
        steps: &[Step],
    ) -> Result<&'j mut Json, String> {
        let mut path = String::new();
        for step in steps {
            json = match step {
                Step::Key(key) => {
                    let next = self.entry(json, key).ok_or_else(|| no_object(&path))?;
                    path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    next
                }
                Step::Place(place) => {
                    let next = self.item(json, *place).map_err(|length| {
                        format!("there is no {path}[{place}]: {}", list_of_length(length))
                    })?;
                    path = format!("{path}[{place}]");
                    next
                }
            };
        }
        Ok(json)
    }

    /// The value of a key, made if it is missing; `None` if there is no object.
    fn entry<'j>(&mut self, json: &'j mut Json, key: &str) -> Option<&'j mut Json> {
        let Content::Object(entries) = &mut json.content else { return None };
        let place = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            let (id, origin) = (self.numbers.next(), Origin::Override(self.number));
            entries.push(Entry { id, origin, key: key.to_owned(), value: self.empty() });
            entries.len() - 1
        });
        Some(&mut entries[place].value)
    }

    /// The item of a list; the place after the last one is made. Else the length of the list, if it is one.
    fn item<'j>(
        &mut self,
        json: &'j mut Json,
        place: usize,
    ) -> Result<&'j mut Json, Option<usize>> {
        let Content::List(items) = &mut json.content else { return Err(None) };
        let length = items.len();
        if place == length {
            items.push(self.empty());
        }
        items.get_mut(place).ok_or(Some(length))
    }

    fn empty(&mut self) -> Json {
        let origin = Origin::Override(self.number);
        Json { id: self.numbers.next(), origin, content: Content::Object(Vec::new()) }
    }
}

fn no_object(path: &str) -> String {
    if path.is_empty() {
        "the scenario is not an object".into()
    } else {
        format!("{path} is not an object")
    }
}

fn list_of_length(length: Option<usize>) -> String {
    match length {
        None => "it is not a list".into(),
        Some(1) => "the list has 1 entry".into(),
        Some(length) => format!("the list has {length} entries"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_keys_and_places() {
        let expected = vec![Step::Key("faults".into()), Step::Place(0), Step::Key("for".into())];
        assert_eq!(steps("faults[0].for"), Some(expected));
        assert_eq!(steps("a[1][2]").map(|steps| steps.len()), Some(3));
        for bad in ["", ".a", "a..b", "a[", "a[x]", "a[0]b", "[0]"] {
            assert_eq!(steps(bad), None, "{bad}");
        }
    }
}
