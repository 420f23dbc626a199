//! The nemesis: what goes wrong at random, drawn from the seed into a concrete schedule before the run.
//!
//! ```text
//! "swarm" --(seed)--> generators --(seed)--> schedule --> run
//! ```
//!
//! Nothing random is left in the schedule but what a fault decides when it begins (whom it meets, which side a node is
//! on), and that has a name of its own: the fault's number, [`ScheduledFault::draws`]. So a run can be written down, and a
//! fault that is taken out of it changes nothing about the others. Neither does a generator: each draws from streams of
//! its own, and each of its faults from another.

pub mod swarm;
pub mod swizzle;

use std::fmt;
use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::world::fault::{Fault, ScheduledFault, Trigger};

/// How many faults a generator may draw for one run: their numbers must not meet the next generator's.
pub const DRAWN_MAX: u64 = 100_000;

/// The shortest fault that a schedule can name.
const LASTS_MIN: Duration = Duration::from_nanos(1);

/// How far apart the numbers of two generators' faults are. Explicit faults have smaller numbers: their places.
const NUMBERS: u64 = 1_000_000;

/// One generator of random faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    /// The time between the beginnings of two faults.
    pub every: Distribution,
    /// How long each lasts; `None`: until it is healed, or it happens at a moment.
    pub lasts: Option<Distribution>,
    /// What goes wrong.
    pub fault: Fault,
    /// For what each waits when its time has come.
    pub upon: Option<Trigger>,
}

/// Where random faults come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nemesis {
    /// From these generators; none if there are none.
    Generators(Vec<Generator>),
    /// Each seed draws its own subset of all kinds of faults, and their intensities.
    Swarm,
}

impl Default for Nemesis {
    fn default() -> Self {
        Self::Generators(Vec::new())
    }
}

impl Nemesis {
    /// Whether no fault is random.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::Generators(generators) if generators.is_empty())
    }
}

/// Whom the quiet tail heals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// Everybody.
    #[default]
    All,
    /// A random majority; the others stay away, switched off or as they are.
    Core,
}

/// A generator whose faults come too fast to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyFaults {
    /// Its place in the list.
    pub generator: usize,
}

impl fmt::Display for TooManyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.generator;
        write!(
            f,
            "nemesis[{place}] draws more than {DRAWN_MAX} faults in a run; give it a longer `every`"
        )
    }
}

/// The time in which random faults begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The end of the calm start.
    pub from: Instant,
    /// The beginning of the quiet tail.
    pub to: Instant,
}

/// The faults that these generators draw, in the order of time.
///
/// # Errors
/// If a generator draws more than [`DRAWN_MAX`].
pub fn draw(
    seed: u64,
    generators: &[Generator],
    window: Window,
) -> Result<Vec<ScheduledFault>, TooManyFaults> {
    let mut schedule = Vec::new();
    for (place, generator) in generators.iter().enumerate() {
        let mut gaps = Stream::new(seed, Purpose::Nemesis, place as u64, 0);
        let mut at = window.from + generator.every.draw(&mut gaps);
        let mut number = 0;
        while at < window.to {
            if number == DRAWN_MAX {
                return Err(TooManyFaults { generator: place });
            }
            number += 1;
            let mut own = Stream::new(seed, Purpose::Nemesis, place as u64, number);
            schedule.push(ScheduledFault {
                at,
                lasts: generator.lasts.map(|lasts| lasts.draw(&mut own).max(LASTS_MIN)),
                fault: generator.fault.clone(),
                upon: generator.upon,
                draws: Some((place as u64 + 1) * NUMBERS + number),
                yields: true,
            });
            at = at + generator.every.draw(&mut gaps);
        }
    }
    schedule.sort_by_key(|scheduled| (scheduled.at, scheduled.draws));
    Ok(schedule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fault::Target;

    const WINDOW: Window = Window {
        from: Instant::from_nanos(1_000_000_000),
        to: Instant::from_nanos(31_000_000_000),
    };

    fn pauses(every: u64) -> Generator {
        Generator {
            every: Distribution::Exponential(Duration::from_secs(every)),
            lasts: Some(Distribution::Uniform(Duration::ZERO, Duration::from_secs(2))),
            fault: Fault::Pause { target: Target::Any },
            upon: None,
        }
    }

    fn drawn(seed: u64, generators: &[Generator]) -> Vec<ScheduledFault> {
        draw(seed, generators, WINDOW).expect("few faults")
    }

    #[test]
    fn faults_come_at_the_stated_rate_and_within_the_window() {
        let mut count = 0;
        for seed in 0..100 {
            let schedule = drawn(seed, &[pauses(2)]);
            assert!(schedule.iter().all(|fault| WINDOW.from <= fault.at && fault.at < WINDOW.to));
            assert!(schedule.is_sorted_by_key(|fault| fault.at));
            count += schedule.len();
        }
        // 30 s at one in 2 s, 100 times: 1,500, with a standard deviation of 39.
        assert!((1_350..1_650).contains(&count), "{count}");
    }

    #[test]
    fn a_generator_does_not_change_what_the_others_draw() {
        let alone = drawn(7, &[pauses(3)]);
        let both = drawn(7, &[pauses(3), pauses(1)]);
        let first = both.into_iter().filter(|fault| fault.draws < Some(2 * NUMBERS));
        assert_eq!(first.collect::<Vec<_>>(), alone);
    }

    #[test]
    fn a_generator_that_never_rests_is_refused() {
        let busy =
            Generator { every: Distribution::Constant(Duration::from_nanos(1)), ..pauses(1) };
        let error = draw(1, &[pauses(1), busy], WINDOW).expect_err("30 s are 30,000,000,000 ns");
        assert_eq!(error, TooManyFaults { generator: 1 });
    }
}
