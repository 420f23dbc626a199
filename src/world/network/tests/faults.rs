//! What faults decide.

use super::*;
use crate::world::fault::LinkChange;
use crate::world::network::aimed::AimedLoss;

#[test]
fn a_cut_loses_what_is_sent_and_what_is_under_way() {
    let mut network = network(constant(10));
    let before = send(&mut network, at(0), A, B);
    begin(&mut network, 1, &[(A, B)], CUT);
    assert_eq!(send(&mut network, at(5), A, B).fate, CUT_LOSS);
    assert_eq!(network.arrives(A, B, before.epoch), Arrival::Lost(LossReason::CutInFlight));
    assert_eq!(network.statistics().cut, 2);
}

#[test]
fn a_cut_that_ended_before_the_arrival_still_lost_what_was_under_way() {
    let mut network = network(constant(10));
    let before = send(&mut network, at(0), A, B);
    begin(&mut network, 1, &[(A, B)], CUT);
    assert_eq!(network.end_fault(1), []);
    let after = send(&mut network, at(5), A, B);
    assert_eq!(network.arrives(A, B, before.epoch), Arrival::Lost(LossReason::CutInFlight));
    assert_eq!(network.arrives(A, B, after.epoch), Arrival::Yes);
}

#[test]
fn a_cut_may_keep_what_is_under_way() {
    let mut network = network(constant(10));
    let before = send(&mut network, at(0), A, B);
    begin(&mut network, 1, &[(A, B)], Disturbance::Cut(InFlight::Kept));
    assert_eq!(send(&mut network, at(5), A, B).fate, CUT_LOSS);
    assert_eq!(network.arrives(A, B, before.epoch), Arrival::Yes);
}

#[test]
fn a_cut_of_one_direction_leaves_the_other_open() {
    let mut network = network(constant(10));
    begin(&mut network, 1, &[(A, B)], CUT);
    assert_eq!(send(&mut network, at(0), A, B).fate, CUT_LOSS);
    assert_eq!(arrival(send(&mut network, at(0), B, A)), at(10));
    assert_eq!(arrival(send(&mut network, at(0), A, C)), at(10));
}

#[test]
fn overlapping_cuts_end_separately() {
    let mut network = network(constant(10));
    begin(&mut network, 1, &[(A, B), (A, C)], CUT);
    begin(&mut network, 2, &[(A, B)], CUT);
    network.end_fault(1);
    assert_eq!(send(&mut network, at(0), A, B).fate, CUT_LOSS);
    assert_eq!(arrival(send(&mut network, at(0), A, C)), at(10));
    network.end_fault(2);
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(10));
}

#[test]
fn a_fault_that_does_not_hold_any_more_is_not_missed() {
    let mut network = network(constant(10));
    begin(&mut network, 1, &[(A, B)], STALL);
    send(&mut network, at(0), A, B);
    assert_eq!(network.end_fault(1), [(A, B)]);
    assert_eq!(network.end_fault(1), []);
}

#[test]
#[should_panic(expected = "a fault begins once")]
fn a_fault_that_holds_cannot_begin_again() {
    let mut network = network(constant(10));
    begin(&mut network, 1, &[(A, B)], CUT);
    begin(&mut network, 1, &[(A, C)], CUT);
}

#[test]
fn a_stall_holds_what_is_sent_and_what_arrives_until_it_ends() {
    let mut network = network(constant(10));
    let before = send(&mut network, at(0), A, B);
    begin(&mut network, 1, &[(C, A), (A, B), (A, C)], STALL);
    let during = send(&mut network, at(5), A, B);
    assert_eq!(during.fate, Fate::Held { frame: Frame::Intact });
    assert_eq!(network.arrives(A, B, before.epoch), Arrival::Held);
    send(&mut network, at(6), C, A);
    // A -> C held nothing; the others come by sender, then by receiver.
    assert_eq!(network.end_fault(1), [(A, B), (C, A)]);
    assert_eq!(network.arrives(A, B, before.epoch), Arrival::Yes);
    assert_eq!(network.arrives(A, B, during.epoch), Arrival::Yes);
    assert_eq!(network.statistics(), NetworkStatistics { sent: 3, ..Default::default() });
}

