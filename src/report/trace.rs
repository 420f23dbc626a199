//! The trace of a run as a file: one JSON object for each event.

use serde_json::{Map, Value, json};

use crate::run::report::{Endpoint, Event, Fact, RunReport};

/// All kept events, one in a line, with nodes' names.
#[must_use]
pub fn json_lines(run: &RunReport) -> String {
    let mut text = String::new();
    for event in &run.kept.trace {
        text += &line(event, run).to_string();
        text.push('\n');
    }
    text
}

/// One event: its number, time, cause and node, what kind of fact it is, the fact in words, and its numbers.
fn line(event: &Event, run: &RunReport) -> Value {
    let mut line = Map::new();
    line.insert("event".into(), json!(event.number));
    line.insert("at-ns".into(), json!(event.at.as_nanos()));
    line.insert("cause".into(), json!(event.cause));
    line.insert("node".into(), json!(event.node.map(|node| run.story.name(node))));
    line.insert("fact".into(), json!(kind(&event.fact)));
    line.insert("text".into(), json!(run.with_names(&event.fact.to_string())));
    numbers(&event.fact, run, &mut line);
    Value::Object(line)
}

/// What messages are followed by from line to line: the other end, the number on the link, the type.
fn numbers(fact: &Fact, run: &RunReport, line: &mut Map<String, Value>) {
    let end = |Endpoint(place): Endpoint| match run.story.nodes.get(place as usize) {
        Some(name) => name.clone(),
        None => format!("c{}", place as usize - run.story.nodes.len()),
    };
    match fact {
        Fact::Sent { from, to, number, kind, .. } => {
            line.insert("from".into(), json!(end(*from)));
            line.insert("to".into(), json!(end(*to)));
            line.insert("number".into(), json!(number));
            line.insert("message".into(), json!(kind));
        }
        Fact::Lost { to, number, kind, .. } => {
            line.insert("to".into(), json!(end(*to)));
            line.insert("number".into(), json!(number));
            line.insert("message".into(), json!(kind));
        }
        Fact::Delivered { from, number, kind } => {
            line.insert("from".into(), json!(end(*from)));
            line.insert("number".into(), json!(number));
            line.insert("message".into(), json!(kind));
        }
        Fact::Held { to, number } => {
            line.insert("to".into(), json!(end(*to)));
            line.insert("number".into(), json!(number));
        }
        _ => {}
    }
}

/// The kind of a fact, in kebab-case.
const fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Started { .. } => "started",
        Fact::Stopped(_) => "stopped",
        Fact::Paused => "paused",
        Fact::Resumed => "resumed",
        Fact::Wiped => "wiped",
        Fact::DiskSuspect => "disk-suspect",
        Fact::Sent { .. } => "sent",
        Fact::Delivered { .. } => "delivered",
        Fact::Lost { .. } => "lost",
        Fact::Held { .. } => "held",
        Fact::TimerFired { .. } => "timer-fired",
        Fact::Requested(_) => "requested",
        Fact::Replied { .. } => "replied",
        Fact::Disk { .. } => "disk",
        Fact::DiskLost { .. } => "disk-lost",
        Fact::Claimed(_) => "claimed",
        Fact::Marked(_) => "marked",
        Fact::FaultBegan { .. } => "fault-began",
        Fact::FaultEnded { .. } => "fault-ended",
        Fact::PhaseBegan(_) => "phase-began",
        Fact::History(_) => "history",
        Fact::Note(_) => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::NodeId;
    use crate::kernel::time::Instant;
    use crate::report::sample;

    #[test]
    fn a_line_names_nodes_and_clients() {
        let mut run = sample::split_brain();
        let sent = |to| {
            let (from, to) = (Endpoint(2), Endpoint(to));
            Fact::Sent { from, to, number: 5, kind: "append", digest: 1 }
        };
        let event = |fact| Event {
            at: Instant::from_nanos(9),
            number: 2,
            cause: 1,
            node: Some(NodeId(2)),
            fact,
        };
        run.kept.trace = vec![event(sent(0)), event(sent(4))];
        let lines = json_lines(&run);
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        assert_eq!((&lines[0]["node"], &lines[0]["from"]), (&json!("w1"), &json!("w1")));
        assert_eq!((&lines[0]["to"], &lines[0]["fact"]), (&json!("e1"), &json!("sent")));
        assert_eq!(lines[1]["to"], "c1");
    }
}
