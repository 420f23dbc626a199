//! From the shape of a partition to the links that it disturbs.
//!
//! Shapes that name targets meet the clients near a named region too. Shapes that are drawn node by node
//! (random sides, bridge, ring) leave clients alone: a client that reaches both sides is what makes a split
//! brain visible.

use crate::kernel::random::Stream;
use crate::trace::Endpoint;
use crate::world::fault::{DropMessage, LinkFault, Shape};
use crate::world::network::link_set::LinkSet;
use crate::world::network::places::{Aim, Places};

/// The links that a partition of this shape disturbs. What the shape leaves to chance is drawn from `stream`.
pub fn partition_links(
    places: &Places,
    shape: &Shape,
    aim: Aim<'_>,
    stream: &mut Stream,
) -> LinkSet {
    let mut links = LinkSet::empty(places.len());
    match shape {
        Shape::Sides(sides) => {
            let sides: Vec<Vec<Endpoint>> =
                sides.iter().map(|side| places.resolve(side, aim)).collect();
            separate(&mut links, &sides);
        }
        Shape::Isolate(target) => {
            let inside = places.resolve(target, aim);
            let outside = others(places.all(), &inside);
            links.insert_between(&inside, &outside);
        }
        Shape::OneWay(from, to) => {
            let (from, to) = (places.resolve(from, aim), places.resolve(to, aim));
            links.insert_all(&from, &to);
        }
        Shape::RandomSides => random_sides(&mut links, places, stream),
        Shape::Bridge(target) => {
            let bridge = places.resolve(target, aim);
            let mut rest = others(places.nodes(), &bridge);
            stream.shuffle(&mut rest);
            let (one, other) = rest.split_at(rest.len() / 2);
            links.insert_between(one, other);
        }
        Shape::RingMajority => {
            let mut ring: Vec<Endpoint> = places.nodes().collect();
            stream.shuffle(&mut ring);
            ring_majority(&mut links, &ring);
        }
        Shape::Pairs(pairs) => {
            for &(one, other) in pairs {
                links.insert_between(&[Endpoint(one.0)], &[Endpoint(other.0)]);
            }
        }
    }
    links
}

/// The links that a link fault changes.
pub fn fault_links(places: &Places, fault: &LinkFault, aim: Aim<'_>) -> LinkSet {
    let mut links = LinkSet::empty(places.len());
    let (from, to) = (places.resolve(&fault.from, aim), places.resolve(&fault.to, aim));
    if fault.both_ways {
        links.insert_between(&from, &to);
    } else {
        links.insert_all(&from, &to);
    }
    links
}

/// The links on which a message counts that a fault is aimed at.
pub fn aimed_links(places: &Places, fault: &DropMessage, aim: Aim<'_>) -> LinkSet {
    let mut links = LinkSet::empty(places.len());
    links.insert_all(&places.resolve(&fault.from, aim), &places.resolve(&fault.to, aim));
    links
}

/// Those that are not in `group`, which is sorted.
fn others(endpoints: impl Iterator<Item = Endpoint>, group: &[Endpoint]) -> Vec<Endpoint> {
    endpoints.filter(|endpoint| group.binary_search(endpoint).is_err()).collect()
}

/// Cuts each side off from all other sides.
fn separate(links: &mut LinkSet, sides: &[Vec<Endpoint>]) {
    for (place, side) in sides.iter().enumerate() {
        for other in &sides[place + 1..] {
            links.insert_between(side, other);
        }
    }
}

/// Two sides, neither of them empty: every size is equally likely.
fn random_sides(links: &mut LinkSet, places: &Places, stream: &mut Stream) {
    let mut nodes: Vec<Endpoint> = places.nodes().collect();
    if nodes.len() < 2 {
        return;
    }
    stream.shuffle(&mut nodes);
    let size = 1 + stream.below(nodes.len() as u64 - 1) as usize;
    let (one, other) = nodes.split_at(size);
    links.insert_between(one, other);
}

