//! The models that a recorded history can be judged by: sequential objects and workloads of transactions, in one table.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::checkers::models::{MODELS, ModelEntry};
use crate::checkers::transactions::{Workload, online};
use crate::scenario::{cure, one_of};

/// A model, by name.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name, in kebab-case.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// Its functions, each with the value that it is invoked with and the one that it is answered with.
    pub functions: &'static [(&'static str, &'static str)],
    judged: Judged,
}

#[derive(Clone, Copy, Debug)]
enum Judged {
    Object(&'static ModelEntry),
    Transactions(Workload),
}

const TRANSACTIONS: [Model; 2] = [
    Model {
        name: "list-append",
        about: "Transactions that read lists and append unique elements to them.",
        functions: &[(
            online::FUNCTION,
            "a list of [\"r\", key, nil] and [\"append\", key, element]; answered with the lists that were read",
        )],
        judged: Judged::Transactions(Workload::ListAppend),
    },
    Model {
        name: "rw-register",
        about: "Transactions that read registers and write unique values to them.",
        functions: &[(
            online::FUNCTION,
            "a list of [\"r\", key, nil] and [\"w\", key, value]; answered with the values that were read",
        )],
        judged: Judged::Transactions(Workload::RwRegister),
    },
];

/// All models, in reading order.
#[must_use]
pub fn models() -> Vec<Model> {
    let objects = MODELS.iter().map(|entry| Model {
        name: entry.name,
        about: entry.about,
        functions: entry.functions,
        judged: Judged::Object(entry),
    });
    objects.chain(TRANSACTIONS).collect()
}

impl Model {
    /// The model of this name.
    ///
    /// # Errors
    /// There is none; with the cure.
    pub fn named(name: &str) -> Result<Self, String> {
        let models = models();
        models.iter().find(|model| model.name == name).copied().ok_or_else(|| {
            let names = models.iter().map(|model| model.name);
            format!("there is no model `{name}`; {}", cure(name, names))
        })
    }

    /// The sequential object, if it is one.
    #[must_use]
    pub const fn object(&self) -> Option<&'static ModelEntry> {
        match self.judged {
            Judged::Object(entry) => Some(entry),
            Judged::Transactions(_) => None,
        }
    }

    /// What transactions do, if it is about them.
    #[must_use]
    pub const fn workload(&self) -> Option<Workload> {
        match self.judged {
            Judged::Object(_) => None,
            Judged::Transactions(workload) => Some(workload),
        }
    }

    /// Whether this is the text of an operation that is answered with something.
    pub(super) fn reads(&self, operation: &str) -> bool {
        let name = operation.split(' ').next();
        self.functions
            .iter()
            .any(|(function, value)| Some(*function) == name && value.contains("answered with the"))
    }
}

/// The complaint that no model was named for a history with these functions: those that would take it.
#[must_use]
pub fn unsure(functions: &BTreeSet<Arc<str>>) -> String {
    let takes = |model: &Model| {
        let known = |name: &Arc<str>| model.functions.iter().any(|(known, _)| **known == **name);
        functions.iter().all(known)
    };
    let models = models();
    let fitting: Vec<&str> =
        models.iter().filter(|model| takes(model)).map(|model| model.name).collect();
    let names: Vec<&str> = functions.iter().map(|name| &**name).collect();
    let names = one_of(&names).replace(" or ", " and ");
    match (functions.is_empty(), fitting.as_slice()) {
        (true, _) => {
            "no model is named, and the history is empty; `elara list models` shows them".into()
        }
        (_, []) => format!(
            "no model is named, and none has all of {names}; `elara list models` shows them"
        ),
        (_, [one]) => format!("no model is named; say `--model {one}`, which has {names}"),
        (_, some) => {
            let some: Vec<String> = some.iter().map(|name| format!("--model {name}")).collect();
            let some: Vec<&str> = some.iter().map(String::as_str).collect();
            format!("no model is named; say {}, which have {names}", one_of(&some))
        }
    }
}
