//! Cycles of small graphs: hand-made ones, and random ones against all simple cycles that they have.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::checkers::transactions::consistency::CONSISTENCIES;
use crate::checkers::transactions::graph::Builder;
use crate::kernel::random::{Purpose, Stream};

const WORDS: [(&str, Kind); 6] = [
    ("ww", Kind::WriteWrite),
    ("wr", Kind::WriteRead),
    ("rw", Kind::ReadWrite),
    ("process", Kind::Process),
    ("time", Kind::RealTime),
    ("pass", Kind::Pass),
];

/// Steps such as `0 ww 1 rw 0`, in which nodes from the number of transactions on are gates.
fn steps(chain: &str) -> Vec<Step> {
    let parts: Vec<&str> = chain.split_whitespace().collect();
    let number = |at: usize| parts[at].parse().expect("a number");
    let kind = |at: usize| WORDS.iter().find(|(word, _)| *word == parts[at]).expect("a kind").1;
    let places = (0..parts.len() - 1).step_by(2);
    places.map(|at| Step { from: number(at), to: number(at + 2), kind: kind(at + 1) }).collect()
}

/// The other way round.
fn chain(steps: &[Step]) -> String {
    let word = |kind| WORDS.iter().find(|(_, known)| *known == kind).expect("a kind").0;
    let rest = steps.iter().map(|step| format!(" {} {}", word(step.kind), step.to));
    format!("{}{}", steps[0].from, rest.collect::<String>())
}

/// A graph of these chains of steps, in lines.
fn graph(transactions: usize, lines: &str) -> Graph {
    let steps: Vec<Step> = lines.lines().flat_map(steps).collect();
    let mut builder = Builder::new(transactions);
    let nodes = steps.iter().flat_map(|step| [step.from, step.to]).max().expect("steps") + 1;
    for _ in transactions as u32..nodes {
        builder.gate();
    }
    for step in steps {
        builder.edge(step.from, step.to, step.kind);
    }
    builder.build()
}

fn level(name: &str) -> Consistency {
    *Consistency::named(name).expect("the level is known")
}

/// What a level's search in a component finds with a budget of steps, in words, and what is left of the budget.
fn found(part: &Graph, name: &str, steps_left: u64) -> (Vec<String>, u64) {
    let mut search = Search::new(part, steps_left);
    search.run(level(name));
    let told = search.found.iter().map(|cycle| format!("{}: {}", cycle.name, chain(&cycle.steps)));
    (told.collect(), search.walk.steps_left)
}

#[track_caller]
fn finds(part: &Graph, name: &str, expected: &[&str]) {
    assert_eq!(found(part, name, STEPS_MAX).0, expected);
}

#[test]
fn cycles_are_named_by_their_anti_dependencies_and_orders() {
    for (cycle, expected) in [
        ("0 ww 1 ww 0", "G0"),
        ("0 ww 1 process 0", "G0-process"),
        ("0 ww 1 wr 0", "G1c"),
        ("0 rw 1 wr 0", "G-single"),
        ("0 rw 1 process 2 time 0", "G-single-realtime"),
        ("0 rw 1 ww 2 rw 3 wr 0", "G-nonadjacent"),
        ("0 rw 1 process 2 rw 3 wr 0", "G-nonadjacent-process"),
        ("0 rw 1 rw 0", "G2-item"),
        ("0 rw 1 rw 2 wr 0", "G2-item"),
        ("0 rw 1 wr 2 rw 0", "G2-item"),
        ("0 rw 1 wr 2 rw 3 rw 4 time 0", "G2-item-realtime"),
    ] {
        assert_eq!(name(&steps(cycle)), expected, "{cycle}");
    }
}

#[test]
fn each_kind_of_a_component_is_told_once_and_without_an_order_if_it_needs_none() {
    let lines = "0 ww 1 ww 0
                 1 wr 0
                 1 process 0
                 1 rw 0
                 0 rw 1
                 1 time 0";
    let expected =
        ["G0: 0 ww 1 ww 0", "G1c: 1 wr 0 ww 1", "G-single: 0 rw 1 ww 0", "G2-item: 0 rw 1 rw 0"];
    finds(&graph(2, lines), "strict-serializable", &expected);
}

