//! Swarm: each seed switches a random subset of all kinds of faults on, and draws how often, how long, how strong, at whom
//! and in which moments.
//!
//! A mix of everything finds less than many different mixes: one kind of fault masks another (a node that is down cannot
//! lose its disk), and some bugs need a kind to be *absent*. So a seed has few kinds or many, frequent or rare ones, and
//! sometimes none of a family. Source: Groce et al. 2012 (Swarm Testing).
//!
//! Each kind draws from a stream of its own, so that a new kind does not change what a seed draws of the others but how
//! often they come.

mod moves;

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::random::{Probability, Purpose, Stream};
use crate::kernel::time::nanos;
use crate::world::cluster::Cluster;
use crate::world::fault::{Fault, Target};
use crate::world::nemesis::swarm::moves::MOVES;
use crate::world::nemesis::{Generator, Tail};

/// The name of the streams of the swarm, among those of the nemesis: no generator has such a place.
const SWARM: u64 = 1 << 40;
/// The names of those streams, besides the places of the moves.
const OVERALL: u64 = u64::MAX;
const KEEPER: u64 = u64::MAX - 1;

/// How many faults come in this time, on average: between the least and the most of them.
const PER: Duration = Duration::from_secs(30);
const FAULTS_MIN: u64 = 5;
const FAULTS_MAX: u64 = 25;

/// What a system can be put through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supports {
    /// Its members can be changed.
    pub reconfiguration: bool,
}

/// What a seed draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// The random faults.
    pub generators: Vec<Generator>,
    /// Whom the quiet tail heals.
    pub tail: Tail,
}

/// The names of all kinds of faults that a swarm knows, one for each effect.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    MOVES.iter().map(|(name, _)| *name)
}

/// Draws a swarm.
#[must_use]
pub fn swarm(seed: u64, cluster: &Cluster, supports: Supports) -> Swarm {
    let mut overall = Stream::new(seed, Purpose::Nemesis, SWARM, OVERALL);
    let faults = FAULTS_MIN + overall.below(FAULTS_MAX - FAULTS_MIN + 1);
    // Of all kinds one in eight, one in four or one in two.
    let share = Probability::per_million(1_000_000 >> (1 + overall.below(3)));
    let tail =
        if overall.chance(Probability::per_million(500_000)) { Tail::Core } else { Tail::All };
    let favourite = overall.below(MOVES.len() as u64);
    let mut drawn = Vec::new();
    for (place, (_, make)) in (0..).zip(MOVES) {
        let mut stream = Stream::new(seed, Purpose::Nemesis, SWARM, place);
        if !stream.chance(share) && place != favourite {
            continue;
        }
        let weight = 1 + stream.below(4);
        if let Some(one) = make(&mut stream, cluster)
            && (supports.reconfiguration || !matches!(one.fault, Fault::Reconfigure { .. }))
        {
            drawn.push((weight, one));
        }
    }
    let weights: u64 = drawn.iter().map(|(weight, _)| weight).sum();
    let every = |weight: u64| {
        let mean = nanos(PER) / faults * weights / weight;
        Distribution::Exponential(Duration::from_millis(mean / 1_000_000))
    };
    let mut generators: Vec<Generator> =
        drawn.into_iter().map(|(weight, one)| Generator { every: every(weight), ..one }).collect();
    if generators.iter().any(|one| tells_errors(&one.fault)) {
        generators.push(keeper(seed));
    }
    Swarm { generators, tail }
}

fn tells_errors(fault: &Fault) -> bool {
    match fault {
        Fault::Disk { effect, .. } => effect.tells_errors(),
        _ => false,
    }
}

/// A node that stops because its disk failed needs somebody who starts it again, as operators do.
fn keeper(seed: u64) -> Generator {
    let mut stream = Stream::new(seed, Purpose::Nemesis, SWARM, KEEPER);
    Generator {
        every: Distribution::Exponential(Duration::from_secs(1 + stream.below(5))),
        lasts: None,
        fault: Fault::Restart { target: Target::All },
        upon: None,
    }
}
