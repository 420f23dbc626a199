//! The quiet tail of a run, in which liveness is judged: from when on, and who lives.
//!
//! What must happen in time has its full bound after the latest of: the moment at which it became due, the begin of the
//! tail, and the start of everybody concerned. Something is *overdue* if the run goes on after that.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact};

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Up(Instant),
    Paused,
    Stopped(Instant),
}

/// The quiet tail, and who lives since when.
#[derive(Debug, Default)]
pub(super) struct Tail {
    began: Option<Instant>,
    nodes: BTreeMap<NodeId, Life>,
}

impl Tail {
    /// Takes in an event.
    pub fn observe(&mut self, event: &Event) {
        let life = match event.fact {
            Fact::PhaseBegan("quiet") => {
                self.began = Some(event.at);
                return;
            }
            Fact::Started { .. } | Fact::Resumed => Life::Up(event.at),
            Fact::Paused => Life::Paused,
            Fact::Stopped(_) => Life::Stopped(event.at),
            _ => return,
        };
        self.nodes.insert(event.node.expect("only nodes start and stop"), life);
    }

    /// Whether it began.
    pub const fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Since when a node runs without an interruption, if it runs.
    pub fn live_since(&self, node: NodeId) -> Option<Instant> {
        match self.nodes.get(&node) {
            Some(&Life::Up(since)) => Some(since),
            _ => None,
        }
    }

    /// Since when a node is stopped, if it is.
    pub fn stopped_since(&self, node: NodeId) -> Option<Instant> {
        match self.nodes.get(&node) {
            Some(&Life::Stopped(since)) => Some(since),
            _ => None,
        }
    }

    /// Until when something must happen that is due since `since`; `None` before the tail.
    pub fn deadline(&self, since: Instant, within: Duration) -> Option<Instant> {
        self.began.map(|began| began.max(since) + within)
    }

    /// Whether something that is due since `since` should have happened before `now`.
    pub fn overdue(&self, since: Instant, within: Duration, now: Instant) -> bool {
        self.deadline(since, within).is_some_and(|deadline| deadline < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::Bounds;
    use crate::checkers::testing::Script;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn seen(script: &Script) -> Tail {
        let mut tail = Tail::default();
        script.events().iter().for_each(|event| tail.observe(event));
        tail
    }

    #[test]
    fn a_node_lives_since_its_last_start_or_resumption() {
        let tail = seen(&Script::new().start(0).start(1).start(2).pause(1).stop(2).resume(1));
        assert_eq!(tail.live_since(NodeId(0)), Some(at(0)));
        assert_eq!(tail.live_since(NodeId(1)), Some(at(5)));
        assert_eq!(
            (tail.live_since(NodeId(2)), tail.stopped_since(NodeId(2))),
            (None, Some(at(4)))
        );
        assert_eq!(tail.stopped_since(NodeId(0)), None);
        let paused = seen(&Script::new().start(0).pause(0));
        assert_eq!(paused.live_since(NodeId(0)).or(paused.stopped_since(NodeId(0))), None);
    }

    #[test]
    fn a_deadline_counts_from_the_tail_or_from_later() {
        let within = Duration::from_millis(10);
        assert!(!seen(&Script::new()).overdue(at(0), within, Instant::MAX));
        assert!(!seen(&Script::new()).has_begun());
        let tail = seen(&Script::new().at(100).phase("chaos").phase("quiet"));
        assert!(tail.has_begun());
        assert_eq!(tail.deadline(at(5), within), Some(at(111)));
        assert_eq!(tail.deadline(at(150), within), Some(at(160)));
        assert!(!tail.overdue(at(5), within, at(111)));
        assert!(tail.overdue(at(5), within, at(112)));
        assert!(!tail.overdue(at(5), Bounds::none().settle, Instant::MAX));
    }
}