#[test]
fn a_stall_may_let_arrive_what_is_under_way() {
    let mut network = network(constant(10));
    let before = send(&mut network, at(0), A, B);
    begin(&mut network, 1, &[(A, B)], Disturbance::Stalled(InFlight::Kept));
    assert_eq!(network.arrives(A, B, before.epoch), Arrival::Yes);
    assert_eq!(send(&mut network, at(5), A, B).fate, Fate::Held { frame: Frame::Intact });
    assert_eq!(network.end_fault(1), [(A, B)]);
}

#[test]
fn a_link_is_released_when_its_last_stall_ends() {
    let mut network = network(constant(10));
    begin(&mut network, 1, &[(A, B)], STALL);
    begin(&mut network, 2, &[(A, B)], STALL);
    send(&mut network, at(5), A, B);
    assert_eq!(network.end_fault(1), []);
    assert_eq!(network.end_fault(2), [(A, B)]);
}

#[test]
fn a_cut_loses_what_a_stall_holds() {
    let mut network = network(constant(10));
    begin(&mut network, 1, &[(A, B)], STALL);
    let held = send(&mut network, at(5), A, B);
    begin(&mut network, 2, &[(A, B)], CUT);
    assert_eq!(send(&mut network, at(6), A, B).fate, CUT_LOSS);
    assert_eq!(network.end_fault(2), []);
    assert_eq!(network.end_fault(1), [(A, B)]);
    assert_eq!(network.arrives(A, B, held.epoch), Arrival::Lost(LossReason::CutInFlight));
}

#[test]
fn a_stalled_link_holds_a_bounded_number_of_messages() {
    let mut network = network(constant(10));
    let before = send(&mut network, at(0), A, B);
    begin(&mut network, 1, &[(A, B)], STALL);
    for _ in 0..HELD_MAX {
        assert_eq!(send(&mut network, at(5), A, B).fate, Fate::Held { frame: Frame::Intact });
    }
    assert_eq!(send(&mut network, at(5), A, B).fate, Fate::Lost(LossReason::QueueFull));
    assert_eq!(network.arrives(A, B, before.epoch), Arrival::Lost(LossReason::QueueFull));
    network.end_fault(1);
    begin(&mut network, 2, &[(A, B)], STALL);
    assert_eq!(send(&mut network, at(5), A, B).fate, Fate::Held { frame: Frame::Intact });
}

#[test]
fn a_stall_leaves_chance_as_it_was() {
    let options = LinkOptions { loss: percent(30), corruption: percent(30), ..constant(10) };
    let (mut calm, mut stalled) = (network(options), network(options));
    begin(&mut stalled, 1, &[(A, B)], STALL);
    for _ in 0..500 {
        let expected = match send(&mut calm, at(0), A, B).fate {
            Fate::Deliver { frame, .. } => Fate::Held { frame },
            other => other,
        };
        assert_eq!(send(&mut stalled, at(0), A, B).fate, expected);
    }
}

#[test]
fn slowdowns_add_up_and_end_separately() {
    let mut network = network(constant(10));
    let longer =
        |millis| Disturbance::Slowed(Distribution::Constant(Duration::from_millis(millis)));
    begin(&mut network, 1, &[(A, B)], longer(100));
    begin(&mut network, 2, &[(A, B)], longer(1_000));
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(1_110));
    network.end_fault(1);
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(1_010));
    assert_eq!(arrival(send(&mut network, at(0), B, A)), at(10));
}

#[test]
fn a_slowdown_has_chance_of_its_own() {
    let uniform = Distribution::Uniform(Duration::ZERO, 10 * MILLI);
    let mut network = network(LinkOptions { delay: uniform, ..LinkOptions::default() });
    begin(&mut network, 1, &[(A, B)], Disturbance::Slowed(uniform));
    let mut sums: Vec<Instant> =
        (0..10_001).map(|_| arrival(send(&mut network, at(0), A, B))).collect();
    sums.sort_unstable();
    // The sum of two independent uniforms is below a quarter of its range with probability 1/8; were the two
    // the same draw, with probability 1/4.
    let quarter = sums.partition_point(|&sum| sum < at(5));
    assert!(quarter.abs_diff(1_250) < 150, "{quarter}");
}

