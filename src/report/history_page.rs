//! A history as a page of HTML: one lane for each process, each operation a bar from its invocation to its end, and what
//! proves a violation in red. The page needs nothing but itself.
//!
//! Time runs by entries, not by the clock: every invocation and every end that is drawn gets the same room, so bars
//! overlap exactly where operations did, and pauses cost nothing. Of a long history only what surrounds the offence is
//! drawn; the page says how much is not.

mod style;
mod window;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::report::history_page::style::STYLE;
use crate::report::history_page::window::Window;
use crate::report::text::grouped;
use crate::run::check::{AnomalyReport, CheckReport, OperationReport, Phase};
use crate::run::report::Verdict;

/// The room of one entry, in pixels.
const STEP: usize = 44;
/// The height of a lane, and of a bar in it.
const LANE: usize = 28;
const BAR: usize = 20;
/// How many facts of one anomaly are told.
const FACTS_MAX: usize = 100;

/// The page.
#[must_use]
pub fn render(check: &CheckReport, operations: &[OperationReport]) -> String {
    let window = Window::around(check, operations);
    let verdict = match check.verdict {
        Verdict::Ok => "ok",
        Verdict::Violation => "violation",
        Verdict::Unknown => "unknown",
    };
    let name = escaped(&check.history);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}: {verdict}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{name}: <span class=\"{verdict}\">{verdict}</span></h1>\n\
         <p>{} operations, judged as <b>{}</b> at the level <b>{}</b>.</p>\n",
        grouped(check.operations),
        escaped(&check.model),
        escaped(&check.consistency)
    );
    for why in &check.unknown_because {
        push(&mut page, format_args!("<p class=\"unknown\">{}</p>\n", escaped(why)));
    }
    for anomaly in &check.anomalies {
        push_anomaly(&mut page, anomaly);
    }
    push_legend(&mut page, &window, operations.len());
    push_drawing(&mut page, &window);
    page + "</body>\n</html>\n"
}

fn push_anomaly(page: &mut String, anomaly: &AnomalyReport) {
    let (name, message) = (escaped(&anomaly.name), escaped(&anomaly.message));
    push(page, format_args!("<section>\n<h2>{name}</h2>\n<p>{message}</p>\n<ul>\n"));
    for fact in anomaly.evidence.iter().take(FACTS_MAX) {
        push(page, format_args!("<li>{}</li>\n", escaped(fact)));
    }
    let more = anomaly.evidence.len().saturating_sub(FACTS_MAX);
    if more > 0 {
        push(page, format_args!("<li>and {more} more facts</li>\n"));
    }
    page.push_str("</ul>\n</section>\n");
}

fn push_legend(page: &mut String, window: &Window<'_>, all: usize) {
    page.push_str("<p class=\"legend\">");
    for (class, about) in [
        ("ok", "took effect"),
        ("fail", "did not"),
        ("info", "nobody knows"),
        ("bad", "part of the proof"),
    ] {
        push(page, format_args!("<span class=\"key {class}\"></span>{about} "));
    }
    page.push_str("</p>\n");
    let hidden = all - window.shown.len();
    if hidden > 0 {
        let (shown, hidden) = (grouped(window.shown.len() as u64), grouped(hidden as u64));
        push(page, format_args!("<p>{shown} operations are drawn, {hidden} are not.</p>\n"));
    }
}

/// The lanes. Their names stand beside the drawing, so that they stay when it is scrolled.
fn push_drawing(page: &mut String, window: &Window<'_>) {
    let mut lanes: BTreeMap<u64, usize> = BTreeMap::new();
    for operation in &window.shown {
        lanes.entry(operation.process).or_default();
    }
    for (number, lane) in lanes.values_mut().enumerate() {
        *lane = number * LANE;
    }
    let (width, height) = (window.places.len() * STEP + STEP, lanes.len() * LANE);
    push(
        page,
        format_args!(
            "<div class=\"history\">\n<svg width=\"64\" height=\"{height}\" role=\"img\">\n"
        ),
    );
    for (process, lane) in &lanes {
        push(page, format_args!("<text x=\"0\" y=\"{}\">p{process}</text>\n", lane + 18));
    }
    push(
        page,
        format_args!(
            "</svg>\n<div class=\"lanes\"><svg width=\"{width}\" height=\"{height}\" role=\"img\" \
             aria-label=\"the history\">\n"
        ),
    );
    for lane in lanes.values() {
        let y = lane + LANE / 2;
        push(
            page,
            format_args!("<line x1=\"0\" y1=\"{y}\" x2=\"{width}\" y2=\"{y}\" class=\"lane\"/>\n"),
        );
    }
    for operation in &window.shown {
        push_bar(page, operation, (window, lanes[&operation.process], width));
    }
    page.push_str("</svg></div>\n</div>\n");
}

