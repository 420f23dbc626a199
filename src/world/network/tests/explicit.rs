//! What is said about single messages.

use super::*;
use crate::kernel::ids::ClientId;
use crate::world::network::fates::{ExplicitFate, MessageFate, Party, Passage};
use crate::world::network::places::ClientPlace;

const LOST: ExplicitFate = ExplicitFate::Lost;

fn said(link: LinkOptions, fates: &[(u64, ExplicitFate)]) -> Network {
    let fates = fates.iter().map(|&(number, fate)| MessageFate {
        from: Party::Node(NodeId(0)),
        to: Party::Node(NodeId(1)),
        number,
        fate,
    });
    let options = NetworkOptions { link, fates: fates.collect(), ..NetworkOptions::default() };
    Network::new(42, &Cluster::of_size(3), &options, &[])
}

fn passes(delay: u64) -> ExplicitFate {
    ExplicitFate::Passes(Passage {
        delay: Some(Duration::from_millis(delay)),
        ..Passage::default()
    })
}

#[test]
fn what_is_said_takes_the_place_of_chance_for_that_message_only() {
    let chance = LinkOptions { loss: percent(50), ..constant(1) };
    let mut drawn = network(chance);
    let mut network = said(chance, &[(7, passes(30)), (2, LOST), (3, passes(20))]);
    for number in 0..20 {
        let sent = send(&mut network, at(5), A, B);
        let other = send(&mut drawn, at(5), A, B);
        match number {
            2 => assert_eq!(sent.fate, Fate::Lost(LossReason::Loss)),
            3 => assert_eq!(arrival(sent), at(25)),
            7 => assert_eq!(arrival(sent), at(35)),
            _ => assert_eq!(sent, other),
        }
        let (back, other) = (send(&mut network, at(5), B, A), send(&mut drawn, at(5), B, A));
        assert_eq!(back, other, "the other direction is another link");
    }
}

#[test]
fn a_message_passes_twice_or_damaged_if_that_is_said() {
    let twice = Passage { duplicate: Some(9 * MILLI), ..Passage::default() };
    let damaged = Passage { damaged: true, ..Passage::default() };
    let fates = [(0, ExplicitFate::Passes(twice)), (1, ExplicitFate::Passes(damaged))];
    let mut network = said(constant(4), &fates);
    let first = send(&mut network, at(1), A, B);
    assert_eq!((arrival(first), first.duplicate), (at(5), Some(at(10))));
    let second = send(&mut network, at(1), A, B);
    let is_damaged = |fate| matches!(fate, Fate::Deliver { frame: Frame::Damaged(_), .. });
    assert!(is_damaged(second.fate) && arrival(second) == at(5) && second.duplicate.is_none());
    let third = send(&mut network, at(1), A, B);
    assert_eq!(
        (third.fate, third.duplicate),
        (Fate::Deliver { at: at(5), frame: Frame::Intact }, None)
    );
}

#[test]
fn what_is_no_chance_still_holds() {
    let mut network =
        said(constant(1), &[(0, passes(5)), (1, passes(5)), (2, LOST), (3, passes(5))]);
    begin(&mut network, 1, &[(A, B)], CUT);
    assert_eq!(send(&mut network, at(0), A, B).fate, CUT_LOSS);
    network.end_fault(1);
    begin(&mut network, 2, &[(A, B)], STALL);
    assert_eq!(send(&mut network, at(0), A, B).fate, Fate::Held { frame: Frame::Intact });
    assert_eq!(send(&mut network, at(0), A, B).fate, Fate::Lost(LossReason::Loss));
    network.end_fault(2);
    // A slower link does not change a delay that was said.
    begin(&mut network, 3, &[(A, B)], Disturbance::Slowed(Distribution::Constant(MILLI)));
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(5));
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(2));
}

#[test]
fn clients_are_counted_after_the_nodes() {
    let fate = MessageFate {
        from: Party::Client(ClientId(1)),
        to: Party::Node(NodeId(2)),
        number: 0,
        fate: LOST,
    };
    let options = NetworkOptions { fates: vec![fate], ..NetworkOptions::default() };
    let place = |stream_name| ClientPlace { region: None, stream_name };
    let mut network = Network::new(42, &Cluster::of_size(3), &options, &[place(0), place(1)]);
    let lost = Fate::Lost(LossReason::Loss);
    assert_ne!(send(&mut network, at(0), Endpoint(3), C).fate, lost);
    assert_eq!(send(&mut network, at(0), Endpoint(4), C).fate, lost);
    assert_ne!(send(&mut network, at(0), Endpoint(4), C).fate, lost);
}
