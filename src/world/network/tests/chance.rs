//! What chance and the options decide.

use super::*;
use crate::world::fault::LinkChange;
use crate::world::options::RegionLink;

const MESSAGES: u64 = 100_000;

fn everything() -> LinkOptions {
    LinkOptions {
        delay: Distribution::Uniform(MILLI, 10 * MILLI),
        loss: percent(10),
        duplication: percent(5),
        corruption: percent(2),
        ..LinkOptions::default()
    }
}

#[test]
fn a_network_without_options_delivers_everything_at_once() {
    let mut network = network(LinkOptions::default());
    for number in 0..100 {
        let sent = send(&mut network, at(5), A, B);
        let fate = Fate::Deliver { at: at(5), frame: Frame::Intact };
        assert_eq!(sent, Sent { number, epoch: 0, fate, duplicate: None });
        assert_eq!(network.arrives(A, B, sent.epoch), Arrival::Yes);
    }
    let expected = NetworkStatistics { sent: 100, ..NetworkStatistics::default() };
    assert_eq!(network.statistics(), expected);
}

#[test]
fn chance_keeps_its_rates() {
    let mut network = network(everything());
    let (mut lost, mut damaged, mut twice) = (0_u64, 0_u64, 0_u64);
    for _ in 0..MESSAGES {
        let sent = send(&mut network, at(0), A, B);
        twice += u64::from(sent.duplicate.is_some());
        match sent.fate {
            Fate::Lost(reason) => {
                assert_eq!((reason, sent.duplicate), (LossReason::Loss, None));
                lost += 1;
            }
            Fate::Deliver { frame, .. } => damaged += u64::from(frame != Frame::Intact),
            Fate::Held { .. } => panic!("nothing is stalled"),
        }
    }
    // 10 % of 100,000 with a standard deviation of 95; of the 90,000 others 5 % (65) and 2 % (42).
    assert!(lost.abs_diff(10_000) < 5 * 95, "{lost}");
    assert!(twice.abs_diff(4_500) < 5 * 65, "{twice}");
    assert!(damaged.abs_diff(1_800) < 5 * 42, "{damaged}");
    let expected = NetworkStatistics { sent: MESSAGES, lost, duplicated: twice, cut: 0 };
    assert_eq!(network.statistics(), expected);
}

#[test]
fn delays_are_within_their_distribution_and_reorder() {
    let mut network = network(everything());
    let (mut sum, mut count, mut overtaken) = (0_u64, 0_u64, 0_u64);
    let mut last = Instant::ZERO;
    for _ in 0..MESSAGES {
        let sent = send(&mut network, at(3), A, B);
        if let Some(moment) = sent.duplicate {
            assert!((at(4)..=at(13)).contains(&moment));
        }
        let Fate::Deliver { at: moment, .. } = sent.fate else { continue };
        assert!((at(4)..=at(13)).contains(&moment));
        sum += moment.as_nanos();
        count += 1;
        overtaken += u64::from(moment < last);
        last = moment;
    }
    // The mean of 4 to 13 ms is 8.5 ms; every second message overtakes the one before it.
    assert!((sum / count).abs_diff(8_500_000) < 50_000, "{}", sum / count);
    assert!(overtaken.abs_diff(count / 2) < count / 50, "{overtaken} of {count}");
}

#[test]
fn a_duplicate_has_a_delay_of_its_own() {
    let mut network = network(LinkOptions { duplication: Probability::ALWAYS, ..everything() });
    let (mut apart, mut earlier) = (0, 0);
    for _ in 0..1_000 {
        let sent = send(&mut network, at(0), A, B);
        if let (Fate::Deliver { at, .. }, Some(second)) = (sent.fate, sent.duplicate) {
            apart += u32::from(at != second);
            earlier += u32::from(second < at);
        }
    }
    assert!(apart > 850 && (350..550).contains(&earlier), "{apart}, {earlier}");
}

#[test]
fn a_fate_depends_on_its_link_and_number_only() {
    let mut quiet = network(everything());
    let alone: Vec<Sent> = (0..200).map(|_| send(&mut quiet, at(1), A, B)).collect();
    let mut busy = network(everything());
    for expected in alone {
        for (from, to) in [(B, A), (A, C), (C, B), (B, A)] {
            send(&mut busy, at(1), from, to);
        }
        assert_eq!(send(&mut busy, at(1), A, B), expected);
    }
}

