//! **Watch completeness**: from its first revision on, a watcher is told of every change of its objects, in the order of
//! revisions, once, without a gap and without going back.
//!
//! A gap shows as soon as a later change of the object is told; that the last changes were never told is judged in the
//! quiet tail. A watch that is resumed goes on where it was. Source: Hunt et al. 2010, section 2.1; the
//! guarantees of etcd's watch API (ordered, unique, reliable, atomic, resumable).
//!
//! What it needs to see: `Changed` from the store, `Watches`, `Notified` and `WatchEnded` from where the watcher is. What it
//! cannot see: watchers that are clients, and whether the value that was told is the right one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::checkers::recent::KEPT;
use crate::checkers::tail::Tail;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::delivery::Delivery;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// A change that the store made.
#[derive(Clone, Copy, Debug)]
struct Change {
    revision: u64,
    node: NodeId,
    at: Instant,
}

/// The changes of one object, in the order of revisions.
#[derive(Debug, Default)]
struct Changes {
    kept: VecDeque<Change>,
    /// Nothing is remembered through this revision.
    forgotten: u64,
}

impl Changes {
    fn add(&mut self, change: Change) {
        if self.kept.back().is_some_and(|last| change.revision <= last.revision) {
            return; // another replica applies it too
        }
        self.kept.push_back(change);
        if self.kept.len() > KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            self.forgotten = oldest.revision;
        }
    }

    /// The first change after a revision.
    fn after(&self, revision: u64) -> Option<&Change> {
        self.kept.get(self.kept.partition_point(|change| change.revision <= revision))
    }

    fn has(&self, revision: u64) -> bool {
        let found = self.kept.binary_search_by_key(&revision, |change| change.revision);
        revision <= self.forgotten || found.is_ok()
    }
}

/// What one watcher was told of one object.
#[derive(Debug)]
struct Watch {
    node: NodeId,
    /// It wants to be told of what comes after this.
    through: u64,
    /// Since when it watches, if it does.
    since: Option<Instant>,
    /// When it was told last, or began.
    told: Instant,
}

/// Judges that watchers miss nothing.
#[derive(Debug)]
pub struct WatchCompleteness {
    settle: Duration,
    tail: Tail,
    changes: BTreeMap<u64, Changes>,
    /// By watcher and object.
    watches: BTreeMap<(u64, u64), Watch>,
}

impl WatchCompleteness {
    /// A judge that gives the store this long to tell its watchers, once the faults are over.
    #[must_use]
    pub fn new(settle: Duration) -> Self {
        Self { settle, tail: Tail::default(), changes: BTreeMap::new(), watches: BTreeMap::new() }
    }

    fn delivery(&mut self, event: &Event, node: NodeId, claim: Delivery) -> Result<(), Violation> {
        match claim {
            Delivery::Changed { object, revision } => {
                let change = Change { revision, node, at: event.at };
                self.changes.entry(object).or_default().add(change);
                Ok(())
            }
            Delivery::Watches { watcher, object, from } => {
                self.watches(event, node, ((watcher, object), from))
            }
            Delivery::Notified { watcher, object, revision } => {
                self.notified(event, (watcher, object), revision)
            }
            Delivery::WatchEnded { watcher } => {
                self.watches.retain(|(other, _), _| *other != watcher);
                Ok(())
            }
            Delivery::FrameSent(_) | Delivery::FrameDelivered(_) => Ok(()),
        }
    }

    fn watches(
        &mut self,
        event: &Event,
        node: NodeId,
        asked: ((u64, u64), u64),
    ) -> Result<(), Violation> {
        let ((watcher, object), from) = asked;
        let through = from.saturating_sub(1);
        let (since, told) = (Some(event.at), event.at);
        let new = || Watch { node, through, since, told };
        let watch = self.watches.entry((watcher, object)).or_insert_with(new);
        let missed = self.changes.get(&object).and_then(|changes| changes.after(watch.through));
        if let Some(missed) = missed.filter(|missed| missed.revision <= through) {
            let what = format!("resumes its watch of object {object} at revision {from}");
            return Err(gap((watcher, &what), watch, missed).because(event).dated(event.at));
        }
        *watch = Watch { node, through: watch.through.max(through), since, told: watch.told };
        Ok(())
    }

