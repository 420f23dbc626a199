//! The report of a sweep as text: the first failure in full, then what all runs together were.

use std::collections::BTreeMap;

use crate::explore::failure::Failure;
use crate::explore::summary::{Stopped, SweepReport};
use crate::report::text::{self, Colour, Detail, Page, Style, grouped, span};

/// How many failures, and how many reasons for doubt, are listed.
const LISTED_MAX: usize = 20;

/// The report of one sweep.
#[must_use]
pub fn render(sweep: &SweepReport, style: Style) -> String {
    let mut page = Page { text: String::new(), ink: style.ink };
    if style.detail == Detail::Quiet {
        page.text =
            format!("{} seeds {}: {}\n", sweep.scenario, sweep.seeds, outcome(sweep, style));
        if let Some(first) = sweep.failures.first() {
            page.text += &format!("  replay: {}\n", first.replay);
        }
        return page.text;
    }
    if let Some(first) = &sweep.first_failure {
        page.text = text::render(first, style) + "\n";
    }
    title(sweep, &mut page);
    runs(sweep, &mut page);
    if style.detail == Detail::Verbose {
        table("Faults", &sweep.faults, &mut page);
        table("Held back", &sweep.held_back, &mut page);
        table("Coverage", &sweep.coverage, &mut page);
    } else {
        page.wrapped_fact("Faults", &listed(sweep.faults.keys()));
        let marks = sweep.coverage.len();
        page.fact("Coverage", &format!("{marks} marks reached (-v shows in how many runs)"));
    }
    if !sweep.never_reached.is_empty() {
        let missing = format!("never reached: {}", listed(&sweep.never_reached));
        for line in text::wrapped(&missing, text::WIDTH - text::FACTS - 1) {
            page.more(&page.ink.paint(Colour::Yellow, &line));
        }
    }
    doubts(sweep, &mut page);
    failures(sweep, style, &mut page);
    page.fact("Verdict", &outcome(sweep, style));
    let (virtual_time, events) = (span(sweep.virtual_ns), grouped(sweep.events));
    let wall = span(sweep.wall_ns);
    page.fact("Sweep", &format!("{virtual_time} of virtual time in {wall}, {events} events"));
    page.text
}

fn title(sweep: &SweepReport, page: &mut Page) {
    let mut parts = vec![sweep.system.clone(), format!("seeds {}", sweep.seeds)];
    if let Some(shard) = sweep.shard {
        parts.push(format!("shard {shard}"));
    }
    if !sweep.without.is_empty() {
        parts.push(format!("without {}", sweep.without.join(", ")));
    }
    let name = page.ink.paint(Colour::Bold, &sweep.scenario);
    page.text += &format!("{name}  {}\n", parts.join(" · "));
}

fn runs(sweep: &SweepReport, page: &mut Page) {
    let [runs, ok, violations, unknown, twice] =
        [sweep.runs, sweep.ok, sweep.violations, sweep.unknown, sweep.run_twice].map(grouped);
    page.fact("Runs", &format!("{runs}: {ok} ok, {violations} violations, {unknown} unknown"));
    if sweep.remembered.runs > 0 {
        let [runs, failures] = [sweep.remembered.runs, sweep.remembered.failures].map(grouped);
        page.more(&format!("and {runs} remembered seeds besides, of which {failures} failed"));
    }
    if sweep.not_deterministic.is_empty() {
        page.more(&format!("{twice} of them made twice, with no difference"));
    } else {
        let seeds = listed(sweep.not_deterministic.iter().take(LISTED_MAX));
        let different = format!("not the same twice: the seeds {seeds}");
        page.more(&page.ink.paint(Colour::Red, &different));
    }
    if let Some(stopped) = sweep.stopped {
        let why = match stopped {
            Stopped::Time => "the time is up",
            Stopped::Interrupted => "interrupted",
            Stopped::MaxFailures => "there are as many failing seeds as were asked for",
        };
        page.more(&page.ink.paint(Colour::Yellow, &format!("ended before the last seed: {why}")));
    }
}

/// In how many runs each thing happened.
fn table(name: &str, counts: &BTreeMap<String, u64>, page: &mut Page) {
    let width = counts.keys().map(String::len).max().unwrap_or(0);
    page.fact(name, if counts.is_empty() { "none" } else { "in so many runs" });
    for (what, runs) in counts {
        page.more(&format!("  {what:<width$} {:>9}", grouped(*runs)));
    }
}

