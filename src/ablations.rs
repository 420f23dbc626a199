//! The only place that can build a wrong system.
//!
//! An ablation switches one pattern off: it replaces one of a system's parts by what a reasonable engineer would have
//! written who does not know the pattern. Such a design works as long as nothing goes wrong, and each ablation names the
//! invariants that it breaks when something does. Systems have no switches of their own; see
//! [`Parts`].

use std::borrow::Cow;
use std::fmt;

use crate::kernel::ids::{Generation, LogIndex};
use crate::patterns::generation_clock::Seen;
use crate::patterns::idempotent_receiver::Arrival;
use crate::patterns::leader_and_followers::Part;
use crate::patterns::majority_quorum::JointQuorum;
use crate::patterns::replicated_log::{Mismatch, Position};
use crate::systems::raft_kv::commands::{Command, Update};
use crate::systems::raft_kv::options::{Acknowledge, Campaign, Office, Parts, ReadPath, Watch};
use crate::systems::storage::WritePolicy;

/// The parts that systems are built from; sound by default.
#[derive(Clone, Copy, Default)]
pub struct Wrong {
    /// The parts of raft-kv.
    pub raft_kv: Parts,
}

/// One pattern, switched off.
#[derive(Clone, Copy)]
pub struct Ablation {
    /// The pattern's name.
    pub name: &'static str,
    /// The naive design that takes its place, and when it fails.
    pub about: &'static str,
    /// The checkers that must catch it.
    pub violates: &'static [&'static str],
    apply: fn(&mut Wrong),
}

/// A name that no ablation has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAblation(pub String);

impl fmt::Display for UnknownAblation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no pattern `{}` to switch off", self.0)
    }
}

impl std::error::Error for UnknownAblation {}

/// The parts with these patterns switched off.
///
/// # Errors
/// The first name that no ablation has.
pub fn without<S: AsRef<str>>(names: &[S]) -> Result<Wrong, UnknownAblation> {
    let mut parts = Wrong::default();
    for name in names.iter().map(AsRef::as_ref) {
        let known = ABLATIONS.iter().find(|ablation| ablation.name == name);
        let ablation = known.ok_or_else(|| UnknownAblation(name.to_owned()))?;
        (ablation.apply)(&mut parts);
    }
    Ok(parts)
}

