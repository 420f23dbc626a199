//! All checkers by name: the only list. `elara list` and `elara explain` read it, and so does whoever runs
//! a scenario.

use std::time::Duration;

use crate::checkers::at_most_once::AtMostOnce;
use crate::checkers::causal_consistency::{self, Strength};
use crate::checkers::durability::Durability;
use crate::checkers::election_safety::ElectionSafety;
use crate::checkers::leader_append_only::LeaderAppendOnly;
use crate::checkers::leader_completeness::LeaderCompleteness;
use crate::checkers::linearizability::Linearizability;
use crate::checkers::log_matching::LogMatching;
use crate::checkers::models::KeyValue;
use crate::checkers::progress::Progress;
use crate::checkers::quiet_minority::QuietMinority;
use crate::checkers::recorded::{Options, Recorded};
use crate::checkers::recovery_equivalence::RecoveryEquivalence;
use crate::checkers::session_guarantees::SessionGuarantees;
use crate::checkers::stability::Stability;
use crate::checkers::state_machine_safety::StateMachineSafety;
use crate::checkers::{Checker, bounded_staleness, sequential_consistency};
use crate::kernel::ids::{ClientId, NodeId};
use crate::kernel::time::Instant;

/// The name under which a panic in a node is reported. The simulation judges it; there is nothing to build.
pub const PANIC: &str = "panic";

/// Whether a claim says that nothing bad happens, or that something good does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing bad happens.
    Safety,
    /// Something good happens, within a stated time.
    Liveness,
}

/// How a checker is built.
type Builder = fn(&CheckerOptions) -> Box<dyn Checker>;

/// One checker.
#[derive(Clone, Copy, Debug)]
pub struct CheckerEntry {
    /// Its name, in kebab-case.
    pub name: &'static str,
    /// What it claims, in one sentence.
    pub about: &'static str,
    /// Safety or liveness.
    pub kind: Kind,
    /// Where the claim comes from.
    pub source: &'static str,
    /// Builds it; `None` for what the simulation judges itself.
    build: Option<Builder>,
}

/// What checkers must be told about a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckerOptions {
    /// How many nodes the cluster was declared with.
    pub nodes: usize,
    /// How many of them vote, if that is known and constant: then a commit is held to a majority of them.
    pub voters: Option<usize>,
    /// The bound of `progress`: how long the system may take to get over the faults, and then for an
    /// operation.
    pub progress_within: Duration,
    /// The bound of `bounded-staleness`: how old a bounded read may be.
    pub staleness_bound: Duration,
    /// What `quiet-minority` and `stability` look at.
    pub watch: Option<Watch>,
}

impl CheckerOptions {
    /// A cluster in which all nodes vote, five seconds for progress, half a second of staleness, and nothing to watch.
    #[must_use]
    pub const fn new(nodes: usize) -> Self {
        let progress_within = Duration::from_secs(5);
        let staleness_bound = Duration::from_millis(500);
        Self { nodes, voters: Some(nodes), progress_within, staleness_bound, watch: None }
    }
}

/// A minority that is cut off for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// When the minority has had time to notice that it is cut off.
    pub from: Instant,
    /// When the cut ends.
    pub to: Instant,
    /// The nodes that are cut off.
    pub nodes: Vec<NodeId>,
    /// The clients that are cut off with them.
    pub clients: Vec<ClientId>,
    /// How many messages a watched node may send to each peer in a second.
    pub messages_max: u64,
}

