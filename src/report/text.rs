//! The report as text, in the order in which one wants to know: what ran, what happened, how it looked over time, what
//! the verdict is and why, and how to see it again.

use std::fmt::Write;

use crate::kernel::time::Instant;
use crate::report::{chaos, timeline};
use crate::run::report::{Act, Expectation, OperationCounts, RunReport, Verdict, ViolationReport};

/// How much to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The verdict in a line, and how to replay it if it is not as expected.
    Quiet,
    /// The story.
    #[default]
    Normal,
    /// The story with every event, all evidence and all counts.
    Verbose,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// None.
    #[default]
    Plain,
    /// ANSI escape sequences.
    Ansi,
}

/// How a report looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// How much to tell.
    pub detail: Detail,
    /// Whether to use colours.
    pub ink: Ink,
}

/// A colour of the terminal's own palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For headings.
    Bold,
    /// For what is less important.
    Dim,
    /// For what went wrong.
    Red,
    /// For what went well.
    Green,
    /// For what is doubtful.
    Yellow,
}

impl Ink {
    /// The text in a colour.
    #[must_use]
    pub fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Bold => "1",
            Colour::Dim => "2",
            Colour::Red => "1;31",
            Colour::Green => "32",
            Colour::Yellow => "33",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// The width that texts are wrapped to, in columns.
pub(super) const WIDTH: usize = 80;
/// The column at which the facts begin, after their names.
pub(super) const FACTS: usize = 12;
/// How many events of one act, and how many facts of evidence, are shown unless everything is asked for.
const SHOWN_MAX: usize = 12;

/// The report of one run.
#[must_use]
pub fn render(run: &RunReport, style: Style) -> String {
    if style.detail == Detail::Quiet {
        return quiet(run, style.ink);
    }
    let mut text = String::new();
    title(run, style.ink, &mut text);
    text += &chaos::drawn(run);
    acts(run, style, &mut text);
    text += &timeline::render(&run.story, run.virtual_ns, style.ink);
    let mut page = Page { text, ink: style.ink };
    numbers(run, style, &mut page);
    page.facts("Held back", &chaos::held_back(run, WIDTH - FACTS - 1));
    page.facts("Tail", chaos::core(run).as_slice());
    coverage(run, &mut page);
    verdict(run, style, &mut page);
    // Nobody has timed a run that was one of many.
    let wall = if run.wall_ns == 0 { String::new() } else { format!(" in {}", span(run.wall_ns)) };
    let events = grouped(run.events);
    page.fact(
        "Run",
        &format!(
            "{} of virtual time{wall}, {events} events, digest {}",
            span(run.virtual_ns),
            run.digest
        ),
    );
    page.fact("Replay", &page.ink.paint(Colour::Bold, &run.replay));
    page.text
}

fn quiet(run: &RunReport, ink: Ink) -> String {
    let mut text = format!("{} seed {}: {}\n", run.scenario, run.seed, outcome(run, ink));
    if !run.as_expected {
        text += &format!("  replay: {}\n", run.replay);
    }
    text
}

fn title(run: &RunReport, ink: Ink, text: &mut String) {
    let mut parts = vec![run.system.clone(), format!("{} nodes", run.story.nodes.len())];
    parts.push(format!("seed {}", run.seed));
    if !run.without.is_empty() {
        parts.push(format!("without {}", run.without.join(", ")));
    }
    *text += &format!("{}  {}\n", ink.paint(Colour::Bold, &run.scenario), parts.join(" · "));
    for line in wrapped(&run.story.about, WIDTH) {
        *text += &format!("{line}\n");
    }
    text.push('\n');
}

/// What happened, act by act.
fn acts(run: &RunReport, style: Style, text: &mut String) {
    let events = events(run);
    *text += &format!("{}\n", style.ink.paint(Colour::Bold, "What happened"));
    for (place, act) in run.story.acts.iter().enumerate() {
        let head = format!("{} {} to {}", act.name, seconds(act.from), seconds(act.to));
        let counts = ended_in(run, act);
        let outcome = if counts.total() == 0 { String::new() } else { ended(counts) };
        *text += format!("  {head:<22} {outcome}").trim_end();
        text.push('\n');
        // What happens at the very end belongs to the last act.
        let last = place + 1 == run.story.acts.len();
        let within = |at: Instant| act.from <= at && (at < act.to || last);
        let shown: Vec<_> = events.iter().filter(|(at, _)| within(*at)).collect();
        let limit = if style.detail == Detail::Verbose { usize::MAX } else { SHOWN_MAX };
        for (at, what) in shown.iter().take(limit) {
            *text += &format!("    {:>9}  {what}\n", precise(*at));
        }
        if shown.len() > limit {
            *text +=
                &format!("    {:>9}  and {} more (-v shows all)\n", "...", shown.len() - limit);
        }
    }
    text.push('\n');
}

/// The events worth telling, in the order of time.
fn events(run: &RunReport) -> Vec<(Instant, String)> {
    let story = &run.story;
    let names =
        |nodes: &[_]| nodes.iter().map(|&node| story.name(node)).collect::<Vec<_>>().join(" ");
    let faults = story.faults.iter().map(|fault| {
        let lasting = nanos_between(fault.from, fault.to);
        let lasting = if lasting == 0 { String::new() } else { format!(", for {}", span(lasting)) };
        let met = if !fault.sides.is_empty() {
            format!(" {}", fault.sides)
        } else if fault.nodes.is_empty() {
            String::new()
        } else {
            format!(" of {}", names(&fault.nodes))
        };
        (fault.from, format!("{}{met}{lasting}", fault.kind))
    });
    let leaders = story.leaderships.iter().map(|leadership| {
        let name = story.name(leadership.node);
        (leadership.from, format!("{name} leads {}", leadership.generation))
    });
    let violations = run.violations.iter().map(|violation| {
        (Instant::from_nanos(violation.at_ns), format!("{} is violated", violation.checker))
    });
    let mut events: Vec<(Instant, String)> = faults.chain(leaders).chain(violations).collect();
    events.sort_by_key(|(at, _)| *at);
    events
}

/// The operations that ended in the intervals which begin in an act.
fn ended_in(run: &RunReport, act: &Act) -> OperationCounts {
    let activity = &run.story.activity;
    let mut sum = OperationCounts::default();
    for group in &activity.groups {
        for (place, counts) in group.counts.iter().enumerate() {
            let begin = Instant::ZERO + activity.interval * place as u32;
            if act.from <= begin && begin < act.to {
                sum.ok += counts.ok;
                sum.fail += counts.fail;
                sum.info += counts.info;
            }
        }
    }
    sum
}

/// A text that grows by named facts.
pub(super) struct Page {
    pub text: String,
    pub ink: Ink,
}

impl Page {
    pub fn fact(&mut self, name: &str, value: &str) {
        let name = self.ink.paint(Colour::Bold, &format!("{name:<FACTS$}"));
        self.text += &format!("{name} {value}\n");
    }

