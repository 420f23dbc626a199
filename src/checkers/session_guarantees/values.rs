//! The four guarantees judged by the values alone, for histories without versions.
//!
//! ```text
//! p1   |- write 1 -|   |- write 2 -|          monotonic writes: 1 before 2
//! p2      |- read: 2 -|   |- read: 1 -|       monotonic reads:  2 before 1, or equal: both cannot hold
//! ```
//!
//! Each session says of the values of a key which cannot be newer than which: what it read before it reads on (*monotonic
//! reads*), what it wrote before it reads (*read your writes*), what it wrote before it writes on (*monotonic writes*),
//! what it read before it writes (*writes follow reads*); nothing is newer than *nil*. A guarantee holds if there is one
//! order of the values of each key that all sessions agree with; it is broken if there is a circle of two values or more.
//! That is decided for each guarantee alone, and for all four together.
//!
//! It takes registers in which no value is written to a key twice. The guarantees are judged key by key; what they say
//! together about several keys is [causal consistency](crate::checkers::causal_consistency). A session is a process.

#[cfg(test)]
mod cross_check;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::checkers::Violation;
use crate::checkers::models::{Effect, Register};
use crate::checkers::ordering::{Call, Recording, describe};
use crate::checkers::recorded::{Counterexample, Verdict};
use crate::history::{HistoryEvent, Value};

/// One of the four guarantees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// A read shows what the session wrote before, or something newer.
    ReadYourWrites,
    /// A read shows what the session read before, or something newer.
    MonotonicReads,
    /// A write is newer than what the session wrote before.
    MonotonicWrites,
    /// A write is newer than what the session read before.
    WritesFollowReads,
}

impl Guarantee {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::ReadYourWrites,
        Self::MonotonicReads,
        Self::MonotonicWrites,
        Self::WritesFollowReads,
    ];

    /// Its name in the field.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadYourWrites => "read your writes",
            Self::MonotonicReads => "monotonic reads",
            Self::MonotonicWrites => "monotonic writes",
            Self::WritesFollowReads => "writes follow reads",
        }
    }

    /// The guarantee that orders two operations of one session.
    const fn between(earlier: Effect, later: Effect) -> Self {
        match (earlier, later) {
            (Effect::Changes, Effect::Observes) => Self::ReadYourWrites,
            (Effect::Observes, Effect::Observes) => Self::MonotonicReads,
            (Effect::Changes, Effect::Changes) => Self::MonotonicWrites,
            (Effect::Observes, Effect::Changes) => Self::WritesFollowReads,
        }
    }
}

/// Judges a history of registers (functions `read` and `write`) by all four guarantees: one verdict for each, in the
/// order of [`Guarantee::ALL`], and one for all of them together.
#[must_use]
pub fn check(history: &[HistoryEvent]) -> ([(Guarantee, Verdict); 4], Verdict) {
    let calls = Recording::of(history, &Register).calls;
    let each = Guarantee::ALL.map(|guarantee| (guarantee, judge(&calls, &[guarantee])));
    (each, judge(&calls, &Guarantee::ALL))
}

/// Judges that these guarantees hold together.
fn judge(calls: &[Call], guarantees: &[Guarantee]) -> Verdict {
    let mut keys: BTreeMap<&Value, Order<'_>> = BTreeMap::new();
    for call in calls {
        let order = keys.entry(&call.operation.key).or_default();
        if let Err(why) = order.take(call, guarantees) {
            return Verdict::Unknown(why);
        }
    }
    if keys.values().all(|order| order.judged == 0) {
        let names: Vec<&str> = guarantees.iter().map(|guarantee| guarantee.name()).collect();
        return Verdict::Vacuous(format!(
            "no session did anything that {} is about",
            names.join(" or ")
        ));
    }
    for order in keys.values_mut() {
        order.nothing_is_oldest();
        if let Some(circle) = order.circle() {
            return Verdict::Violation(broken(&circle));
        }
    }
    Verdict::Ok
}

