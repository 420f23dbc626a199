//! A slab: values with small stable keys, whose places are used again, so that a steady state allocates
//! nothing and the event queue moves keys instead of messages.

/// A collection that hands out a key for each value.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// How many values are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether no value is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps a value; the key finds it until it is removed.
    ///
    /// # Panics
    /// If 2^32 values are kept.
    #[inline]
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(key) = self.free.pop() {
            self.places[key as usize] = Some(value);
            return key;
        }
        let key = u32::try_from(self.places.len()).expect("fewer than 2^32 values at a time");
        self.places.push(Some(value));
        key
    }

    /// The value of this key.
    ///
    /// # Panics
    /// If the key is not in use.
    #[must_use]
    #[inline]
    pub fn get(&self, key: u32) -> &T {
        self.places[key as usize].as_ref().expect("a slab key is used until it is removed")
    }

    /// Removes the value of this key.
    ///
    /// # Panics
    /// If the key is not in use.
    #[inline]
    pub fn remove(&mut self, key: u32) -> T {
        let value =
            self.places[key as usize].take().expect("a slab key is used until it is removed");
        self.free.push(key);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again() {
        let mut slab = Slab::default();
        let (first, second) = (slab.insert("a"), slab.insert("b"));
        assert_eq!(slab.remove(first), "a");
        assert_eq!(slab.insert("c"), first);
        assert_eq!((slab.len(), *slab.get(second)), (2, "b"));
    }
}
