//! A run described in code: any [`Node`], any [`Checker`], under a fault timeline.
//!
//! The builder makes one run and returns all that the simulation knows. To run a node over many seeds, to write failures down
//! and to replay them, describe a [`Scenario`](crate::scenario::Scenario::new) instead, and bring the node as an
//! [`OwnSystem`](crate::run::systems::OwnSystem).

use std::rc::Rc;
use std::time::Duration;

use crate::checkers::Checker;
use crate::client::Sessions;
use crate::client::workload::Workload;
use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::Probability;
use crate::kernel::time::Instant;
use crate::node::Node;
use crate::simulation::Simulation;
use crate::simulation::options::{Keep, SimulationOptions};
use crate::simulation::outcome::Outcome;
use crate::trace::{Event, first_difference};
use crate::world::cluster::Cluster;
use crate::world::fault::{Fault, ScheduledFault, Trigger};
use crate::world::options::{DiskOptions, NetworkOptions};

/// Describes a run step by step. Whatever is left out means "no fault, no delay, no client".
pub struct Builder<N: Node> {
    factory: Rc<dyn Fn(NodeId) -> N>,
    options: SimulationOptions,
    checkers: Vec<Box<dyn Checker>>,
}

/// Where two runs of one seed part; `None` stands for the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What happened in the first run.
    pub first: Option<Event>,
    /// What happened in the second one instead.
    pub second: Option<Event>,
}

impl<N: Node> Simulation<N> {
    /// Begins to describe a run of three nodes, each built by `factory` at each of its starts.
    ///
    /// ```
    /// use elara::kernel::ids::NodeId;
    /// use elara::node::context::Context;
    /// use elara::node::{Message, Node};
    /// use elara::simulation::Simulation;
    ///
    /// /// Greets everyone, once.
    /// struct Greeter;
    ///
    /// #[derive(Clone, Debug, Hash)]
    /// struct Hello;
    /// impl Message for Hello {}
    ///
    /// impl Node for Greeter {
    ///     type Message = Hello;
    ///     type Timer = ();
    ///
    ///     fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
    ///         ctx.broadcast(&Hello);
    ///     }
    ///
    ///     fn on_message(&mut self, _from: NodeId, _hello: Hello, ctx: &mut Context<'_, Self>) {
    ///         ctx.mark("greeted");
    ///     }
    /// }
    ///
    /// let outcome = Simulation::builder(|_| Greeter).nodes(4).seed(7).simulate();
    /// assert_eq!(outcome.coverage["greeted"], 4 * 3);
    /// ```
    pub fn builder(factory: impl Fn(NodeId) -> N + 'static) -> Builder<N> {
        Builder {
            factory: Rc::new(factory),
            options: SimulationOptions {
                workload: Workload { clients: Vec::new(), ..Workload::default() },
                ..SimulationOptions::default()
            },
            checkers: Vec::new(),
        }
    }
}

impl<N: Node> Builder<N> {
    /// With so many nodes, `n1`, `n2` ...
    #[must_use]
    pub fn nodes(mut self, count: usize) -> Self {
        self.options.cluster = Cluster::of_size(count);
        self
    }

    /// With these nodes and regions.
    #[must_use]
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.options.cluster = cluster;
        self
    }

    /// With this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Messages take from `low` to `high`.
    #[must_use]
    pub fn delay(mut self, low: Duration, high: Duration) -> Self {
        self.options.network.link.delay = Distribution::Uniform(low, high);
        self
    }

    /// This share of messages is lost.
    #[must_use]
    pub fn loss(mut self, loss: Probability) -> Self {
        self.options.network.link.loss = loss;
        self
    }

    /// With this network.
    #[must_use]
    pub fn network(mut self, network: NetworkOptions) -> Self {
        self.options.network = network;
        self
    }

    /// With these disks.
    #[must_use]
    pub fn disk(mut self, disk: DiskOptions) -> Self {
        self.options.disk = disk;
        self
    }

    /// With so many clients that draw these operations, by weight.
    #[must_use]
    pub fn clients(mut self, count: u32, operations: &[(&str, u32)]) -> Self {
        self.options.workload = Workload::of(count, operations);
        self
    }

    /// With this workload.
    #[must_use]
    pub fn workload(mut self, workload: Workload) -> Self {
        self.options.workload = workload;
        self
    }

    /// Clients open a session before their first operation.
    #[must_use]
    pub fn sessions(mut self) -> Self {
        self.options.sessions = Sessions::Opened;
        self
    }

    /// At `at`, this fault begins and stays until the quiet tail.
    #[must_use]
    pub fn fault(mut self, at: Duration, fault: Fault) -> Self {
        self.options.faults.push(ScheduledFault::new(Instant::ZERO + at, fault));
        self
    }

    /// From `at` on, this fault waits for its trigger; then it begins and stays until the quiet tail.
    #[must_use]
    pub fn fault_upon(mut self, at: Duration, trigger: Trigger, fault: Fault) -> Self {
        let scheduled = ScheduledFault::new(Instant::ZERO + at, fault).upon(Some(trigger));
        self.options.faults.push(scheduled);
        self
    }

    /// At `at`, this fault begins, for so long.
    #[must_use]
    pub fn fault_for(mut self, at: Duration, lasts: Duration, fault: Fault) -> Self {
        let fault = ScheduledFault::new(Instant::ZERO + at, fault).lasting(Some(lasts));
        self.options.faults.push(fault);
        self
    }

    /// Faults may happen for so long; then everything is healed.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.options.duration = duration;
        self
    }

    /// The healed system is watched for so long.
    #[must_use]
    pub fn quiet(mut self, quiet: Duration) -> Self {
        self.options.quiet = quiet;
        self
    }

    /// This checker judges the run.
    #[must_use]
    pub fn checker(mut self, checker: impl Checker + 'static) -> Self {
        self.checkers.push(Box::new(checker));
        self
    }

    /// Keeps the history, or every event of the trace.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.options.keep = keep;
        self
    }

    /// Runs, and returns everything that the simulation knows.
    #[must_use]
    pub fn simulate(self) -> Outcome {
        let factory = self.factory;
        Simulation::new(self.options, move |node| factory(node), self.checkers).run()
    }

    /// Runs twice, without judges, and compares the runs event by event; returns the digest if they are the same.
    ///
    /// # Errors
    /// The first event that differs, in both runs: what happened just before it, on that node, depends on something else
    /// than the seed.
    pub fn check_determinism(&self) -> Result<u64, Box<Difference>> {
        let run = || {
            let factory = Rc::clone(&self.factory);
            let options = SimulationOptions { keep: Keep::Trace, ..self.options.clone() };
            Simulation::new(options, move |node| factory(node), Vec::new()).run()
        };
        let (one, other) = (run(), run());
        match first_difference(&one.trace, &other.trace) {
            None => Ok(one.digest),
            Some((first, second)) => {
                Err(Box::new(Difference { first: first.cloned(), second: second.cloned() }))
            }
        }
    }
}