/// All checkers, in reading order.
pub const CHECKERS: &[CheckerEntry] = &[
    CheckerEntry {
        name: "election-safety",
        about: "For each generation at most one node leads.",
        kind: Kind::Safety,
        source: "Ongaro and Ousterhout 2014, figure 3",
        build: Some(|_| Box::new(ElectionSafety::default())),
    },
    CheckerEntry {
        name: "leader-append-only",
        about: "While a node leads, it never removes or rewrites an entry of its log.",
        kind: Kind::Safety,
        source: "Ongaro and Ousterhout 2014, figure 3",
        build: Some(|_| Box::new(LeaderAppendOnly::default())),
    },
    CheckerEntry {
        name: "log-matching",
        about: "If two logs have an entry of one generation at the same index, they are equal through it.",
        kind: Kind::Safety,
        source: "Ongaro and Ousterhout 2014, figure 3",
        build: Some(|_| Box::new(LogMatching::default())),
    },
    CheckerEntry {
        name: "leader-completeness",
        about: "What a leader committed was durable on a majority, and is in the log of each later leader.",
        kind: Kind::Safety,
        source: "Ongaro and Ousterhout 2014, figure 3 and section 5.4",
        build: Some(|options| Box::new(LeaderCompleteness::new(options.voters))),
    },
    CheckerEntry {
        name: "state-machine-safety",
        about: "No index is applied with two different entries, on any node, in any incarnation.",
        kind: Kind::Safety,
        source: "Ongaro and Ousterhout 2014, figure 3; Schneider 1990, section 2",
        build: Some(|_| Box::new(StateMachineSafety::default())),
    },
    CheckerEntry {
        name: "durability",
        about: "Each write that a client was told to be done is in the final order.",
        kind: Kind::Safety,
        source: "Ongaro and Ousterhout 2014, section 8; Mohan et al. 1992, section 1.1",
        build: Some(|_| Box::new(Durability::default())),
    },
    CheckerEntry {
        name: "linearizability",
        about: "Each operation seems to take effect at once, at a moment between its start and its end.",
        kind: Kind::Safety,
        source: "Herlihy and Wing 1990; Wing and Gong 1993; Lowe 2017",
        build: Some(|_| Box::new(Linearizability::new(KeyValue))),
    },
    CheckerEntry {
        name: sequential_consistency::NAME,
        about: "All operations seem to take effect in one order that keeps the order of each process.",
        kind: Kind::Safety,
        source: "Lamport 1979; Gibbons and Korach 1997",
        build: Some(|_| {
            Box::new(Recorded::new(sequential_consistency::NAME, |history| {
                sequential_consistency::check(history, &KeyValue, Options::default())
            }))
        }),
    },
    CheckerEntry {
        name: causal_consistency::NAME,
        about: "Whoever sees an effect sees its causes.",
        kind: Kind::Safety,
        source: "Ahamad et al. 1995; Bouajjani et al. 2017, table 2",
        build: Some(|_| {
            Box::new(Recorded::new(causal_consistency::NAME, |history| {
                causal_consistency::check(history, Strength::Causal)
            }))
        }),
    },
    CheckerEntry {
        name: bounded_staleness::NAME,
        about: "A bounded read returns a value that was current within the bound before it was asked for.",
        kind: Kind::Safety,
        source: "Terry 2013; Torres-Rojas et al. 1999",
        build: Some(|options| Box::new(bounded_staleness::checker(options.staleness_bound))),
    },
    CheckerEntry {
        name: "session-guarantees",
        about: "What a client's session sees never goes back.",
        kind: Kind::Safety,
        source: "Terry et al. 1994, section 3",
        build: Some(|_| Box::new(SessionGuarantees::default())),
    },
    CheckerEntry {
        name: "at-most-once",
        about: "A request changes the state at most once, and all answers to it are equal.",
        kind: Kind::Safety,
        source: "Birrell and Nelson 1984, section 1.4; Ongaro 2014 (dissertation), section 6.3",
        build: Some(|_| Box::new(AtMostOnce::default())),
    },
    CheckerEntry {
        name: "recovery-equivalence",
        about: "A restarted node finds what was durable, and the state that follows from it.",
        kind: Kind::Safety,
        source: "Mohan et al. 1992, section 1.1",
        build: Some(|_| Box::new(RecoveryEquivalence::default())),
    },
    CheckerEntry {
        name: "progress",
        about: "Once the faults are over, every operation completes within a stated time.",
        kind: Kind::Liveness,
        source: "Alpern and Schneider 1985; Dwork, Lynch and Stockmeyer 1988, section 1",
        build: Some(|options| Box::new(Progress::new(options.progress_within))),
    },
    CheckerEntry {
        name: "quiet-minority",
        about: "Nodes that are cut off keep their generation and log, send little, and refuse writes in so many words.",
        kind: Kind::Safety,
        source: "Ongaro 2014 (dissertation), sections 6.2 and 9.6",
        build: Some(|options| Box::new(QuietMinority::new(options.watch.clone(), options.nodes))),
    },
    CheckerEntry {
        name: "stability",
        about: "The leader before a partition is the leader after it, in the same generation.",
        kind: Kind::Liveness,
        source: "Ongaro 2014 (dissertation), section 9.6; Howard and Abraham 2020",
        build: Some(|options| Box::new(Stability::new(options.watch.clone()))),
    },
    CheckerEntry {
        name: PANIC,
        about: "No node's code panics.",
        kind: Kind::Safety,
        source: "an assertion of the node itself",
        build: None,
    },
];

/// Builds the checker of this name; `None` if there is none of this name, or nothing to build for it.
#[must_use]
pub fn build(name: &str, options: &CheckerOptions) -> Option<Box<dyn Checker>> {
    let entry = CHECKERS.iter().find(|entry| entry.name == name)?;
    entry.build.map(|build| build(options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::Judgement;

    #[test]
    fn every_checker_is_listed_once_and_answers_to_its_name() {
        for (place, entry) in CHECKERS.iter().enumerate() {
            let earlier = &CHECKERS[..place];
            assert!(earlier.iter().all(|other| other.name != entry.name), "{} twice", entry.name);
            assert!(entry.about.ends_with('.'), "{}: a sentence", entry.name);
            match build(entry.name, &CheckerOptions::new(3)) {
                Some(checker) => assert_eq!(checker.name(), entry.name),
                None => assert_eq!(entry.name, PANIC),
            }
        }
        assert!(build("no-such-checker", &CheckerOptions::new(3)).is_none());
    }

    #[test]
    fn a_checker_that_saw_nothing_says_so() {
        for entry in CHECKERS {
            let Some(mut checker) = build(entry.name, &CheckerOptions::new(3)) else { continue };
            let judgement = checker.finish(Instant::MAX);
            assert!(matches!(judgement, Judgement::Vacuous(_)), "{}: {judgement:?}", entry.name);
        }
    }
}