#[test]
fn the_first_of_the_shortest_cycles_is_told() {
    // The components of the kind are looked through together.
    let apart = "0 ww 1 ww 2 ww 0\n 2 wr 3 ww 4 ww 3\n 4 wr 0";
    finds(&graph(5, apart), "read-uncommitted", &["G0: 3 ww 4 ww 3"]);
    // Three transactions, by two ways and from each of them.
    let lines = "0 ww 1 ww 2 ww 0\n 0 ww 3 ww 2";
    finds(&graph(4, lines), "read-uncommitted", &["G0: 0 ww 1 ww 2 ww 0"]);
    let shorter = "0 ww 1 ww 2 ww 3 ww 0\n 3 ww 1";
    finds(&graph(4, shorter), "read-uncommitted", &["G0: 1 ww 2 ww 3 ww 1"]);
    // The way through gates is one dependency.
    let gates = "0 ww 1 ww 2 ww 3 time 0\n 3 time 4 pass 5 pass 1";
    finds(&graph(4, gates), "strong-read-uncommitted", &["G0-realtime: 1 ww 2 ww 3 time 1"]);
}

#[test]
fn exactly_one_anti_dependency_is_told_even_if_several_make_a_shorter_cycle() {
    let lines = "0 rw 1 ww 2 rw 3 ww 0\n 1 ww 4 ww 5 ww 6 ww 0";
    finds(&graph(7, lines), "snapshot-isolation", &["G-single: 0 rw 1 ww 4 ww 5 ww 6 ww 0"]);
}

/// The components decide in linear time whether there is anything to look for.
#[test]
fn no_step_is_made_where_the_level_forbids_nothing() {
    for (name, lines) in [
        ("read-uncommitted", "0 ww 1 wr 0"),
        ("read-uncommitted", "0 ww 1 rw 0"),
        ("read-uncommitted", "0 ww 1 process 0"),
        ("strong-session-read-uncommitted", "0 ww 1 time 0"),
        ("read-committed", "0 wr 1 rw 0"),
        ("read-committed", "0 wr 1 process 0"),
        ("snapshot-isolation", "0 rw 1 rw 0"),
        ("snapshot-isolation", "0 rw 1 process 0"),
        ("strong-session-snapshot-isolation", "0 rw 1 rw 2 wr 0"),
    ] {
        assert_eq!(found(&graph(3, lines), name, 100), (Vec::new(), 100), "{name}: {lines}");
    }
}

#[test]
fn without_a_budget_one_cycle_is_found_but_not_the_shortest() {
    // From 1 it is shorter.
    let part = graph(3, "0 ww 1 ww 2 ww 0\n 2 ww 1");
    finds(&part, "read-uncommitted", &["G0: 1 ww 2 ww 1"]);
    assert_eq!(found(&part, "read-uncommitted", 0).0, ["G0: 0 ww 1 ww 2 ww 0"]);
    assert_eq!(found(&part, "read-uncommitted", 2), (vec!["G0: 0 ww 1 ww 2 ww 0".into()], 0));
    // No cycle of the class begins at 0.
    let part = graph(2, "0 ww 1 wr 0");
    assert_eq!(found(&part, "read-committed", 0).0, ["G1c: 1 wr 0 ww 1"]);
    // Two anti-dependencies side by side are no promise of the component: any cycle is told instead.
    let part = graph(3, "0 ww 1 rw 2 rw 0");
    finds(&part, "serializable", &["G2-item: 1 rw 2 rw 0 ww 1"]);
    assert_eq!(found(&part, "serializable", 0).0, ["G2-item: 0 ww 1 rw 2 rw 0"]);
    // One alone is none either, but several with none side by side are.
    let part = graph(2, "0 rw 1 ww 0");
    assert_eq!(Search::new(&part, 0).shortest(Class::Single, &[0, 1], Order::Free), None);
    assert_eq!(found(&part, "snapshot-isolation", 0).0, ["G-single: 0 rw 1 ww 0"]);
}