fn push_bar(
    page: &mut String,
    operation: &OperationReport,
    (window, lane, width): (&Window<'_>, usize, usize),
) {
    let x = window.place(operation.from) * STEP + 2;
    let end = operation.to.map_or(width, |to| window.place(to) * STEP + STEP - 2);
    let class = match operation.outcome {
        Phase::Ok => "ok",
        Phase::Fail => "fail",
        Phase::Info | Phase::Invoke => "info",
    };
    let bad = if window.is_bad(operation) { " bad" } else { "" };
    let label = escaped(&operation.label);
    let ended = match (operation.outcome, operation.ended) {
        (outcome, Some(index)) => format!("{outcome} at index {index}"),
        (_, None) => "never ended".to_owned(),
    };
    let (y, length) = (lane + (LANE - BAR) / 2, end.saturating_sub(x));
    push(
        page,
        format_args!(
            "<svg x=\"{x}\" y=\"{y}\" width=\"{length}\" height=\"{BAR}\" class=\"{class}{bad}\">\
             <title>p{} {label}\ninvoked at index {}, {ended}</title>\
             <rect width=\"100%\" height=\"100%\" rx=\"3\"/><text x=\"4\" y=\"14\">{label}</text></svg>\n",
            operation.process, operation.index
        ),
    );
}

fn push(page: &mut String, what: std::fmt::Arguments<'_>) {
    page.write_fmt(what).expect("a string takes all that is written to it");
}

/// The text as HTML, without characters that no browser shows.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(number: u64, outcome: Phase) -> OperationReport {
        let from = 2 * number as usize;
        let ended = (outcome != Phase::Invoke).then_some(from as u64 + 1);
        let to = ended.filter(|_| outcome != Phase::Info).map(|end| end as usize);
        let label = format!("write <{number}>");
        let process = number % 3;
        OperationReport { index: from as u64, ended, process, from, to, label, outcome }
    }

    fn violated(operations: Vec<u64>) -> CheckReport {
        let anomaly = AnomalyReport {
            name: "linearizability".into(),
            message: "read & lost".into(),
            operations,
            evidence: vec!["a < b".into()],
        };
        CheckReport {
            history: "a.edn".into(),
            verdict: Verdict::Violation,
            anomalies: vec![anomaly],
            ..CheckReport::default()
        }
    }

    #[test]
    fn each_operation_is_a_bar_in_the_lane_of_its_process_and_the_proof_is_marked() {
        let outcomes = [Phase::Ok, Phase::Fail, Phase::Info, Phase::Invoke];
        let operations: Vec<OperationReport> =
            (0..).zip(outcomes).map(|(number, outcome)| operation(number, outcome)).collect();
        let page = render(&violated(vec![2]), &operations);
        assert_eq!(page.matches("<rect").count(), 4);
        assert_eq!(page.matches("class=\"lane\"").count(), 3);
        assert!(
            page.contains(
                "class=\"ok\"><title>p0 write &lt;0&gt;\ninvoked at index 0, ok at index 1"
            )
        );
        assert!(page.contains("class=\"fail bad\"><title>p1"), "by the index of its invocation");
        assert!(page.contains("class=\"info\"><title>p2"));
        assert!(page.contains("invoked at index 6, never ended"));
        assert!(page.contains("<p>read &amp; lost</p>") && page.contains("<li>a &lt; b</li>"));
        assert!(!page.contains("are not.</p>"), "nothing is hidden");
        for outside in ["http", "src=", "href=", "<script", "@import", "url("] {
            assert!(!page.contains(outside), "the page needs {outside}");
        }
    }

    #[test]
    fn of_a_long_history_only_the_surroundings_of_the_offence_are_drawn() {
        let operations: Vec<OperationReport> =
            (0..10_000).map(|number| operation(number, Phase::Ok)).collect();
        let page = render(&violated(vec![8, 12_000]), &operations);
        assert!(page.contains("index 8,") && page.contains("index 12000,"), "the proof is drawn");
        assert!(page.contains("index 11998,") && !page.contains("index 6000,"));
        let drawn = page.matches("<rect").count();
        assert!(drawn < 300);
        let hidden = grouped(10_000 - drawn as u64);
        assert!(page.contains(&format!("{drawn} operations are drawn, {hidden} are not.")));
    }

    #[test]
    fn nothing_of_a_history_can_leave_its_place_in_the_page() {
        assert_eq!(escaped("<script>\"&\u{7}\n"), "&lt;script&gt;&quot;&amp;\u{fffd} ");
    }
}
