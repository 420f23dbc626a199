//! One direction of one link: what it does to a message.
//!
//! All chance of message number `k` is the `k`-th [`Draws`] of the link's own stream, whether it is needed or
//! not. So a fate is addressed by (link, number): it does not depend on other links, on which faults there
//! were before, or on the fates of earlier messages. The bits:
//!
//! ```text
//!     word 0, low half    loss                 word 1, low half    corruption
//!     word 0, high half   duplication          word 1, high half   where it is damaged
//!     word 2              delay                word 3              the duplicate's delay
//! ```
//!
//! Of a message whose fate is explicit, the stream decides nothing but a delay that was left open.
//!
//! A slowdown draws from a mix of the delay's word and its place among the slowdowns of the link.
//!
//! ```text
//!     send -> cut? -> queue full? -> bandwidth -> lost? -> damaged? -> stalled? -> delay -> arrives?
//! ```
//!
//! A cut numbers the link's epochs: a message that was sent in an earlier epoch than it would arrive in was
//! under way when a cut began, and is lost, however short the cut was.

use std::time::Duration;

use crate::kernel::digest::Digest;
use crate::kernel::distribution::Distribution;
use crate::kernel::random::{Draws, Stream};
use crate::kernel::time::Instant;
use crate::trace::LossReason;
use crate::world::fault::LinkChange;
use crate::world::network::effect::{Disturbance, InFlight};
use crate::world::network::fates::{ExplicitFate, LinkFates, Passage};
use crate::world::network::{Arrival, Fate, Frame, Sent};
use crate::world::options::LinkOptions;

/// How many messages a stalled link holds; further ones are lost, as beyond a full socket buffer.
pub const HELD_MAX: u32 = 1_024;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// One direction of one link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    stream: Stream,
    /// What the faults that hold make of the link.
    condition: Condition,
    /// The messages whose fate is not left to chance, the next one last.
    fates: LinkFates,
    /// The number of the next message.
    next: u64,
    /// How many cuts began that lost what was under way.
    epoch: u32,
    /// How many messages are held.
    held: u32,
    /// When the messages that wait for bandwidth have all left.
    busy_until: Instant,
}

/// What chance says about a message, or what was said in its place.
struct Verdict {
    lost: bool,
    frame: Frame,
    delay: Delay,
    /// The delay of a second copy, if there is one.
    duplicate: Option<Delay>,
}

/// How long a message takes.
enum Delay {
    /// From when it departs, what the link makes of this word.
    Drawn(u64),
    /// From when it was sent.
    Given(Duration),
}

impl Verdict {
    #[inline]
    fn drawn(options: &LinkOptions, [chances, damage, delay, again]: Draws) -> Self {
        let damaged = options.corruption.holds(damage as u32);
        let duplicate = options.duplication.holds((chances >> 32) as u32);
        Self {
            lost: options.loss.holds(chances as u32),
            frame: if damaged { Frame::Damaged((damage >> 32) as u32) } else { Frame::Intact },
            delay: Delay::Drawn(delay),
            duplicate: duplicate.then_some(Delay::Drawn(again)),
        }
    }

    fn said(fate: ExplicitFate, [_, damage, word, _]: Draws) -> Self {
        let (lost, passage) = match fate {
            ExplicitFate::Lost => (true, Passage::default()),
            ExplicitFate::Passes(passage) => (false, passage),
        };
        let Passage { delay, duplicate, damaged } = passage;
        Self {
            lost,
            frame: if damaged { Frame::Damaged((damage >> 32) as u32) } else { Frame::Intact },
            delay: delay.map_or(Delay::Drawn(word), Delay::Given),
            duplicate: duplicate.map(Delay::Given),
        }
    }
}

/// What holds for a link now: a pure function of its own properties and the faults on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    options: LinkOptions,
    cut: bool,
    /// Messages that are sent are held.
    stalled: bool,
    /// Messages that arrive are held.
    holds_arrivals: bool,
    slowdowns: Vec<Distribution>,
}

impl Condition {
    /// A link that no fault disturbs.
    pub(super) const fn undisturbed(options: LinkOptions) -> Self {
        Self { options, cut: false, stalled: false, holds_arrivals: false, slowdowns: Vec::new() }
    }

    /// Adds a disturbance to those that hold already.
    pub(super) fn disturb(&mut self, disturbance: &Disturbance) {
        match *disturbance {
            Disturbance::Cut(_) => self.cut = true,
            Disturbance::Stalled(in_flight) => {
                self.stalled = true;
                self.holds_arrivals |= in_flight == InFlight::Disturbed;
            }
            Disturbance::Slowed(longer) => self.slowdowns.push(longer),
            Disturbance::Changed(change) => apply(&mut self.options, &change),
        }
    }

    /// When a message arrives that is sent `now` and departs then. A drawn delay is the sample of its word, and the
    /// slowdowns.
    #[inline]
    fn arrival(&self, now: Instant, departs: Instant, delay: &Delay) -> Instant {
        let word = match *delay {
            Delay::Drawn(word) => word,
            Delay::Given(span) => return now + span,
        };
        let mut nanos = self.options.delay.sample_nanos(word);
        for (place, longer) in self.slowdowns.iter().enumerate() {
            nanos = nanos.saturating_add(longer.sample_nanos(mixed(word, place)));
        }
        after(departs, nanos)
    }
}

impl Link {
    /// A link that nothing was sent on yet.
    pub(super) const fn new(stream: Stream, condition: Condition, fates: LinkFates) -> Self {
        let busy_until = Instant::ZERO;
        Self { stream, condition, fates, next: 0, epoch: 0, held: 0, busy_until }
    }