#[test]
fn links_and_directions_have_different_fates() {
    let mut network = network(everything());
    let mut fates = |from, to| -> Vec<Fate> {
        (0..50).map(|_| send(&mut network, at(1), from, to).fate).collect()
    };
    let (forth, back, other) = (fates(A, B), fates(B, A), fates(A, C));
    assert!(forth != back && forth != other && back != other);
}

#[test]
fn removing_a_client_or_a_node_shifts_nobody_else() {
    let client = |stream_name| ClientPlace { region: None, stream_name };
    let options = NetworkOptions { link: everything(), ..NetworkOptions::default() };
    let mut full = Network::new(1, &Cluster::of_size(3), &options, &[client(70), client(71)]);
    let mut names = Cluster::of_size(3);
    names.names.remove(0);
    let mut smaller = Network::new(1, &names, &options, &[client(71)]);
    for _ in 0..100 {
        // Client 71 is endpoint 4 of the first and 2 of the second; node n3 is 2 and 1.
        let one = send(&mut full, at(2), Endpoint(4), Endpoint(2));
        assert_eq!(one, send(&mut smaller, at(2), Endpoint(2), Endpoint(1)));
    }
}

#[test]
fn a_message_to_oneself_meets_no_network() {
    let mut network = network(LinkOptions { loss: Probability::ALWAYS, ..everything() });
    assert_eq!(arrival(send(&mut network, at(7), B, B)), at(7));
    assert_eq!(send(&mut network, at(7), B, A).fate, Fate::Lost(LossReason::Loss));
}

/// n1 in the east, n2 and n3 in the west, 30 ms from the east to the west and 40 ms back; clients 3 near the
/// east and 4 nowhere.
fn coasts() -> Network {
    let region = |name: &str, nodes: &[u32]| Region {
        name: name.into(),
        nodes: nodes.iter().copied().map(NodeId).collect(),
    };
    let cluster = Cluster {
        regions: vec![region("east", &[0]), region("west", &[1, 2])],
        ..Cluster::of_size(3)
    };
    let slower = |from, to, millis| {
        let delay = Some(Distribution::Constant(Duration::from_millis(millis)));
        RegionLink { from, to, change: LinkChange { delay, ..LinkChange::default() } }
    };
    let regions = vec![slower(0, 1, 99), slower(0, 1, 30), slower(1, 0, 40)];
    let options = NetworkOptions { link: constant(1), regions, ..NetworkOptions::default() };
    let client = |region| ClientPlace { region, stream_name: 9 };
    Network::new(1, &cluster, &options, &[client(Some(0)), client(None)])
}

#[test]
fn regions_decide_the_properties_of_links_and_the_later_entry_wins() {
    let mut network = coasts();
    let (client, nowhere) = (Endpoint(3), Endpoint(4));
    let expected = [
        (A, B, 30),
        (B, A, 40),
        (B, C, 1),
        (client, A, 1),
        (client, C, 30),
        (C, client, 40),
        (nowhere, A, 1),
        (C, nowhere, 1),
    ];
    for (from, to, millis) in expected {
        assert_eq!(arrival(send(&mut network, at(0), from, to)), at(millis), "{from:?} {to:?}");
    }
}

#[test]
fn bandwidth_makes_messages_wait_for_each_other() {
    // 100 bytes at 100,000 bytes per second take 1 ms; the delay of 10 ms comes on top.
    let mut network = network(LinkOptions { bandwidth: Some(100_000), ..constant(10) });
    for place in 1..=5 {
        assert_eq!(arrival(send(&mut network, at(0), A, B)), at(10 + place));
    }
    // The other direction has a bandwidth of its own, and a pause empties the queue.
    assert_eq!(arrival(send(&mut network, at(0), B, A)), at(11));
    assert_eq!(arrival(send(&mut network, at(100), A, B)), at(111));
}

#[test]
fn what_does_not_fit_into_the_queue_is_lost() {
    let options =
        LinkOptions { bandwidth: Some(100_000), queue_bytes: Some(250), ..LinkOptions::default() };
    let mut network = network(options);
    // 100 and 200 bytes wait; a third message does not fit into 250.
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(1));
    assert_eq!(arrival(send(&mut network, at(0), A, B)), at(2));
    assert_eq!(send(&mut network, at(0), A, B).fate, Fate::Lost(LossReason::QueueFull));
    // Half of the first has left: 150 bytes wait, and 100 more fit.
    let later = Instant::from_nanos(500_000);
    assert_eq!(arrival(send(&mut network, later, A, B)), at(3));
    // An idle link takes even what would never fit.
    let large = Envelope { from: A, to: B, kind: "large", size: 1_000 };
    assert_eq!(arrival(network.send(at(50), large)), at(60));
}
