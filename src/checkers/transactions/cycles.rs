//! Cycles of dependencies, by Adya's names: the shortest of each kind, in each strongly connected component.
//!
//! | name | its edges |
//! |---|---|
//! | G0 | only writes over writes |
//! | G1c | writes over writes and reads of writes, at least one read |
//! | G-single | exactly one anti-dependency (read-write) |
//! | G-nonadjacent | several anti-dependencies, no two side by side (a long fork) |
//! | G2-item | several anti-dependencies, two of them side by side (write skew) |
//!
//! `-process` and `-realtime` are the same with at least one edge of that order.
//!
//! Whether a component has a cycle that the level forbids is decided exactly, in linear time: by the components of the
//! part of it that the isolation's cycles may use. For snapshot isolation that part is a product: each transaction
//! stands there twice, reached by an anti-dependency or not, and two of them never follow each other (Cerone and Gotsman
//! 2016, theorem 9). Only then the shortest cycle is looked for, by breadth-first search from as many transactions as
//! the budget of steps allows, and from one at least.

use std::collections::VecDeque;

use crate::checkers::transactions::components::{Look, View, components};
use crate::checkers::transactions::consistency::{Consistency, Isolation, Order};
use crate::checkers::transactions::graph::{Graph, Kind};

/// How many edges may be followed in all searches for shortest cycles together.
const STEPS_MAX: u64 = 200_000_000;

/// One dependency of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub from: u32,
    pub to: u32,
    pub kind: Kind,
}

/// A cycle and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    pub name: &'static str,
    pub steps: Vec<Step>,
}

/// Which cycles are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Writes over writes.
    G0,
    /// Information flow with at least one read.
    G1c,
    /// Exactly one anti-dependency.
    Single,
    /// Anti-dependencies, no two side by side.
    Snapshot,
    /// Anti-dependencies, two of them side by side.
    Adjacent,
    /// Any.
    Any,
}

/// States of the small automata that recognise the classes.
const STATES: usize = 3;

impl Class {
    /// The state after an edge of a kind, if a path of the class may go on with it. State 0 is before the first edge.
    fn next(self, state: u8, kind: Kind) -> Option<u8> {
        if kind == Kind::Pass {
            return Some(state);
        }
        let (anti, first) = (kind == Kind::ReadWrite, state == 0);
        match self {
            Self::Any => Some(1),
            Self::G0 => (!anti && kind != Kind::WriteRead).then_some(1),
            // It begins with a read.
            Self::G1c => (!anti && (!first || kind == Kind::WriteRead)).then_some(1),
            // The others begin with an anti-dependency.
            Self::Single => (anti == first).then_some(1),
            // 1: the last edge was an anti-dependency. 2: it was not.
            Self::Snapshot if anti => (state != 1).then_some(1),
            Self::Snapshot => (!first).then_some(2),
            // 2: two of them were side by side.
            Self::Adjacent => (anti || state == 2).then_some((state + 1).min(2)),
        }
    }

    /// Whether a component of the class's edges always has a cycle of the class.
    const fn is_promised(self) -> bool {
        !matches!(self, Self::Single | Self::Adjacent)
    }

    /// The state in which a path that is back at its beginning is a cycle of the class.
    const fn end(self) -> u8 {
        match self {
            Self::G0 | Self::G1c | Self::Single | Self::Any => 1,
            Self::Snapshot | Self::Adjacent => 2,
        }
    }
}

/// The cycles that a level forbids, in the order of their first transactions.
pub(super) fn cycles(graph: &Graph, consistency: Consistency) -> Vec<Cycle> {
    let mut found = Vec::new();
    let mut place = Vec::new();
    let mut steps_left = STEPS_MAX;
    for members in components(&Part { graph, usable: |_| true }) {
        place.resize(graph.len(), 0);
        let part = graph.induced(&members, &mut place);
        let mut search = Search::new(&part, steps_left);
        search.run(consistency);
        steps_left = search.walk.steps_left;
        let name = |node: u32| members[node as usize];
        for mut cycle in search.found {
            for step in &mut cycle.steps {
                (step.from, step.to) = (name(step.from), name(step.to));
            }
            found.push(cycle);
        }
    }
    found
}

/// The edges of some kinds.
struct Part<'g, F: Fn(Kind) -> bool> {
    graph: &'g Graph,
    usable: F,
}

impl<F: Fn(Kind) -> bool> View for Part<'_, F> {
    fn nodes(&self) -> usize {
        self.graph.len()
    }

    fn look(&self, node: u32, place: u32) -> Look {
        match self.graph.edge(node, place) {
            None => Look::End,
            Some((target, kind)) if (self.usable)(kind) => Look::To(target),
            Some(_) => Look::Hidden,
        }
    }
}

/// Each node twice: `2 * node + 1` if it was reached by an anti-dependency, which no other may follow then.
struct Product<'g, F: Fn(Kind) -> bool> {
    graph: &'g Graph,
    usable: F,
}

