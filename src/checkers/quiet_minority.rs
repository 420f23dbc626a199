//! **Quiet minority**: nodes that are cut off from the majority wait, and do nothing else.
//!
//! Inside the watched window they keep their generation and their votes, their logs do not grow, they send
//! each peer only a bounded number of messages in a second, and the clients near them get no write done.
//! The window should begin when the nodes have had time to notice the cut. Source: Ongaro 2014
//! (dissertation), sections 6.2 (a leader steps down) and 9.6 (pre-vote).

use std::collections::{BTreeMap, BTreeSet};

use crate::checkers::registry::Watch;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::history::{HistoryEvent, Phase, functions};
use crate::kernel::ids::{ClientId, Generation, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Endpoint, Event, Fact, Interest};

/// In nanoseconds: messages are counted by the second.
const SECOND: u64 = 1_000_000_000;

/// How many messages a node has sent to a peer in the current second of the window.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    second: u64,
    sent: u64,
}

/// Judges that the watched nodes are quiet.
#[derive(Debug)]
pub struct QuietMinority {
    watch: Option<Watch>,
    nodes: usize,
    /// The generation that each watched node is in.
    generations: BTreeMap<NodeId, Generation>,
    /// Nodes that tell what they found on their disks.
    recovering: BTreeSet<NodeId>,
    rates: BTreeMap<(NodeId, Endpoint), Rate>,
    /// When a client near the minority asked for the write that it waits for.
    asked: BTreeMap<ClientId, Instant>,
    writes_asked: u64,
}

impl QuietMinority {
    /// A judge of a watch in a cluster of so many nodes.
    #[must_use]
    pub fn new(watch: Option<Watch>, nodes: usize) -> Self {
        Self {
            watch,
            nodes,
            generations: BTreeMap::new(),
            recovering: BTreeSet::new(),
            rates: BTreeMap::new(),
            asked: BTreeMap::new(),
            writes_asked: 0,
        }
    }

    fn claimed(
        &mut self,
        event: &Event,
        node: NodeId,
        claim: &Claim,
        watched: Watched,
    ) -> Result<(), Violation> {
        match *claim {
            Claim::Recovering => {
                self.recovering.insert(node);
            }
            Claim::Recovered { .. } => {
                self.recovering.remove(&node);
            }
            Claim::Role { generation, .. } | Claim::Vote { generation, .. } => {
                let known = self.generations.insert(node, generation);
                if let (Watched::Yes, Some(known)) = (watched, known)
                    && known != generation
                {
                    let message =
                        format!("{node} is cut off and moves from {known} to {generation}");
                    return Err(Violation::new(event.at, message).because(event));
                }
            }
            Claim::Append { index, .. }
                if watched == Watched::Yes && !self.recovering.contains(&node) =>
            {
                let message = format!("{node} is cut off and appends {index} to its log");
                return Err(Violation::new(event.at, message).because(event));
            }
            _ => {}
        }
        Ok(())
    }

    fn sent(
        &mut self,
        event: &Event,
        node: NodeId,
        to: Endpoint,
        watch: &Limits,
    ) -> Result<(), Violation> {
        if to.0 as usize >= self.nodes {
            return Ok(()); // an answer to a client
        }
        let second = (event.at.as_nanos() - watch.from.as_nanos()) / SECOND;
        let rate = self.rates.entry((node, to)).or_default();
        if rate.second != second {
            *rate = Rate { second, sent: 0 };
        }
        rate.sent += 1;
        if rate.sent <= watch.messages_max {
            return Ok(());
        }
        let message = format!(
            "{node} is cut off and sends {} more than {} messages in a second",
            NodeId(to.0),
            watch.messages_max
        );
        Err(Violation::new(event.at, message).because(event))
    }

    fn history(&mut self, history: &HistoryEvent, limits: &Limits) -> Result<(), Violation> {
        let client = history.client;
        if history.phase == Phase::Invoke {
            let is_write = !history.operation.function.starts_with(functions::READ);
            if is_write && limits.from <= history.at && history.at <= limits.to {
                self.asked.insert(client, history.at);
                self.writes_asked += 1;
            }
            return Ok(());
        }
        let Some(asked) = self.asked.remove(&client) else { return Ok(()) };
        if history.phase != Phase::Ok || history.at > limits.to {
            return Ok(());
        }
        let message = format!("{client} is cut off and gets {} done", history.operation);
        Err(Violation::new(history.at, message)
            .because(format!("{asked} {client} asks"))
            .because(format!("{} {client} is told that it is done", history.at)))
    }
}

/// Whether a claim falls into the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Yes,
    No,
}

/// The window and the bound.
struct Limits {
    from: Instant,
    to: Instant,
    messages_max: u64,
}

