//! The disk against a model that keeps whole copies: one of the file at each call, and one for each sync.
//!
//! If no unsynced sector survives, a power failure leaves the copy of the last sync that had ended; if all
//! survive, it leaves what the node last saw.

use std::time::Duration;

use proptest::prelude::*;

use super::{Bench, merciful, merciless};
use crate::kernel::time::Instant;
use crate::node::disk::{DiskDriver, FileId};

#[derive(Clone, Debug)]
enum Step {
    Write(u64, usize),
    Append(usize),
    SetLen(u64),
    Sync,
    StartSync,
    NextHandler,
}

/// Few lengths, so that some come back.
fn len(bound: u64) -> impl Strategy<Value = u64> {
    prop_oneof![0..bound, prop::sample::select(&[0, 512, 600, 1_024, 2_048][..])]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (len(3_000), 1..1_200_usize).prop_map(|(at, len)| Step::Write(at, len)),
        4 => (1..1_200_usize).prop_map(Step::Append),
        3 => len(3_500).prop_map(Step::SetLen),
        2 => Just(Step::Sync),
        3 => Just(Step::StartSync),
        2 => Just(Step::NextHandler),
    ]
}

/// The model of one file.
#[derive(Default)]
struct Model {
    /// What the node sees after each operation, with its end, in order.
    seen: Vec<(Instant, Vec<u8>)>,
    /// What each sync makes durable, with its end, in order.
    synced: Vec<(Instant, Vec<u8>)>,
}

impl Model {
    fn now(&self) -> Vec<u8> {
        self.seen.last().map_or_else(Vec::new, |(_, content)| content.clone())
    }

    fn at(copies: &[(Instant, Vec<u8>)], at: Instant) -> Vec<u8> {
        let last = copies.iter().rfind(|&&(end, _)| end <= at);
        last.map_or_else(Vec::new, |(_, content)| content.clone())
    }
}

fn take(bench: &mut Bench, model: &mut Model, file: FileId, (number, step): (usize, &Step)) {
    let mut content = model.now();
    let bytes = |len| vec![number as u8 + 1; len];
    match *step {
        Step::Write(offset, len) => {
            bench.write(file, offset, &bytes(len)).unwrap();
            let end = offset as usize + len;
            content.resize(content.len().max(end), 0);
            content[offset as usize..end].copy_from_slice(&bytes(len));
        }
        Step::Append(len) => {
            bench.append(file, &bytes(len)).unwrap();
            content.extend(bytes(len));
        }
        Step::SetLen(len) => {
            bench.set_len(file, len);
            content.resize(len as usize, 0);
        }
        Step::Sync => {
            bench.sync(file).unwrap();
            model.synced.push((bench.now, content.clone()));
        }
        Step::StartSync => {
            let (_, end) = bench.disk.start_sync(bench.now, file);
            model.synced.push((end, content.clone()));
        }
        Step::NextHandler => bench.disk.begin_handler(),
    }
    assert_eq!(bench.disk.tree.files_mut().next().unwrap().1.bytes(), content);
    model.seen.push((bench.now, content));
}

/// Takes all steps; power fails at one of the times at which an operation ended, or a while later.
fn run(bench: &mut Bench, steps: &[Step], (kept, later): (usize, u64)) -> (Model, Instant) {
    let mut model = Model::default();
    let file = bench.durable("data", b"");
    let mut at = bench.now;
    let mut settled = bench.now;
    for (number, step) in steps.iter().enumerate() {
        take(bench, &mut model, file, (number, step));
        if number <= kept {
            at = bench.now;
        }
        if matches!(step, Step::NextHandler) {
            settled = bench.now;
        }
        // The node computes for a while, so that no operation begins when another ends.
        bench.now = bench.now + Duration::from_millis(1);
    }
    // Power cannot fail in a handler that is over.
    let at = Instant::from_nanos(at.as_nanos() + later * 1_000_000).max(settled);
    (model, at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn without_luck_the_last_sync_that_ended_is_what_is_left(
        steps in prop::collection::vec(step(), 1..30),
        when in (0..30_usize, 0..40_u64),
    ) {
        let mut bench = Bench::new(merciless());
        let (model, at) = run(&mut bench, &steps, when);
        bench.disk.power_failure(at);
        prop_assert_eq!(bench.content("data"), Model::at(&model.synced, at));
    }

    #[test]
    fn with_all_luck_the_last_operation_that_ended_is_what_is_left(
        steps in prop::collection::vec(step(), 1..30),
        kept in 0..30_usize,
    ) {
        let mut bench = Bench::new(merciful());
        let (model, at) = run(&mut bench, &steps, (kept, 0));
        bench.disk.power_failure(at);
        prop_assert_eq!(bench.content("data"), Model::at(&model.seen, at));
    }
}

#[test]
fn a_sector_that_three_overlapping_syncs_wrote_is_as_the_last_captured_it() {
    let steps = [
        Step::SetLen(2_048),
        Step::StartSync,
        Step::Write(506, 519),
        Step::StartSync,
        Step::SetLen(0),
        Step::Write(512, 1),
        Step::Write(512, 1),
        Step::StartSync,
    ];
    let mut bench = Bench::new(merciless());
    let (model, at) = run(&mut bench, &steps, (4, 25));
    bench.disk.power_failure(at);
    assert_eq!(bench.content("data"), Model::at(&model.synced, at));
}
