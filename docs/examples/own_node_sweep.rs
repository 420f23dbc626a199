//! A hunt in code: the node and the checker of `own_node.rs`, random faults, many seeds, and the failing run cut down, kept
//! and run again.
//!
//! ```text
//! scenario --sweep--> first failing seed --shrink--> shortest story --written down--> scenario file --replay--> the same run
//! ```

use std::num::NonZeroU64;
use std::time::Duration;

use elara::client::workload::{Routing, Workload};
use elara::explore::failure::written_down;
use elara::explore::seeds::Seeds;
use elara::explore::shrink::{ShrinkOptions, shrink};
use elara::explore::sweep::{SweepOptions, sweep};
use elara::kernel::distribution::Distribution;
use elara::run::options::RunOptions;
use elara::run::run_on;
use elara::run::systems::{OwnSystem, System};
use elara::scenario::Scenario;
use elara::scenario::systems::SystemChoice;
use elara::world::cluster::Cluster;
use elara::world::fault::{Fault, PowerFailure, Target};
use elara::world::nemesis::{Generator, Nemesis};

use own_node::Counter;
pub use own_node::NeverTwice;

#[allow(dead_code, reason = "its `main` makes one run; this example makes many")]
#[path = "own_node.rs"]
mod own_node;

/// The nodes, and who judges them.
pub fn counters() -> impl System {
    OwnSystem::new(|_| Counter::default()).checker(NeverTwice::default)
}

/// Two clients count on three nodes. About every three seconds some node loses power, and about as often one is
/// paused.
#[must_use]
pub fn scenario() -> Scenario {
    let often = Distribution::Exponential(Duration::from_secs(3));
    let power = Fault::PowerFailure(PowerFailure::of(Target::Any, Duration::from_millis(500)));
    let pause = Fault::Pause { target: Target::Any };
    let lasting = Some(Distribution::Constant(Duration::from_millis(200)));
    Scenario {
        workload: Workload { routing: Routing::Roaming, ..Workload::of(2, &[("increment", 1)]) },
        nemesis: Nemesis::Generators(vec![
            Generator { every: often, lasts: None, fault: power, upon: None },
            Generator { every: often, lasts: lasting, fault: pause, upon: None },
        ]),
        ..Scenario::new("counters", SystemChoice::own("counters"), Cluster::of_size(3))
    }
}

/// Looks at seeds until one shows the bug, cuts that run down, and runs what was written down.
pub fn main() {
    let (system, scenario) = (counters(), scenario());
    let options = SweepOptions {
        seeds: Seeds { from: 1, to: 100 },
        failures_max: NonZeroU64::new(1),
        ..SweepOptions::default()
    };
    let found = sweep(&system, &scenario, &options).expect("the scenario can be run");
    let run = found.first_failure.expect("elara finds the planted bug");
    println!("after {} runs: {run}", found.runs);

    let failure = written_down(&scenario, &run).expect("a failing run");
    let shrunk = shrink(&system, &failure, &ShrinkOptions::default()).expect("it fails");
    println!("{} runs later: {:?} instead of {:?}", shrunk.runs, shrunk.after, shrunk.before);
    assert!(shrunk.after.faults <= 1, "one loss of power shows it");

    let text = shrunk.scenario.to_json();
    let kept = Scenario::parse("failure.json", text.as_bytes(), &[]).expect("a scenario");
    let replayed = run_on(&system, &kept, &RunOptions::default()).expect("it can be run");
    assert_eq!(replayed.digest, shrunk.report.digest, "the same run again");
    println!("written down and run again: the same digest {}\n{text}", replayed.digest);
}
