//! The report of a failure that was cut down: how long it was and is, what happens in it, and how to see it again.

use serde_json::{Value, json};

use crate::explore::shrink::{Shrunk, Size};
use crate::report::text::{Colour, Detail, Ink, Style, span, wrapped};

/// The width that the story is wrapped to, in columns.
const WIDTH: usize = 80;

/// What only the command line knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The file that the record was written to.
    pub file: String,
    /// The command line that replays it.
    pub replay: String,
    /// How long it took, in nanoseconds.
    pub wall_ns: u64,
}

/// The report as text.
#[must_use]
pub fn text(shrunk: &Shrunk, filed: &Filed, style: Style) -> String {
    let ink = style.ink;
    let mut text = head(shrunk, ink);
    if style.detail != Detail::Quiet {
        text += &table(shrunk, ink);
        text += &format!("\n{}\n", ink.paint(Colour::Bold, "What happens"));
        for sentence in &shrunk.story {
            for (place, line) in wrapped(sentence, WIDTH - 4).iter().enumerate() {
                text += &format!("  {}{line}\n", if place == 0 { "" } else { "  " });
            }
        }
        text.push('\n');
    }
    let runs = shrunk.runs;
    let end = if shrunk.complete {
        "no fault and no operation can be left out"
    } else {
        "the budget is spent: it may not be the shortest"
    };
    text += &format!("{runs} runs in {}; {end}\n", span(filed.wall_ns));
    text += &format!("Written to {}\n", filed.file);
    text += &format!("Replay      {}\n", ink.paint(Colour::Bold, &filed.replay));
    text
}

fn head(shrunk: &Shrunk, ink: Ink) -> String {
    let scenario = &shrunk.scenario;
    let mut parts = vec![scenario.system.name().to_owned(), format!("seed {}", shrunk.seed)];
    if !scenario.without.is_empty() {
        parts.push(format!("without {}", scenario.without.join(", ")));
    }
    let mut text = format!("{}  {}\n", ink.paint(Colour::Bold, &scenario.name), parts.join(" · "));
    text += &format!("{} is violated", ink.paint(Colour::Red, &shrunk.checker));
    if !shrunk.also.is_empty() {
        text += &format!("; in the run that was cut down, {} too", shrunk.also.join(", "));
    }
    text.push('\n');
    text
}

fn table(shrunk: &Shrunk, ink: Ink) -> String {
    let (before, after) = (rows(&shrunk.before), rows(&shrunk.after));
    let title = format!("{:<14}{:>12}{:>12}", "", "before", "after");
    let mut text = format!("\n{}\n", ink.paint(Colour::Bold, &title));
    for ((name, before), (_, after)) in before.into_iter().zip(after) {
        text += &format!("{name:<14}{before:>12}{after:>12}\n");
    }
    text
}

fn rows(size: &Size) -> [(&'static str, String); 6] {
    [
        ("faults", size.faults.to_string()),
        ("operations", size.operations.to_string()),
        ("clients", size.clients.to_string()),
        ("nodes", size.nodes.to_string()),
        ("virtual time", span(size.virtual_ns)),
        ("events", size.events.to_string()),
    ]
}

/// The report as one JSON document.
#[must_use]
pub fn json(shrunk: &Shrunk, filed: &Filed) -> String {
    let scenario = &shrunk.scenario;
    let document = json!({
        "elara": shrunk.report.elara,
        "scenario": scenario.name,
        "system": scenario.system.name(),
        "seed": scenario.seed,
        "without": scenario.without,
        "checker": shrunk.checker,
        "also": shrunk.also,
        "before": size(&shrunk.before),
        "after": size(&shrunk.after),
        "runs": shrunk.runs,
        "complete": shrunk.complete,
        "digest": shrunk.report.digest,
        "story": shrunk.story,
        "file": filed.file,
        "wall-ns": filed.wall_ns,
        "replay": filed.replay,
    });
    let text = serde_json::to_string_pretty(&document).expect("a document is plain data");
    format!("{text}\n")
}

fn size(size: &Size) -> Value {
    let Size { faults, operations, clients, nodes, virtual_ns, events } = size;
    json!({
        "faults": faults,
        "operations": operations,
        "clients": clients,
        "nodes": nodes,
        "virtual-ns": virtual_ns,
        "events": events,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::scenario::Scenario;
    use crate::scenario::systems::SystemChoice;
    use crate::world::cluster::Cluster;

    fn shrunk() -> Shrunk {
        let cluster = Cluster::of_size(3);
        let after = Size {
            faults: 1,
            operations: 2,
            clients: 1,
            nodes: 3,
            virtual_ns: 2_150_000_000,
            events: 236,
        };
        Shrunk {
            scenario: Scenario::new("coast", SystemChoice::named("raft-kv"), cluster),
            report: sample::split_brain(),
            story: vec!["At 1s, n1 is paused for 2s.".into()],
            seed: 57,
            checker: "durability".into(),
            also: vec!["linearizability".into()],
            before: Size { faults: 14, operations: 9_000, clients: 6, ..after },
            after,
            runs: 321,
            complete: false,
        }
    }

    #[test]
    fn the_report_tells_what_was_cut_what_is_left_and_how_to_see_it() {
        let filed = Filed {
            file: "short.json".into(),
            replay: "elara replay short.json".into(),
            wall_ns: 4_200_000_000,
        };
        let report = text(&shrunk(), &filed, Style::default());
        let expected = "\
coast  raft-kv · seed 57
durability is violated; in the run that was cut down, linearizability too

                    before       after
faults                  14           1
operations            9000           2
clients                  6           1
nodes                    3           3
virtual time         2.15s       2.15s
events                 236         236

What happens
  At 1s, n1 is paused for 2s.

321 runs in 4.2s; the budget is spent: it may not be the shortest
Written to short.json
Replay      elara replay short.json
";
        assert_eq!(report, expected, "\n{report}");
        let document: Value = serde_json::from_str(&json(&shrunk(), &filed)).expect("it is JSON");
        assert_eq!(
            (&document["before"]["faults"], &document["complete"]),
            (&json!(14), &json!(false))
        );
    }
}
