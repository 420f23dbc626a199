//! **Ordered channel**: on each connection the frames that arrive are a prefix of those sent, and connections do not
//! interleave.
//!
//! A channel is one direction between two nodes; each of its connections is an epoch. Frames of an epoch arrive as 1, 2, 3
//! ... with the content that was sent under that number; once a frame of an epoch has arrived, none of an older one does.
//! Source: RFC 9293 (TCP), section 3.4; Junqueira, Reed and Serafini 2011 (Zab), which relies on it.
//!
//! What it needs to see: `FrameSent` and `FrameDelivered`. What it cannot see: frames that were lost with their connection
//! and should have been sent again on the next one (the host's own claims show that, by `log-matching` for example).

use std::collections::BTreeMap;

use crate::checkers::recent::KEPT;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::delivery::{Delivery, Frame};
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// The place of a frame on its channel.
type Place = (u64, u64);

#[derive(Debug, Default)]
struct Channel {
    /// What was sent and has not arrived, by epoch and sequence.
    sent: BTreeMap<Place, (u64, NodeId, Instant)>,
    /// Everything that was sent through here is forgotten.
    forgotten: Option<Place>,
    /// The frame that arrived last.
    last: Option<(Place, Instant)>,
}

/// Judges that channels keep their order.
#[derive(Debug, Default)]
pub struct OrderedChannel {
    channels: BTreeMap<u64, Channel>,
    delivered: u64,
}

impl Channel {
    fn send(&mut self, frame: Frame, node: NodeId, at: Instant) {
        self.sent.insert((frame.epoch, frame.sequence), (frame.digest, node, at));
        if self.sent.len() > KEPT {
            self.forgotten = self.sent.pop_first().map(|(place, _)| place);
        }
    }

    fn deliver(&mut self, event: &Event, frame: Frame) -> Result<(), Violation> {
        let Frame { channel, epoch, sequence, .. } = frame;
        let last = self.last.replace(((epoch, sequence), event.at));
        let wrong = |message: String| {
            let violation = Violation::new(event.at, message);
            let before = last.map(|((epoch, sequence), at)| {
                format!("{at} frame {sequence} of epoch {epoch} arrives on channel {channel}")
            });
            before.into_iter().fold(violation, Violation::because).because(event)
        };
        let expected = match last {
            Some(((newest, _), _)) if epoch < newest => {
                let what = format!(
                    "a frame of epoch {epoch} arrives on channel {channel} after one of epoch {newest}"
                );
                return Err(wrong(what));
            }
            Some(((newest, sequence), _)) if epoch == newest => sequence + 1,
            _ => 1,
        };
        if sequence != expected {
            let what = format!(
                "frame {sequence} of epoch {epoch} arrives on channel {channel} where frame {expected} was due"
            );
            return Err(wrong(what));
        }
        // Frames of older epochs arrive no more.
        while let Some(oldest) = self.sent.first_entry().filter(|first| first.key().0 < epoch) {
            oldest.remove();
        }
        match self.sent.remove(&(epoch, sequence)) {
            Some((digest, ..)) if digest == frame.digest => Ok(()),
            Some((digest, node, at)) => {
                let what = format!(
                    "frame {sequence} of epoch {epoch} on channel {channel} arrives with another content than was sent"
                );
                Err(wrong(what).because(format!("{at} {node} sends it as {digest:016x}")))
            }
            None if self.forgotten.is_some_and(|place| (epoch, sequence) <= place) => Ok(()),
            None => Err(wrong(format!(
                "frame {sequence} of epoch {epoch} arrives on channel {channel}, and nobody has sent it"
            ))),
        }
    }
}