fn doubts(sweep: &SweepReport, page: &mut Page) {
    for (place, (reason, doubt)) in sweep.unknown_because.iter().take(LISTED_MAX).enumerate() {
        let runs = grouped(doubt.runs);
        let told = format!("{reason} (runs: {runs}, first seed: {})", doubt.first_seed);
        page.wrapped_fact(if place == 0 { "Unknown" } else { "" }, &told);
    }
    let reasons = sweep.unknown_because.len();
    if reasons > LISTED_MAX {
        page.more(&format!("and {} more reasons", reasons - LISTED_MAX));
    }
}

fn failures(sweep: &SweepReport, style: Style, page: &mut Page) {
    for (place, failure) in sweep.failures.iter().take(LISTED_MAX).enumerate() {
        let name = if place == 0 { "Failures" } else { "" };
        page.fact(name, &told(failure, style));
    }
    if sweep.failures.len() > LISTED_MAX {
        let more = grouped((sweep.failures.len() - LISTED_MAX) as u64);
        page.more(&format!("and {more} more (--format json lists all)"));
    }
}

/// A failure in one line, with what runs it again at its end.
fn told(failure: &Failure, style: Style) -> String {
    let message = match style.detail {
        Detail::Verbose => format!(": {}", failure.message),
        _ => String::new(),
    };
    let replay = style.ink.paint(Colour::Bold, &failure.replay);
    format!("seed {} {}{message}  {replay}", failure.seed, failure.checker)
}

fn outcome(sweep: &SweepReport, style: Style) -> String {
    let all = sweep.runs + sweep.remembered.runs;
    let (colour, text) = if !sweep.not_deterministic.is_empty() {
        let different = grouped(sweep.not_deterministic.len() as u64);
        let twice = grouped(sweep.run_twice);
        (
            Colour::Red,
            format!("not deterministic, {different} of {twice} runs that were made twice"),
        )
    } else if !sweep.failures.is_empty() {
        let failures = grouped(sweep.failures.len() as u64);
        (Colour::Red, format!("{failures} of {} runs failed", grouped(all)))
    } else if !sweep.as_expected() {
        let unknown = grouped(sweep.unknown);
        (Colour::Yellow, format!("unknown, {unknown} of {} runs", grouped(all)))
    } else {
        (Colour::Green, format!("as expected, all {} runs", grouped(all)))
    };
    style.ink.paint(colour, &text)
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "none".into() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_report_tells_what_all_runs_together_were() {
        let expected = include_str!("golden/sweep.txt");
        let text = render(&sample::sweep(), Style::default());
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn each_failure_ends_with_the_command_that_replays_it_and_the_first_is_told_in_full() {
        let mut sweep = sample::sweep();
        sweep.failures = (1..=30)
            .map(|seed| Failure { seed, replay: format!("run {seed}"), ..Failure::default() })
            .collect();
        sweep.first_failure = Some(Box::new(sample::split_brain()));
        let text = render(&sweep, Style::default());
        assert!(text.starts_with("west-coast-partition  raft-kv"), "{text}");
        let listed = text.lines().filter(|line| line.contains("  run ")).count();
        assert_eq!(listed, LISTED_MAX);
        assert!(text.contains("and 10 more"), "{text}");
    }

    #[test]
    fn a_quiet_report_is_the_outcome_and_the_first_replay() {
        let style = Style { detail: Detail::Quiet, ..Style::default() };
        let mut sweep = sample::sweep();
        sweep.not_deterministic.clear();
        let expected =
            "coast seeds 1 to 100: 2 of 80 runs failed\n  replay: elara run coast.json --seed 7\n";
        assert_eq!(render(&sweep, style), expected);
        sweep.failures.clear();
        sweep.unknown_because.clear();
        assert_eq!(render(&sweep, style), "coast seeds 1 to 100: as expected, all 80 runs\n");
    }

    #[test]
    fn everything_shows_in_how_many_runs_what_happened() {
        let style = Style { detail: Detail::Verbose, ..Style::default() };
        let text = render(&sample::sweep(), style);
        assert!(text.contains("  power-failure         3\n"), "{text}");
        assert!(text.contains("  wal.torn-tail-cut         2\n"), "{text}");
    }
}
