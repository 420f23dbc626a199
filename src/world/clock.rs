//! The nodes' clocks: how far each is off, how fast it runs, and what a fault does to it.
//!
//! Between two changes a clock is a straight line ([`ClockLine`]) from true time to what the node reads. A
//! change begins a new line where the old one stands, so that both clocks go on without a jump unless the
//! change *is* a jump:
//!
//! ```text
//!     wall |            ,-'  runs fast
//!          |       _,-'
//!          |   ,-'|  step
//!          | ,'   |,-'
//!          +-------------- true time
//! ```
//!
//! # The stated bound
//!
//! A clock states how far it may be off. A bound that is configured stays as it is, honest or not. The
//! default is honest: it begins with the greatest offset that the options allow and grows with the greatest
//! drift that they allow, as the uncertainty of a TrueTime clock does between two synchronisations (Corbett
//! and others, *Spanner*, OSDI 2012, section 3). Faults make it dishonest; [`Clocks::honest`] tells.
//!
//! # Chance
//!
//! Everything that a node's clock draws is addressed by its boot: draws 0 hold the offset (word 0) and the
//! drift (word 1) of the first, draws `k` the offset after the `k`-th reboot.

use crate::kernel::ids::NodeId;
use crate::kernel::random::{Purpose, Stream, scaled};
use crate::kernel::time::{ClockLine, Instant, LocalTime, RATE_TRUE, WallTime, nanos};
use crate::world::cluster::Cluster;
use crate::world::fault::ClockFault;
use crate::world::options::ClockOptions;

/// Nanoseconds per 10^9 for each part per million.
const RATE_PER_PPM: i64 = 1_000;
/// A clock never stands still: drifts that add up to more than this many parts per million slow are taken as
/// this.
const SLOWEST_PPM: i64 = -999_999;

/// What the default bound of a clock that drifts allows for rounding, in nanoseconds: each new line rounds by
/// one.
const ROUNDING: u64 = 1_000;

/// The clocks of all nodes.
#[derive(Clone, Debug)]
pub struct Clocks {
    options: ClockOptions,
    clocks: Vec<Clock>,
}

/// One node's clock.
#[derive(Clone, Debug)]
struct Clock {
    line: ClockLine,
    stream: Stream,
    /// How often the node booted again.
    reboots: u64,
    /// How fast it runs without a fault, in parts per million.
    drift_ppm: i64,
    /// When the wall clock was last set; the default bound grows from there.
    set_at: Instant,
    /// The faults that hold, in the order in which they began.
    faults: Vec<(u32, ClockFault)>,
}

impl Clocks {
    /// The clocks of a cluster at the start of the run.
    #[must_use]
    pub fn new(seed: u64, cluster: &Cluster, options: &ClockOptions) -> Self {
        let mut clocks = Self { options: *options, clocks: Vec::new() };
        for node in cluster.nodes() {
            let mut stream = Stream::new(seed, Purpose::Clock, cluster.stream_name(node), 0);
            let [offset, drift, ..] = stream.draws(0);
            let wall = WallTime::from_nanos(between(options.offset, offset));
            let line = ClockLine { wall, ..ClockLine::default() };
            let drift_ppm = between(options.drift_ppm, drift);
            let (set_at, faults) = (Instant::ZERO, Vec::new());
            clocks.clocks.push(Clock { line, stream, reboots: 0, drift_ppm, set_at, faults });
            clocks.draw_line(node, Instant::ZERO);
        }
        clocks
    }

    /// The line that a node's clock is on now.
    #[must_use]
    #[inline]
    pub fn line(&self, node: NodeId) -> &ClockLine {
        &self.clocks[node.index()].line
    }

    /// A fault begins on a node's clock. `at` is not before the node's last reading, so if a handler is under
    /// way, it is that handler's end: a monotonic clock that is slowed must not seem to go back.
    ///
    /// A step is not undone when the fault ends: a clock that jumped stays where it is.
    ///
    /// # Panics
    /// If the fault holds already for this node.
    pub fn begin_fault(&mut self, id: u32, node: NodeId, effect: &ClockFault, at: Instant) {
        let clock = &mut self.clocks[node.index()];
        assert!(clock.faults.iter().all(|&(known, _)| known != id), "a fault begins once");
        clock.faults.push((id, *effect));
        self.draw_line(node, at);
        let line = &mut self.clocks[node.index()].line;
        let step = effect.step.unwrap_or(0);
        line.wall = WallTime::from_nanos(line.wall.as_nanos().saturating_add(step));
    }

