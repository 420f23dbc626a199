//! What the seed drew and what was held back, in the text report.

use crate::report::text::wrapped;
use crate::run::report::{HeldBack, RunReport};

/// What a swarm drew: one line for each generator.
pub fn drawn(run: &RunReport) -> String {
    if run.story.drawn.is_empty() {
        return String::new();
    }
    let mut text = String::from("Drawn by the seed (--drawn FILE writes it down)\n");
    for line in &run.story.drawn {
        text += &format!("  {line}\n");
    }
    text.push('\n');
    text
}

/// What was held back and why, in lines of at most `width` columns.
pub fn held_back(run: &RunReport, width: usize) -> Vec<String> {
    let told = |held: &HeldBack| {
        let HeldBack { kind, count, why, .. } = held;
        let times = if *count == 1 { String::new() } else { format!("{count} times ") };
        wrapped(&run.with_names(&format!("{times}{kind}: {why}")), width)
    };
    run.story.held_back.iter().flat_map(told).collect()
}

/// Whom the quiet tail healed, if not everybody.
pub fn core(run: &RunReport) -> Option<String> {
    let core = run.story.core.as_ref()?;
    let names: Vec<String> = core.iter().map(|&node| run.story.name(node)).collect();
    Some(format!("healed {} only", names.join(" ")))
}