/// The operation that an edge begins or ends with, which is where the edge is one from or to a value; `None` elsewhere.
type Reason<'a> = Option<&'a Call>;
/// The two operations of one session that say which of two values cannot be newer.
type Pair<'a> = (&'a Call, &'a Call);

/// What the sessions say of the values of one key.
///
/// The nodes are the values and, so that the edges stay as few as the operations, for each session and each kind of
/// operation "all that came before": edges lead from the older to the newer.
#[derive(Default)]
struct Order<'a> {
    nodes: BTreeMap<&'a Value, usize>,
    edges: Vec<Vec<(usize, Reason<'a>)>>,
    /// For each session and kind of operation all that came before.
    before: BTreeMap<(u64, bool), usize>,
    written: BTreeSet<&'a Value>,
    /// How many pairs of operations a guarantee is about.
    judged: u64,
}

impl<'a> Order<'a> {
    fn node(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.edges.len() - 1
    }

    fn value(&mut self, value: &'a Value) -> usize {
        if let Some(node) = self.nodes.get(value) {
            return *node;
        }
        let node = self.node();
        self.nodes.insert(value, node);
        node
    }

    /// Takes in one operation; the reason why it cannot be judged.
    fn take(&mut self, call: &'a Call, guarantees: &[Guarantee]) -> Result<(), String> {
        let writes = call.effect == Effect::Changes;
        let shown = match &call.answer {
            Some(answer) if !writes => &answer.value,
            _ => &call.operation.value,
        };
        if writes && (*shown == Value::Nil || !self.written.insert(shown)) {
            let key = &call.operation.key;
            return Err(format!(
                "{shown} is written to key {key}, which held it before: it says too little"
            ));
        }
        let node = self.value(shown);
        for earlier in [Effect::Observes, Effect::Changes] {
            let wrote = earlier == Effect::Changes;
            let Some(&before) = self.before.get(&(call.process, wrote)) else { continue };
            if guarantees.contains(&Guarantee::between(earlier, call.effect)) {
                self.edges[before].push((node, Some(call)));
                self.judged += 1;
            }
        }
        // What comes before grows by this operation.
        let grown = self.node();
        self.edges[node].push((grown, Some(call)));
        if let Some(&before) = self.before.get(&(call.process, writes)) {
            self.edges[before].push((grown, None));
        }
        self.before.insert((call.process, writes), grown);
        Ok(())
    }

    fn nothing_is_oldest(&mut self) {
        let Some(nil) = self.nodes.get(&Value::Nil).copied() else { return };
        let others: Vec<usize> = self.nodes.values().copied().filter(|node| *node != nil).collect();
        self.edges[nil].extend(others.into_iter().map(|node| (node, None)));
    }

    /// A circle of at least two values, as the reasons along it.
    fn circle(&self) -> Option<Vec<Pair<'a>>> {
        let component = components(&self.edges);
        let mut first: BTreeMap<usize, usize> = BTreeMap::new();
        for &node in self.nodes.values() {
            let Some(&other) = first.get(&component[node]) else {
                first.insert(component[node], node);
                continue;
            };
            let there = self.path(other, node);
            return Some([there, self.path(node, other)].concat());
        }
        None
    }

    /// The reasons along a shortest path between two values of one component.
    fn path(&self, from: usize, to: usize) -> Vec<Pair<'a>> {
        let mut came: BTreeMap<usize, (usize, Reason<'a>)> = BTreeMap::new();
        let mut open = VecDeque::from([from]);
        while let Some(node) = open.pop_front() {
            for &(next, reason) in &self.edges[node] {
                if next != from && !came.contains_key(&next) {
                    came.insert(next, (node, reason));
                    open.push_back(next);
                }
            }
        }
        let mut reasons = Vec::new();
        let mut node = to;
        while let Some(&(before, reason)) = came.get(&node) {
            reasons.extend(reason);
            node = before;
        }
        reasons.reverse();
        reasons.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    }
}

