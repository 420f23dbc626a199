//! The workloads W1 to W5 of `docs/performance.md`, as plain functions, so that the benchmarks and the instruction
//! counts measure the same thing. Each returns how many units it did.

use std::time::Duration;

use elara::client::workload::Workload;
use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::node::context::Context;
use elara::node::disk::{FileId, Open};
use elara::node::{Message, Node};
use elara::simulation::Simulation;
use elara::simulation::options::SimulationOptions;
use elara::simulation::outcome::Outcome;
use elara::world::cluster::Cluster;
use elara::world::options::{DiskOptions, LinkOptions, NetworkOptions};

const PAYLOAD: [u8; 64] = [7; 64];

fn options(nodes: usize, delay: (u64, u64)) -> SimulationOptions {
    let millis = Duration::from_millis;
    SimulationOptions {
        seed: 1,
        cluster: Cluster::of_size(nodes),
        network: NetworkOptions {
            link: LinkOptions {
                delay: Distribution::Uniform(millis(delay.0), millis(delay.1)),
                ..LinkOptions::default()
            },
            ..NetworkOptions::default()
        },
        workload: Workload { clients: Vec::new(), ..Workload::default() },
        quiet: Duration::ZERO,
        ..SimulationOptions::default()
    }
}

fn run<N: Node>(options: SimulationOptions, make: impl Fn(NodeId) -> N + 'static) -> Outcome {
    Simulation::new(options, make, Vec::new()).run()
}

#[derive(Clone, Debug, Hash)]
pub struct Packet([u8; 64]);

impl Message for Packet {}

/// W1: two nodes, one request and its reply at a time.
struct Ping {
    left: u64,
}

impl Node for Ping {
    type Message = Packet;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        if ctx.id() == NodeId(0) {
            ctx.send(NodeId(1), Packet(PAYLOAD));
        }
    }

    fn on_message(&mut self, from: NodeId, message: Packet, ctx: &mut Context<'_, Self>) {
        if ctx.id() == NodeId(0) {
            self.left -= 1;
            if self.left == 0 {
                return;
            }
        }
        ctx.send(from, message);
    }
}

/// `round_trips` of 64 bytes, with a delay of 1 to 10 ms; returns delivered messages.
pub fn w1(round_trips: u64) -> u64 {
    let mut options = options(2, (1, 10));
    options.duration = Duration::from_millis(20 * round_trips);
    // Every probability is drawn for every message in any case; these never come true.
    options.network.link.loss = Probability::NEVER;
    run(options, move |_| Ping { left: round_trips }).delivered
}

/// W2: everyone to everyone, acknowledged.
struct Mesh;

#[derive(Clone, Debug, Hash)]
enum Gossip {
    Data([u8; 64]),
    Acknowledge,
}

impl Message for Gossip {}

impl Node for Mesh {
    type Message = Gossip;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        ctx.set_timer((), Duration::from_millis(10));
    }

    fn on_message(&mut self, from: NodeId, message: Gossip, ctx: &mut Context<'_, Self>) {
        if let Gossip::Data(_) = message {
            ctx.send(from, Gossip::Acknowledge);
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Context<'_, Self>) {
        ctx.broadcast(&Gossip::Data(PAYLOAD));
        ctx.set_timer((), Duration::from_millis(10));
    }
}

/// Five nodes for so many virtual seconds; returns delivered messages.
pub fn w2(seconds: u64) -> u64 {
    let mut options = options(5, (1, 10));
    options.duration = Duration::from_secs(seconds);
    run(options, |_| Mesh).delivered
}

/// W3: a thousand timers on each node, armed again at random.
struct Clockwork {
    fired: u64,
}

impl Node for Clockwork {
    type Message = Packet;
    type Timer = u32;

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        (0..1_000).for_each(|timer| Self::arm(timer, ctx));
    }

    fn on_message(&mut self, _: NodeId, _: Packet, _: &mut Context<'_, Self>) {}

    fn on_timer(&mut self, timer: u32, ctx: &mut Context<'_, Self>) {
        self.fired += 1;
        Self::arm(timer, ctx);
    }
}

impl Clockwork {
    fn arm(timer: u32, ctx: &mut Context<'_, Self>) {
        let delay = Duration::from_micros(1_000 + ctx.random().below(999_000));
        ctx.set_timer(timer, delay);
    }
}

/// Five nodes for so many virtual seconds; returns events, nearly all of them timer firings.
pub fn w3(seconds: u64) -> u64 {
    let mut options = options(5, (1, 10));
    options.duration = Duration::from_secs(seconds);
    run(options, |_| Clockwork { fired: 0 }).events
}

/// W4: `runs` simulations of five nodes that deliver one message each.
pub fn w4(runs: u64) -> u64 {
    let mut delivered = 0;
    for _ in 0..runs {
        let mut options = options(5, (1, 10));
        options.duration = Duration::from_millis(20);
        delivered += run(options, |_| Ping { left: 1 }).delivered;
    }
    delivered / 2
}

/// W5: a log that is synced after each record.
struct Appender {
    left: u64,
    file: Option<FileId>,
}

impl Node for Appender {
    type Message = Packet;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        self.file = ctx.disk().open("log", Open::New).ok();
        ctx.set_timer((), Duration::from_nanos(1));
    }

    fn on_message(&mut self, _: NodeId, _: Packet, _: &mut Context<'_, Self>) {}

    fn on_timer(&mut self, (): (), ctx: &mut Context<'_, Self>) {
        let file = self.file.expect("the log was opened at the start");
        ctx.disk().append(file, &[1; 256]).expect("the disk has no faults");
        ctx.disk().sync(file).expect("the disk has no faults");
        self.left -= 1;
        if self.left > 0 {
            ctx.set_timer((), Duration::from_nanos(1));
        }
    }
}

/// So many appends of 256 bytes, each synced.
pub fn w5(appends: u64) -> u64 {
    let mut options = options(1, (1, 1));
    let micros = Duration::from_micros;
    options.disk = DiskOptions {
        access: Distribution::Uniform(micros(10), micros(50)),
        sync: Distribution::Uniform(micros(500), micros(3_000)),
        nanos_per_kib: 500,
        ..DiskOptions::default()
    };
    options.duration = Duration::from_millis(4 * appends + 10);
    let outcome = run(options, move |_| Appender { left: appends, file: None });
    outcome.disk.syncs
}