impl<F: Fn(Kind) -> bool> View for Product<'_, F> {
    fn nodes(&self) -> usize {
        2 * self.graph.len()
    }

    fn look(&self, node: u32, place: u32) -> Look {
        let after = node % 2;
        match self.graph.edge(node / 2, place) {
            None => Look::End,
            Some((target, Kind::Pass)) => Look::To(2 * target + after),
            Some((_, kind)) if !(self.usable)(kind) => Look::Hidden,
            Some((_, Kind::ReadWrite)) if after == 1 => Look::Hidden,
            Some((target, Kind::ReadWrite)) => Look::To(2 * target + 1),
            Some((target, _)) => Look::To(2 * target),
        }
    }
}

/// The search in one component.
struct Search<'g> {
    part: &'g Graph,
    walk: Walk<'g>,
    found: Vec<Cycle>,
}

impl<'g> Search<'g> {
    fn new(part: &'g Graph, steps_left: u64) -> Self {
        Self { part, walk: Walk::new(part, steps_left), found: Vec::new() }
    }

    fn run(&mut self, consistency: Consistency) {
        for order in [Order::Free, Order::Session, Order::RealTime] {
            if order > consistency.order {
                break;
            }
            let flows = move |kind| kind != Kind::ReadWrite && in_order(kind, order);
            let writes = move |kind| kind != Kind::WriteRead && flows(kind);
            let inside = components(&Part { graph: self.part, usable: writes }).concat();
            self.look(Class::G0, &inside, order);
            if consistency.isolation >= Isolation::ReadCommitted {
                let inside = components(&Part { graph: self.part, usable: flows }).concat();
                self.look(Class::G1c, &inside, order);
            }
            if consistency.isolation >= Isolation::Snapshot {
                self.look_for_snapshots(order);
            }
            if consistency.isolation >= Isolation::RepeatableRead {
                let usable = move |kind| in_order(kind, order);
                let inside = components(&Part { graph: self.part, usable }).concat();
                self.look(Class::Adjacent, &inside, order);
                if self.found.is_empty() {
                    self.look(Class::Any, &inside, order);
                }
            }
        }
    }

    fn look_for_snapshots(&mut self, order: Order) {
        let usable = move |kind| in_order(kind, order);
        for product in components(&Product { graph: self.part, usable }) {
            let mut inside: Vec<u32> = product.iter().map(|node| node / 2).collect();
            inside.dedup();
            let before = self.found.len();
            self.look(Class::Single, &inside, order);
            if self.found.len() == before {
                self.look(Class::Snapshot, &inside, order);
            }
        }
    }

    /// Looks for the shortest cycle of a class inside some nodes, and keeps it if its name is new.
    fn look(&mut self, class: Class, inside: &[u32], order: Order) {
        let Some(steps) = self.shortest(class, inside, order) else { return };
        let steps = simple(steps, class);
        let name = name(&steps);
        let stem = stem(name);
        // A cycle that needs no order is told instead of one that does.
        if !self.found.iter().any(|cycle| self::stem(cycle.name) == stem) {
            self.found.push(Cycle { name, steps });
        }
    }

    fn shortest(&mut self, class: Class, inside: &[u32], order: Order) -> Option<Vec<Step>> {
        self.walk.confine(class, order, inside);
        let mut best: Option<Vec<Step>> = None;
        for &start in inside.iter().filter(|&&node| !self.part.is_gate(node)) {
            // What the components promise is found, whatever it takes.
            let may_stop = best.is_some() || !class.is_promised();
            // Nothing is shorter than a cycle of two.
            if best.as_ref().is_some_and(|best| best.len() == 2)
                || (may_stop && self.walk.steps_left == 0)
            {
                break;
            }
            let length_max = best.as_ref().map_or(u32::MAX, |best| best.len() as u32 - 1);
            best = self.walk.from(start, length_max).or(best);
        }
        best
    }
}

/// Whether a kind of edge exists for cycles that may use an order.
fn in_order(kind: Kind, order: Order) -> bool {
    match kind {
        Kind::Process => order >= Order::Session,
        Kind::RealTime => order >= Order::RealTime,
        _ => true,
    }
}

/// Breadth-first searches for cycles of a class. An edge out of a gate has no length.
struct Walk<'g> {
    part: &'g Graph,
    class: Class,
    order: Order,
    /// How often it was confined, and for each node the last time that it was among those to walk on: a great component
    /// may have thousands of small ones, for each of which nothing as long as the graph may be made.
    confined: u32,
    inside: Vec<u32>,
    /// For each node and state: the search that reached it, its distance, and from where.
    reached: Vec<Reached>,
    search: u32,
    queue: VecDeque<(u32, u8, u32)>,
    /// How many edges may yet be followed.
    steps_left: u64,
}

#[derive(Clone, Copy)]
struct Reached {
    search: u32,
    distance: u32,
    from: (u32, u8),
    kind: Kind,
}