/// Leaves each node its nearest neighbours on the ring, on both sides alike and as few as make a majority
/// with itself; then no two nodes reach the same set.
///
/// With three nodes the nearest neighbours are everyone; there one edge of the ring is cut, so that the sets
/// are two different pairs and all three. Smaller clusters have no such partition, and nothing is cut.
fn ring_majority(links: &mut LinkSet, ring: &[Endpoint]) {
    let size = ring.len();
    let majority = size / 2 + 1;
    let reach = (majority - 1).div_ceil(2);
    if size == 3 {
        links.insert_between(&ring[..1], &ring[2..]);
        return;
    }
    for (place, &node) in ring.iter().enumerate() {
        for (far, &other) in ring.iter().enumerate() {
            let distance = place.abs_diff(far);
            if distance.min(size - distance) > reach {
                links.insert(node, other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::NodeId;
    use crate::kernel::random::Purpose;
    use crate::world::cluster::{Cluster, Region};
    use crate::world::fault::{LinkChange, Target};
    use crate::world::network::places::ClientPlace;

    /// Nodes 0-2 in the east, 3 and 4 in the west; clients 5 in the east, 6 in the west, 7 in no region.
    fn coasts() -> Places {
        let ids = |range: std::ops::Range<u32>| range.map(NodeId).collect();
        let cluster = Cluster {
            regions: vec![
                Region { name: "east".into(), nodes: ids(0..3) },
                Region { name: "west".into(), nodes: ids(3..5) },
            ],
            ..Cluster::of_size(5)
        };
        let client = |region| ClientPlace { region, stream_name: 0 };
        Places::new(&cluster, &[client(Some(0)), client(Some(1)), client(None)])
    }

    fn of_size(size: usize) -> Places {
        let client = ClientPlace { region: None, stream_name: 0 };
        Places::new(&Cluster::of_size(size), &[client])
    }

    /// Named nodes are themselves; `Any` is always node 1.
    fn aim(target: &Target) -> Vec<NodeId> {
        match target {
            Target::Node(node) => vec![*node],
            Target::Any => vec![NodeId(1)],
            other => panic!("nobody resolves {other:?}"),
        }
    }

    fn cut(places: &Places, shape: &Shape, name: u64) -> LinkSet {
        let mut stream = Stream::new(1, Purpose::Fault, name, 0);
        partition_links(places, shape, &mut aim, &mut stream)
    }

    fn listed(links: &LinkSet) -> Vec<(u32, u32)> {
        links.iter().map(|(from, to)| (from.0, to.0)).collect()
    }

    fn node(number: u32) -> Target {
        Target::Node(NodeId(number))
    }

    fn is_symmetric(links: &LinkSet) -> bool {
        links.iter().all(|(from, to)| links.contains(to, from))
    }

    /// Whom a node still reaches, itself included.
    fn reached(places: &Places, links: &LinkSet, from: Endpoint) -> Vec<Endpoint> {
        places.nodes().filter(|&to| !links.contains(from, to)).collect()
    }

    #[test]
    fn sides_are_cut_off_from_each_other_with_the_clients_of_their_regions() {
        let links = cut(&coasts(), &Shape::Sides(vec![Target::Region(0), Target::Region(1)]), 0);
        // 4 endpoints in the east, 3 in the west, both directions; client 7 reaches everyone.
        assert_eq!(links.len(), 2 * 4 * 3);
        assert!(is_symmetric(&links));
        assert!(
            links.contains(Endpoint(5), Endpoint(4)) && links.contains(Endpoint(4), Endpoint(5))
        );
        assert!(!links.contains(Endpoint(5), Endpoint(0)));
        assert!(links.iter().all(|(from, to)| from != Endpoint(7) && to != Endpoint(7)));
    }

    #[test]
    fn a_list_of_nodes_does_not_take_clients_along() {
        let east = Target::List(vec![node(0), node(1), node(2), node(0)]);
        let links = cut(&coasts(), &Shape::Sides(vec![east, node(3)]), 0);
        assert_eq!(listed(&links), [(0, 3), (1, 3), (2, 3), (3, 0), (3, 1), (3, 2)]);
    }

    #[test]
    fn an_isolated_node_reaches_nobody_not_even_clients() {
        let links = cut(&coasts(), &Shape::Isolate(node(2)), 0);
        assert_eq!(links.len(), 2 * 7);
        assert!(links.iter().all(|(from, to)| from == Endpoint(2) || to == Endpoint(2)));
    }

    #[test]
    fn one_way_leaves_the_way_back_open() {
        let links =
            cut(&coasts(), &Shape::OneWay(node(0), Target::List(vec![node(1), node(0)])), 0);
        assert_eq!(listed(&links), [(0, 1)]);
    }

    #[test]
    fn random_sides_are_two_and_not_empty() {
        let places = of_size(5);
        let mut sizes = [0; 6];
        for name in 0..1_000 {
            let links = cut(&places, &Shape::RandomSides, name);
            let side = reached(&places, &links, Endpoint(0));
            sizes[side.len()] += 1;
            for &member in &side {
                assert_eq!(reached(&places, &links, member), side);
            }
            assert_eq!(links.len(), 2 * side.len() * (5 - side.len()));
        }
        assert_eq!((sizes[0], sizes[5]), (0, 0));
        assert!(sizes[1..5].iter().all(|&count| count > 100), "{sizes:?}");
    }

    #[test]
    fn only_the_bridge_reaches_both_halves() {
        let places = of_size(5);
        for (target, bridge) in [(Target::Any, Endpoint(1)), (node(4), Endpoint(4))] {
            let links = cut(&places, &Shape::Bridge(target), 3);
            assert_eq!(reached(&places, &links, bridge).len(), 5);
            for other in places.nodes().filter(|&other| other != bridge) {
                // Itself, one more of its half, and the bridge.
                assert_eq!(reached(&places, &links, other).len(), 3);
            }
            assert!(is_symmetric(&links));
        }
    }

    #[test]
    fn on_the_ring_each_node_reaches_a_majority_and_no_two_the_same() {
        for size in 3..30 {
            let places = of_size(size);
            let links = cut(&places, &Shape::RingMajority, size as u64);
            assert!(is_symmetric(&links));
            let mut sets: Vec<Vec<Endpoint>> =
                places.nodes().map(|node| reached(&places, &links, node)).collect();
            assert!(sets.iter().all(|set| set.len() > size / 2), "{size} nodes: {sets:?}");
            sets.sort_unstable();
            sets.dedup();
            assert_eq!(sets.len(), size, "{size} nodes: {sets:?}");
        }
    }

    #[test]
    fn shapes_that_need_more_nodes_than_there_are_disturb_nothing() {
        for size in 0..2 {
            for shape in [Shape::RandomSides, Shape::RingMajority] {
                assert!(cut(&of_size(size), &shape, 0).is_empty());
            }
        }
        assert!(cut(&of_size(2), &Shape::RingMajority, 0).is_empty());
    }

    #[test]
    fn pairs_are_cut_in_both_directions_and_no_others() {
        let links = cut(&coasts(), &Shape::Pairs(vec![(NodeId(0), NodeId(4))]), 0);
        assert_eq!(listed(&links), [(0, 4), (4, 0)]);
    }

    #[test]
    fn what_chance_decides_depends_on_the_stream_only() {
        let places = of_size(7);
        for shape in [Shape::RandomSides, Shape::RingMajority, Shape::Bridge(node(0))] {
            assert_eq!(cut(&places, &shape, 5), cut(&places, &shape, 5));
            assert!((0..20).any(|name| cut(&places, &shape, name) != cut(&places, &shape, 5)));
        }
    }

    #[test]
    fn a_link_fault_is_directed_unless_it_says_both_ways() {
        let mut fault = LinkFault {
            from: node(0),
            to: Target::Region(1),
            both_ways: false,
            change: LinkChange::default(),
        };
        let links = fault_links(&coasts(), &fault, &mut aim);
        assert_eq!(listed(&links), [(0, 3), (0, 4), (0, 6)]);
        fault.both_ways = true;
        let links = fault_links(&coasts(), &fault, &mut aim);
        assert_eq!(listed(&links), [(0, 3), (0, 4), (0, 6), (3, 0), (4, 0), (6, 0)]);
    }
}