    /// A fact of several lines; nothing without any.
    pub fn facts(&mut self, name: &str, lines: &[String]) {
        for (place, line) in lines.iter().enumerate() {
            if place == 0 { self.fact(name, line) } else { self.more(line) }
        }
    }

    pub fn more(&mut self, value: &str) {
        self.text += &format!("{:<FACTS$} {value}\n", "");
    }

    /// A fact in as many lines as it needs.
    pub fn wrapped_fact(&mut self, name: &str, value: &str) {
        for (place, line) in wrapped(value, WIDTH - FACTS - 1).iter().enumerate() {
            if place == 0 { self.fact(name, line) } else { self.more(line) }
        }
    }
}

fn numbers(run: &RunReport, style: Style, page: &mut Page) {
    let latency = run.latency_ns;
    let (p50, p99, max) = (span(latency.p50), span(latency.p99), span(latency.max));
    page.fact("Operations", &ended(run.operations));
    page.more(&format!("ok after {p50} (median), {p99} (99 of 100), {max} (all)"));
    let messages = run.messages;
    let [sent, delivered, lost, cut] =
        [messages.sent, messages.delivered, messages.lost, messages.cut].map(grouped);
    page.fact("Messages", &format!("{sent} sent, {delivered} delivered, {lost} lost, {cut} cut"));
    if style.detail == Detail::Verbose {
        page.more(&format!("{} duplicated", grouped(messages.duplicated)));
        let disk = run.disk;
        let [writes, syncs, bytes] = [disk.writes, disk.syncs, disk.bytes].map(grouped);
        page.fact("Disks", &format!("{writes} writes, {syncs} syncs, {bytes} bytes"));
        page.more(&format!(
            "{} sectors lost, {} torn",
            grouped(disk.lost_sectors),
            grouped(disk.torn)
        ));
        let faults: Vec<String> =
            run.faults.iter().map(|(kind, count)| format!("{kind} {}", grouped(*count))).collect();
        page.fact("Faults", &listed(&faults));
    }
}

fn coverage(run: &RunReport, page: &mut Page) {
    let marks: Vec<String> =
        run.coverage.iter().map(|(mark, count)| format!("{mark} {}", grouped(*count))).collect();
    page.wrapped_fact("Coverage", &listed(&marks));
    if !run.story.never_reached.is_empty() {
        let missing = format!("never reached: {}", run.story.never_reached.join(", "));
        page.more(&page.ink.paint(Colour::Yellow, &missing));
    }
}

fn verdict(run: &RunReport, style: Style, page: &mut Page) {
    page.fact("Verdict", &outcome(run, page.ink));
    for violation in &run.violations {
        evidence(run, violation, style, page);
    }
    for reason in &run.unknown_because {
        page.more(&run.with_names(reason));
    }
}

fn evidence(run: &RunReport, violation: &ViolationReport, style: Style, page: &mut Page) {
    let message = format!("{}: {}", violation.checker, run.with_names(&violation.message));
    for line in wrapped(&message, WIDTH - FACTS - 1) {
        page.more(&line);
    }
    let limit = if style.detail == Detail::Verbose { usize::MAX } else { SHOWN_MAX };
    for fact in violation.evidence.iter().take(limit) {
        page.more(&format!("  {}", run.with_names(fact)));
    }
    if violation.evidence.len() > limit {
        page.more(&format!("  and {} more (-v shows all)", violation.evidence.len() - limit));
    }
}

/// The verdict in a few words, and whether it was expected.
fn outcome(run: &RunReport, ink: Ink) -> String {
    let expected = match (&run.story.expect, run.as_expected) {
        (_, true) => "as expected".into(),
        (Expectation::Ok, false) => "not as expected".into(),
        (Expectation::Violation(name), false) => format!("expected a violation of {name}"),
    };
    let mut checkers: Vec<&str> = run.violations.iter().map(|v| v.checker.as_str()).collect();
    checkers.dedup();
    let verdict = match run.verdict {
        Verdict::Ok => "ok".into(),
        Verdict::Violation => format!("violation of {}", checkers.join(", ")),
        Verdict::Unknown => "unknown".into(),
    };
    let colour = match (run.as_expected, run.verdict) {
        (true, _) => Colour::Green,
        (false, Verdict::Unknown) => Colour::Yellow,
        (false, _) => Colour::Red,
    };
    format!("{}, {expected}", ink.paint(colour, &verdict))
}

fn ended(counts: OperationCounts) -> String {
    let [ok, fail, info] = [counts.ok, counts.fail, counts.info].map(grouped);
    format!("{ok} ok, {fail} failed, {info} unknown")
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".into() } else { items.join(", ") }
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span of nanoseconds in a fitting unit, with three digits at least.
#[must_use]
pub fn span(nanos: u64) -> String {
    let (unit, size) = match nanos {
        0 => return "0s".into(),
        1..1_000 => ("ns", 1_u64),
        1_000..1_000_000 => ("us", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    let decimals = match nanos / size {
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    let scale = 10_u64.pow(decimals);
    let scaled = u128::from(nanos) * u128::from(scale) / u128::from(size);
    let (whole, rest) = (scaled / u128::from(scale), scaled % u128::from(scale));
    let fraction = format!("{rest:0width$}", width = decimals as usize);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{whole}{point}{fraction}{unit}")
}

fn seconds(at: Instant) -> String {
    span(at.as_nanos())
}

fn precise(at: Instant) -> String {
    let millis = at.as_nanos() / 1_000_000;
    format!("{}.{:03}s", millis / 1_000, millis % 1_000)
}

fn nanos_between(from: Instant, to: Instant) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos())
}

/// The words of a text in lines of at most `width` columns, unless a word is longer.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                write!(line, " {word}").expect("a string takes all that is written to it");
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_report_tells_the_story_in_order() {
        let expected = include_str!("golden/split_brain.txt");
        let text = render(&sample::split_brain(), Style::default());
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn a_quiet_report_is_the_verdict_and_the_replay() {
        let style = Style { detail: Detail::Quiet, ink: Ink::Plain };
        let expected = "west-coast-partition seed 7: violation of state-machine-safety, not as expected\n  \
                        replay: elara run west-coast-partition --seed 7 --without majority-quorum\n";
        assert_eq!(render(&sample::split_brain(), style), expected);
        let mut good = sample::split_brain();
        good.as_expected = true;
        assert_eq!(render(&good, style).lines().count(), 1);
    }

    #[test]
    fn colours_change_nothing_but_the_escapes() {
        let coloured = render(&sample::split_brain(), Style { ink: Ink::Ansi, ..Style::default() });
        let mut plain = String::new();
        for (place, part) in coloured.split('\x1b').enumerate() {
            let end = if place == 0 { Some(0) } else { part.find('m').map(|end| end + 1) };
            plain.push_str(&part[end.expect("an escape ends with m")..]);
        }
        assert!(coloured.contains("\x1b[1;31m"));
        assert_eq!(plain, render(&sample::split_brain(), Style::default()));
    }

    #[test]
    fn long_lists_are_cut_unless_all_is_asked_for() {
        let mut run = sample::split_brain();
        run.violations[0].evidence = (0..30).map(|n| format!("fact {n}")).collect();
        let normal = render(&run, Style::default());
        assert!(normal.contains("fact 11") && !normal.contains("fact 12"));
        assert!(normal.contains("and 18 more (-v shows all)"));
        let verbose = render(&run, Style { detail: Detail::Verbose, ink: Ink::Plain });
        assert!(verbose.contains("fact 29"));
    }

    #[test]
    fn spans_have_a_fitting_unit() {
        let shown =
            [0, 999, 4_200_000, 75_000_000, 1_000_000_000, 90_000_000_000, 1_234_567_890].map(span);
        assert_eq!(shown, ["0s", "999ns", "4.2ms", "75ms", "1s", "90s", "1.23s"]);
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
