//! All checkers by name: the only list. `elara list` and `elara explain` read it, and so does whoever runs
//! a scenario.

use crate::checkers::at_most_once::AtMostOnce;
use crate::checkers::atomic_commitment::AtomicCommitment;
use crate::checkers::bounded_resources::BoundedResources;
use crate::checkers::causal_consistency::{self, Strength};
use crate::checkers::clock_bounds::ClockBounds;
use crate::checkers::clock_condition::ClockCondition;
use crate::checkers::consensus::Consensus;
use crate::checkers::convergence::Convergence;
use crate::checkers::durability::Durability;
use crate::checkers::election_safety::ElectionSafety;
use crate::checkers::external_consistency::ExternalConsistency;
use crate::checkers::failure_detector_accuracy::FailureDetectorAccuracy;
use crate::checkers::failure_detector_completeness::FailureDetectorCompleteness;
use crate::checkers::leader_agreement::LeaderAgreement;
use crate::checkers::leader_append_only::LeaderAppendOnly;
use crate::checkers::leader_completeness::LeaderCompleteness;
use crate::checkers::linearizability::Linearizability;
use crate::checkers::log_matching::LogMatching;
use crate::checkers::mapping_stability::MappingStability;
use crate::checkers::models::KeyValue;
use crate::checkers::mutual_exclusion::MutualExclusion;
use crate::checkers::no_dirty_read::NoDirtyRead;
use crate::checkers::no_lost_update::NoLostUpdate;
use crate::checkers::ordered_channel::OrderedChannel;
use crate::checkers::ownership_cover::OwnershipCover;
use crate::checkers::progress::Progress;
use crate::checkers::quiet_minority::QuietMinority;
use crate::checkers::recorded::{Options, Recorded};
use crate::checkers::recovery_equivalence::RecoveryEquivalence;
use crate::checkers::session_guarantees::SessionGuarantees;
use crate::checkers::snapshot_read::SnapshotRead;
use crate::checkers::stability::Stability;
use crate::checkers::state_machine_safety::StateMachineSafety;
use crate::checkers::watch_completeness::WatchCompleteness;
use crate::checkers::{Checker, CheckerOptions, bounded_staleness, sequential_consistency};

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
        name: "no-dirty-read",
        about: "What a reader was shown as committed stays in the committed prefix.",
        kind: Kind::Safety,
        source: "Adya 1999, chapter 4; Junqueira, Reed and Serafini 2011",
        build: Some(|options| Box::new(NoDirtyRead::new(options.bounds.settle))),
    },
    CheckerEntry {
        name: "external-consistency",
        about: "A transaction that began after another one had ended has the later timestamp, and reads what was there then.",
        kind: Kind::Safety,
        source: "Gifford 1981; Corbett et al. 2012, section 4.1.2",
        build: Some(|_| Box::new(ExternalConsistency::default())),
    },
    CheckerEntry {
        name: "snapshot-read",
        about: "A read-only transaction sees exactly the writes that were committed at or before its timestamp.",
        kind: Kind::Safety,
        source: "Berenson et al. 1995, section 4.2; Corbett et al. 2012, section 4.1",
        build: Some(|options| Box::new(SnapshotRead::new(options.conserved))),
    },
    CheckerEntry {
        name: "atomic-commitment",
        about: "A transaction happens everywhere or nowhere.",
        kind: Kind::Safety,
        source: "Bernstein, Hadzilacos and Goodman 1987, section 7.3",
        build: Some(|options| Box::new(AtomicCommitment::new(options))),
    },
    CheckerEntry {
        name: "at-most-once",
        about: "A request changes the state at most once, and all answers to it are equal.",
        kind: Kind::Safety,
        source: "Birrell and Nelson 1984, section 1.4; Ongaro 2014 (dissertation), section 6.3",
        build: Some(|_| Box::new(AtMostOnce::default())),
    },
    CheckerEntry {
        name: "consensus",
        about: "In each instance one value is chosen, it was proposed, and its proposers learn it.",
        kind: Kind::Safety,
        source: "Lamport 2001, section 2.1; Chandra and Toueg 1996, section 2.4",
        build: Some(|options| Box::new(Consensus::new(options.bounds.settle))),
    },
    CheckerEntry {
        name: "mutual-exclusion",
        about: "At a protected resource fencing tokens never go back, and no token has two holders.",
        kind: Kind::Safety,
        source: "Dijkstra 1965; Burrows 2006, section 2.4; Kleppmann 2017, chapter 8",
        build: Some(|_| Box::new(MutualExclusion::default())),
    },
    CheckerEntry {
        name: "failure-detector-completeness",
        about: "In the quiet tail every live node suspects, within a stated time, each stopped node that it watches.",
        kind: Kind::Liveness,
        source: "Chandra and Toueg 1996, section 2.2",
        build: Some(|options| Box::new(FailureDetectorCompleteness::new(options.bounds.suspect))),
    },
    CheckerEntry {
        name: "failure-detector-accuracy",
        about: "In the quiet tail no live node stays suspected for longer than a stated time, or is suspected too often.",
        kind: Kind::Liveness,
        source: "Chandra and Toueg 1996, section 2.2; Chen, Toueg and Aguilera 2002, section 2.2",
        build: Some(|options| {
            Box::new(FailureDetectorAccuracy::new(
                options.bounds.trust,
                options.bounds.mistakes_per_minute,
            ))
        }),
    },
    CheckerEntry {
        name: "convergence",
        about: "Once the faults are over and an object rests, all its live replicas are equal within a stated time.",
        kind: Kind::Liveness,
        source: "Demers et al. 1987, section 1; Shapiro et al. 2011, section 2",
        build: Some(|options| Box::new(Convergence::new(options.bounds.settle))),
    },
    CheckerEntry {
        name: "clock-condition",
        about: "What happened before has the smaller stamp; a version is dropped only for one that was written knowing it.",
        kind: Kind::Safety,
        source: "Lamport 1978; Mattern 1989; Fidge 1988",
        build: Some(|_| Box::new(ClockCondition::default())),
    },
    CheckerEntry {
        name: "clock-bounds",
        about: "A hybrid clock's physical part stays near true time, and the clock never goes back.",
        kind: Kind::Safety,
        source: "Kulkarni et al. 2014, section 3",
        build: Some(|options| Box::new(ClockBounds::new(options.bounds.clock))),
    },
    CheckerEntry {
        name: "no-lost-update",
        about: "An acknowledged write is returned, or a version that knew it; and no version beside one that knew it.",
        kind: Kind::Safety,
        source: "Preguica et al. 2012, section 3; DeCandia et al. 2007, section 4.4",
        build: Some(|options| Box::new(NoLostUpdate::new(options.bounds.settle))),
    },
    CheckerEntry {
        name: "ownership-cover",
        about: "An epoch gives no key to two nodes, only owners accept writes, and in the end each key has one owner.",
        kind: Kind::Safety,
        source: "Chang et al. 2006, section 5.2; Adya et al. 2016",
        build: Some(|options| Box::new(OwnershipCover::new(options.bounds.settle))),
    },
    CheckerEntry {
        name: "mapping-stability",
        about: "A key is always in the same partition, and a resize moves no more partitions than it must.",
        kind: Kind::Safety,
        source: "Karger et al. 1997; DeCandia et al. 2007, section 6.2",
        build: Some(|_| Box::new(MappingStability::default())),
    },
    CheckerEntry {
        name: "watch-completeness",
        about: "A watcher is told of every change of its objects, in order, once, without a gap.",
        kind: Kind::Safety,
        source: "Hunt et al. 2010, section 2.1; the guarantees of etcd's watch API",
        build: Some(|options| Box::new(WatchCompleteness::new(options.bounds.settle))),
    },
    CheckerEntry {
        name: "ordered-channel",
        about: "On each connection the frames that arrive are a prefix of those sent, and connections do not interleave.",
        kind: Kind::Safety,
        source: "Junqueira, Reed and Serafini 2011, section III; RFC 9293, section 3.4",
        build: Some(|_| Box::new(OrderedChannel::default())),
    },
    CheckerEntry {
        name: "leader-agreement",
        about: "Nodes with equal views name the same leader, and a leader changes only after the old one has left.",
        kind: Kind::Safety,
        source: "Birman and Joseph 1987, section 3; Chockler, Keidar and Vitenberg 2001, section 3",
        build: Some(|_| Box::new(LeaderAgreement::default())),
    },
    CheckerEntry {
        name: "recovery-equivalence",
        about: "A restarted node finds what was durable, and the state that follows from it.",
        kind: Kind::Safety,
        source: "Mohan et al. 1992, section 1.1",
        build: Some(|_| Box::new(RecoveryEquivalence::default())),
    },
    CheckerEntry {
        name: "bounded-resources",
        about: "Queues, disks and stalls stay under the caps that their owners state.",
        kind: Kind::Safety,
        source: "Little 1961; Joshi 2023, chapters 5 and 29",
        build: Some(|_| Box::new(BoundedResources::default())),
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
    use crate::kernel::time::Instant;

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