    /// A fault ends on a node's clock, if it holds. `at` is as in [`begin_fault`](Self::begin_fault).
    pub fn end_fault(&mut self, id: u32, node: NodeId, at: Instant) {
        let clock = &mut self.clocks[node.index()];
        let before = clock.faults.len();
        clock.faults.retain(|&(known, _)| known != id);
        if clock.faults.len() < before {
            self.draw_line(node, at);
        }
    }

    /// A node boots again: its monotonic clock starts at 0, and its wall clock is set anew if the options say
    /// so.
    pub fn boot(&mut self, node: NodeId, now: Instant) {
        let clock = &mut self.clocks[node.index()];
        clock.reboots += 1;
        let wall = if self.options.reset_on_boot {
            let [offset, ..] = clock.stream.draws(clock.reboots);
            clock.set_at = now;
            true_wall(now).saturating_add(between(self.options.offset, offset))
        } else {
            wall_at(&clock.line, now)
        };
        clock.line.origin = now;
        clock.line.local = LocalTime::ZERO;
        clock.line.wall = WallTime::from_nanos(wall);
        self.draw_line(node, now);
    }

    /// Whether true time is within the bound that a node's clock states at `at`.
    #[must_use]
    pub fn honest(&self, node: NodeId, at: Instant) -> bool {
        let line = self.line(node);
        let off = wall_at(line, at).abs_diff(true_wall(at));
        off <= line.bound_at(at)
    }

    /// Begins a new line at `at`, where the old one stands, as fast as drift and faults make it.
    ///
    /// The old line may begin later than `at`: a fault moved it to the end of a handler that a crash then cut
    /// off. The node is down until it boots, so nobody sees the difference.
    fn draw_line(&mut self, node: NodeId, at: Instant) {
        let options = self.options;
        let clock = &mut self.clocks[node.index()];
        let at = at.max(clock.line.origin);
        let drifts = clock.faults.iter().filter_map(|(_, fault)| fault.drift_ppm);
        let ppm = drifts.fold(clock.drift_ppm, i64::saturating_add).max(SLOWEST_PPM);
        let rate = ppm.saturating_mul(RATE_PER_PPM).saturating_add(RATE_TRUE as i64);
        let stated = clock.faults.iter().rev().find_map(|(_, fault)| fault.bound);
        let (bound, bound_growth) = match stated.or(options.bound) {
            Some(bound) => (nanos(bound), 0),
            None => clock.default_bound(&options, at),
        };
        clock.line = ClockLine {
            origin: at,
            local: clock.line.local(at),
            wall: clock.line.wall(at).shown,
            rate: rate.unsigned_abs(),
            bound,
            bound_growth,
        };
        assert!(rate > 0, "a clock never stands still");
    }
}

impl Clock {
    /// The honest bound at `at`, and how fast it grows.
    fn default_bound(&self, options: &ClockOptions, at: Instant) -> (u64, u64) {
        let bound_growth = greatest(options.drift_ppm).saturating_mul(RATE_PER_PPM as u64);
        let rounding = if bound_growth == 0 { 0 } else { ROUNDING };
        let bound = greatest(options.offset).saturating_add(rounding);
        let since_set =
            ClockLine { origin: self.set_at, bound, bound_growth, ..ClockLine::default() };
        (since_set.bound_at(at), bound_growth)
    }
}

/// The greater distance from 0 of the two ends of a range.
fn greatest((low, high): (i64, i64)) -> u64 {
    low.unsigned_abs().max(high.unsigned_abs())
}

/// The integer of a range that belongs to a uniform word.
fn between((low, high): (i64, i64), word: u64) -> i64 {
    assert!(low <= high, "a range goes from the smaller to the greater");
    low.wrapping_add_unsigned(scaled(word, high.abs_diff(low).saturating_add(1)))
}

/// What a wall clock shows that is right.
fn true_wall(at: Instant) -> i64 {
    i64::try_from(at.as_nanos()).unwrap_or(i64::MAX)
}

