//! From what a scenario leaves to the seed to concrete faults: a scenario in which every fault has its time and its number.

use crate::run::RunError;
use crate::scenario::{self, Scenario};
use crate::world::nemesis::swarm::{Supports, swarm};
use crate::world::nemesis::{self, Nemesis, Tail, swizzle};

/// The systems whose members can be changed.
const RECONFIGURABLE: &[&str] = &["raft-kv"];

/// The scenario with what a swarm draws of this seed spelled out: its generators, and whom the tail heals. Without a swarm
/// it stays as it is. Running it with the same seed is the same run, with the same digest.
#[must_use]
pub fn drawn(scenario: &Scenario, seed: u64) -> Scenario {
    let mut drawn = scenario.clone();
    if scenario.nemesis == Nemesis::Swarm {
        let reconfiguration = RECONFIGURABLE.contains(&scenario.system.kind.as_str());
        let swarm = swarm(seed, &scenario.cluster, Supports { reconfiguration });
        drawn.nemesis = Nemesis::Generators(swarm.generators);
        if scenario.tail == Tail::All {
            drawn.tail = swarm.tail;
        }
    }
    drawn
}

/// The scenario with the faults that this seed draws listed among its own. Running it with the same seed is the same run,
/// with the same digest.
///
/// # Errors
/// If the nemesis draws too many faults to be listed.
pub fn expand(scenario: &Scenario, seed: u64) -> Result<Scenario, RunError> {
    let mut expanded = drawn(scenario, seed);
    if let Nemesis::Generators(generators) = std::mem::take(&mut expanded.nemesis)
        && !generators.is_empty()
    {
        let faults = nemesis::draw(seed, &generators, scenario.chaos());
        swizzle::number(&mut expanded.faults);
        expanded.faults.extend(faults.map_err(|error| RunError::new(error.to_string()))?);
    }
    let end = scenario.chaos().to;
    swizzle::take_apart(&mut expanded.faults, seed, &scenario.cluster, end);
    Ok(expanded)
}

/// What a swarm draws, one line for each generator; nothing without a swarm.
pub(super) fn told(scenario: &Scenario, seed: u64) -> Vec<String> {
    if scenario.nemesis != Nemesis::Swarm {
        return Vec::new();
    }
    let drawn = drawn(scenario, seed);
    let Nemesis::Generators(generators) = &drawn.nemesis else { return Vec::new() };
    let mut lines: Vec<String> =
        generators.iter().map(|one| scenario::nemesis::line(one, &drawn.cluster)).collect();
    if drawn.tail == Tail::Core {
        lines.push("\"tail\": \"core\"".into());
    }
    lines
}