impl Checker for QuietMinority {
    fn name(&self) -> &'static str {
        "quiet-minority"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::MESSAGES).and(Interest::HISTORY)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let Some(watch) = &self.watch else { return Ok(()) };
        let limits = Limits { from: watch.from, to: watch.to, messages_max: watch.messages_max };
        let inside = limits.from <= event.at && event.at <= limits.to;
        if let Fact::History(history) = &event.fact {
            if watch.clients.contains(&history.client) {
                return self.history(history, &limits);
            }
            return Ok(());
        }
        let Some(node) = event.node.filter(|node| watch.nodes.contains(node)) else {
            return Ok(());
        };
        match &event.fact {
            Fact::Claimed(claim) => {
                let watched = if inside { Watched::Yes } else { Watched::No };
                self.claimed(event, node, claim, watched)
            }
            Fact::Sent { to, .. } if inside => self.sent(event, node, *to, &limits),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        let Some(watch) = &self.watch else {
            return Judgement::Vacuous("the scenario names no minority to watch".into());
        };
        if end < watch.to {
            return Judgement::Vacuous(format!("the run ended before {}", watch.to));
        }
        if let Some(node) = watch.nodes.iter().find(|node| !self.generations.contains_key(node)) {
            return Judgement::Vacuous(format!("{node} never said in which generation it is"));
        }
        if self.writes_asked == 0 && !watch.clients.is_empty() {
            return Judgement::Vacuous("nobody near the minority asked for a write".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::CheckerOptions;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
    use crate::history::Operation;

    const NAME: &str = "quiet-minority";

    /// Nodes 2 and client 9 are watched from 100 ms to 2 100 ms; two messages a second are allowed.
    fn judge(script: &Script) -> Judgement {
        let watch = Watch {
            from: Instant::from_nanos(100_000_000),
            to: Instant::from_nanos(2_100_000_000),
            nodes: vec![NodeId(2)],
            clients: vec![ClientId(9)],
            messages_max: 2,
        };
        script.judged(NAME, &CheckerOptions { watch: Some(watch), ..CheckerOptions::new(3) })
    }

    fn write() -> Operation {
        Operation::new(functions::WRITE, 1, 5)
    }

    /// The node is a follower, the window begins, and a write is refused.
    fn cut() -> Script {
        Script::new().follower(2, 3).at(100).invoke(9, write()).fail(9)
    }

    fn end(script: Script) -> Script {
        script.at(3000)
    }

    #[test]
    fn a_minority_that_waits_is_quiet() {
        let script = cut().sent(2, 0).sent(2, 0).sent(2, 1).at(1100).sent(2, 0).sent(2, 0);
        assert_ok(&judge(&end(script.follower(2, 3))));
    }

    #[test]
    fn a_generation_that_moves_inside_the_window_is_a_violation() {
        let judgement = judge(&end(cut().follower(2, 4)));
        assert_violation(&judgement, "moves from generation 3 to generation 4");
        assert_violation(&judge(&end(cut().vote(2, 4, 2))), "moves from generation 3");
        assert_ok(&judge(&end(cut()).follower(2, 4)));
        assert_ok(&judge(&end(cut().follower(0, 4))));
    }

    #[test]
    fn more_messages_than_allowed_are_a_violation() {
        let script = cut().sent(2, 0).sent(2, 0).sent(2, 0);
        assert_violation(&judge(&end(script)), "sends node#0 more than 2 messages");
        let answers = cut().sent(2, 3).sent(2, 3).sent(2, 3);
        assert_ok(&judge(&end(answers)));
    }

    #[test]
    fn a_log_that_grows_is_a_violation_unless_it_is_only_told_again() {
        let judgement = judge(&end(cut().append(2, (1, 3), 11)));
        assert_violation(&judgement, "appends index 1");
        let told = cut().recovering(2).append(2, (1, 3), 11).recovered(2, 1, (0, 0));
        assert_ok(&judge(&end(told)));
    }

    #[test]
    fn a_write_that_is_done_inside_the_window_is_a_violation() {
        let judgement = judge(&end(cut().invoke(9, write()).ok(9, 5)));
        assert_violation(&judgement, "c9 is cut off and gets write k1 5 done");
        assert_ok(&judge(&end(cut().invoke(8, write()).ok(8, 5))));
        assert_ok(&judge(&end(cut().invoke(9, write()).at(2200).ok(9, 5))));
        assert_ok(&judge(&end(Script::new()
            .follower(2, 3)
            .at(99)
            .invoke(9, write())
            .ok(9, 5)
            .invoke(9, write()))));
    }

    #[test]
    fn what_was_not_watched_cannot_be_judged() {
        assert_unknown(&cut().judged_by(NAME), "names no minority");
        assert_unknown(&judge(&cut()), "the run ended before 2.100000s");
        assert_unknown(&judge(&end(Script::new())), "node#2 never said");
        assert_unknown(&judge(&end(Script::new().follower(2, 3))), "nobody near the minority");
    }
}