/// The number of the strongly connected component of each node (Kosaraju and Sharir 1981).
fn components<T>(edges: &[Vec<(usize, T)>]) -> Vec<usize> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (from, to) in edges.iter().enumerate() {
        for (to, _) in to {
            back[*to].push(from);
        }
    }
    let mut finished = Vec::new();
    let mut seen = vec![false; edges.len()];
    for root in 0..edges.len() {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 && std::mem::replace(&mut seen[node], true) {
                continue;
            }
            match edges[node].get(next) {
                Some((to, _)) => stack.extend([(node, next + 1), (*to, 0)]),
                None => finished.push(node),
            }
        }
    }
    let mut component = vec![usize::MAX; edges.len()];
    for root in finished.into_iter().rev() {
        let mut stack = vec![root];
        while let Some(node) = stack.pop() {
            if component[node] == usize::MAX {
                component[node] = root;
                stack.extend(&back[node]);
            }
        }
    }
    component
}

fn broken(circle: &[Pair<'_>]) -> Counterexample {
    let guarantee = |(earlier, later): &Pair<'_>| Guarantee::between(earlier.effect, later.effect);
    let broken: BTreeSet<Guarantee> = circle.iter().map(guarantee).collect();
    let names: Vec<&str> = broken.iter().map(|guarantee| guarantee.name()).collect();
    let key = &circle[0].0.operation.key;
    let message = format!(
        "{} is broken on key {key}: no order of its values fits what the sessions saw",
        names.join(" or ")
    );
    let last = circle.iter().map(|(_, later)| later).max_by_key(|call| call.line);
    let last = last.expect("a circle has edges");
    let mut violation =
        Violation::new(last.answer.as_ref().map_or(last.at, |answer| answer.at), message);
    let mut operations = BTreeSet::new();
    for edge @ (earlier, later) in circle {
        let name = guarantee(edge).name();
        violation = violation.because(format!("{name}: {}", describe(earlier)));
        violation = violation.because(format!("{name}: then {}", describe(later)));
        operations.extend([earlier.line, later.line]);
    }
    Counterexample::new(violation, operations.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
    use crate::history::Operation;
    use Guarantee::{MonotonicReads, MonotonicWrites, ReadYourWrites, WritesFollowReads};

    /// Sessions that write values, or read them: 0 is nil.
    fn history(operations: &[(u64, &str, i64)]) -> Script {
        operations.iter().fold(Script::new(), |script, &(session, function, value)| {
            let value = if value == 0 { Value::Nil } else { Value::Int(value) };
            match function {
                "write" => script
                    .invoke(session, Operation::new("write", 1, value.clone()))
                    .ok(session, value),
                _ => {
                    script.invoke(session, Operation::new("read", 1, Value::Nil)).ok(session, value)
                }
            }
        })
    }

    fn broken_in(operations: &[(u64, &str, i64)]) -> Vec<Guarantee> {
        let (each, _) = check(&history(operations).recorded());
        let broken =
            each.into_iter().filter(|(_, verdict)| matches!(verdict, Verdict::Violation(_)));
        broken.map(|(guarantee, _)| guarantee).collect()
    }

    fn together(operations: &[(u64, &str, i64)]) -> crate::checkers::Judgement {
        check(&history(operations).recorded()).1.into()
    }

    #[test]
    fn sessions_that_agree_on_an_order_keep_all_guarantees() {
        let operations = [
            (1, "write", 1),
            (1, "read", 1),
            (2, "read", 0),
            (2, "read", 1),
            (2, "read", 1),
            (2, "write", 2),
            (1, "read", 2),
            (1, "write", 3),
            (3, "read", 2),
            (3, "read", 3),
        ];
        assert_eq!(broken_in(&operations), []);
        assert_ok(&together(&operations));
    }

    #[test]
    fn each_guarantee_is_named_when_it_alone_is_broken() {
        assert_eq!(broken_in(&[(1, "write", 1), (1, "read", 0)]), [ReadYourWrites]);
        assert_eq!(broken_in(&[(1, "write", 1), (2, "read", 1), (2, "read", 0)]), [MonotonicReads]);
        let turned = [(1, "write", 1), (1, "read", 2), (2, "write", 2), (2, "read", 1)];
        assert_eq!(broken_in(&turned), [ReadYourWrites]);
        let opposite = [(1, "read", 1), (1, "read", 2), (2, "read", 2), (2, "read", 1)];
        assert_eq!(broken_in(&opposite), [MonotonicReads]);
        let follows = [(1, "read", 2), (1, "write", 1), (2, "read", 1), (2, "write", 2)];
        assert_eq!(broken_in(&follows), [WritesFollowReads]);
    }

    #[test]
    fn what_only_breaks_together_is_told_together() {
        let operations = [(1, "write", 1), (1, "write", 2), (2, "read", 2), (2, "read", 1)];
        assert_eq!(broken_in(&operations), []);
        let judgement = together(&operations);
        assert_violation(&judgement, "monotonic reads or monotonic writes is broken on key 1");
        assert_violation(&judgement, "monotonic reads: then");
        let found = check(&history(&operations).recorded()).1;
        let Verdict::Violation(found) = found else { panic!("not {found:?}") };
        assert_eq!(found.operations, [0, 2, 4, 6]);
        let through_all =
            [(1, "write", 1), (1, "write", 2), (1, "write", 3), (2, "read", 3), (2, "read", 1)];
        assert_violation(&together(&through_all), "p1 write k1 3: ok");
    }

    #[test]
    fn older_writes_of_a_session_count_as_well() {
        // The last write is fine; the one before it is not.
        let operations =
            [(1, "write", 1), (1, "write", 2), (1, "read", 3), (2, "write", 3), (2, "read", 1)];
        assert_eq!(broken_in(&operations), [ReadYourWrites]);
        assert!(!broken_in(&operations).contains(&MonotonicWrites));
    }

    #[test]
    fn nothing_to_judge_and_values_written_twice_are_unknown() {
        let alone = check(&history(&[(1, "write", 1), (2, "read", 1)]).recorded());
        assert_unknown(&alone.1.into(), "no session did anything");
        let twice = [(1, "write", 1), (2, "write", 1), (1, "read", 1)];
        assert_unknown(&together(&twice), "1 is written to key 1, which held it before");
    }

    #[test]
    fn the_evidence_goes_along_the_circle_and_names_each_operation_once() {
        let operations = [(1, "write", 1), (1, "read", 2), (1, "read", 1)];
        let found = check(&history(&operations).recorded()).1;
        let Verdict::Violation(found) = found else { panic!("not {found:?}") };
        assert_eq!(
            found.violation.evidence,
            [
                "read your writes: 0.000000s to 0.001000s p1 write k1 1: ok 1",
                "read your writes: then 0.002000s to 0.003000s p1 read k1: ok 2",
                "monotonic reads: 0.002000s to 0.003000s p1 read k1: ok 2",
                "monotonic reads: then 0.004000s to 0.005000s p1 read k1: ok 1",
            ]
        );
        assert_eq!(found.operations, [0, 2, 4]);
    }

    #[test]
    fn one_key_to_judge_is_enough_and_a_write_is_what_was_asked() {
        let write = |key: i64| Operation::new("write", key, 1);
        let script = Script::new().invoke(1, write(1)).ok(1, Value::Nil);
        let script = script.invoke(1, write(2)).ok(1, Value::Nil);
        let read = Operation::new("read", 2, Value::Nil);
        assert_ok(&check(&script.invoke(1, read).ok(1, 1).recorded()).1.into());
    }
}
