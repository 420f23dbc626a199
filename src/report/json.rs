//! The report as JSON: one document.

use serde::Serialize;

use crate::explore::summary::SweepReport;
use crate::run::check::CheckReport;
use crate::run::report::RunReport;

/// One run as a JSON object; several as a list of them.
#[must_use]
pub fn render(reports: &[RunReport]) -> String {
    let named: Vec<RunReport> = reports.iter().map(named).collect();
    document(&named)
}

/// One sweep as a JSON object; several as a list of them.
#[must_use]
pub fn render_sweeps(sweeps: &[SweepReport]) -> String {
    document(sweeps)
}

/// One check as a JSON object; several as a list of them.
#[must_use]
pub fn render_checks(checks: &[CheckReport]) -> String {
    document(checks)
}

fn document<T: Serialize>(reports: &[T]) -> String {
    let text = match reports {
        [one] => serde_json::to_string_pretty(one),
        many => serde_json::to_string_pretty(many),
    };
    text.expect("a report is plain data with text keys") + "\n"
}

/// The report with nodes' names in what the checkers said.
fn named(report: &RunReport) -> RunReport {
    let mut named = report.clone();
    for violation in &mut named.violations {
        violation.message = report.with_names(&violation.message);
        for fact in &mut violation.evidence {
            *fact = report.with_names(fact);
        }
    }
    for reason in &mut named.unknown_because {
        *reason = report.with_names(reason);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_document_has_the_promised_keys_in_order() {
        let text = render(&[sample::split_brain()]);
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let keys: Vec<&str> =
            value.as_object().expect("it is an object").keys().map(String::as_str).collect();
        let promised = "elara scenario system seed without verdict as-expected violations unknown-because digest \
                        virtual-ns wall-ns events messages disk faults held-back operations latency-ns coverage replay";
        assert_eq!(keys, promised.split(' ').collect::<Vec<_>>());
        assert_eq!(value["disk"]["lost-sectors"], 4);
        assert_eq!(value["verdict"], "violation");
        assert_eq!(value["violations"][0]["at-ns"], 31_500_000_000_u64);
        assert!(text.contains("w1 applied") && !text.contains("node#"));
    }

    #[test]
    fn a_sweep_has_the_promised_keys_and_can_be_read_again() {
        let sweep = sample::sweep();
        let text = render_sweeps(std::slice::from_ref(&sweep));
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let promised = "elara scenario seeds runs ok violations unknown failures events virtual-ns wall-ns coverage \
                        never-reached";
        for key in promised.split(' ') {
            assert!(!value[key].is_null(), "{key}");
        }
        assert_eq!(value["failures"][0]["checker"], "durability");
        assert_eq!(value["unknown-because"]["the run never reached raft.elected"]["first-seed"], 9);
        assert_eq!(value["stopped"], "max-failures");
        assert!(value.get("shard").is_none());
        let again: SweepReport = serde_json::from_str(&text).expect("it is a sweep");
        assert_eq!(again, sweep);
    }

    #[test]
    fn several_runs_are_a_list() {
        let text = render(&[sample::split_brain(), sample::split_brain()]);
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(value.as_array().map(Vec::len), Some(2));
    }
}
