//! Whatever faults there were: when all have ended, the network is what it was.

use super::*;
use crate::world::fault::LinkChange;
use proptest::prelude::*;

const NODES: u32 = 4;

#[derive(Clone, Debug)]
enum Step {
    Begin { id: u32, pairs: Vec<(u32, u32)>, disturbance: Disturbance },
    End(u32),
    Send(u32, u32),
}

fn pair() -> impl Strategy<Value = (u32, u32)> {
    (0..NODES, 0..NODES)
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    let slow = Distribution::Uniform(MILLI, 9 * MILLI);
    let change = LinkChange {
        delay: Some(slow),
        loss: Some(percent(50)),
        duplication: Some(percent(50)),
        corruption: Some(percent(50)),
        bandwidth: Some(1_000),
    };
    prop_oneof![
        Just(CUT),
        Just(STALL),
        Just(Disturbance::Cut(InFlight::Kept)),
        Just(Disturbance::Stalled(InFlight::Kept)),
        Just(Disturbance::Slowed(slow)),
        Just(Disturbance::Changed(change)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let begins = (0..6u32, prop::collection::vec(pair(), 1..8), disturbance())
        .prop_map(|(id, pairs, disturbance)| Step::Begin { id, pairs, disturbance });
    prop_oneof![begins, (0..6u32).prop_map(Step::End), pair().prop_map(|(a, b)| Step::Send(a, b))]
}

fn options() -> LinkOptions {
    LinkOptions {
        delay: Distribution::Exponential(MILLI),
        loss: percent(5),
        duplication: percent(5),
        corruption: percent(5),
        ..LinkOptions::default()
    }
}

/// Carries out the steps, ends all faults, and returns how many messages each pair sent.
fn disturb(network: &mut Network, steps: Vec<Step>) -> Vec<u64> {
    let mut holds = [false; 6];
    let mut sent = vec![0; (NODES * NODES) as usize];
    let mut held = sent.clone();
    let release = |released: Vec<(Endpoint, Endpoint)>, held: &mut Vec<u64>| {
        for (from, to) in released {
            let count = &mut held[(from.0 * NODES + to.0) as usize];
            assert!(*count > 0, "a link is released only if it held something");
            *count = 0;
        }
    };
    for (millis, step) in (0..).zip(steps) {
        match step {
            Step::Begin { id, pairs, disturbance } if !holds[id as usize] => {
                let pairs: Vec<_> =
                    pairs.iter().map(|&(a, b)| (Endpoint(a), Endpoint(b))).collect();
                begin(network, id, &pairs, disturbance);
                holds[id as usize] = true;
            }
            Step::Begin { id, .. } | Step::End(id) => {
                release(network.end_fault(id), &mut held);
                holds[id as usize] = false;
            }
            Step::Send(from, to) => {
                let place = (from * NODES + to) as usize;
                let message = send(network, at(millis), Endpoint(from), Endpoint(to));
                assert_eq!(message.number, sent[place]);
                sent[place] += 1;
                held[place] += u64::from(matches!(message.fate, Fate::Held { .. }));
            }
        }
    }
    for id in 0..6 {
        release(network.end_fault(id), &mut held);
    }
    assert!(held.iter().all(|&count| count == 0), "whatever was held was released");
    sent
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn when_all_faults_have_ended_the_network_is_what_it_was(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut disturbed = network_of(NODES as usize, options());
        let sent = disturb(&mut disturbed, steps);
        let mut fresh = network_of(NODES as usize, options());
        for (place, count) in (0..).zip(sent) {
            let (from, to) = (Endpoint(place / NODES), Endpoint(place % NODES));
            for _ in 0..count {
                send(&mut fresh, at(0), from, to);
            }
            // The same fates for the same numbers, only the epochs may differ.
            for _ in 0..10 {
                let expected = send(&mut fresh, at(99), from, to);
                let message = send(&mut disturbed, at(99), from, to);
                prop_assert_eq!(Sent { epoch: 0, ..message }, expected);
                prop_assert_eq!(disturbed.arrives(from, to, message.epoch), Arrival::Yes);
            }
            prop_assert_eq!(disturbed.link(from, to).condition(), fresh.link(from, to).condition());
        }
    }
}
