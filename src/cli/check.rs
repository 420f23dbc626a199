//! `elara check`: judges histories that were recorded before.

#![allow(clippy::disallowed_types, reason = "how long a check takes is told by the wall clock")]

use std::time::{Duration, Instant as WallClock};

use crate::cli::arguments::check::{CheckArguments, CheckFormat};
use crate::cli::terminal::Terminal;
use crate::cli::{Failure, files};
use crate::history::recorded::RecordedError;
use crate::kernel::time::nanos;
use crate::report::{self, Exit};
use crate::run::check::{self, CheckReport, Level, Model, Recording};

/// The first budget where only time counts.
const FIRST_BUDGET: u64 = 1 << 20;

impl From<RecordedError> for Failure {
    fn from(error: RecordedError) -> Self {
        Self::Other(error.to_string())
    }
}

/// Judges histories. Each is read and judged before the next one is read.
pub fn check(arguments: &CheckArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    if arguments.histories.len() > 1 && arguments.report.is_some() {
        let message = "--report draws one history; name one";
        return Err(Failure::Other(message.into()));
    }
    if let Some(path) = &arguments.report {
        files::expect_writable(path)?;
    }
    let model = arguments.model.as_deref().map(Model::named).transpose();
    let model = model.map_err(Failure::Other)?;
    let mut reports = Vec::new();
    let mut exit = Exit::AsExpected;
    for name in &arguments.histories {
        let Some(model) = model else { return Err(unsure(name)?) };
        let level = match &arguments.consistency {
            None => Level::of(&model),
            Some(level) => Level::named(level, &model).map_err(Failure::Other)?,
        };
        let begin = WallClock::now();
        let input = files::open_history(name)?;
        let recording = check::read(name, input, (model, arguments.objects.into()))?;
        let mut report = judge(&recording, &level, arguments)?;
        report.wall_ns = nanos(begin.elapsed());
        if let Some(path) = &arguments.report {
            let page = report::history_page::render(&report, &recording.operations());
            files::write_whole(path, &page)?;
        }
        if arguments.format == CheckFormat::Text {
            Terminal::print(&report::check::render(&report, terminal.ink))?;
        }
        exit = exit.graver(Exit::of_check(&report));
        reports.push(report);
    }
    if arguments.format == CheckFormat::Json {
        Terminal::print(&report::json::render_checks(&reports))?;
    }
    Ok(exit)
}

/// What to say if no model is named.
fn unsure(name: &str) -> Result<Failure, Failure> {
    let functions = check::functions(name, files::open_history(name)?)?;
    Ok(Failure::Other(format!("{name}: {}", check::unsure(&functions))))
}

/// Judges within the budget, or with growing ones while there is time.
fn judge(
    recording: &Recording,
    level: &Level,
    arguments: &CheckArguments,
) -> Result<CheckReport, Failure> {
    let Some(time) = arguments.time else {
        return Ok(recording.judge(level, arguments.budget)?);
    };
    let begin = WallClock::now();
    let mut steps = FIRST_BUDGET;
    loop {
        let round = WallClock::now();
        let report = recording.judge(level, steps)?;
        let left = time.saturating_sub(begin.elapsed());
        match next_budget(steps, round.elapsed(), left) {
            Some(next) if report.spent => steps = next,
            _ => return Ok(report),
        }
    }
}

/// A larger budget that fits into the time that is left, if one is worth it.
fn next_budget(steps: u64, took: Duration, left: Duration) -> Option<u64> {
    let fitting = u128::from(steps) * left.as_nanos() / took.as_nanos().max(1);
    let next = fitting.min(u128::from(steps.saturating_mul(4))) as u64;
    (next > steps / 2 * 3).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_grow_while_there_is_time_for_them() {
        let second = Duration::from_secs(1);
        assert_eq!(next_budget(1_000, second, 100 * second), Some(4_000));
        assert_eq!(next_budget(1_000, second, 2 * second), Some(2_000));
        assert_eq!(next_budget(1_000, second, second), None, "it would say the same again");
        assert_eq!(next_budget(1_000, second, Duration::ZERO), None);
    }
}
