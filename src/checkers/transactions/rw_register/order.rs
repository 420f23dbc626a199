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
    let mut writers: Vec<u32> = versions.iter().filter_map(|&v| table.writer(v)).collect();
    writers.sort_unstable();
    writers.dedup();
    findings.add("cyclic-versions", table, &writers, || {
        let key = table.key(table.versions.scope(versions[0]));
        let values: Vec<String> =
            versions.iter().map(|&version| table.versions.value(version).to_string()).collect();
        let values = values.join(", ");
        (format!("the versions {values} of {key} come before each other"), Vec::new())
    });
}