    fn notified(
        &mut self,
        event: &Event,
        place: (u64, u64),
        revision: u64,
    ) -> Result<(), Violation> {
        let (watcher, object) = place;
        let Some(watch) = self.watches.get_mut(&place) else { return Ok(()) };
        if revision <= watch.through {
            let message = format!(
                "watcher {watcher} is told of revision {revision} of object {object}, but it is through {} already",
                watch.through
            );
            let told = format!("{} watcher {watcher} is through {}", watch.told, watch.through);
            return Err(Violation::new(event.at, message).because(told).because(event));
        }
        let changes = self.changes.entry(object).or_default();
        if let Some(missed) =
            changes.after(watch.through).filter(|missed| missed.revision < revision)
        {
            let what = format!("is told of revision {revision} of object {object}");
            return Err(gap((watcher, &what), watch, missed).because(event).dated(event.at));
        }
        if !changes.has(revision) {
            let message = format!(
                "watcher {watcher} is told of revision {revision} of object {object}, which nobody has made"
            );
            return Err(Violation::new(event.at, message).because(event));
        }
        (watch.through, watch.told) = (revision, event.at);
        Ok(())
    }

    /// A watcher that was not told of a change in time.
    fn untold(&self, end: Instant) -> Option<Violation> {
        self.watches.iter().find_map(|((watcher, object), watch)| {
            let missed = self.changes.get(object)?.after(watch.through)?;
            let live = self.tail.live_since(watch.node)?;
            let since = watch.since?.max(missed.at).max(live);
            if !self.tail.overdue(since, self.settle, end) {
                return None;
            }
            let what = format!("watches object {object} to the end");
            Some(gap((*watcher, &what), watch, missed).dated(end))
        })
    }
}

/// A change is missed; when that showed is filled in by the caller.
fn gap((watcher, what): (u64, &str), watch: &Watch, missed: &Change) -> Violation {
    let Change { revision, node, at } = missed;
    let message = format!("watcher {watcher} {what}, and was never told of revision {revision}");
    Violation::new(Instant::ZERO, message)
        .because(format!("{} watcher {watcher} is through {}", watch.told, watch.through))
        .because(format!("{at} {node} makes revision {revision}"))
}

