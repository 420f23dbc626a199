//! Runs of raft-kv in the simulation.

use std::time::Duration;

use crate::simulation::Simulation;
use crate::simulation::options::Keep;
use crate::simulation::outcome::Outcome;
use crate::systems::raft_kv::RaftKv;
use crate::systems::raft_kv::options::{Parts, RaftOptions};

const MS: Duration = Duration::from_millis(1);

#[test]
fn smoke() {
    let outcome = Simulation::builder(|_| RaftKv::new(RaftOptions::default(), Parts::default()))
        .nodes(3)
        .seed(1)
        .delay(MS, 2 * MS)
        .clients(
            4,
            &[
                ("write", 4),
                ("read", 4),
                ("increment", 2),
                ("cas", 1),
                ("append", 1),
                ("read-session", 2),
                ("read-bounded", 2),
            ],
        )
        .sessions()
        .keep(Keep::Trace)
        .simulate();
    println!(
        "{:?} {:?} {:?}\n{:#?}",
        outcome.operations, outcome.violations, outcome.waiting, outcome.coverage
    );
    println!("{:?}", outcome.leaders);
}
