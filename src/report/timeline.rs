//! The timeline of a run in characters: a row for faults, one for each node, one for each group of clients.
//!
//! It is at most 72 columns wide and 24 nodes high, whatever the run; what does not fit is said, not dropped silently.

use std::ops::Range;

use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::report::text::{Colour, Ink, span};
use crate::run::report::{OperationCounts, OutageKind, Story};

/// How many columns of time there are.
const COLUMNS: u64 = 60;
/// How wide the names are.
const NAMES: usize = 11;
/// How many nodes get a row.
const NODES_MAX: usize = 24;

/// The timeline of a run of this many nanoseconds, empty if it had no length.
#[must_use]
pub fn render(story: &Story, length_ns: u64, ink: Ink) -> String {
    if length_ns == 0 {
        return String::new();
    }
    let chart = Chart { story, length_ns, ink };
    let mut text = ink.paint(Colour::Bold, "Timeline");
    text.push('\n');
    text += &chart.axis();
    text += &chart.row("faults", |cell| chart.faults(cell));
    for place in 0..story.nodes.len().min(NODES_MAX) {
        let node = NodeId(place as u32);
        text += &chart.row(&story.nodes[place], |cell| chart.node(node, cell));
    }
    if story.nodes.len() > NODES_MAX {
        text += &format!("  and {} more nodes\n", story.nodes.len() - NODES_MAX);
    }
    let most = chart.most();
    for group in 0..story.activity.groups.len() {
        let name = format!("ok {}", story.activity.groups[group].name);
        text += &chart.row(&name, |cell| chart.activity(group, cell, most));
    }
    let legend = "█ leads  ─ up  ╌ cut off  ░ paused  · down  ▼ ═ fault  × nothing ok";
    text + &ink.paint(Colour::Dim, &format!("  {legend}")) + "\n\n"
}

struct Chart<'a> {
    story: &'a Story,
    length_ns: u64,
    ink: Ink,
}

/// One cell: its character and, if it stands out, its colour.
type Cell = (char, Option<Colour>);

impl Chart<'_> {
    /// The nanoseconds that a column covers.
    fn covered(&self, column: u64) -> Range<u64> {
        let edge = |column: u64| {
            (u128::from(self.length_ns) * u128::from(column) / u128::from(COLUMNS)) as u64
        };
        edge(column)..edge(column + 1).max(edge(column) + 1)
    }

    /// The times at every fifth of the axis.
    fn axis(&self) -> String {
        let step = COLUMNS / 5;
        let ticks = (0..5).map(|tick| {
            let label = span(self.covered(tick * step).start);
            format!("{label:<width$}", width = step as usize)
        });
        let line = format!("  {:<NAMES$}{}", "", ticks.collect::<String>());
        format!("{}\n", line.trim_end())
    }

    fn row(&self, name: &str, cell: impl Fn(Range<u64>) -> Cell) -> String {
        let short: String = name.chars().take(NAMES - 1).collect();
        let mut line = format!("  {short:<NAMES$}");
        let mut run = String::new();
        let mut colour = None;
        for column in 0..COLUMNS {
            let (character, next) = cell(self.covered(column));
            if next != colour {
                line += &self.painted(&run, colour);
                run.clear();
                colour = next;
            }
            run.push(character);
        }
        line += &self.painted(&run, colour);
        format!("{}\n", line.trim_end())
    }

    fn painted(&self, text: &str, colour: Option<Colour>) -> String {
        match colour {
            Some(colour) if !text.is_empty() => self.ink.paint(colour, text),
            _ => text.to_owned(),
        }
    }

    fn faults(&self, cell: Range<u64>) -> Cell {
        let faults = &self.story.faults;
        if faults.iter().any(|fault| cell.contains(&fault.from.as_nanos())) {
            return ('▼', Some(Colour::Yellow));
        }
        let lasting = faults.iter().any(|fault| overlaps(fault.from, fault.to, &cell));
        if lasting { ('═', Some(Colour::Yellow)) } else { (' ', None) }
    }

    fn node(&self, node: NodeId, cell: Range<u64>) -> Cell {
        let outages = self.story.outages.iter().filter(|outage| outage.node == node);
        let outage = outages
            .filter(|outage| overlaps(outage.from, outage.to, &cell))
            .map(|outage| outage.kind)
            .max();
        let leads = self.story.leaderships.iter().any(|leadership| {
            leadership.node == node && overlaps(leadership.from, leadership.to, &cell)
        });
        match (outage, leads) {
            (Some(OutageKind::Down), _) => ('·', Some(Colour::Red)),
            (Some(OutageKind::Paused), _) => ('░', Some(Colour::Red)),
            (Some(OutageKind::Cut), true) => ('█', Some(Colour::Yellow)),
            (Some(OutageKind::Cut), false) => ('╌', Some(Colour::Yellow)),
            (None, true) => ('█', Some(Colour::Green)),
            (None, false) => ('─', None),
        }
    }

    fn activity(&self, group: usize, cell: Range<u64>, most: u64) -> Cell {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let counts = self.counts(group, &cell);
        if counts.total() == 0 {
            return (' ', None);
        }
        if counts.ok == 0 {
            return ('×', Some(Colour::Red));
        }
        let height = (counts.ok * 8).div_ceil(most.max(1)).clamp(1, 8);
        (BARS[height as usize - 1], None)
    }

    /// The busiest interval that meets the cell.
    fn counts(&self, group: usize, cell: &Range<u64>) -> OperationCounts {
        let interval = crate::kernel::time::nanos(self.story.activity.interval).max(1);
        let counts = &self.story.activity.groups[group].counts;
        let first = (cell.start / interval) as usize;
        let last = ((cell.end - 1) / interval) as usize;
        let met = counts.iter().skip(first).take(last - first + 1);
        met.copied().max_by_key(|counts| (counts.ok, counts.total())).unwrap_or_default()
    }

    fn most(&self) -> u64 {
        let groups = self.story.activity.groups.iter();
        groups.flat_map(|group| &group.counts).map(|counts| counts.ok).max().unwrap_or(0)
    }
}

fn overlaps(from: Instant, to: Instant, cell: &Range<u64>) -> bool {
    from.as_nanos() < cell.end && cell.start < to.as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn it_is_never_wider_than_a_terminal_nor_higher_than_a_page() {
        let mut run = sample::split_brain();
        run.story.nodes = (0..1_000).map(|n| format!("a-node-with-a-long-name-{n}")).collect();
        let text = render(&run.story, run.virtual_ns, Ink::Plain);
        assert!(text.lines().all(|line| line.chars().count() <= 73), "{text}");
        assert!(text.lines().count() < 40);
        assert!(text.contains("and 976 more nodes"));
    }

    #[test]
    fn a_run_shorter_than_its_columns_is_still_drawn() {
        let run = sample::split_brain();
        assert!(render(&run.story, 1, Ink::Plain).contains("faults"));
        assert!(render(&run.story, 0, Ink::Plain).is_empty());
    }
}
