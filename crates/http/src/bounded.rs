//! A map that never grows beyond its bound, whoever fills it.

use std::collections::HashMap;
use std::hash::Hash;

/// Two generations of entries. When the young one is full it becomes the old one, and what was old is forgotten;
/// what is used moves to the young one, so strangers can push out only what nobody used for a while.
/// The standard hasher is keyed at random: nobody can aim at a bucket.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
}

impl<K: Eq + Hash + Clone, V> Bounded<K, V> {
    /// Keeps the last `generation` used at least, twice as many at most.
    pub(crate) fn new(generation: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation,
        }
    }

    /// The entry, if it is still known.
    pub(crate) fn known(&mut self, key: &K) -> Option<&mut V> {
        let value = self.young.remove(key).or_else(|| self.old.remove(key))?;
        Some(self.entry(key.clone(), || value))
    }

    /// The entry, made where it is not known.
    pub(crate) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        let known = old.remove(&key);
        self.young
            .entry(key)
            .or_insert_with(|| known.unwrap_or_else(make))
    }

    /// Forgets the entry.
    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_twice_its_generation() {
        let mut map = Bounded::new(10);
        for key in 0..10_000 {
            map.entry(key, || ());
            assert!(map.len() <= 20);
        }
    }

    #[test]
    fn what_is_used_is_not_pushed_out() {
        let mut map = Bounded::new(10);
        *map.entry(0, || 0) = 7;
        for key in 1..10_000 {
            map.entry(key, || 0);
            assert_eq!(map.known(&0), Some(&mut 7), "after {key}");
        }
        assert_eq!(map.known(&1), None);
    }

    #[test]
    fn what_is_removed_is_gone_from_both_generations() {
        let mut map = Bounded::new(1);
        map.entry(1, || 'a');
        map.entry(2, || 'b');
        map.remove(&1);
        map.remove(&2);
        assert_eq!(
            (map.known(&1).is_some(), map.known(&2).is_some()),
            (false, false)
        );
    }
}
