//! Progress of a long run or a sweep, on a terminal only, and of a run only once one begins to wonder.

#![allow(clippy::disallowed_types, reason = "people wait by the wall clock")]

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant as WallClock};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::explore::shrink::Step;
use crate::kernel::time::nanos;
use crate::run::options::Progress;

/// For so long nothing is shown.
const PATIENCE: Duration = Duration::from_secs(1);
const REFRESH: Duration = Duration::from_millis(100);

/// Does the work, and shows how far it is of `length` of virtual time if it takes long.
pub fn watch<T>(name: &str, length: Duration, progress: &Progress, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        return work();
    }
    let (end, ended) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = bar(name, length);
            while ended.recv_timeout(REFRESH) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(progress.at().as_nanos());
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(end);
        result
    })
}

fn bar(name: &str, length: Duration) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg} [{bar:40}] {percent}% of virtual time, {elapsed}")
            .expect("the template is well formed");
    ProgressBar::new(nanos(length)).with_style(style).with_message(name.to_owned())
}

/// How far a sweep is.
pub struct SweepBar {
    bar: ProgressBar,
    begin: WallClock,
    /// After so long it ends in any case.
    limit: Option<Duration>,
    runs: u64,
    failures: u64,
}

impl SweepBar {
    /// A sweep that begins now.
    pub fn new(name: &str, limit: Option<Duration>) -> Self {
        let bar = if stderr().is_terminal() {
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {msg}")
                .expect("the template is well formed");
            ProgressBar::new(PARTS).with_style(style).with_prefix(name.to_owned())
        } else {
            ProgressBar::hidden()
        };
        Self { bar, begin: WallClock::now(), limit, runs: 0, failures: 0 }
    }

    /// One of so many runs has ended.
    pub fn ended(&mut self, of: u64, failed: bool) {
        self.runs += 1;
        self.failures += u64::from(failed);
        if self.bar.is_hidden() {
            return;
        }
        let elapsed = self.begin.elapsed();
        let done = done(self.runs, of).max(
            self.limit
                .map_or(1, |limit| done(elapsed.as_millis() as u64, limit.as_millis() as u64)),
        );
        let left = elapsed.mul_f64((PARTS - done) as f64 / done as f64);
        let rate = self.runs as f64 / elapsed.as_secs_f64();
        let (runs, failures, left) = (self.runs, self.failures, HumanDuration(left));
        self.bar.set_position(done);
        self.bar.set_message(format!("{runs} runs, {rate:.1}/s, {failures} failed, {left} left"));
    }

    /// It has ended.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// How far shrinking is. Nobody knows how much there is to do, so there is no bar, but one sees what is left.
pub struct ShrinkBar(ProgressBar);

impl ShrinkBar {
    /// Shrinking that begins now.
    pub fn new(name: &str) -> Self {
        if !stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{prefix} {spinner} {pos} runs, {elapsed}: {msg}")
            .expect("the template is well formed");
        Self(ProgressBar::no_length().with_style(style).with_prefix(name.to_owned()))
    }

    /// It is so far.
    pub fn show(&self, step: Step) {
        let Step { runs, size } = step;
        let (faults, operations) = (size.faults, size.operations);
        self.0.set_position(runs);
        self.0.set_message(format!("{faults} faults and {operations} operations left"));
    }

    /// It has ended.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// A bar has so many parts.
const PARTS: u64 = 1_000_000;

/// How many parts are done, at least one, so that there is something to reckon with.
fn done(done: u64, of: u64) -> u64 {
    let parts = u128::from(done) * u128::from(PARTS) / u128::from(of.max(1));
    parts.clamp(1, PARTS.into()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_never_nothing_and_never_more_than_all() {
        assert_eq!([done(1, 4), done(0, 4), done(9, 4), done(0, 0)], [250_000, 1, PARTS, 1]);
    }
}
