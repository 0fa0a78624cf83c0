//! The best one-to-one assignment of rows to columns.

/// For each of `rows` rows the column it is assigned to, so that the sum of costs is least; [`None`] for rows that are
/// left over when there are more rows than columns. Costs are finite, row by row.
///
/// Shortest augmenting paths (Crouse, "On implementing 2D rectangular assignment algorithms", 2016), in the order in
/// which SciPy looks at columns, so that equal sums give the same choice. O(n² · m) for n ≤ m sides.
pub(crate) fn assign(costs: &[f64], rows: usize, columns: usize) -> Vec<Option<usize>> {
    if rows == 0 || columns == 0 {
        return vec![None; rows];
    }
    if rows > columns {
        let mut turned = vec![0.0; costs.len()];
        for row in 0..rows {
            for column in 0..columns {
                turned[column * rows + row] = costs[row * columns + column];
            }
        }
        let mut chosen = vec![None; rows];
        for (column, row) in assign(&turned, columns, rows).into_iter().enumerate() {
            if let Some(row) = row {
                chosen[row] = Some(column);
            }
        }
        return chosen;
    }
    let mut state = State {
        costs,
        columns,
        row_prices: vec![0.0; rows],
        column_prices: vec![0.0; columns],
        row_of: vec![None; columns],
        column_of: vec![None; rows],
    };
    (0..rows).for_each(|row| state.add(row));
    state.column_of
}

struct State<'a> {
    costs: &'a [f64],
    columns: usize,
    row_prices: Vec<f64>,
    column_prices: Vec<f64>,
    row_of: Vec<Option<usize>>,
    column_of: Vec<Option<usize>>,
}

impl State<'_> {
    /// Assigns one more row along the shortest augmenting path.
    fn add(&mut self, new: usize) {
        let mut from = vec![new; self.columns];
        let mut shortest = vec![f64::INFINITY; self.columns];
        let mut rest: Vec<usize> = (0..self.columns).rev().collect();
        let (mut tree_rows, mut tree_columns) = (Vec::new(), Vec::new());
        let (mut row, mut length) = (new, 0.0);
        let end = loop {
            tree_rows.push(row);
            let mut best: Option<usize> = None;
            let mut lowest = f64::INFINITY;
            for (place, &column) in rest.iter().enumerate() {
                let reduced = length + self.costs[row * self.columns + column]
                    - self.row_prices[row]
                    - self.column_prices[column];
                if reduced < shortest[column] {
                    from[column] = row;
                    shortest[column] = reduced;
                }
                let is_free = self.row_of[column].is_none();
                if shortest[column] < lowest || (shortest[column] == lowest && is_free) {
                    lowest = shortest[column];
                    best = Some(place);
                }
            }
            // Only costs that are not finite leave nothing to choose.
            let Some(place) = best else { return };
            length = lowest;
            let column = rest.swap_remove(place);
            tree_columns.push(column);
            match self.row_of[column] {
                None => break column,
                Some(next) => row = next,
            }
        };
        self.row_prices[new] += length;
        for &row in tree_rows.iter().filter(|row| **row != new) {
            if let Some(column) = self.column_of[row] {
                self.row_prices[row] += length - shortest[column];
            }
        }
        for &column in &tree_columns {
            self.column_prices[column] -= length - shortest[column];
        }
        let mut column = end;
        loop {
            let row = from[column];
            self.row_of[column] = Some(row);
            match self.column_of[row].replace(column) {
                Some(next) if row != new => column = next,
                _ => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The least sum by trying every choice.
    fn naive(costs: &[f64], rows: usize, columns: usize, row: usize, used: u32) -> f64 {
        if row == rows {
            return 0.0;
        }
        let free = (0..columns).filter(|column| used & (1 << column) == 0);
        let with = free.map(|c| costs[row * columns + c] + naive(costs, rows, columns, row + 1, used | 1 << c));
        let best = with.fold(f64::INFINITY, f64::min);
        let spare = rows - row > columns - used.count_ones() as usize;
        if spare { best.min(naive(costs, rows, columns, row + 1, used)) } else { best }
    }

    #[test]
    fn assignments_cost_least() {
        let mut random = Random::new(5, 5);
        for _ in 0..400 {
            let (rows, columns) = (random.below(6), random.below(6));
            let costs: Vec<f64> = (0..rows * columns).map(|_| random.below(12) as f64 - 4.0).collect();
            let chosen = assign(&costs, rows, columns);
            let mut used: Vec<usize> = chosen.iter().flatten().copied().collect();
            used.sort_unstable();
            used.dedup();
            assert_eq!(used.len(), rows.min(columns));
            let sum: f64 = chosen.iter().enumerate().filter_map(|(r, c)| Some(costs[r * columns + (*c)?])).sum();
            assert_eq!(sum, naive(&costs, rows, columns, 0, 0), "{costs:?} {rows}×{columns}");
        }
    }
}
