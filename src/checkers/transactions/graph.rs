//! Which transaction must come before which, and why: a directed graph whose edges have a kind.
//!
//! Relations in which everybody on one side precedes everybody on the other would need a quadratic number of edges:
//! real time, and the readers of a version before the writers of the unknown ones after it. They go through *gates*:
//! nodes that are no transactions. An edge into a gate has the relation's kind, an edge out of it is a `Pass`, which
//! costs nothing and means nothing of its own. A path from transaction to transaction through gates is one dependency.
//!
//! ```text
//!   readers --rw--> G1 --> G2 --> G3        completions --realtime--> T1 --> T2 --> T3
//!                   |      |      |                                   |             |
//!                   w1     w2     w3                            invocations    invocations
//! ```

/// Why one transaction comes before another: Adya's dependencies, and two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    /// It wrote the version before the one that the other wrote.
    WriteWrite,
    /// It wrote the version that the other read.
    WriteRead,
    /// It read the version before the one that the other wrote: an anti-dependency.
    ReadWrite,
    /// Its process executed it first.
    Process,
    /// It completed before the other was invoked.
    RealTime,
    /// Out of a gate: the kind was said on the way in.
    Pass,
}

const KINDS: [Kind; 6] =
    [Kind::WriteWrite, Kind::WriteRead, Kind::ReadWrite, Kind::Process, Kind::RealTime, Kind::Pass];

/// A target and a kind in one word: a history of a million transactions has many edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed(u32);

const TARGET_BITS: u32 = 29;

impl Packed {
    fn new(target: u32, kind: Kind) -> Self {
        assert!(target >> TARGET_BITS == 0, "fewer than 2^29 nodes");
        Self(((kind as u32) << TARGET_BITS) | target)
    }

    const fn target(self) -> u32 {
        self.0 & ((1 << TARGET_BITS) - 1)
    }

    const fn kind(self) -> Kind {
        KINDS[(self.0 >> TARGET_BITS) as usize]
    }
}

/// A graph under construction.
#[derive(Debug)]
pub(super) struct Builder {
    transactions: u32,
    nodes: u32,
    edges: Vec<(u32, Packed)>,
}

impl Builder {
    /// So many transactions, which are the first nodes.
    pub fn new(transactions: usize) -> Self {
        let transactions = u32::try_from(transactions).expect("fewer than 2^32 transactions");
        Self { transactions, nodes: transactions, edges: Vec::new() }
    }

    /// A node that is no transaction.
    pub fn gate(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }

    /// `from` comes before `to`. A transaction does not come before itself.
    pub fn edge(&mut self, from: u32, to: u32, kind: Kind) {
        if from != to {
            self.edges.push((from, Packed::new(to, kind)));
        }
    }

    /// Each of `before` comes before each other of `after`; both without repetition and in order.
    pub fn all_to_all(&mut self, before: &[u32], after: &[u32], kind: Kind) {
        if before.len() * after.len() <= 2 * (before.len() + after.len()) {
            for &from in before {
                for &to in after {
                    self.edge(from, to, kind);
                }
            }
            return;
        }
        // Two chains of gates, so that who is on both sides can go around itself: through `upward[i]` to all from i on,
        // through `downward[i]` to all up to i.
        let upward: Vec<u32> = after.iter().map(|_| self.gate()).collect();
        let downward: Vec<u32> = after.iter().map(|_| self.gate()).collect();
        for (place, &to) in after.iter().enumerate() {
            self.edge(upward[place], to, Kind::Pass);
            self.edge(downward[place], to, Kind::Pass);
            if place > 0 {
                self.edge(upward[place - 1], upward[place], Kind::Pass);
                self.edge(downward[place], downward[place - 1], Kind::Pass);
            }
        }
        for &from in before {
            match after.binary_search(&from) {
                Err(_) => self.edge(from, upward[0], kind),
                Ok(place) => {
                    if place > 0 {
                        self.edge(from, downward[place - 1], kind);
                    }
                    if place + 1 < after.len() {
                        self.edge(from, upward[place + 1], kind);
                    }
                }
            }
        }
    }

    /// The finished graph.
    pub fn build(self) -> Graph {
        let mut starts = vec![0_u32; self.nodes as usize + 1];
        for (from, _) in &self.edges {
            starts[*from as usize + 1] += 1;
        }
        for node in 1..starts.len() {
            starts[node] += starts[node - 1];
        }
        let mut next = starts.clone();
        let mut edges = vec![Packed(0); self.edges.len()];
        for (from, edge) in self.edges {
            let place = &mut next[from as usize];
            edges[*place as usize] = edge;
            *place += 1;
        }
        Graph { transactions: self.transactions, starts, edges }
    }
}