#[test]
fn the_last_change_that_began_wins_and_the_rest_stays() {
    let mut network = network(LinkOptions { loss: percent(50), ..constant(10) });
    let delay = |millis| Some(Distribution::Constant(Duration::from_millis(millis)));
    let change =
        |delay, loss| Disturbance::Changed(LinkChange { delay, loss, ..LinkChange::default() });
    begin(&mut network, 1, &[(A, B)], change(delay(20), Some(Probability::NEVER)));
    begin(&mut network, 2, &[(A, B)], change(delay(30), None));
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(30));
    network.end_fault(1);
    let lost = (0..1_000).filter(|_| matches!(send(&mut network, at(0), A, B).fate, Fate::Lost(_)));
    assert!((400..600).contains(&lost.count()), "the link's own loss is back");
    begin(&mut network, 3, &[(A, B)], change(None, Some(Probability::ALWAYS)));
    assert_eq!(send(&mut network, at(0), A, B).fate, Fate::Lost(LossReason::Loss));
}

#[test]
fn a_change_of_bandwidth_ends_with_its_fault_and_its_queue() {
    // 100 bytes at 100,000 bytes per second take 1 ms, at 1 byte per second 100 s.
    let mut network = network(LinkOptions { bandwidth: Some(100_000), ..constant(10) });
    let narrow = LinkChange { bandwidth: Some(1), ..LinkChange::default() };
    begin(&mut network, 1, &[(A, B)], Disturbance::Changed(narrow));
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(100_010));
    network.end_fault(1);
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(11));
}

fn aimed(
    network: &Network,
    pairs: &[(Endpoint, Endpoint)],
    kind: Option<&str>,
    nth: u64,
) -> AimedLoss {
    AimedLoss { links: links(network, pairs), kind: kind.map(str::to_owned), nth }
}

#[test]
fn the_nth_message_of_a_type_is_lost_and_no_other() {
    let mut network = network(constant(10));
    let fault = aimed(&network, &[(A, B), (A, C)], Some("vote"), 3);
    network.drop_nth(1, fault);
    let mut lost = Vec::new();
    for (place, &to) in [B, C, B, C, B, C].iter().enumerate() {
        for (from, to, kind) in [(A, to, "append"), (to, A, "vote"), (A, to, "vote")] {
            let sent = network.send(at(0), Envelope { from, to, kind, size: SIZE });
            if sent.fate == Fate::Lost(LossReason::Aimed) {
                lost.push((place, kind));
            }
        }
    }
    assert_eq!(lost, [(2, "vote")]);
    assert_eq!(network.statistics().lost, 1);
}

#[test]
fn faults_aimed_at_messages_count_separately_and_can_be_ended() {
    let mut network = network(constant(10));
    for (id, nth) in [(1, 1), (2, 2), (3, 4)] {
        let loss = aimed(&network, &[(A, B)], None, nth);
        network.drop_nth(id, loss);
    }
    network.end_fault(3);
    let lost: Vec<bool> = (0..6)
        .map(|_| send(&mut network, at(0), A, B).fate == Fate::Lost(LossReason::Aimed))
        .collect();
    assert_eq!(lost, [true, true, false, false, false, false]);
}

#[test]
fn a_message_that_is_aimed_at_keeps_its_number() {
    let options = LinkOptions { loss: percent(30), ..constant(10) };
    let (mut calm, mut hit) = (network(options), network(options));
    let loss = aimed(&hit, &[(A, B)], None, 5);
    hit.drop_nth(1, loss);
    for number in 0..100 {
        let (expected, sent) = (send(&mut calm, at(0), A, B), send(&mut hit, at(0), A, B));
        assert!(expected == sent || number == 4);
    }
}

#[test]
fn a_link_that_is_first_used_during_a_fault_is_disturbed_like_any_other() {
    let mut network = network(constant(10));
    begin(&mut network, 1, &[(A, B)], CUT);
    assert_eq!(send(&mut network, at(0), A, B).fate, CUT_LOSS);
    network.end_fault(1);
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(10));
}
