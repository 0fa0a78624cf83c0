//! Comparing with every vector.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Metric;

/// The nearest of what was offered so far.
#[derive(Clone, Debug)]
pub struct Nearest<T> {
    most: usize,
    heap: BinaryHeap<Item<T>>,
}

#[derive(Clone, Debug)]
struct Item<T> {
    distance: f32,
    what: T,
}

impl<T: Ord> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then_with(|| self.what.cmp(&other.what))
    }
}

impl<T: Ord> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Ord> Eq for Item<T> {}

impl<T: Ord> Nearest<T> {
    /// Keeps so many.
    pub fn new(most: usize) -> Nearest<T> {
        Nearest { most, heap: BinaryHeap::with_capacity(most.min(1 << 16) + 1) }
    }

    /// Whether something at a distance could be among them.
    pub fn takes(&self, distance: f32) -> bool {
        self.heap.len() < self.most || self.heap.peek().is_some_and(|worst| distance.total_cmp(&worst.distance).is_le())
    }

    /// Offers something. Of equal distances the smaller thing is nearer. O(log most).
    pub fn offer(&mut self, distance: f32, what: T) {
        if !self.takes(distance) || self.most == 0 {
            return;
        }
        self.heap.push(Item { distance, what });
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing was taken so far.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Adds what another one kept.
    pub fn join(&mut self, other: Nearest<T>) {
        for item in other.heap {
            self.offer(item.distance, item.what);
        }
    }

    /// The nearest first.
    pub fn sorted(self) -> Vec<(T, f32)> {
        self.heap.into_sorted_vec().into_iter().map(|item| (item.what, item.distance)).collect()
    }
}

/// The `most` nearest of some vectors, which lie one after another, by their places; nearest first, of equals the first.
/// O(vectors × dimensions).
pub fn exact(metric: Metric, query: &[f32], vectors: &[f32], most: usize) -> Vec<(usize, f32)> {
    let mut nearest = Nearest::new(most);
    for (at, vector) in vectors.chunks_exact(query.len().max(1)).enumerate() {
        nearest.offer(metric.distance(query, vector), at);
    }
    nearest.sorted()
}