/// What the wall clock of this line shows, also before the line begins: a crash cuts handlers off, and the
/// node boots at a time that the handler was already past.
fn wall_at(line: &ClockLine, at: Instant) -> i64 {
    if at >= line.origin {
        return line.wall(at).shown.as_nanos();
    }
    let back = ClockLine { origin: at, wall: WallTime::default(), ..*line }.wall(line.origin);
    line.wall.as_nanos() - back.shown.as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MILLI: i64 = 1_000_000;
    const NODE: NodeId = NodeId(1);

    fn options() -> ClockOptions {
        ClockOptions {
            offset: (-20 * MILLI, 10 * MILLI),
            drift_ppm: (-50, 50),
            ..ClockOptions::default()
        }
    }

    fn seconds(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn perfect() -> Clocks {
        Clocks::new(1, &Cluster::of_size(3), &ClockOptions::default())
    }

    fn shown(clocks: &Clocks, at: Instant) -> i64 {
        clocks.line(NODE).wall(at).shown.as_nanos()
    }

    #[test]
    fn clocks_without_options_show_the_truth() {
        let line = *perfect().line(NODE);
        assert_eq!(line, ClockLine::default());
        assert!(perfect().honest(NODE, seconds(1_000)));
    }

    #[test]
    fn offsets_and_drifts_stay_within_their_ranges_and_fill_them() {
        let (mut offsets, mut rates) = (Vec::new(), Vec::new());
        for seed in 0..1_000 {
            let clocks = Clocks::new(seed, &Cluster::of_size(2), &options());
            offsets.push(shown(&clocks, Instant::ZERO));
            rates.push(clocks.line(NODE).rate as i64 - RATE_TRUE as i64);
        }
        let ends = |values: &[i64]| (*values.iter().min().unwrap(), *values.iter().max().unwrap());
        let (low, high) = ends(&offsets);
        assert!((-20 * MILLI..-19 * MILLI).contains(&low), "{low}");
        assert!((9 * MILLI..=10 * MILLI).contains(&high), "{high}");
        // 101 values of drift, a thousand draws: both ends come up.
        assert_eq!(ends(&rates), (-50_000, 50_000));
    }

    #[test]
    fn a_clock_depends_on_its_nodes_name_only() {
        let full = Clocks::new(7, &Cluster::of_size(3), &options());
        let mut cluster = Cluster::of_size(3);
        cluster.names.remove(0);
        let smaller = Clocks::new(7, &cluster, &options());
        assert_eq!(full.line(NodeId(1)), smaller.line(NodeId(0)));
        assert_eq!(full.line(NodeId(2)), smaller.line(NodeId(1)));
        assert_ne!(full.line(NodeId(1)), full.line(NodeId(2)));
    }

    #[test]
    fn a_step_moves_the_wall_clock_only_and_stays() {
        let mut clocks = perfect();
        let step = ClockFault { step: Some(-5_000 * MILLI), ..ClockFault::default() };
        clocks.begin_fault(9, NODE, &step, seconds(10));
        assert_eq!(shown(&clocks, seconds(10)), 5_000 * MILLI);
        assert_eq!(clocks.line(NODE).local(seconds(10)).as_nanos(), 10_000_000_000);
        assert!(!clocks.honest(NODE, seconds(11)));
        assert!(clocks.honest(NodeId(0), seconds(11)), "the others are not touched");
        clocks.end_fault(9, NODE, seconds(20));
        assert_eq!(shown(&clocks, seconds(20)), 15_000 * MILLI);
    }

    #[test]
    fn drift_changes_while_the_fault_lasts_and_both_clocks_are_continuous() {
        let mut clocks = perfect();
        let fast = ClockFault { drift_ppm: Some(100_000), ..ClockFault::default() };
        clocks.begin_fault(1, NODE, &fast, seconds(10));
        assert_eq!(shown(&clocks, seconds(10)), 10_000 * MILLI);
        // 10 % fast for 10 s: 1 s ahead.
        assert_eq!(shown(&clocks, seconds(20)), 21_000 * MILLI);
        clocks.end_fault(1, NODE, seconds(20));
        assert_eq!(shown(&clocks, seconds(20)), 21_000 * MILLI);
        assert_eq!(clocks.line(NODE).local(seconds(20)).as_nanos(), 21_000_000_000);
        assert_eq!(shown(&clocks, seconds(30)), 31_000 * MILLI);
    }

    #[test]
    fn overlapping_drifts_add_up_and_end_separately() {
        let mut clocks = perfect();
        let drift = |ppm| ClockFault { drift_ppm: Some(ppm), ..ClockFault::default() };
        clocks.begin_fault(1, NODE, &drift(100), seconds(1));
        clocks.begin_fault(2, NODE, &drift(-300), seconds(2));
        assert_eq!(clocks.line(NODE).rate, RATE_TRUE - 200_000);
        clocks.end_fault(1, NODE, seconds(3));
        assert_eq!(clocks.line(NODE).rate, RATE_TRUE - 300_000);
        clocks.end_fault(2, NODE, seconds(4));
        clocks.end_fault(2, NODE, seconds(4));
        assert_eq!(clocks.line(NODE).rate, RATE_TRUE);
    }

    #[test]
    fn a_clock_that_is_slowed_to_nothing_still_runs() {
        let mut clocks = perfect();
        let stop = ClockFault { drift_ppm: Some(-2_000_000), ..ClockFault::default() };
        clocks.begin_fault(1, NODE, &stop, seconds(1));
        let line = clocks.line(NODE);
        assert!(line.local(seconds(2)) > line.local(seconds(1)));
    }

    #[test]
    fn the_default_bound_is_honest_for_as_long_as_nothing_fails() {
        for seed in 0..200 {
            let mut clocks = Clocks::new(seed, &Cluster::of_size(2), &options());
            assert_eq!(clocks.line(NODE).bound_at(Instant::ZERO), 20_000_000 + ROUNDING);
            clocks.boot(NODE, seconds(50));
            // 50 ppm of 100 s are 5 ms, whatever lines there were in between.
            assert_eq!(clocks.line(NODE).bound_at(seconds(100)), 25_000_000 + ROUNDING);
            assert!((0..10).all(|hour| clocks.honest(NODE, seconds(100 + hour * 3_600))));
        }
    }

    #[test]
    fn a_configured_bound_may_be_dishonest_and_a_fault_can_change_it() {
        let tight = Some(Duration::from_nanos(1));
        let mut clocks =
            Clocks::new(3, &Cluster::of_size(2), &ClockOptions { bound: tight, ..options() });
        assert!(!clocks.honest(NODE, seconds(1)));
        let wide = ClockFault { bound: Some(Duration::from_secs(1)), ..ClockFault::default() };
        clocks.begin_fault(1, NODE, &wide, seconds(2));
        assert!(clocks.honest(NODE, seconds(2)));
        clocks.end_fault(1, NODE, seconds(3));
        assert!(!clocks.honest(NODE, seconds(3)));
    }

    #[test]
    fn a_reboot_starts_the_monotonic_clock_at_zero_and_leaves_the_wall_clock() {
        let mut clocks = Clocks::new(3, &Cluster::of_size(2), &options());
        let before = shown(&clocks, seconds(40));
        clocks.boot(NODE, seconds(40));
        assert_eq!(clocks.line(NODE).local(seconds(40)), LocalTime::ZERO);
        assert_eq!(shown(&clocks, seconds(40)), before);
    }

    #[test]
    fn a_reset_on_boot_draws_a_new_offset_each_time() {
        let reset = ClockOptions { reset_on_boot: true, ..options() };
        let mut clocks = Clocks::new(3, &Cluster::of_size(2), &reset);
        let step = ClockFault { step: Some(-5_000 * MILLI), ..ClockFault::default() };
        clocks.begin_fault(1, NODE, &step, seconds(1));
        let mut offsets = Vec::new();
        for boot in 1..20 {
            let now = seconds(boot * 1_000);
            clocks.boot(NODE, now);
            offsets.push(shown(&clocks, now) - now.as_nanos() as i64);
            assert!(clocks.honest(NODE, now), "the clock was set at boot, after the step");
            assert_eq!(
                clocks.line(NODE).bound,
                20_000_000 + ROUNDING,
                "its uncertainty began anew"
            );
        }
        assert!(offsets.iter().all(|offset| (-20 * MILLI..=10 * MILLI).contains(offset)));
        offsets.sort_unstable();
        offsets.dedup();
        assert_eq!(offsets.len(), 19);
    }

    #[test]
    fn a_boot_may_come_before_the_end_of_a_handler_that_was_cut_off() {
        let mut clocks = perfect();
        let step = ClockFault { step: Some(MILLI), ..ClockFault::default() };
        // A handler was busy until 10 s; the node crashed at 6 s and boots at 7 s.
        clocks.begin_fault(1, NODE, &step, seconds(10));
        clocks.begin_fault(2, NODE, &step, seconds(6));
        clocks.boot(NODE, seconds(7));
        assert_eq!(clocks.line(NODE).local(seconds(8)).as_nanos(), 1_000_000_000);
        assert_eq!(shown(&clocks, seconds(8)), 8_002 * MILLI);
    }
}
