//! Strongly connected components: the parts of a graph in which everything depends on everything else.
//!
//! A cycle lies in one component, so what is in no component of two or more nodes needs no further look: in a good
//! history that is everything. Tarjan 1972, with a stack of its own, because a history is deeper than a call stack.

/// A graph to walk through, or a part of one.
pub(super) trait View {
    /// Nodes are `0..nodes`.
    fn nodes(&self) -> usize;

    /// What is at a place of a node's list of edges.
    fn look(&self, node: u32, place: u32) -> Look;
}

/// What is at a place of a node's list of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// An edge to this node.
    To(u32),
    /// An edge that is not part of the view.
    Hidden,
    /// The list has ended.
    End,
}

const UNSEEN: u32 = u32::MAX;

/// The components of two or more nodes, each in order, in the order of their first nodes.
pub(super) fn components(view: &impl View) -> Vec<Vec<u32>> {
    let nodes = view.nodes();
    // The number at which a node was first seen; `nodes` once its component is known.
    let mut seen = vec![UNSEEN; nodes];
    let done = u32::try_from(nodes).expect("nodes are numbered in 32 bits");
    let mut low = vec![0_u32; nodes];
    let mut count = 0;
    let mut open: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, u32)> = Vec::new();
    let mut found = Vec::new();
    for root in 0..done {
        if seen[root as usize] != UNSEEN {
            continue;
        }
        path.push((root, 0));
        while let Some((node, place)) = path.last_mut() {
            let at = *node as usize;
            if *place == 0 {
                seen[at] = count;
                low[at] = count;
                count += 1;
                open.push(*node);
            }
            match view.look(*node, *place) {
                Look::Hidden => *place += 1,
                Look::To(target) => {
                    *place += 1;
                    match seen[target as usize] {
                        UNSEEN => path.push((target, 0)),
                        // A node whose component is known has the greatest number, which changes nothing.
                        number => low[at] = low[at].min(number),
                    }
                }
                Look::End => {
                    path.pop();
                    if let Some((parent, _)) = path.last() {
                        let parent = *parent as usize;
                        low[parent] = low[parent].min(low[at]);
                    }
                    if low[at] == seen[at] {
                        close(at as u32, done, (&mut open, &mut seen), &mut found);
                    }
                }
            }
        }
    }
    found.sort_unstable_by_key(|component: &Vec<u32>| component[0]);
    found
}

/// All nodes that were opened since `root` are one component with it.
fn close(
    root: u32,
    done: u32,
    (open, seen): (&mut Vec<u32>, &mut [u32]),
    found: &mut Vec<Vec<u32>>,
) {
    let first = open.iter().rposition(|&node| node == root).expect("a root is open");
    for &node in &open[first..] {
        seen[node as usize] = done;
    }
    if open.len() - first > 1 {
        let mut component = open[first..].to_vec();
        component.sort_unstable();
        found.push(component);
    }
    open.truncate(first);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::{Purpose, Stream};

    struct Lists(Vec<Vec<u32>>);

    impl View for Lists {
        fn nodes(&self) -> usize {
            self.0.len()
        }

        fn look(&self, node: u32, place: u32) -> Look {
            match self.0[node as usize].get(place as usize) {
                None => Look::End,
                Some(&target) if target == node => Look::Hidden,
                Some(&target) => Look::To(target),
            }
        }
    }

    /// By transitive closure.
    fn brute_force(lists: &Lists) -> Vec<Vec<u32>> {
        let nodes = lists.0.len();
        let mut reaches = vec![vec![false; nodes]; nodes];
        for (from, targets) in lists.0.iter().enumerate() {
            for &to in targets {
                reaches[from][to as usize] = true;
            }
        }
        for middle in 0..nodes {
            let onward = reaches[middle].clone();
            for row in reaches.iter_mut().filter(|row| row[middle]) {
                row.iter_mut().zip(&onward).for_each(|(reached, more)| *reached |= more);
            }
        }
        let mut found: Vec<Vec<u32>> = Vec::new();
        for (node, reached) in reaches.iter().enumerate() {
            if found.iter().any(|component| component.contains(&(node as u32))) {
                continue;
            }
            let mutual = |&other: &usize| other == node || (reached[other] && reaches[other][node]);
            let component: Vec<u32> = (0..nodes).filter(mutual).map(|other| other as u32).collect();
            if component.len() > 1 {
                found.push(component);
            }
        }
        found
    }

    #[test]
    fn components_agree_with_transitive_closure() {
        let mut stream = Stream::new(1, Purpose::User, 0, 0);
        let mut several = 0;
        for _ in 0..1_000 {
            let nodes = 1 + stream.below(12);
            let edges = stream.below(2 * nodes);
            let mut lists = Lists(vec![Vec::new(); nodes as usize]);
            for _ in 0..edges {
                lists.0[stream.below(nodes) as usize].push(stream.below(nodes) as u32);
            }
            let found = components(&lists);
            several += usize::from(found.len() > 1);
            assert_eq!(found, brute_force(&lists), "{:?}", lists.0);
        }
        assert!(several > 10, "{several}");
    }

    #[test]
    fn a_long_chain_needs_no_call_stack() {
        let mut lists: Vec<Vec<u32>> = (1..=200_000).map(|next| vec![next]).collect();
        lists.push(vec![0]);
        assert_eq!(components(&Lists(lists)), [(0..=200_000).collect::<Vec<u32>>()]);
    }
}
