//! Consistency levels by name, and who judges them.

use std::time::Duration;

use crate::checkers::causal_consistency::{self, Strength};
use crate::checkers::models::ModelEntry;
use crate::checkers::recorded::{Options, Verdict};
use crate::checkers::session_guarantees::{self, Guarantee};
use crate::checkers::transactions::{CONSISTENCIES, Consistency};
use crate::checkers::{bounded_staleness, linearizability, sequential_consistency};
use crate::history::HistoryEvent;
use crate::run::check::Model;
use crate::scenario::{cure, span_of};

/// A consistency level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Of single operations.
    Operations(Claim, &'static str),
    /// Every read may be old by this bound.
    Bounded(Duration),
    /// Of transactions.
    Transactions(&'static Consistency),
}

/// What is claimed of single operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// One order that agrees with real time.
    Linearizable,
    /// One order that agrees with each process.
    Sequential,
    /// Whoever sees an effect sees its causes.
    Causal(Strength),
    /// All session guarantees.
    Session,
    /// One of them.
    Guarantee(Guarantee),
}

const BOUNDED: &str = "bounded-staleness";

/// The levels of single operations, from the strongest to the weakest.
const LEVELS: &[(&str, Claim, &str)] = &[
    (
        "linearizable",
        Claim::Linearizable,
        "Each operation seems to take effect at one moment between its invocation and its end.",
    ),
    (
        "sequential",
        Claim::Sequential,
        "All operations seem to take effect in one order that agrees with each process.",
    ),
    (
        "causal-convergence",
        Claim::Causal(Strength::Convergent),
        "Causal, and all agree on one order of the writes.",
    ),
    ("causal", Claim::Causal(Strength::Causal), "Whoever sees an effect sees its causes."),
    ("session", Claim::Session, "The four session guarantees, each and together."),
    (
        "read-your-writes",
        Claim::Guarantee(Guarantee::ReadYourWrites),
        "A read shows what its process wrote, or something newer.",
    ),
    (
        "monotonic-reads",
        Claim::Guarantee(Guarantee::MonotonicReads),
        "A read shows what its process read before, or something newer.",
    ),
    (
        "monotonic-writes",
        Claim::Guarantee(Guarantee::MonotonicWrites),
        "A write is newer than what its process wrote before.",
    ),
    (
        "writes-follow-reads",
        Claim::Guarantee(Guarantee::WritesFollowReads),
        "A write is newer than what its process read before.",
    ),
];

impl Level {
    /// The level of a model that is meant where none is named: the strongest.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        if model.workload().is_some() {
            let strict = Consistency::named("strict-serializable");
            return Self::Transactions(strict.expect("it is in the table"));
        }
        let (name, claim, _) = LEVELS[0];
        Self::Operations(claim, name)
    }

    /// The level of this name that the model can be judged at.
    ///
    /// # Errors
    /// There is none; with the cure.
    pub fn named(name: &str, model: &Model) -> Result<Self, String> {
        let unknown = || {
            let names = Self::names(model).into_iter().map(|(name, _)| name);
            let model = model.name;
            format!("`{name}` is no consistency level of {model}; {}", cure(name, names))
        };
        if model.workload().is_some() {
            return Consistency::named(name).map(Self::Transactions).ok_or_else(unknown);
        }
        if let Some(bound) = name.strip_prefix(BOUNDED) {
            let bound = bound.strip_prefix('=').and_then(span_of);
            return bound.map(Self::Bounded).ok_or_else(|| {
                format!("`{name}` needs a bound with a unit; write `{BOUNDED}=500ms`")
            });
        }
        let level = LEVELS.iter().find(|(known, ..)| *known == name);
        let &(name, claim, _) = level.ok_or_else(unknown)?;
        if !matches!(claim, Claim::Linearizable | Claim::Sequential) && model.name != "register" {
            return Err(format!(
                "{name} is judged by what was written, so of `register` only; {} has other functions",
                model.name
            ));
        }
        Ok(Self::Operations(claim, name))
    }

    /// The names of the levels of a model, and what they mean.
    #[must_use]
    pub fn names(model: &Model) -> Vec<(&'static str, &'static str)> {
        if model.workload().is_some() {
            return CONSISTENCIES.iter().map(|level| (level.name, level.about)).collect();
        }
        let for_all = |claim: &Claim| matches!(claim, Claim::Linearizable | Claim::Sequential);
        let levels =
            LEVELS.iter().filter(|(_, claim, _)| model.name == "register" || for_all(claim));
        let bounded = (
            "bounded-staleness=DURATION",
            "Linearizable, but what only observes may be old by the bound.",
        );
        levels.map(|(name, _, about)| (*name, *about)).chain([bounded]).collect()
    }

    /// Its name, as it can be named again.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Operations(_, name) => (*name).to_owned(),
            Self::Bounded(bound) => format!("{BOUNDED}={bound:?}"),
            Self::Transactions(level) => level.name.to_owned(),
        }
    }

    /// Whether it is judged by a search, which a budget may cut short.
    pub(super) const fn searches(&self) -> bool {
        matches!(
            self,
            Self::Bounded(_) | Self::Operations(Claim::Linearizable | Claim::Sequential, _)
        )
    }

    /// What the checkers of this level say of single operations.
    pub(super) fn judge(
        &self,
        history: &[HistoryEvent],
        model: &ModelEntry,
        steps: u64,
    ) -> Vec<(&'static str, Verdict)> {
        let (specification, options) = (model.specification, Options { steps });
        let claim = match self {
            Self::Operations(claim, _) => claim,
            Self::Bounded(bound) => {
                let verdict = bounded_staleness::check(history, specification, *bound, options);
                return vec![(BOUNDED, verdict)];
            }
            Self::Transactions(_) => unreachable!("a level is made for its model"),
        };
        match claim {
            Claim::Linearizable => {
                vec![("linearizability", linearizability::check(history, specification, options))]
            }
            Claim::Sequential => {
                let verdict = sequential_consistency::check(history, specification, options);
                vec![(sequential_consistency::NAME, verdict)]
            }
            Claim::Causal(strength) => {
                vec![(causal_consistency::NAME, causal_consistency::check(history, *strength))]
            }
            Claim::Session => session(history),
            Claim::Guarantee(wanted) => {
                let (each, _) = session_guarantees::check(history);
                each.into_iter()
                    .filter(|(guarantee, _)| guarantee == wanted)
                    .map(|(guarantee, verdict)| (name(guarantee), verdict))
                    .collect()
            }
        }
    }
}

/// Each guarantee that is broken, or else what is said of all together.
fn session(history: &[HistoryEvent]) -> Vec<(&'static str, Verdict)> {
    let (each, all) = session_guarantees::check(history);
    let broken: Vec<_> = each
        .into_iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Violation(_)))
        .map(|(guarantee, verdict)| (name(guarantee), verdict))
        .collect();
    if broken.is_empty() { vec![("session-guarantees", all)] } else { broken }
}

fn name(guarantee: Guarantee) -> &'static str {
    let found = LEVELS.iter().find(|(_, claim, _)| *claim == Claim::Guarantee(guarantee));
    found.expect("each guarantee is in the table").0
}
