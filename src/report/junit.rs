//! The report as `JUnit` XML, the form that CI services show: one suite, one test case for each run.

use std::fmt::Write;

use crate::run::report::{RunReport, Verdict};

/// The suite of these runs.
#[must_use]
pub fn render(reports: &[RunReport]) -> String {
    let count =
        |verdict| reports.iter().filter(|run| !run.as_expected && outcome(run) == verdict).count();
    let (failures, errors) = (count(Outcome::Failure), count(Outcome::Error));
    let seconds: u64 = reports.iter().map(|run| run.wall_ns).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let totals = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", reports.len());
    xml += &format!("<testsuites {totals} time=\"{}\">\n", in_seconds(seconds));
    xml += &format!("  <testsuite name=\"elara\" {totals} time=\"{}\">\n", in_seconds(seconds));
    for run in reports {
        case(run, &mut xml);
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Failure,
    Error,
}

/// A violation, or one that did not come, is a failure; a run that nobody can judge is an error.
const fn outcome(run: &RunReport) -> Outcome {
    match run.verdict {
        Verdict::Unknown => Outcome::Error,
        Verdict::Ok | Verdict::Violation => Outcome::Failure,
    }
}

fn case(run: &RunReport, xml: &mut String) {
    let name = escaped(&format!("{} seed {}", run.scenario, run.seed));
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{name}\" time=\"{}\"",
        escaped(&run.system),
        in_seconds(run.wall_ns)
    );
    if run.as_expected {
        *xml += &format!("{head}/>\n");
        return;
    }
    let tag = if outcome(run) == Outcome::Error { "error" } else { "failure" };
    let (kind, message) = headline(run);
    let message = escaped(&run.with_names(&message));
    *xml += &format!("{head}>\n      <{tag} type=\"{kind}\" message=\"{message}\">");
    *xml += &escaped(&run.with_names(&details(run)));
    *xml += &format!("</{tag}>\n    </testcase>\n");
}

fn headline(run: &RunReport) -> (&str, String) {
    match (run.verdict, run.violations.first()) {
        (Verdict::Unknown, _) => ("unknown", run.unknown_because.join("; ")),
        (_, Some(violation)) => (&violation.checker, violation.message.clone()),
        (_, None) => ("missing-violation", "the expected violation did not come".into()),
    }
}

fn details(run: &RunReport) -> String {
    let mut text = String::new();
    for violation in &run.violations {
        writeln!(text, "{}: {}", violation.checker, violation.message)
            .expect("a string takes all that is written to it");
        for fact in &violation.evidence {
            writeln!(text, "  {fact}").expect("a string takes all that is written to it");
        }
    }
    text + &format!("replay: {}", run.replay)
}

fn in_seconds(nanos: u64) -> String {
    format!("{}.{:06}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1_000)
}

/// Escapes what XML reserves, and drops the control characters that it cannot hold.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(c),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_violation_is_a_failure_and_carries_its_replay() {
        let expected = include_str!("golden/junit.xml");
        let mut good = sample::split_brain();
        good.as_expected = true;
        assert_eq!(render(&[sample::split_brain(), good]), expected);
    }

    #[test]
    fn a_run_that_nobody_can_judge_is_an_error() {
        let mut run = sample::split_brain();
        run.verdict = Verdict::Unknown;
        run.unknown_because = vec!["vacuous".into()];
        assert!(render(&[run]).contains(r#"<error type="unknown" message="vacuous">"#));
    }
}