/// Nodes `0..transactions` are transactions, the others are gates. The edges of a node lie side by side.
#[derive(Debug)]
pub(super) struct Graph {
    transactions: u32,
    starts: Vec<u32>,
    edges: Vec<Packed>,
}

impl Graph {
    /// How many nodes there are, gates included.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub const fn is_gate(&self, node: u32) -> bool {
        node >= self.transactions
    }

    /// The edge of a node at a place of its list, if there are that many.
    pub fn edge(&self, node: u32, place: u32) -> Option<(u32, Kind)> {
        let at = self.starts[node as usize] + place;
        (at < self.starts[node as usize + 1]).then(|| {
            let edge = self.edges[at as usize];
            (edge.target(), edge.kind())
        })
    }

    /// All edges out of a node.
    pub fn edges(&self, node: u32) -> impl Iterator<Item = (u32, Kind)> {
        let range = self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize;
        self.edges[range].iter().map(|edge| (edge.target(), edge.kind()))
    }

    /// The part between some nodes, which are numbered anew in their order; transactions stand before gates.
    /// `place` is room for a number for each node; it is left as it was.
    pub fn induced(&self, members: &[u32], place: &mut [u32]) -> Self {
        for (number, &node) in members.iter().enumerate() {
            place[node as usize] = number as u32 + 1;
        }
        let transactions = members.partition_point(|&node| !self.is_gate(node));
        let mut part =
            Self { transactions: transactions as u32, starts: vec![0], edges: Vec::new() };
        for &node in members {
            for (target, kind) in self.edges(node) {
                if let Some(target) = place[target as usize].checked_sub(1) {
                    part.edges.push(Packed::new(target, kind));
                }
            }
            part.starts.push(part.edges.len() as u32);
        }
        for &node in members {
            place[node as usize] = 0;
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The pairs of transactions with a path that only gates are on.
    fn pairs(graph: &Graph) -> BTreeSet<(u32, u32)> {
        let mut found = BTreeSet::new();
        for from in 0..graph.transactions {
            let mut open: Vec<u32> = graph.edges(from).map(|(target, _)| target).collect();
            while let Some(node) = open.pop() {
                if graph.is_gate(node) {
                    open.extend(graph.edges(node).map(|(target, _)| target));
                } else {
                    found.insert((from, node));
                }
            }
        }
        found
    }

    #[test]
    fn gates_relate_all_to_all_but_nobody_to_itself() {
        for (before, after) in [
            ((0..40).collect::<Vec<u32>>(), (20..60).collect::<Vec<u32>>()),
            ((0..60).step_by(3).collect(), (0..60).step_by(2).collect()),
            (vec![1], (0..60).collect()),
            ((0..60).collect(), (0..60).collect()),
        ] {
            let mut builder = Builder::new(60);
            builder.all_to_all(&before, &after, Kind::ReadWrite);
            assert!(builder.edges.len() <= 6 * (before.len() + after.len()), "linear");
            let expected = before
                .iter()
                .flat_map(|&from| after.iter().map(move |&to| (from, to)))
                .filter(|(from, to)| from != to);
            assert_eq!(pairs(&builder.build()), expected.collect());
        }
    }

    #[test]
    fn few_transactions_are_related_without_gates() {
        let few = [0, 1, 2, 3];
        let mut builder = Builder::new(5);
        builder.all_to_all(&few, &few, Kind::ReadWrite);
        assert_eq!((builder.nodes, builder.edges.len()), (5, 12));
    }

    #[test]
    fn a_part_keeps_the_edges_between_its_nodes() {
        let mut builder = Builder::new(4);
        let gate = builder.gate();
        builder.edge(0, 2, Kind::WriteRead);
        builder.edge(2, 1, Kind::WriteWrite);
        builder.edge(2, gate, Kind::RealTime);
        builder.edge(gate, 0, Kind::Pass);
        builder.edge(3, 3, Kind::Process);
        let graph = builder.build();
        assert_eq!(graph.edges(3).count(), 0);
        let mut place = vec![0; graph.len()];
        let part = graph.induced(&[0, 2, gate], &mut place);
        assert_eq!(place, [0; 5]);
        assert_eq!((part.len(), part.transactions), (3, 2));
        assert_eq!(part.edges(0).collect::<Vec<_>>(), [(1, Kind::WriteRead)]);
        assert_eq!(part.edges(1).collect::<Vec<_>>(), [(2, Kind::RealTime)]);
        assert_eq!(part.edges(2).collect::<Vec<_>>(), [(0, Kind::Pass)]);
    }
}