    /// Sends a message of `size` bytes.
    #[inline]
    pub(super) fn send(&mut self, now: Instant, size: usize) -> Sent {
        let number = self.next;
        self.next += 1;
        let draws = self.stream.draws(number);
        let verdict = match self.explicit(number) {
            None => Verdict::drawn(&self.condition.options, draws),
            Some(fate) => Verdict::said(fate, draws),
        };
        let (fate, duplicate) = self.fate(now, size as u64, &verdict);
        Sent { number, epoch: self.epoch, fate, duplicate }
    }

    /// Takes the number of a message that a fault picked out.
    pub(super) const fn lose(&mut self) -> Sent {
        let number = self.next;
        self.next += 1;
        Sent { number, epoch: self.epoch, fate: Fate::Lost(LossReason::Aimed), duplicate: None }
    }

    /// The explicit fate of the message of this number, if it has one. Numbers only grow.
    #[inline]
    fn explicit(&mut self, number: u64) -> Option<ExplicitFate> {
        while let Some(&(next, fate)) = self.fates.last()
            && next <= number
        {
            self.fates.pop();
            if next == number {
                return Some(fate);
            }
        }
        None
    }

    #[inline]
    fn fate(&mut self, now: Instant, size: u64, verdict: &Verdict) -> (Fate, Option<Instant>) {
        if self.condition.cut {
            return (Fate::Lost(LossReason::Cut), None);
        }
        let stalled = self.condition.stalled;
        let departs = if stalled { Some(now) } else { self.departs(now, size) };
        let Some(departs) = departs else {
            return (Fate::Lost(LossReason::QueueFull), None);
        };
        if verdict.lost {
            return (Fate::Lost(LossReason::Loss), None);
        }
        let frame = verdict.frame;
        if stalled {
            return (self.hold().map_or_else(Fate::Lost, |()| Fate::Held { frame }), None);
        }
        let arrival = |delay: &Delay| self.condition.arrival(now, departs, delay);
        let duplicate = verdict.duplicate.as_ref().map(arrival);
        (Fate::Deliver { at: arrival(&verdict.delay), frame }, duplicate)
    }

    /// Whether a message of this epoch arrives now.
    #[inline]
    pub(super) fn arrives(&mut self, epoch: u32) -> Arrival {
        assert!(epoch <= self.epoch, "a message is sent before it arrives");
        if epoch != self.epoch {
            return Arrival::Lost(LossReason::CutInFlight);
        }
        if self.condition.holds_arrivals {
            return self.hold().map_or_else(Arrival::Lost, |()| Arrival::Held);
        }
        Arrival::Yes
    }

    const fn hold(&mut self) -> Result<(), LossReason> {
        if self.held == HELD_MAX {
            return Err(LossReason::QueueFull);
        }
        self.held += 1;
        Ok(())
    }

    /// When a message has left that takes its turn now; `None` if there is no room for it in the queue. An
    /// idle link takes a message of any size.
    #[inline]
    fn departs(&mut self, now: Instant, size: u64) -> Option<Instant> {
        let LinkOptions { bandwidth, queue_bytes, .. } = self.condition.options;
        let Some(bandwidth) = bandwidth else { return Some(now) };
        let bandwidth = bandwidth.max(1);
        let wait = self.busy_until.as_nanos().saturating_sub(now.as_nanos());
        let waiting = u128::from(wait) * u128::from(bandwidth) / u128::from(NANOS_PER_SECOND);
        let room = queue_bytes.is_none_or(|most| waiting + u128::from(size) <= u128::from(most));
        if wait > 0 && !room {
            return None;
        }
        let span = size.saturating_mul(NANOS_PER_SECOND).div_ceil(bandwidth);
        self.busy_until = after(self.busy_until.max(now), span);
        Some(self.busy_until)
    }

    /// A cut began that loses what is under way.
    pub(super) const fn lose_in_flight(&mut self) {
        self.epoch += 1;
    }

    /// Puts the link into another condition. What waited for bandwidth keeps its time; a changed bandwidth
    /// begins with an empty queue.
    pub(super) fn set_condition(&mut self, condition: Condition) {
        if condition.options.bandwidth != self.condition.options.bandwidth {
            self.busy_until = Instant::ZERO;
        }
        self.condition = condition;
    }

    /// Lets go of what is held, unless a stall still holds it. Whether there was something.
    pub(super) fn release(&mut self) -> bool {
        if self.held == 0 || self.condition.stalled || self.condition.holds_arrivals {
            return false;
        }
        self.held = 0;
        true
    }

    /// What holds for the link now.
    #[cfg(test)]
    pub(super) const fn condition(&self) -> &Condition {
        &self.condition
    }
}

/// Changes what the change names, and leaves the rest.
pub(super) fn apply(options: &mut LinkOptions, change: &LinkChange) {
    let LinkChange { delay, loss, duplication, corruption, bandwidth } = *change;
    options.delay = delay.unwrap_or(options.delay);
    options.loss = loss.unwrap_or(options.loss);
    options.duplication = duplication.unwrap_or(options.duplication);
    options.corruption = corruption.unwrap_or(options.corruption);
    options.bandwidth = bandwidth.or(options.bandwidth);
}

/// Another uniform word for each place.
fn mixed(word: u64, place: usize) -> u64 {
    let mut digest = Digest::default();
    digest.word(word);
    digest.word(place as u64);
    digest.value()
}

#[inline]
const fn after(moment: Instant, nanos: u64) -> Instant {
    Instant::from_nanos(moment.as_nanos().saturating_add(nanos))
}
