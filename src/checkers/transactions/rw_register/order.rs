//! Which version of a register is older: see `rw_register.rs` for what may be inferred.
//!
//! Along an order of transactions, only the newest versions matter: what they replaced is older than them already. Those
//! are Elle's frontiers, and they are as wide as the key's transactions are concurrent.

use std::collections::BTreeMap;

use super::{Touch, reads_come_after, reads_come_before};
use crate::checkers::transactions::components::{Look, View, components};
use crate::checkers::transactions::consistency::Order;
use crate::checkers::transactions::findings::Findings;
use crate::checkers::transactions::table::{NONE, Status, Table};

/// A pair of versions, the first of which is older, and whether that is known from a later read.
type Pair = (u32, u32, bool);

/// Pairs of versions of which the first is older, in order, each once.
pub(super) fn infer(
    mut touches: Vec<Touch>,
    initial: &[u32],
    table: &Table<'_>,
    findings: &mut Findings,
) -> Vec<(u32, u32)> {
    let consistency = findings.consistency;
    let mut pairs: Vec<Pair> = Vec::new();
    for touch in touches.iter().filter_map(|touch| touch.write.map(|write| (touch, write))) {
        let (touch, write) = touch;
        pairs.push((initial[touch.key as usize], write, false));
        if let Some(read) = touch.read.filter(|_| reads_come_before(consistency.isolation)) {
            pairs.push((read, write, false));
        }
    }
    if consistency.order > Order::Free {
        let process = |touch: &Touch| match consistency.order {
            Order::RealTime => 0,
            _ => table.transactions[touch.transaction as usize].process,
        };
        touches.sort_unstable_by_key(|touch| (touch.key, process(touch), touch.transaction));
        for group in touches.chunk_by(|a, b| (a.key, process(a)) == (b.key, process(b))) {
            along(group, table, findings, &mut pairs);
        }
    }
    pairs.retain(|(older, newer, _)| older != newer);
    pairs.sort_unstable();
    pairs.dedup_by_key(|(older, newer, _)| (*older, *newer));
    without_cycles(pairs, table, findings)
}

/// What is known of a key's versions at a moment.
#[derive(Default)]
struct Frontier {
    /// Written, or read, and not known to be replaced.
    newest: Vec<u32>,
    /// Seen last.
    seen: Vec<u32>,
}

/// Infers from touches of one key that stand in an order: what completes is older than what is invoked later.
fn along(touches: &[Touch], table: &Table<'_>, findings: &Findings, pairs: &mut Vec<Pair>) {
    let isolation = findings.consistency.isolation;
    let mut events: Vec<(u32, usize)> = Vec::new();
    for (number, touch) in touches.iter().enumerate() {
        let transaction = &table.transactions[touch.transaction as usize];
        events.push((transaction.invoked, number));
        if transaction.status == Status::Committed {
            assert!(transaction.completed != NONE, "what is committed has completed");
            events.push((transaction.completed, number));
        }
    }
    events.sort_unstable();
    let mut frontier = Frontier::default();
    let mut at_invocation: BTreeMap<usize, Frontier> = BTreeMap::new();
    for (place, number) in events {
        let touch = &touches[number];
        if let Some(before) = at_invocation.remove(&number) {
            frontier.complete(touch, &before, reads_come_before(isolation));
            continue;
        }
        debug_assert_eq!(place, table.transactions[touch.transaction as usize].invoked);
        if let Some(write) = touch.write {
            pairs.extend(frontier.newest.iter().map(|&older| (older, write, false)));
        }
        if let Some(read) = touch.read.filter(|_| reads_come_after(isolation)) {
            pairs.extend(frontier.seen.iter().map(|&older| (older, read, true)));
        }
        let now = Frontier { newest: frontier.newest.clone(), seen: frontier.seen.clone() };
        at_invocation.insert(number, now);
    }
}

impl Frontier {
    /// A touch completes that was invoked when the frontier was `before`.
    fn complete(&mut self, touch: &Touch, before: &Self, reads_count: bool) {
        let last = touch.write.or(touch.read.filter(|_| reads_count));
        let Some(last) = last else { return };
        if touch.write.is_some() {
            self.newest.retain(|version| !before.newest.contains(version));
        }
        self.seen.retain(|version| !before.seen.contains(version));
        for versions in [&mut self.newest, &mut self.seen] {
            if !versions.contains(&last) {
                versions.push(last);
            }
        }
    }
}

/// Versions as a graph.
struct Pairs<'p> {
    pairs: &'p [Pair],
    starts: Vec<usize>,
}

impl<'p> Pairs<'p> {
    fn new(pairs: &'p [Pair], versions: usize) -> Self {
        let mut starts = vec![0; versions + 1];
        for (older, _, _) in pairs {
            starts[*older as usize + 1] += 1;
        }
        for version in 0..versions {
            starts[version + 1] += starts[version];
        }
        Self { pairs, starts }
    }
}

impl View for Pairs<'_> {
    fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    fn look(&self, node: u32, place: u32) -> Look {
        let at = self.starts[node as usize] + place as usize;
        if at < self.starts[node as usize + 1] { Look::To(self.pairs[at].1) } else { Look::End }
    }
}

/// Tells the keys whose versions would come before themselves, and drops what leads to that: first what is known from
/// reads only, then all that is known of the key.
fn without_cycles(
    mut pairs: Vec<Pair>,
    table: &Table<'_>,
    findings: &mut Findings,
) -> Vec<(u32, u32)> {
    for drop_all in [false, true] {
        let found = components(&Pairs::new(&pairs, table.versions.len()));
        let mut keys: Vec<u32> = found.iter().map(|v| table.versions.scope(v[0])).collect();
        keys.sort_unstable();
        if !drop_all {
            for versions in &found {
                tell(versions, table, findings);
            }
        }
        pairs.retain(|(older, _, from_read)| {
            !(drop_all || *from_read) || keys.binary_search(&table.versions.scope(*older)).is_err()
        });
    }
    pairs.into_iter().map(|(older, newer, _)| (older, newer)).collect()
}