#[test]
fn a_closed_walk_is_cut_to_a_cycle_that_the_class_forbids() {
    for (class, walk, expected) in [
        // Twice by 1: cut there, the inner part would have neighbouring anti-dependencies.
        (Class::Snapshot, "0 wr 1 rw 2 wr 3 rw 1 wr 0", "0 wr 1 wr 0"),
        (Class::Snapshot, "0 rw 1 wr 2 rw 3 ww 1 ww 0", "1 wr 2 rw 3 ww 1"),
        // The part with neighbours is kept, be it the inner or the outer one.
        (Class::Adjacent, "0 rw 1 rw 2 wr 1 rw 0", "0 rw 1 rw 0"),
        (Class::Adjacent, "0 rw 1 rw 2 rw 1 wr 0", "1 rw 2 rw 1"),
        (Class::Adjacent, "0 rw 1 rw 2 rw 1 rw 0", "1 rw 2 rw 1"),
        (Class::Adjacent, "0 rw 1 rw 2 wr 1 wr 0", "1 rw 2 wr 1"),
        // Cut more than once.
        (Class::Snapshot, "0 wr 1 rw 2 wr 3 wr 2 wr 4 rw 1 wr 0", "2 wr 3 wr 2"),
        (Class::Snapshot, "0 rw 1 wr 0", "0 rw 1 wr 0"),
    ] {
        assert_eq!(chain(&simple(steps(walk), class)), expected, "{walk}");
    }
}

/// The dependencies between transactions, through gates or not.
fn dependencies(graph: &Graph) -> Vec<Step> {
    let mut found = BTreeSet::new();
    for from in 0..graph.len() as u32 {
        let mut open: Vec<(u32, Kind)> = graph.edges(from).collect();
        while let Some((to, kind)) = open.pop() {
            if graph.is_gate(to) {
                open.extend(graph.edges(to).map(|(next, _)| (next, kind)));
            } else if !graph.is_gate(from) {
                found.insert((from, to, kind));
            }
        }
    }
    found.into_iter().map(|(from, to, kind)| Step { from, to, kind }).collect()
}

/// All cycles in which no transaction comes twice, from the smallest on.
fn simple_cycles(dependencies: &[Step]) -> Vec<Vec<Step>> {
    let mut closed = Vec::new();
    let mut open: Vec<Vec<Step>> = dependencies.iter().map(|&step| vec![step]).collect();
    while let Some(path) = open.pop() {
        let (start, end) = (path[0].from, path[path.len() - 1].to);
        if start == end {
            closed.push(path);
            continue;
        }
        for &step in dependencies.iter().filter(|step| step.from == end && step.to >= start) {
            if step.to == start || path.iter().all(|before| before.from != step.to) {
                open.push([&path[..], &[step]].concat());
            }
        }
    }
    closed.retain(|cycle| cycle.iter().all(|step| step.from >= cycle[0].from));
    closed
}

/// A cycle from its smallest transaction on.
fn rotated(steps: &[Step]) -> Vec<Step> {
    let first = (0..steps.len()).min_by_key(|&at| steps[at].from).expect("a cycle has steps");
    [&steps[first..], &steps[..first]].concat()
}

fn order(name: &str) -> Order {
    match (name.ends_with("-realtime"), name.ends_with("-process")) {
        (true, _) => Order::RealTime,
        (_, true) => Order::Session,
        _ => Order::Free,
    }
}