impl Checker for OrderedChannel {
    fn name(&self) -> &'static str {
        "ordered-channel"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Delivery(Delivery::FrameSent(frame))), Some(node)) => {
                self.channels.entry(frame.channel).or_default().send(frame, node, event.at);
                Ok(())
            }
            (&Fact::Claimed(Claim::Delivery(Delivery::FrameDelivered(frame))), _) => {
                self.delivered += 1;
                self.channels.entry(frame.channel).or_default().deliver(event, frame)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.delivered == 0 {
            return Judgement::Vacuous("no frame ever arrived on an ordered channel".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "ordered-channel";

    /// A frame of channel 3, whose content is its sequence plus 100.
    fn frame((epoch, sequence): Place) -> Frame {
        Frame { channel: 3, epoch, sequence, digest: sequence + 100 }
    }

    impl Script {
        fn frames(self, places: impl IntoIterator<Item = Place>) -> Self {
            let send = |script: Self, place| script.claim(0, Delivery::FrameSent(frame(place)));
            places.into_iter().fold(self, send)
        }

        fn takes_frame(self, frame: Frame) -> Self {
            self.claim(1, Delivery::FrameDelivered(frame))
        }

        fn arrive(self, places: &[Place]) -> Self {
            places.iter().fold(self, |script, place| script.takes_frame(frame(*place)))
        }
    }

    /// Three frames were sent on the first connection, two on the second.
    fn sent() -> Script {
        Script::new().frames([(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)])
    }

    #[test]
    fn a_prefix_of_each_connection_is_in_order() {
        assert_ok(&sent().arrive(&[(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]).judged_by(NAME));
        assert_ok(&sent().arrive(&[(1, 1), (2, 1)]).judged_by(NAME));
        assert_ok(&sent().arrive(&[(2, 1), (2, 2)]).judged_by(NAME));
        let other = Frame { channel: 4, ..frame((1, 1)) };
        let script =
            sent().arrive(&[(2, 1)]).claim(0, Delivery::FrameSent(other)).takes_frame(other);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn a_gap_is_a_violation() {
        let judgement = sent().arrive(&[(1, 1), (1, 3)]).judged_by(NAME);
        assert_violation(
            &judgement,
            "frame 3 of epoch 1 arrives on channel 3 where frame 2 was due",
        );
        assert_violation(&judgement, "frame 1 of epoch 1 arrives on channel 3");
        assert_violation(&sent().arrive(&[(1, 2)]).judged_by(NAME), "where frame 1 was due");
        assert_violation(
            &sent().arrive(&[(1, 1), (2, 2)]).judged_by(NAME),
            "where frame 1 was due",
        );
    }

    #[test]
    fn a_frame_that_arrives_twice_is_a_violation() {
        let judgement = sent().arrive(&[(1, 1), (1, 1)]).judged_by(NAME);
        assert_violation(
            &judgement,
            "frame 1 of epoch 1 arrives on channel 3 where frame 2 was due",
        );
    }

    #[test]
    fn a_frame_of_an_old_connection_is_a_violation() {
        let judgement = sent().arrive(&[(1, 1), (2, 1), (1, 2)]).judged_by(NAME);
        assert_violation(
            &judgement,
            "a frame of epoch 1 arrives on channel 3 after one of epoch 2",
        );
        assert_violation(&judgement, "frame 1 of epoch 2 arrives");
    }

    #[test]
    fn a_frame_that_was_not_sent_is_a_violation() {
        let judgement = sent().arrive(&[(2, 1), (2, 2), (2, 3)]).judged_by(NAME);
        assert_violation(
            &judgement,
            "frame 3 of epoch 2 arrives on channel 3, and nobody has sent it",
        );
        assert_violation(&Script::new().arrive(&[(1, 1)]).judged_by(NAME), "nobody has sent it");
    }

    #[test]
    fn a_frame_with_another_content_is_a_violation() {
        let damaged = Frame { digest: 7, ..frame((1, 1)) };
        let judgement = sent().takes_frame(damaged).judged_by(NAME);
        assert_violation(&judgement, "arrives with another content than was sent");
        assert_violation(&judgement, "node#0 sends it as 0000000000000065");
    }

    #[test]
    fn without_arrivals_there_is_nothing_to_check() {
        assert_unknown(&sent().judged_by(NAME), "no frame ever arrived");
    }

    #[test]
    fn what_was_forgotten_is_not_held_against_anybody() {
        let many = Script::new().frames((1..=KEPT as u64 + 2).map(|sequence| (1, sequence)));
        assert_ok(&many.clone().arrive(&[(1, 1), (1, 2), (1, 3)]).judged_by(NAME));
        let mut channel = Channel::default();
        let at = Instant::ZERO;
        (1..=KEPT as u64 + 2)
            .for_each(|sequence| channel.send(frame((1, sequence)), NodeId(0), at));
        assert_eq!((channel.sent.len(), channel.forgotten), (KEPT, Some((1, 2))));
        (1..=3).for_each(|sequence| channel.send(frame((2, sequence)), NodeId(0), at));
        let event = Script::new().start(1).events()[0].clone();
        assert!(channel.deliver(&event, frame((2, 1))).is_ok());
        assert_eq!(channel.sent.len(), 2, "older connections are forgotten, and what has arrived");
    }
}
