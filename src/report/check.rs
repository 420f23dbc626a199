//! The result of a check as text: what was judged, the verdict, and what proves it.

use crate::report::text::{Colour, Ink, grouped, span, wrapped};
use crate::run::check::{AnomalyReport, CheckReport};
use crate::run::report::Verdict;

const WIDTH: usize = 100;
/// How many indices of operations are told.
const TOLD: usize = 12;

/// The result of one check.
#[must_use]
pub fn render(check: &CheckReport, ink: Ink) -> String {
    let CheckReport { history, model, consistency, .. } = check;
    let verdict = match check.verdict {
        Verdict::Ok => ink.paint(Colour::Green, "ok"),
        Verdict::Violation => ink.paint(Colour::Red, "violation"),
        Verdict::Unknown => ink.paint(Colour::Yellow, "unknown"),
    };
    let operations = match (check.operations, model.as_str()) {
        (1, _) => "1 operation".to_owned(),
        (count, _) => format!("{} operations", grouped(count)),
    };
    let wall = span(check.wall_ns);
    let mut text = format!("{history}: {verdict} ({model}, {consistency}, {operations}, {wall})\n");
    for why in &check.unknown_because {
        push(&mut text, why, "  ");
    }
    for anomaly in &check.anomalies {
        push_anomaly(&mut text, anomaly, ink);
    }
    text
}

fn push_anomaly(text: &mut String, anomaly: &AnomalyReport, ink: Ink) {
    let AnomalyReport { name, message, operations, evidence } = anomaly;
    *text += &format!("\n{}\n", ink.paint(Colour::Bold, name));
    push(text, message, "  ");
    for fact in evidence {
        push(text, fact, "    ");
    }
    let shown: Vec<String> = operations.iter().take(TOLD).map(u64::to_string).collect();
    if !shown.is_empty() {
        let more = match operations.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more as u64)),
        };
        push(text, &format!("index {}{more}", shown.join(", ")), "    ");
    }
}

fn push(text: &mut String, line: &str, indent: &str) {
    for (place, line) in wrapped(line, WIDTH - indent.len()).iter().enumerate() {
        let more = if place == 0 { "" } else { "  " };
        *text += &format!("{indent}{more}{line}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_comes_first_and_then_what_proves_it() {
        let anomaly = AnomalyReport {
            name: "lost-update".into(),
            message: "two transactions read the same and wrote".into(),
            operations: (0..20).collect(),
            evidence: vec!["T1 read 3".into()],
        };
        let check = CheckReport {
            history: "h.edn".into(),
            model: "list-append".into(),
            consistency: "serializable".into(),
            verdict: Verdict::Violation,
            operations: 2_000,
            anomalies: vec![anomaly],
            wall_ns: 5_000_000,
            ..CheckReport::default()
        };
        assert_eq!(
            render(&check, Ink::Plain),
            "h.edn: violation (list-append, serializable, 2,000 operations, 5ms)\n\nlost-update\n  \
             two transactions read the same and wrote\n    T1 read 3\n    \
             index 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more\n"
        );
    }
}
