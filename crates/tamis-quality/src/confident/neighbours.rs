//! Probabilities without a model: what the nearest samples are.

use crate::outliers::Neighbours;

/// For each row the shares of the classes among its neighbours that have one: N × `classes` numbers. The sample itself is no
/// neighbour, so its own label says nothing, as confident learning wants of predictions. A row whose neighbours have no
/// class gets even shares. A label that is no class counts as none. O(N · (neighbours + classes)).
pub fn neighbour_shares(neighbours: &Neighbours, labels: &[Option<u32>], classes: usize) -> Vec<f32> {
    let mut shares = vec![0f32; neighbours.len() * classes];
    for (row, share) in shares.chunks_exact_mut(classes.max(1)).enumerate() {
        let mut count = 0f32;
        for (_, other) in neighbours.of(row) {
            let label = labels.get(*other as usize).copied().flatten();
            if let Some(own) = label.and_then(|label| share.get_mut(label as usize)) {
                *own += 1.0;
                count += 1.0;
            }
        }
        match count > 0.0 {
            true => share.iter_mut().for_each(|own| *own /= count),
            false => share.fill(1.0 / classes as f32),
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Vectors;

    #[test]
    fn the_own_label_does_not_count_and_missing_ones_are_even() {
        let rows = [0.0, 0.1, 0.2, 9.0, 9.1];
        let near = Neighbours::find(&Vectors::new(&rows, 1).unwrap(), 2).unwrap();
        let shares = neighbour_shares(&near, &[Some(0), Some(1), Some(1), None, None], 2);
        assert_eq!(&shares[..2], [0.0, 1.0]);
        assert_eq!(&shares[2..4], [0.5, 0.5]);
        // The nearest of the fourth are the fifth, which has no class, and the third.
        assert_eq!(&shares[6..8], [0.0, 1.0]);
        assert_eq!(neighbour_shares(&near, &[None; 5], 2), vec![0.5; 10]);
    }
}
