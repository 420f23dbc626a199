//! The report as `JUnit` XML, the form that CI services show.
//!
//! Runs are one suite with a test case for each. A sweep is a suite of its own: one case for all its runs, and one for each
//! failing seed, each reason for doubt and each seed that was not the same twice, because nobody reads ten thousand cases
//! that passed.

use std::fmt::Write;

use crate::explore::summary::SweepReport;
use crate::run::report::{RunReport, Verdict};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The suite of these runs.
#[must_use]
pub fn render(reports: &[RunReport]) -> String {
    let count =
        |verdict| reports.iter().filter(|run| !run.as_expected && outcome(run) == verdict).count();
    let (failures, errors) = (count(Outcome::Failure), count(Outcome::Error));
    let seconds: u64 = reports.iter().map(|run| run.wall_ns).sum();
    let mut xml = HEAD.to_owned();
    let totals = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", reports.len());
    xml += &format!("<testsuites {totals} time=\"{}\">\n", in_seconds(seconds));
    xml += &format!("  <testsuite name=\"elara\" {totals} time=\"{}\">\n", in_seconds(seconds));
    for run in reports {
        case(run, &mut xml);
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

/// The suites of these sweeps.
#[must_use]
pub fn render_sweeps(sweeps: &[SweepReport]) -> String {
    let totals = |sweeps: &[SweepReport]| {
        let failures: usize = sweeps.iter().map(|sweep| sweep.failures.len()).sum();
        let errors: usize = sweeps.iter().map(errors).sum();
        let time = in_seconds(sweeps.iter().map(|sweep| sweep.wall_ns).sum());
        let tests = sweeps.len() + failures + errors;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time}\"")
    };
    let mut xml = format!("{HEAD}<testsuites {}>\n", totals(sweeps));
    for sweep in sweeps {
        let (name, totals) = (escaped(&sweep.scenario), totals(std::slice::from_ref(sweep)));
        xml += &format!("  <testsuite name=\"{name}\" {totals}>\n");
        sweep_cases(sweep, &mut xml);
        xml += "  </testsuite>\n";
    }
    xml + "</testsuites>\n"
}

fn errors(sweep: &SweepReport) -> usize {
    sweep.unknown_because.len() + sweep.not_deterministic.len()
}

fn sweep_cases(sweep: &SweepReport, xml: &mut String) {
    let head = |name: &str| {
        let name = escaped(&format!("{} {name}", sweep.scenario));
        format!("    <testcase classname=\"{}\" name=\"{name}\"", escaped(&sweep.system))
    };
    let (all, time) = (format!("seeds {}", sweep.seeds), in_seconds(sweep.wall_ns));
    *xml += &format!("{} time=\"{time}\"/>\n", head(&all));
    for failure in &sweep.failures {
        let (kind, message) = (escaped(&failure.checker), escaped(&failure.message));
        let head = head(&format!("seed {}", failure.seed));
        *xml += &format!("{head}>\n      <failure type=\"{kind}\" message=\"{message}\">");
        *xml += &format!("replay: {}</failure>\n    </testcase>\n", escaped(&failure.replay));
    }
    let mut error = |seed: u64, kind: &str, message: &str| {
        let (head, message) = (head(&format!("seed {seed}")), escaped(message));
        *xml += &format!("{head}>\n      <error type=\"{kind}\" message=\"{message}\"/>\n");
        *xml += "    </testcase>\n";
    };
    for (reason, doubt) in &sweep.unknown_because {
        error(doubt.first_seed, "unknown", &format!("{reason} (runs: {})", doubt.runs));
    }
    for &seed in &sweep.not_deterministic {
        error(seed, "not-deterministic", "two runs of this seed differ");
    }
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
    fn a_sweep_is_a_suite_of_what_went_wrong() {
        let xml = render_sweeps(&[sample::sweep()]);
        let totals = r#"tests="5" failures="2" errors="2" time="4.000000""#;
        assert_eq!(xml.matches(totals).count(), 2, "{xml}");
        assert_eq!(xml.matches("<testcase ").count(), 5, "{xml}");
        let failure = r#"<failure type="durability" message="the write k1 &lt;7&gt; is lost">replay: elara run"#;
        assert!(xml.contains(failure), "{xml}");
        assert!(xml.contains(r#"<error type="not-deterministic""#), "{xml}");
        assert!(xml.contains(r#"name="coast seed 9""#), "{xml}");
    }

    #[test]
    fn a_run_that_nobody_can_judge_is_an_error() {
        let mut run = sample::split_brain();
        run.verdict = Verdict::Unknown;
        run.unknown_because = vec!["vacuous".into()];
        assert!(render(&[run]).contains(r#"<error type="unknown" message="vacuous">"#));
    }
}
