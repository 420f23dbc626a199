//! **Quiet minority**: nodes that are cut off from the majority wait, and do nothing else.
//!
//! Inside the watched window they keep their generation and their votes, their logs do not grow, they send
//! each peer only a bounded number of messages in a second, and the clients near them get no write done: each
//! is refused in so many words, within [`REFUSED_WITHIN`]. A minority that leaves its clients hanging is not
//! quiet, it is dumb: they cannot tell it from a slow majority, and would wait where they should turn elsewhere.
//! A write may also end unknown by a refusal: an attempt got lost on the way, and a later one was refused.
//!
//! The window should begin when the nodes have had time to notice the cut: inside it nothing is excused. Source: Ongaro 2014
//! (dissertation), sections 6.2 (a leader steps down) and 9.6 (pre-vote).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::checkers::Watch;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::history::{EndedBy, HistoryEvent, Operation, Phase, functions};
use crate::kernel::ids::{ClientId, Generation, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Endpoint, Event, Fact, Interest};

/// In nanoseconds: messages are counted by the second.
const SECOND: u64 = 1_000_000_000;

/// Within which time a write must be refused. It is also how long clients wait if the scenario says nothing
/// else, so one that is left hanging gives up when the bound has just passed.
pub const REFUSED_WITHIN: Duration = Duration::from_secs(1);

/// A write of a client near the minority, while it waits.
#[derive(Clone, Debug)]
struct Asked {
    at: Instant,
    operation: Operation,
}

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
    /// The write that each client near the minority waits for, if it asked for it inside the window.
    asked: BTreeMap<ClientId, Asked>,
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
                let asked = Asked { at: history.at, operation: history.operation.clone() };
                self.asked.insert(client, asked);
                self.writes_asked += 1;
            }
            return Ok(());
        }
        let Some(asked) = self.asked.remove(&client) else { return Ok(()) };
        asked.must_be_refused_by(history.at, client, limits.to)?;
        let wrong = match (history.phase, history.ended_by) {
            _ if history.at > limits.to => return Ok(()),
            (Phase::Ok, _) => "done",
            (Phase::Info, EndedBy::Answer) => "into a state that nobody knows",
            _ => return Ok(()),
        };
        let message = format!("{client} is cut off and gets {} {wrong}", asked.operation);
        Err(asked.violation(client, message, history))
    }
}

impl Asked {
    /// A write that still waits at `now`, or ends then, must not have waited too long inside the window.
    fn must_be_refused_by(
        &self,
        now: Instant,
        client: ClientId,
        window_end: Instant,
    ) -> Result<(), Violation> {
        let latest = self.at + REFUSED_WITHIN;
        if now < latest || window_end < latest {
            return Ok(());
        }
        let operation = &self.operation;
        let message = format!("{client} is cut off and left hanging with {operation}");
        Err(Violation::new(latest, message)
            .because(format!("{} {client} asks", self.at))
            .because(format!("{latest} nobody has refused it within {REFUSED_WITHIN:?}")))
    }

    fn violation(&self, client: ClientId, message: String, end: &HistoryEvent) -> Violation {
        Violation::new(end.at, message)
            .because(format!("{} {client} asks", self.at))
            .because(format!("{} {client} is told: {end}", end.at))
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
        for (&client, asked) in &self.asked {
            if let Err(violation) = asked.must_be_refused_by(end, client, watch.to) {
                return Judgement::Violation(violation);
            }
        }
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
        let late = cut().at(899).sent(2, 0).sent(2, 0).sent(2, 0);
        assert_violation(&judge(&end(late)), "more than 2 messages in a second");
        let answers = cut().sent(2, 3).sent(2, 3).sent(2, 3);
        assert_ok(&judge(&end(answers)));
        let after = cut().at(2101).sent(2, 0).sent(2, 0).sent(2, 0);
        assert_ok(&judge(&end(after)));
    }

    #[test]
    fn a_log_that_grows_is_a_violation_unless_it_is_only_told_again() {
        let judgement = judge(&end(cut().append(2, (1, 3), 11)));
        assert_violation(&judgement, "appends index 1");
        let told = cut().recovering(2).append(2, (1, 3), 11).recovered(2, 1, (0, 0));
        assert_ok(&judge(&end(told.clone())));
        let grows = told.append(2, (2, 3), 12);
        assert_violation(&judge(&end(grows)), "appends index 2");
    }

    #[test]
    fn the_window_has_both_its_ends() {
        let first = Script::new().follower(2, 3).at(100).follower(2, 4);
        assert_violation(&judge(&end(first)), "moves from generation 3");
        assert_violation(&judge(&end(cut().at(2100).follower(2, 4))), "moves from generation 3");
        let write = cut().at(2100).invoke(9, write()).at_once().ok(9, 5);
        assert_violation(&judge(&end(write)), "c9 is cut off and gets write k1 5 done");
        assert_ok(&judge(&cut().at(2100)));
    }

    #[test]
    fn a_write_that_is_done_inside_the_window_is_a_violation() {
        let judgement = judge(&end(cut().invoke(9, write()).ok(9, 5)));
        assert_violation(&judgement, "c9 is cut off and gets write k1 5 done");
        assert_ok(&judge(&end(cut().invoke(8, write()).ok(8, 5))));
        assert_ok(&judge(&end(cut().at(1101).invoke(9, write()).at(2200).ok(9, 5))));
        assert_ok(&judge(&end(Script::new()
            .follower(2, 3)
            .at(99)
            .invoke(9, write())
            .ok(9, 5)
            .invoke(9, write())
            .fail(9))));
    }

    #[test]
    fn a_minority_that_lets_its_clients_hang_is_a_violation() {
        let left = "c9 is cut off and left hanging with write k1 5";
        let hangs = cut().at(200).invoke(9, write()).at(1200);
        assert_violation(&judge(&end(hangs.clone().info(9))), left);
        let unsent = hangs.clone().gives_up(9, Phase::Fail, EndedBy::Timeout);
        assert_violation(&judge(&end(unsent)), left);
        assert_violation(&judge(&end(hangs.at(1500).fail(9))), left);
        assert_violation(&judge(&end(cut().at(200).invoke(9, write()))), left);
    }

    #[test]
    fn what_hangs_across_the_end_of_the_window_is_not_judged() {
        assert_ok(&judge(&end(cut().at(1101).invoke(9, write()).at(2101).info(9))));
        assert_violation(
            &judge(&end(cut().at(1100).invoke(9, write()).at(2100).info(9))),
            "hanging",
        );
        assert_ok(&judge(&end(cut().at(1101).invoke(9, write()))));
    }

    #[test]
    fn a_refusal_of_unknown_effect_is_a_refusal_and_an_unknown_answer_is_none() {
        let asked = cut().at(200).invoke(9, write()).at(600);
        assert_ok(&judge(&end(asked.clone().gives_up(9, Phase::Info, EndedBy::Refusal))));
        let answered = asked.gives_up(9, Phase::Info, EndedBy::Answer);
        assert_violation(&judge(&end(answered)), "a state that nobody knows");
    }

    #[test]
    fn what_was_not_watched_cannot_be_judged() {
        assert_unknown(&cut().judged_by(NAME), "names no minority");
        assert_unknown(&judge(&cut()), "the run ended before 2.100000s");
        assert_unknown(&judge(&end(Script::new())), "node#2 never said");
        assert_unknown(&judge(&end(Script::new().follower(2, 3))), "nobody near the minority");
    }
}
