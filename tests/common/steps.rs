//! The node whose handler has crash points at known times, and what another one hears of it.

use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::node::context::Context;
use elara::node::disk::Open;
use elara::node::{Message, Node};
use elara::run::builder::Builder;
use elara::simulation::Simulation;
use elara::simulation::options::Keep;
use elara::simulation::outcome::Outcome;
use elara::trace::Fact;
use elara::world::fault::{Fault, Target};
use elara::world::options::DiskOptions;

pub const MILLI: Duration = Duration::from_millis(1);

pub fn millis(count: u32) -> Duration {
    MILLI * count
}

/// Node 0 runs one handler at 10 ms: three times it writes, syncs (2 ms each) and tells node 1 how far it is. It tells
/// again what it finds on its disk at each start.
pub struct Steps;

#[derive(Clone, Debug, Hash, PartialEq)]
pub struct Reached(pub u8);
impl Message for Reached {}

impl Node for Steps {
    type Message = Reached;
    type Timer = u8;

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        let found = ctx.disk().read_all("steps").unwrap_or_default();
        if !found.is_empty() {
            ctx.send(NodeId(1), Reached(100 + found.len() as u8));
        } else if ctx.id() == NodeId(0) && ctx.is_first_start() {
            ctx.set_timer(0, millis(10));
        }
    }

    fn on_message(&mut self, _: NodeId, reached: Reached, ctx: &mut Context<'_, Self>) {
        ctx.note(|| format!("heard {}", reached.0));
    }

    fn on_timer(&mut self, _: u8, ctx: &mut Context<'_, Self>) {
        let file = ctx.disk().open("steps", Open::Any).expect("no faults");
        ctx.disk().sync_directory("").expect("no faults");
        for step in 1..=3 {
            ctx.disk().append(file, &[step]).expect("no faults");
            ctx.disk().sync(file).expect("no faults");
            ctx.send(NodeId(1), Reached(step));
        }
    }
}

/// Syncs take 2 ms, everything else no time: the directory is durable at 12 ms, the steps at 14, 16 and 18 ms.
pub fn steps() -> Builder<Steps> {
    Simulation::builder(|_| Steps)
        .nodes(2)
        .delay(MILLI, MILLI)
        .disk(DiskOptions { sync: Distribution::Constant(millis(2)), ..DiskOptions::default() })
        .duration(millis(200))
        .quiet(MILLI)
        .keep(Keep::Trace)
}

/// What node 1 heard, and when.
pub fn heard(outcome: &Outcome) -> Vec<(u64, String)> {
    let of = |event: &elara::trace::Event| match &event.fact {
        Fact::Note(text) if text.starts_with("heard") => {
            Some((event.at.as_nanos() / 1_000_000, text["heard ".len()..].to_owned()))
        }
        _ => None,
    };
    outcome.trace.iter().filter_map(of).collect()
}

pub fn list(heard: &[(u64, &str)]) -> Vec<(u64, String)> {
    heard.iter().map(|&(at, text)| (at, text.to_owned())).collect()
}

/// A fault is aimed at this node.
pub fn n(node: u32) -> Target {
    Target::Node(NodeId(node))
}

/// A crash of this node, which starts again after so many milliseconds, or not by itself.
pub fn crash(node: u32, restart: Option<u32>) -> Fault {
    let restart = restart.map(|after| Distribution::Constant(millis(after)));
    Fault::Crash { target: n(node), restart }
}