fn tell(versions: &[u32], table: &Table<'_>, findings: &mut Findings) {
    // Versions are numbered in the order of their writers.
    let mut writers: Vec<u32> = versions.iter().filter_map(|&v| table.writer(v)).collect();
    writers.dedup();
    findings.add("cyclic-versions", table, &writers, || {
        let key = table.key(table.versions.scope(versions[0]));
        let values: Vec<String> =
            versions.iter().map(|&version| table.versions.value(version).to_string()).collect();
        let values = values.join(", ");
        (format!("the versions {values} of {key} come before each other"), Vec::new())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::transactions::graph::Builder;
    use crate::checkers::transactions::rw_register::RwRegister;
    use crate::checkers::transactions::tests::history;
    use crate::checkers::transactions::{Consistency, Workload};

    /// What a level infers, in the order in which the versions were written; nil is the last.
    #[track_caller]
    fn infers(lines: &str, level: &str, expected: &[&str]) {
        let level = Consistency::named(level).expect("the level is known");
        let history = history(lines);
        let mut table = Table::new(&history, Workload::RwRegister).expect("it is well formed");
        let mut graph = Builder::new(table.transactions.len());
        let mut findings = Findings::new(*level);
        let registers = RwRegister::analyse(&mut table, &mut findings, &mut graph);
        let value = |version| table.versions.value(version);
        let pairs = registers.older.iter();
        let pairs: Vec<String> =
            pairs.map(|&(older, newer)| format!("{} < {}", value(older), value(newer))).collect();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn what_is_written_replaces_only_the_newest_of_what_was_written_before() {
        let lines = "0 invoke w x 1
                     0 ok w x 1
                     1 invoke w x 2
                     1 ok w x 2
                     2 invoke w x 3
                     3 invoke w x 4
                     2 ok w x 3
                     3 ok w x 4
                     4 invoke w x 5
                     4 ok w x 5";
        let initial = ["nil < 1", "nil < 2", "nil < 3", "nil < 4", "nil < 5"];
        let expected = ["1 < 2", "2 < 3", "2 < 4", "3 < 5", "4 < 5"];
        infers(lines, "strong-read-uncommitted", &[&expected[..], &initial[..]].concat());
        infers(lines, "strong-session-serializable", &initial);
    }

    #[test]
    fn what_is_read_is_newer_than_only_the_newest_of_what_was_seen_before() {
        let lines = "0 invoke w x 1
                     1 invoke w x 2
                     2 invoke w x 3
                     3 invoke r x 1
                     3 ok r x 1
                     3 invoke r x 2
                     3 ok r x 2
                     3 invoke r x 3
                     3 ok r x 3";
        let initial = ["nil < 1", "nil < 2", "nil < 3"];
        let expected = [&["1 < 2", "2 < 3"][..], &initial[..]].concat();
        infers(lines, "strong-session-snapshot-isolation", &expected);
        infers(lines, "strong-read-committed", &initial);
    }

    #[test]
    fn what_is_written_after_a_read_is_newer_from_read_committed_on() {
        let lines = "0 invoke w x 1
                     1 invoke r x 1
                     1 ok r x 1
                     2 invoke w x 2
                     2 ok w x 2";
        infers(lines, "strong-read-committed", &["1 < 2", "nil < 1", "nil < 2"]);
        infers(lines, "strong-read-uncommitted", &["nil < 1", "nil < 2"]);
    }

    #[test]
    fn keys_and_processes_are_apart() {
        let lines = "0 invoke w x 1; w y 10
                     0 ok w x 1; w y 10
                     1 invoke w x 2
                     1 ok w x 2
                     0 invoke w x 3; w y 30
                     0 ok w x 3; w y 30";
        let initial = ["nil < 1", "nil < 2", "nil < 3", "nil < 10", "nil < 30"];
        let session = [&["1 < 3", "10 < 30"][..], &initial[..]].concat();
        infers(lines, "strong-session-serializable", &session);
        let real_time = [&["1 < 2", "10 < 30", "2 < 3"][..], &initial[..]].concat();
        infers(lines, "strict-serializable", &real_time);
    }

    #[test]
    fn nothing_is_inferred_of_keys_whose_updates_come_before_each_other() {
        let lines = "0 invoke r x 12; r y 2; w y 1
                     1 invoke r y 1; w y 2
                     2 invoke r x 12; w x 11
                     3 invoke r x 11; w x 12
                     4 invoke w z 5
                     0 ok r x 12; r y 2; w y 1
                     1 ok r y 1; w y 2
                     2 ok r x 12; w x 11
                     3 ok r x 11; w x 12
                     4 ok w z 5";
        infers(lines, "serializable", &["nil < 5"]);
    }

    #[test]
    fn what_updates_say_is_kept_where_only_later_reads_contradict_each_other() {
        let lines = "0 invoke w x 1
                     1 invoke w x 2
                     3 invoke r x 1; w x 3
                     2 invoke r x 1
                     2 ok r x 1
                     2 invoke r x 2
                     2 ok r x 2
                     2 invoke r x 1
                     2 ok r x 1
                     3 ok r x 1; w x 3";
        let expected = ["1 < 3", "nil < 1", "nil < 2", "nil < 3"];
        infers(lines, "strict-serializable", &expected);
    }
}
