//! A set of directed links, as a bit for each pair of endpoints.
//!
//! A partition of a large cluster disturbs half of all links, and each link asks every fault that holds
//! whether it is meant. A bit each makes both cheap, and gives the set one order: by sender, then by
//! receiver.

use crate::trace::Endpoint;

const WORD_BITS: usize = 64;

/// A set of directed links between the endpoints of one network.
///
/// Invariant: no link of an endpoint to itself is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSet {
    endpoints: usize,
    words: Vec<u64>,
}

impl LinkSet {
    /// No link, among this many endpoints.
    #[must_use]
    pub fn empty(endpoints: usize) -> Self {
        Self { endpoints, words: vec![0; (endpoints * endpoints).div_ceil(WORD_BITS)] }
    }

    /// How many endpoints the network has.
    #[must_use]
    pub const fn endpoints(&self) -> usize {
        self.endpoints
    }

    /// Adds the link `from` -> `to`. The way of an endpoint to itself is no link and stays out.
    ///
    /// # Panics
    /// If one of the two is no endpoint of this network.
    pub fn insert(&mut self, from: Endpoint, to: Endpoint) {
        if from != to {
            let place = self.place(from, to);
            self.words[place / WORD_BITS] |= 1 << (place % WORD_BITS);
        }
    }

    /// Adds every link from the first to the second.
    pub fn insert_all(&mut self, from: &[Endpoint], to: &[Endpoint]) {
        for &sender in from {
            for &receiver in to {
                self.insert(sender, receiver);
            }
        }
    }

    /// Adds every link between the two, in both directions.
    pub fn insert_between(&mut self, one: &[Endpoint], other: &[Endpoint]) {
        self.insert_all(one, other);
        self.insert_all(other, one);
    }

    /// Whether the link `from` -> `to` is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, from: Endpoint, to: Endpoint) -> bool {
        let place = self.place(from, to);
        self.words[place / WORD_BITS] >> (place % WORD_BITS) & 1 == 1
    }

    /// Whether no link is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// How many links are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The links, by sender and then by receiver.
    pub fn iter(&self) -> impl Iterator<Item = (Endpoint, Endpoint)> + '_ {
        self.words.iter().enumerate().flat_map(move |(number, &word)| {
            bits(word).map(move |bit| {
                let place = number * WORD_BITS + bit;
                (endpoint(place / self.endpoints), endpoint(place % self.endpoints))
            })
        })
    }

    fn place(&self, from: Endpoint, to: Endpoint) -> usize {
        let (from, to) = (from.0 as usize, to.0 as usize);
        assert!(from < self.endpoints && to < self.endpoints, "a link joins two endpoints");
        from * self.endpoints + to
    }
}

fn endpoint(place: usize) -> Endpoint {
    Endpoint(u32::try_from(place).expect("endpoints are numbered in 32 bits"))
}

/// The places of the bits that are set, from the lowest.
fn bits(word: u64) -> impl Iterator<Item = usize> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest == 0 {
            return None;
        }
        let bit = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(numbers: &[u32]) -> Vec<Endpoint> {
        numbers.iter().copied().map(Endpoint).collect()
    }

    #[test]
    fn links_come_out_by_sender_then_receiver() {
        let mut links = LinkSet::empty(11); // 121 bits: two words
        links.insert(Endpoint(10), Endpoint(9));
        links.insert(Endpoint(2), Endpoint(7));
        links.insert(Endpoint(2), Endpoint(1));
        let listed: Vec<(u32, u32)> = links.iter().map(|(from, to)| (from.0, to.0)).collect();
        assert_eq!(listed, [(2, 1), (2, 7), (10, 9)]);
        assert_eq!(links.len(), 3);
        assert!(
            links.contains(Endpoint(2), Endpoint(7)) && !links.contains(Endpoint(7), Endpoint(2))
        );
    }

    #[test]
    fn an_endpoint_has_no_link_to_itself() {
        let mut links = LinkSet::empty(3);
        links.insert_between(&all(&[0, 1]), &all(&[1, 2]));
        // 0-1, 0-2, 1-2 in both directions; 1-1 is no link.
        assert_eq!(links.len(), 6);
        assert!(!links.contains(Endpoint(1), Endpoint(1)));
    }

    #[test]
    #[should_panic(expected = "a link joins two endpoints")]
    fn an_endpoint_of_another_network_is_refused() {
        LinkSet::empty(3).insert(Endpoint(0), Endpoint(3));
    }
}
