//! Logistic regression, for telling two sets apart.

use crate::vectors::dot;

/// Weights that minimise the sum of logistic losses plus half their squares; the intercept is not held back.
///
/// Nesterov's accelerated gradient (1983) with the step that the largest eigenvalue allows, restarted where it overshoots
/// (O'Donoghue and Candès, 2015). O(rounds · n · dims).
pub(super) fn fit(rows: &[&[f32]], labels: &[bool]) -> (Vec<f32>, f64) {
    const ROUNDS: usize = 300;
    let dims = rows.first().map_or(0, |row| row.len());
    let step = 1.0 / (0.25 * largest_eigenvalue(rows, dims) + 1.0);
    let (mut weights, mut intercept) = (vec![0.0f32; dims], 0.0f64);
    let (mut ahead, mut ahead_intercept) = (weights.clone(), intercept);
    let mut momentum = 1.0f64;
    for _ in 0..ROUNDS {
        let mut gradient: Vec<f64> = ahead.iter().map(|w| f64::from(*w)).collect();
        let mut slope = 0.0;
        for (row, &label) in rows.iter().zip(labels) {
            let off = 1.0 / (1.0 + (-(dot(row, &ahead) + ahead_intercept)).exp()) - f64::from(u8::from(label));
            gradient.iter_mut().zip(*row).for_each(|(g, x)| *g += off * f64::from(*x));
            slope += off;
        }
        let next: Vec<f32> = ahead.iter().zip(&gradient).map(|(w, g)| (f64::from(*w) - step * g) as f32).collect();
        let next_intercept = ahead_intercept - step * slope;
        let moved: Vec<f64> = next.iter().zip(&weights).map(|(a, b)| f64::from(a - b)).collect();
        let uphill =
            gradient.iter().zip(&moved).map(|(g, m)| g * m).sum::<f64>() + slope * (next_intercept - intercept);
        let far = moved.iter().map(|m| m * m).sum::<f64>().sqrt();
        let next_momentum = if uphill > 0.0 { 1.0 } else { (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0 };
        let push = if uphill > 0.0 { 0.0 } else { (momentum - 1.0) / next_momentum };
        ahead = next.iter().zip(&moved).map(|(w, m)| (f64::from(*w) + push * m) as f32).collect();
        ahead_intercept = next_intercept + push * (next_intercept - intercept);
        (weights, intercept, momentum) = (next, next_intercept, next_momentum);
        if far < 1e-6 {
            break;
        }
    }
    (weights, intercept)
}

/// Of the products of all rows with themselves and a 1, by the power method; a little above it.
fn largest_eigenvalue(rows: &[&[f32]], dims: usize) -> f64 {
    let mut direction = vec![1.0f32; dims];
    let mut one = 1.0f64;
    let mut value = 0.0;
    for _ in 0..12 {
        let length = (dot(&direction, &direction) + one * one).sqrt().max(1e-30);
        direction.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
        one /= length;
        let mut next = vec![0.0f64; dims];
        let mut next_one = 0.0;
        for row in rows {
            let along = dot(row, &direction) + one;
            next.iter_mut().zip(*row).for_each(|(n, x)| *n += along * f64::from(*x));
            next_one += along;
        }
        value = (next.iter().map(|v| v * v).sum::<f64>() + next_one * next_one).sqrt();
        direction = next.iter().map(|v| *v as f32).collect();
        one = next_one;
    }
    1.1 * value
}