impl Checker for WatchCompleteness {
    fn name(&self) -> &'static str {
        "watch-completeness"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.tail.observe(event);
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Delivery(claim)), Some(node)) => {
                self.delivery(event, node, claim)
            }
            (Fact::Stopped(_), Some(node)) => {
                let own = self.watches.values_mut().filter(|watch| watch.node == node);
                own.for_each(|watch| watch.since = None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        if self.watches.is_empty() || self.changes.is_empty() {
            return Judgement::Vacuous("no node watched to the end, or nothing changed".into());
        }
        self.untold(end).map_or(Judgement::Ok, Judgement::Violation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation, settling};

    const NAME: &str = "watch-completeness";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    impl Script {
        fn changes(self, node: u32, object: u64, revision: u64) -> Self {
            self.claim(node, Delivery::Changed { object, revision })
        }

        /// Watcher 8 lives on node 2.
        fn watches(self, object: u64, from: u64) -> Self {
            self.claim(2, Delivery::Watches { watcher: 8, object, from })
        }

        fn notified(self, object: u64, revision: u64) -> Self {
            self.claim(2, Delivery::Notified { watcher: 8, object, revision })
        }

        fn ended(self) -> Self {
            self.claim(2, Delivery::WatchEnded { watcher: 8 })
        }
    }

    /// Watcher 8 watches object 5 from revision 2 on; revisions 1, 2 and 4 change it, 3 another one.
    fn changed() -> Script {
        let script =
            Script::new().start(0).start(2).watches(5, 2).changes(0, 5, 1).changes(0, 5, 2);
        script.changes(0, 6, 3).changes(0, 5, 4).changes(1, 5, 2).changes(1, 5, 4)
    }

    #[test]
    fn every_change_in_order_and_once_is_complete() {
        let script = changed().notified(5, 2).notified(5, 4).at(100).phase("quiet");
        assert_ok(&judge(&script.clone().at(200)));
        let resumed = script.stop(2).start(2).watches(5, 5).changes(0, 5, 7).notified(5, 7);
        assert_ok(&judge(&resumed.at(200)));
        assert_ok(&judge(&changed().watches(6, 1).notified(6, 3).notified(5, 2).notified(5, 4)));
    }

    #[test]
    fn a_change_that_is_skipped_is_a_violation() {
        let judgement = judge(&changed().notified(5, 4));
        assert_violation(
            &judgement,
            "watcher 8 is told of revision 4 of object 5, and was never told of revision 2",
        );
        assert_violation(&judgement, "node#0 makes revision 2");
        assert_violation(&judgement, "watcher 8 is through 1");
        let Judgement::Violation(violation) = judgement else { panic!("it is one") };
        assert_eq!(violation.at, Instant::from_nanos(9_000_000));
    }

    #[test]
    fn a_change_that_is_told_twice_or_backwards_is_a_violation() {
        let script = changed().notified(5, 2).notified(5, 4);
        for revision in [4, 2, 1] {
            let judgement = judge(&script.clone().notified(5, revision));
            assert_violation(
                &judgement,
                &format!("revision {revision} of object 5, but it is through 4"),
            );
            assert_violation(&judgement, "0.010000s watcher 8 is through 4");
        }
        assert_violation(&judge(&changed().notified(5, 1)), "but it is through 1");
        assert_violation(&judge(&script.watches(5, 3).notified(5, 4)), "but it is through 4");
    }

    #[test]
    fn a_change_that_nobody_made_is_a_violation() {
        let judgement = judge(&changed().notified(5, 2).notified(5, 3));
        assert_violation(&judgement, "told of revision 3 of object 5, which nobody has made");
        assert_violation(
            &judge(&Script::new().watches(9, 1).notified(9, 1)),
            "which nobody has made",
        );
    }

    #[test]
    fn a_watch_that_is_resumed_too_late_is_a_violation() {
        let judgement = judge(&changed().notified(5, 2).watches(5, 5));
        assert_violation(
            &judgement,
            "watcher 8 resumes its watch of object 5 at revision 5, and was never",
        );
        assert_violation(&judgement, "never told of revision 4");
        assert_ok(&judge(&changed().notified(5, 2).watches(5, 4).notified(5, 4)));
        assert_ok(&judge(&changed().notified(5, 2).ended().watches(5, 5)));
    }

    #[test]
    fn a_last_change_that_is_never_told_is_a_violation() {
        let script = changed().notified(5, 2).at(100).phase("quiet");
        let judgement = judge(&script.clone().at(111));
        assert_violation(
            &judgement,
            "watcher 8 watches object 5 to the end, and was never told of revision 4",
        );
        assert_ok(&judge(&script.clone().at(110)));
        assert_ok(&judge(&script.clone().stop(2).at(200)));
        assert_ok(&judge(&script.clone().stop(2).start(2).at(200)));
        assert_ok(&judge(&script.clone().pause(2).at(200)));
        let resumed = script.clone().pause(2).at(150).resume(2);
        assert_ok(&judge(&resumed.clone().at(160)));
        assert_violation(&judge(&resumed.at(161)), "never told");
        let again = script.clone().stop(2).start(2).at(150).watches(5, 4);
        assert_ok(&judge(&again.clone().at(160)));
        assert_violation(&judge(&again.at(161)), "never told");
        let fresh = script.notified(5, 4).at(150).changes(0, 5, 9);
        assert_ok(&judge(&fresh.clone().at(160)));
        assert_violation(&judge(&fresh.at(161)), "never told of revision 9");
    }

    #[test]
    fn without_watchers_or_changes_there_is_nothing_to_check() {
        let why = "no node watched to the end, or nothing changed";
        assert_unknown(&judge(&Script::new().changes(0, 5, 1).notified(5, 1)), why);
        assert_unknown(&judge(&Script::new().watches(5, 1)), why);
        assert_unknown(&judge(&changed().ended()), why);
    }

    #[test]
    fn only_the_last_changes_are_remembered() {
        let mut changes = Changes::default();
        let (node, at) = (NodeId(0), Instant::ZERO);
        for revision in [1, 1] {
            changes.add(Change { revision, node, at });
        }
        assert_eq!(changes.kept.len(), 1, "a replica that applies it too changes nothing");
        (1..=KEPT as u64 + 3).for_each(|revision| changes.add(Change { revision, node, at }));
        assert_eq!((changes.kept.len(), changes.forgotten), (KEPT, 3));
        assert!(changes.has(3) && changes.has(4) && !changes.has(KEPT as u64 + 4));
    }
}