impl<'g> Walk<'g> {
    fn new(part: &'g Graph, steps_left: u64) -> Self {
        let never = Reached { search: 0, distance: 0, from: (0, 0), kind: Kind::Pass };
        Self {
            part,
            class: Class::Any,
            order: Order::Free,
            confined: 0,
            inside: vec![0; part.len()],
            reached: vec![never; part.len() * STATES],
            search: 0,
            queue: VecDeque::new(),
            steps_left,
        }
    }

    /// Which cycles are looked for from now on, and between which nodes.
    fn confine(&mut self, class: Class, order: Order, members: &[u32]) {
        (self.class, self.order) = (class, order);
        self.confined += 1;
        for &member in members {
            self.inside[member as usize] = self.confined;
        }
    }

    /// The shortest cycle of the class through a transaction, if it is not too long.
    fn from(&mut self, start: u32, length_max: u32) -> Option<Vec<Step>> {
        self.search += 1;
        self.queue.clear();
        self.queue.push_back((start, 0, 0));
        let part = self.part;
        while let Some((node, state, distance)) = self.queue.pop_front() {
            let reached = &self.reached[node as usize * STATES + state as usize];
            if distance > length_max || reached.distance < distance {
                continue;
            }
            if (node, state) == (start, self.class.end()) {
                return Some(self.path(start));
            }
            for (target, kind) in part.edges(node) {
                self.steps_left = self.steps_left.saturating_sub(1);
                if self.inside[target as usize] != self.confined || !in_order(kind, self.order) {
                    continue;
                }
                let Some(next) = self.class.next(state, kind) else { continue };
                let cost = u32::from(kind != Kind::Pass);
                self.reach((target, next), (node, state), (distance + cost, kind));
            }
        }
        None
    }

    fn reach(&mut self, (node, state): (u32, u8), from: (u32, u8), (distance, kind): (u32, Kind)) {
        let reached = &mut self.reached[node as usize * STATES + state as usize];
        if reached.search == self.search && reached.distance <= distance {
            return;
        }
        *reached = Reached { search: self.search, distance, from, kind };
        if kind == Kind::Pass {
            self.queue.push_front((node, state, distance));
        } else {
            self.queue.push_back((node, state, distance));
        }
    }

    /// The way back to the start, forwards and without gates.
    fn path(&self, start: u32) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut at = (start, self.class.end());
        let mut to = start;
        loop {
            let reached = self.reached[at.0 as usize * STATES + at.1 as usize];
            at = reached.from;
            // A dependency through gates has the kind of its first edge.
            if !self.part.is_gate(at.0) {
                steps.push(Step { from: at.0, to, kind: reached.kind });
                to = at.0;
                if at == (start, 0) {
                    break;
                }
            }
        }
        steps.reverse();
        steps
    }
}

/// A closed walk may come twice by the same transaction; a part of it then is a cycle that the class forbids too.
fn simple(mut steps: Vec<Step>, class: Class) -> Vec<Step> {
    loop {
        let repeated = (0..steps.len()).find_map(|end| {
            let first = (0..end).find(|&first| steps[first].from == steps[end].from)?;
            Some((first, end))
        });
        let Some((first, end)) = repeated else { return steps };
        let inner = steps[first..end].to_vec();
        let mut outer = steps[..first].to_vec();
        outer.extend_from_slice(&steps[end..]);
        // Where a walk without neighbouring anti-dependencies is cut, one of the parts has none either.
        let keeps_outer = match class {
            Class::Snapshot => has_neighbours(&inner),
            _ => !has_neighbours(&inner) && has_neighbours(&outer),
        };
        steps = if keeps_outer { outer } else { inner };
    }
}

/// Whether two anti-dependencies stand side by side in a cycle. No transaction depends on itself, so they are two.
fn has_neighbours(steps: &[Step]) -> bool {
    let anti = |step: &Step| step.kind == Kind::ReadWrite;
    let mut pairs = steps.iter().zip(steps.iter().cycle().skip(1));
    pairs.any(|(one, next)| anti(one) && anti(next))
}

/// Names of cycles: without an order, with a process's, with real time.
const NAMES: [[&str; 3]; 5] = [
    ["G0", "G0-process", "G0-realtime"],
    ["G1c", "G1c-process", "G1c-realtime"],
    ["G-single", "G-single-process", "G-single-realtime"],
    ["G-nonadjacent", "G-nonadjacent-process", "G-nonadjacent-realtime"],
    ["G2-item", "G2-item-process", "G2-item-realtime"],
];

fn name(steps: &[Step]) -> &'static str {
    let count = |kind| steps.iter().filter(|step| step.kind == kind).count();
    let kind = match count(Kind::ReadWrite) {
        0 if count(Kind::WriteRead) == 0 => 0,
        0 => 1,
        1 => 2,
        _ if !has_neighbours(steps) => 3,
        _ => 4,
    };
    let order = match (count(Kind::RealTime), count(Kind::Process)) {
        (0, 0) => 0,
        (0, _) => 1,
        _ => 2,
    };
    NAMES[kind][order]
}

/// The name without its order.
fn stem(name: &'static str) -> &'static str {
    name.trim_end_matches("-process").trim_end_matches("-realtime")
}

#[cfg(test)]
mod tests;
