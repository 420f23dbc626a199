//! A node and a checker of one's own, and the bug that elara finds in the node.
//!
//! Each node counts requests and keeps its count on its disk. It writes the count and answers, and forgets that a write
//! is in the page cache until it is synced: after a power failure the count goes back, and numbers are given out twice.

use std::time::Duration;

use elara::checkers::{Checker, Judgement, Violation};
use elara::claim::Claim;
use elara::kernel::ids::NodeId;
use elara::kernel::time::Instant;
use elara::node::context::Context;
use elara::node::disk::{FileId, Open};
use elara::node::{Message, Node, Reply, Request};
use elara::simulation::Simulation;
use elara::simulation::outcome::Outcome;
use elara::trace::{Event, Fact, Interest};
use elara::world::fault::{Fault, PowerFailure, Target};

/// Where it keeps its count, and the count.
#[derive(Default)]
pub struct Counter(Option<FileId>, u64);

/// Nodes tell each other nothing.
#[derive(Clone, Debug, Hash)]
pub struct Silence;
impl Message for Silence {}

impl Node for Counter {
    type Message = Silence;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        let bytes = ctx.disk().read_all("count").unwrap_or_default();
        self.1 = bytes.try_into().map_or(0, u64::from_le_bytes);
        self.0 = ctx.disk().open("count", Open::Any).ok();
        ctx.disk().sync_directory("").expect("the disk has no faults");
    }

    fn on_message(&mut self, _: NodeId, _: Silence, _: &mut Context<'_, Self>) {}

    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        let file = self.0.expect("opened at the start");
        self.1 += 1;
        ctx.disk().write(file, 0, &self.1.to_le_bytes()).expect("the disk has no faults");
        // The planted bug: `ctx.disk().sync(file)` belongs here.
        ctx.claim(Claim::Custom { name: "counted", a: self.1, b: 0 });
        ctx.reply(request.token, Reply::ok(self.1 as i64));
    }
}

/// No node gives out a number twice.
#[derive(Default)]
pub struct NeverTwice([u64; 3]);

impl Checker for NeverTwice {
    fn name(&self) -> &'static str {
        "never-twice"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let (Fact::Claimed(Claim::Custom { a, .. }), Some(node)) = (&event.fact, event.node) else {
            return Ok(());
        };
        if *a <= self.0[node.index()] {
            return Err(Violation::new(event.at, format!("{node} gave out {a} twice")));
        }
        self.0[node.index()] = *a;
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Judgement {
        let counted = self.0.iter().any(|&count| count > 0);
        if counted { Judgement::Ok } else { Judgement::Vacuous("nobody counted".into()) }
    }
}

/// One run: two clients count on three nodes, and after two seconds all of them lose power.
fn run(seed: u64) -> Outcome {
    let failure = PowerFailure::of(Target::All, Duration::from_secs(1));
    Simulation::builder(|_| Counter::default())
        .seed(seed)
        .clients(2, &[("increment", 1)])
        .fault(Duration::from_secs(2), Fault::PowerFailure(failure))
        .checker(NeverTwice::default())
        .simulate()
}

/// Looks at seeds until one shows the bug.
pub fn main() {
    let found = (0..20).find_map(|seed| run(seed).violations.pop().map(|found| (seed, found)));
    let (seed, (checker, violation)) = found.expect("elara finds the planted bug");
    println!("seed {seed}: {checker}, at {}: {}", violation.at, violation.message);
}
