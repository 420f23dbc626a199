//! From what a scenario leaves to the seed to concrete faults: a scenario in which every fault has its time and its number.

use crate::run::RunError;
use crate::scenario::Scenario;
use crate::world::fault::ScheduledFault;
use crate::world::nemesis::{self, Generator, Nemesis};

/// The scenario with the faults that this seed draws listed among its own. Running it with the same seed is the same run,
/// with the same digest.
///
/// # Errors
/// If the nemesis draws too many faults to be listed.
pub fn expand(scenario: &Scenario, seed: u64) -> Result<Scenario, RunError> {
    let mut expanded = scenario.clone();
    if scenario.nemesis.is_none() {
        return Ok(expanded);
    }
    for (place, own) in expanded.faults.iter_mut().enumerate() {
        own.draws.get_or_insert(place as u64);
    }
    let Nemesis::Generators(generators) = std::mem::take(&mut expanded.nemesis) else {
        return Err(RunError::new("the nemesis cannot draw a swarm yet; list generators"));
    };
    expanded.faults.extend(faults(scenario, seed, &generators)?);
    Ok(expanded)
}

fn faults(
    scenario: &Scenario,
    seed: u64,
    generators: &[Generator],
) -> Result<Vec<ScheduledFault>, RunError> {
    let drawn = nemesis::draw(seed, generators, scenario.chaos());
    drawn.map_err(|error| RunError::new(error.to_string()))
}