/// Up to six transactions with edges of all kinds or mostly anti-dependencies, sometimes none of these side by side; and
/// up to two gates of real time in a row.
fn random_graph(stream: &mut Stream) -> Graph {
    let transactions = 2 + stream.below(5);
    let mut builder = Builder::new(transactions as usize);
    let kinds = [[0, 1, 2, 3, 4], [2, 2, 2, 0, 4], [2, 2, 1, 3, 4]][stream.below(3) as usize];
    let is_apart = stream.below(2) == 0;
    for _ in 0..stream.below(3 * transactions) {
        let (from, to) = (stream.below(transactions), stream.below(transactions));
        let kind = WORDS[kinds[stream.below(5) as usize]].1;
        // From even to odd, and back by something else.
        if !is_apart || (from % 2, to % 2) == if kind == Kind::ReadWrite { (0, 1) } else { (1, 0) }
        {
            builder.edge(from as u32, to as u32, kind);
        }
    }
    let gates: Vec<u32> = (0..stream.below(3)).map(|_| builder.gate()).collect();
    if let [first, second] = gates[..] {
        builder.edge(first, second, Kind::Pass);
    }
    for &gate in &gates {
        // Nobody comes before itself.
        for transaction in 0..transactions as u32 {
            match stream.below(3) {
                0 if transaction % 2 == 0 => builder.edge(transaction, gate, Kind::RealTime),
                1 if transaction % 2 == 1 => builder.edge(gate, transaction, Kind::Pass),
                _ => {}
            }
        }
    }
    builder.build()
}

#[test]
fn what_is_told_agrees_with_all_simple_cycles() {
    let mut stream = Stream::new(2, Purpose::User, 0, 0);
    let mut told = BTreeMap::<&str, u32>::new();
    for _ in 0..8_000 {
        let graph = random_graph(&mut stream);
        let all = simple_cycles(&dependencies(&graph));
        let components = components(&Part { graph: &graph, usable: |_| true });
        for consistency in CONSISTENCIES {
            let found = cycles(&graph, *consistency);
            let case = || format!("{}: {found:?} in {:?}", consistency.name, dependencies(&graph));
            for cycle in &found {
                assert!(all.contains(&rotated(&cycle.steps)), "there is no {cycle:?}: {}", case());
                *told.entry(cycle.name).or_default() += 1;
            }
            for members in &components {
                let inside = |cycle: &Vec<Step>| members.contains(&cycle[0].from);
                let mine: Vec<&Cycle> = found.iter().filter(|c| inside(&c.steps)).collect();
                let forbidden: Vec<&Vec<Step>> = all
                    .iter()
                    .filter(|cycle| inside(cycle) && consistency.forbids(name(cycle)))
                    .collect();
                agrees(&mine, &forbidden, &case);
            }
        }
    }
    assert!(NAMES.iter().flatten().all(|name| told.get(name) > Some(&3)), "{told:?}");
}

/// Of a component, each kind is told with the least order that it needs, and as the shortest of the kind; where
/// anti-dependencies stand apart, as the shortest that shares a step with it.
fn agrees(told: &[&Cycle], forbidden: &[&Vec<Step>], case: &dyn Fn() -> String) {
    assert_eq!(told.is_empty(), forbidden.is_empty(), "{}", case());
    let mut least: BTreeMap<&str, &str> = BTreeMap::new();
    for cycle in forbidden {
        let name = name(cycle);
        let known = least.entry(stem(name)).or_insert(name);
        *known = if order(name) < order(known) { name } else { known };
    }
    let told_as = |kind: &str| told.iter().filter(|c| stem(c.name) == kind).collect::<Vec<_>>();
    for (place, [kind, ..]) in NAMES.iter().enumerate() {
        assert!(told_as(kind).len() <= 1, "{kind} is told twice: {}", case());
        let Some(&expected) = least.get(kind) else { continue };
        // What has several anti-dependencies may stand back for what has fewer.
        let mut fewer = NAMES[..place].iter().filter_map(|[kind, ..]| least.get(kind));
        let may_miss = place > 2 && fewer.any(|other| order(other) <= order(expected));
        let found = told_as(kind).first().map(|cycle| cycle.name);
        assert!(found == Some(expected) || may_miss, "{expected} is not told: {}", case());
    }
    for cycle in told {
        assert_eq!(cycle.name, name(&cycle.steps), "{}", case());
        let is_anywhere = ["G0", "G1c", "G2-item"].contains(&stem(cycle.name));
        let alike = |other: &&&Vec<Step>| {
            let is_near = other.iter().any(|step| cycle.steps.contains(step));
            name(other) == cycle.name && (is_anywhere || is_near)
        };
        let shortest = forbidden.iter().filter(alike).map(|other| other.len()).min();
        assert_eq!(shortest, Some(cycle.steps.len()), "{cycle:?} is not shortest: {}", case());
    }
}
