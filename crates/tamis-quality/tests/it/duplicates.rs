//! Near-duplicates against comparing all pairs.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tamis_quality::Vectors;
use tamis_quality::duplicates::*;

use crate::random::Random;

type Found = BTreeMap<(u32, u32), f32>;

fn gather(run: impl FnOnce(&mut dyn FnMut(Pair))) -> Found {
    let mut found = Found::new();
    run(&mut |pair| {
        assert!(pair.first < pair.second);
        assert!(found.insert((pair.first, pair.second), pair.distance).is_none(), "{pair:?} twice");
    });
    found
}

/// All pairs, but of equal ones in one split each with the first alone.
fn naive(
    n: usize,
    splits: &[u32],
    is_same: impl Fn(usize, usize) -> bool,
    distance: impl Fn(usize, usize) -> Option<f32>,
) -> Found {
    let split = |i: usize| splits.get(i).copied().unwrap_or(0);
    let first = |i: usize| (0..=i).find(|&j| is_same(i, j) && split(i) == split(j)).unwrap();
    let mut found = Found::new();
    for i in 0..n {
        if first(i) != i {
            found.insert((first(i) as u32, i as u32), 0.0);
            continue;
        }
        for j in (i + 1..n).filter(|&j| first(j) == j) {
            if let Some(distance) = distance(i, j) {
                found.insert((i as u32, j as u32), distance);
            }
        }
    }
    found
}

/// Hashes of which many are near to some other.
fn hashes(random: &mut Random, n: usize) -> Vec<u64> {
    let mut hashes: Vec<u64> = vec![random.next()];
    while hashes.len() < n {
        let mut hash = if random.chance(0.3) { random.next() } else { hashes[random.below(hashes.len())] };
        for _ in 0..random.below(9) {
            hash ^= 1 << random.below(64);
        }
        hashes.push(hash);
    }
    hashes
}

fn splits(random: &mut Random, n: usize) -> Vec<u32> {
    if random.chance(0.5) { Vec::new() } else { (0..n).map(|_| random.below(3) as u32).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn near_hashes_are_all_pairs_within_the_radius(seed in any::<u64>(), n in 1usize..300, radius in 0u32..20) {
        let mut random = Random(seed);
        let (hashes, splits) = (hashes(&mut random, n), splits(&mut random, n));
        let found = gather(|add| near_hashes(&hashes, &splits, radius, add).unwrap());
        let within = |i: usize, j: usize| Some((hashes[i] ^ hashes[j]).count_ones()).filter(|d| *d <= radius);
        let wanted = naive(n, &splits, |i, j| hashes[i] == hashes[j], |i, j| within(i, j).map(|d| d as f32));
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn near_vectors_are_all_pairs_of_high_cosine(seed in any::<u64>(), n in 1usize..120, dims in 1usize..80, cosine in 0.5f64..1.0) {
        let mut random = Random(seed);
        let mut rows: Vec<Vec<f32>> = Vec::new();
        for _ in 0..n {
            let new: Vec<f32> = (0..dims).map(|_| random.between(-1.0, 1.0) as f32).collect();
            let old = if rows.is_empty() { new.clone() } else { rows[random.below(rows.len())].clone() };
            let noise = random.part() as f32;
            rows.push(match random.below(4) {
                0 => new,
                1 => old,
                2 => vec![0.0; dims],
                _ => old.iter().zip(&new).map(|(a, b)| a + noise * b).collect(),
            });
        }
        let splits = splits(&mut random, n);
        let flat = rows.concat();
        let found = gather(|add| near_vectors(&Vectors::new(&flat, dims).unwrap(), &splits, cosine, add).unwrap());
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
        let cos = |i: usize, j: usize| dot(&rows[i], &rows[j]) / (dot(&rows[i], &rows[i]) * dot(&rows[j], &rows[j])).sqrt();
        let wanted = naive(n, &splits, |i, j| rows[i] == rows[j], |i, j| Some(cos(i, j)).filter(|c| *c >= cosine - 1e-9).map(|c| 1.0 - c as f32));
        let edge = |(i, j): (u32, u32)| (cos(i as usize, j as usize) - cosine).abs() < 1e-9;
        for (pair, distance) in &wanted {
            prop_assert!(edge(*pair) || found.get(pair).is_some_and(|d| (d - distance).abs() < 1e-5), "{pair:?} {distance}");
        }
        prop_assert!(found.keys().all(|pair| wanted.contains_key(pair)));
    }

    #[test]
    fn groups_are_what_pairs_reach(n in 1usize..40, pairs in proptest::collection::vec((0u32..45, 0u32..45), 0..40)) {
        let mut links = Links::new(n);
        pairs.iter().for_each(|&(a, b)| links.join(a, b));
        let mut reach: Vec<BTreeSet<u32>> = (0..n as u32).map(|i| BTreeSet::from([i])).collect();
        for _ in 0..n {
            for &(a, b) in pairs.iter().filter(|(a, b)| (*a.max(b) as usize) < n) {
                let both: BTreeSet<u32> = reach[a as usize].union(&reach[b as usize]).copied().collect();
                both.iter().for_each(|&i| reach[i as usize] = both.clone());
            }
        }
        let first = |i: &usize| reach[*i].len() > 1 && reach[*i].first() == Some(&(*i as u32));
        let wanted: Vec<Vec<u32>> = (0..n).filter(first).map(|i| reach[i].iter().copied().collect()).collect();
        prop_assert_eq!(links.groups(), wanted);
    }
}

#[test]
fn the_best_of_a_group_is_kept_and_leaks_are_told() {
    let pixels = [10, 30, 30, 5];
    let worth = |at: u32| Worth { labels: 0, pixels: pixels[at as usize], bytes: 0 };
    assert_eq!(suggest(&[vec![0, 1, 2]], worth), [Suggestion { keep: 1, drop: vec![0, 2] }]);
    let labelled = |at: u32| Worth { labels: u64::from(at == 0), ..worth(at) };
    assert_eq!(suggest(&[vec![0, 1, 2]], labelled)[0].keep, 0);
    let mut leaks = Vec::new();
    let splits = [0, 0, 1];
    near_hashes(&[5, 5, 5], &splits, 4, |pair| leaks.extend(pair.leaks(&splits).then_some((pair.first, pair.second))))
        .unwrap();
    assert_eq!(leaks, [(0, 2)]);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    assert!(near_hashes(&[1, 2], &[0], 4, |_| ()).is_err());
    assert!(near_hashes(&[1, 2], &[], 65, |_| ()).is_err());
    assert!(Vectors::new(&[1.0, f32::NAN], 2).is_err());
    assert!(Vectors::new(&[1.0, 2.0, 3.0], 2).is_err());
    assert!(Vectors::new(&[], 0).is_err());
    let vectors = Vectors::new(&[1.0, 2.0], 2).unwrap();
    assert!(near_vectors(&vectors, &[], 0.0, |_| ()).is_err());
    near_vectors(&Vectors::new(&[], 3).unwrap(), &[], 0.9, |_| ()).unwrap();
}