/// All ablations: first the patterns, in the order of the book, then the further rules of Raft.
pub const ABLATIONS: &[Ablation] = &[
    Ablation {
        name: "write-ahead-log",
        about: "A sync of the log returns at once: the operating system will write the pages back, every half second or \
                so, and the node answers meanwhile. One node that loses power is covered by the others; when all lose \
                power, what was acknowledged since the last write-back is gone.",
        violates: &["durability", "recovery-equivalence"],
        apply: |wrong| wrong.raft_kv.log_writes = WritePolicy::Back,
    },
    Ablation {
        name: "heartbeat",
        about: "Nobody watches: the cluster elects a leader when it is founded, and a node whose log shows that there \
                was one waits for it, for ever. When the leader is gone, so is the service.",
        violates: &["progress"],
        apply: |wrong| wrong.raft_kv.watch = stands_only_to_found_the_cluster,
    },
    Ablation {
        name: "majority-quorum",
        about: "A majority of the members that are believed to be reachable decides, so that the service survives the \
                loss of more than half. Both sides of a partition elect a leader and commit.",
        violates: &["state-machine-safety", "durability", "linearizability"],
        apply: |wrong| {
            wrong.raft_kv.electorate =
                |members, reach| Cow::Owned(members.among(|node| reach.reaches(node)));
        },
    },
    Ablation {
        name: "generation-clock",
        about: "Replication messages carry no generation. A follower believes whoever spoke last; a leader knows that it \
                leads, and takes no orders. (Nor does it step down when it hears nothing: who would lead?) A leader that \
                was paused or cut off goes on where it was, and overwrites what its successor committed.",
        violates: &["state-machine-safety", "leader-completeness", "durability"],
        apply: |wrong| {
            wrong.raft_kv.fence = the_last_speaker_leads;
            wrong.raft_kv.fence_answers = |_, _| Seen::Current;
            wrong.raft_kv.office = || Office::Keep;
        },
    },
    Ablation {
        name: "request-waiting-list",
        about: "Nobody waits: a write or a delete, whose result is known beforehand, is acknowledged as soon as the \
                leader has it in its log. (Reads then wait for the end of the log, so that a client sees what it wrote.) \
                A leader that is cut off or loses power takes acknowledged writes with it.",
        violates: &["durability", "linearizability"],
        apply: |wrong| {
            wrong.raft_kv.acknowledge = blind_updates_at_once;
            wrong.raft_kv.reads_through = |commit, last| commit.max(last);
        },
    },
    Ablation {
        name: "idempotent-receiver",
        about: "Each request that arrives is executed. A client whose answer was lost asks again, and its update is \
                executed twice.",
        violates: &["at-most-once", "linearizability"],
        apply: |wrong| {
            wrong.raft_kv.admit = |arrival| match arrival {
                Arrival::UnknownSession => Arrival::UnknownSession,
                Arrival::First | Arrival::Repeat(_) | Arrival::Forgotten => Arrival::First,
            }
        },
    },
    Ablation {
        name: "follower-reads",
        about: "Followers serve reads without a guard, from whatever they have applied. A client that asks a follower \
                which lags behind, or is cut off, reads the past.",
        violates: &["linearizability", "session-guarantees"],
        apply: |wrong| wrong.raft_kv.follower_read = ReadPath::Local,
    },
    Ablation {
        name: "pre-vote",
        about: "A follower that hears no leader stands for election at once, and everybody votes for a greater \
                generation. A node that was cut off has raised its generation again and again, and deposes the healthy \
                leader when it is back. Nothing is lost, but service is: this breaks no safety property.",
        violates: &["stability"],
        apply: |wrong| wrong.raft_kv.campaign = Campaign::Direct,
    },
    Ablation {
        name: "check-quorum",
        about: "A leader leads until somebody tells it otherwise, and trusts itself: it serves reads from its own state \
                without asking anybody. Cut off from the majority, it serves the past, and its other clients wait.",
        violates: &["linearizability"],
        apply: |wrong| {
            wrong.raft_kv.office = || Office::Keep;
            wrong.raft_kv.leader_read = ReadPath::Local;
        },
    },
    Ablation {
        name: "durable-vote",
        about: "Generation and vote are written, but not synced before they are answered. A voter that loses power in \
                an election votes a second time, and two leaders have one generation.",
        violates: &["election-safety"],
        apply: |wrong| wrong.raft_kv.hard_state_writes = WritePolicy::Back,
    },
    Ablation {
        name: "election-restriction",
        about: "A vote goes to whoever asks first, whatever is in the candidate's log. A node that lacks committed \
                entries becomes leader and overwrites them.",
        violates: &["leader-completeness", "state-machine-safety", "durability"],
        apply: |wrong| wrong.raft_kv.up_to_date = |_, _| true,
    },
    Ablation {
        name: "current-term-commit",
        about: "An entry is committed when a majority has it, whichever generation it is of. Raft's figure 8: an old \
                entry that a leader has just copied to a majority is overwritten by a leader with a newer log.",
        violates: &["leader-completeness", "state-machine-safety"],
        apply: |wrong| wrong.raft_kv.commits = |_, _| true,
    },
    Ablation {
        name: "previous-entry-check",
        about: "A follower takes entries that leave no gap in its log, and does not ask whether the entry before them is \
                the leader's. A tail of an older leader stays below new entries.",
        violates: &["log-matching", "state-machine-safety"],
        apply: |wrong| {
            wrong.raft_kv.previous = |log, previous| {
                let last = log.last_index();
                if previous.index <= last { Ok(()) } else { Err(Mismatch { may_agree: last }) }
            }
        },
    },
    Ablation {
        name: "no-op-on-election",
        about: "A new leader waits for the first update of a client, and serves reads at the commit index it knows of. \
                Its predecessor may have acknowledged more.",
        violates: &["linearizability"],
        apply: |wrong| wrong.raft_kv.first_command = || None,
    },
    Ablation {
        name: "randomized-timeout",
        about: "All nodes wait equally long for their leader. On equal machines they stand at the same moment, each \
                votes for itself, and again, and again.",
        violates: &["progress"],
        apply: |wrong| wrong.raft_kv.patience = |_, (least, _)| least,
    },
    Ablation {
        name: "joint-consensus",
        about: "The cluster jumps from the old members to the new ones in one step. A majority of the old and a majority \
                of the new need not meet: cut off one from the other while the new configuration is on its way, and each \
                elects a leader, and both commit.",
        violates: &["state-machine-safety", "leader-completeness", "durability", "election-safety"],
        apply: |wrong| wrong.raft_kv.reconfigure = |_, new| JointQuorum::simple(new),
    },
];

const fn the_last_speaker_leads(part: Part, _: Generation, _: Generation) -> Seen {
    match part {
        Part::Leading => Seen::Stale,
        _ => Seen::Current,
    }
}

fn stands_only_to_found_the_cluster(last: Position) -> Watch {
    if last.index == LogIndex(0) { Watch::Stands } else { Watch::Waits }
}

fn blind_updates_at_once(command: &Command) -> Acknowledge {
    match command {
        Command::Update { update: Update::Write(_) | Update::Delete, .. } => Acknowledge::Appended,
        _ => Acknowledge::Applied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nothing_has_is_an_error_that_says_it() {
        let error = without(&["paxos-made-simple"]).err().expect("there is no such ablation");
        assert!(error.to_string().contains("`paxos-made-simple`"));
    }

    #[test]
    fn every_ablation_says_what_it_breaks() {
        for ablation in ABLATIONS {
            assert!(
                !ablation.violates.is_empty() && ablation.about.ends_with('.'),
                "{}",
                ablation.name
            );
            assert!(without(&[ablation.name]).is_ok());
        }
        let names: std::collections::BTreeSet<_> =
            ABLATIONS.iter().map(|known| known.name).collect();
        assert_eq!(names.len(), ABLATIONS.len());
    }
}
