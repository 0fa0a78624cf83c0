use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use tamis_core::Progress;
use tamis_index::vector::{Cells, Changed, Metric, VectorIndex, exact};
use tamis_table::Table;

use crate::World;

fn noise(seed: &mut u64) -> f32 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    ((*seed >> 40) as f32 / (1u64 << 24) as f32) * 2.0 - 1.0
}

/// Vectors around some middles, as embeddings are.
fn clustered(rows: usize, dims: usize, middles: usize) -> Vec<f32> {
    let mut seed = 7;
    let centres: Vec<f32> = (0..middles * dims).map(|_| noise(&mut seed) * 2.0).collect();
    let mut out = Vec::with_capacity(rows * dims);
    for row in 0..rows {
        let at = (row * 31 + row / 7) % middles;
        out.extend((0..dims).map(|dim| centres[at * dims + dim] + noise(&mut seed)));
    }
    out
}

fn index(world: &World, cells: &Cells, rows: &BTreeMap<String, Vec<f32>>) -> Table {
    let changes: Vec<Changed<'_>> =
        rows.iter().map(|(path, vector)| Changed { path: path.as_bytes(), old: None, new: Some(vector) }).collect();
    let edit = VectorIndex::edit(cells, &changes, &Progress::none()).unwrap();
    world.edit(&world.empty(VectorIndex::schema(cells.dims())), &edit)
}

#[test]
fn few_cells_find_nearly_all_and_all_cells_all_of_the_nearest() {
    let (rows, dims) = (4000, 48);
    for metric in [Metric::Cosine, Metric::Euclidean] {
        let vectors = clustered(rows, dims, 40);
        let cells = Cells::learn(metric, dims, &vectors, 64, 1, &Progress::none()).unwrap();
        assert_eq!(Cells::decode(&cells.encode()).unwrap(), cells);
        let named: BTreeMap<String, Vec<f32>> =
            vectors.chunks_exact(dims).enumerate().map(|(at, vector)| (format!("{at:05}"), vector.to_vec())).collect();
        let world = World::default();
        let table = index(&world, &cells, &named);
        assert_eq!(table.len(), rows as u64);
        let open = VectorIndex::open(&table, &cells).unwrap();
        let mut seed = 99;
        let (mut few, mut all, mut asked) = (0, 0, 0);
        for at in (0..rows).step_by(97) {
            let query: Vec<f32> = vectors[at * dims..][..dims].iter().map(|x| x + 0.3 * noise(&mut seed)).collect();
            let right: HashSet<String> =
                exact(metric, &query, &vectors, 10).into_iter().map(|(at, _)| format!("{at:05}")).collect();
            let hits = |probes: usize| {
                let found = open.search(&query, 10, probes, None).unwrap();
                assert_eq!(found.near.len(), 10);
                found.near.iter().filter(|(path, _)| right.contains(path)).count()
            };
            few += hits(8);
            all += hits(64);
            asked += 10;
        }
        assert!(few as f64 / asked as f64 > 0.9, "{metric:?}: {few} of {asked}");
        assert!(all as f64 / asked as f64 > 0.97, "{metric:?}: {all} of {asked}");
    }
}

#[test]
fn a_filter_never_costs_results() {
    let dims = 8;
    let vectors = clustered(500, dims, 10);
    let cells = Cells::learn(Metric::Cosine, dims, &vectors, 20, 0, &Progress::none()).unwrap();
    let named: BTreeMap<String, Vec<f32>> =
        vectors.chunks_exact(dims).enumerate().map(|(at, vector)| (format!("{at:03}"), vector.to_vec())).collect();
    let world = World::default();
    let open = VectorIndex::open(&index(&world, &cells, &named), &cells).unwrap();
    let allowed = |path: &str| path.ends_with("77");
    let found = open.search(&vectors[..dims], 10, 1, Some(&allowed)).unwrap();
    let paths: Vec<&str> = found.near.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths.len(), 5, "all five there are: {paths:?}");
    assert_eq!(found.cells, 20);
    assert!(found.near.is_sorted_by(|a, b| a.1 <= b.1));
    assert!(open.search(&vectors[..dims - 1], 1, 1, None).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn updates_give_what_a_build_gives(
        first in prop::collection::btree_map("[a-c]{1,3}", prop::collection::vec(-4f32..4.0, 3), 1..60),
        steps in prop::collection::vec(prop::collection::btree_map("[a-c]{1,3}", prop::option::of(prop::collection::vec(-4f32..4.0, 3)), 1..20), 1..5),
    ) {
        let all: Vec<f32> = first.values().flatten().copied().collect();
        let cells = Cells::learn(Metric::Euclidean, 3, &all, 7, 3, &Progress::none()).unwrap();
        let world = World::default();
        let mut model = first.clone();
        let mut table = index(&world, &cells, &model);
        for step in &steps {
            let before = model.clone();
            let changes: Vec<Changed<'_>> = step
                .iter()
                .map(|(path, new)| Changed { path: path.as_bytes(), old: before.get(path).map(Vec::as_slice), new: new.as_deref() })
                .collect();
            table = world.edit(&table, &VectorIndex::edit(&cells, &changes, &Progress::none()).unwrap());
            for (path, new) in step {
                match new {
                    Some(new) => drop(model.insert(path.clone(), new.clone())),
                    None => drop(model.remove(path)),
                }
            }
        }
        prop_assert_eq!(table.len(), model.len() as u64);
        prop_assert_eq!(table.content_hash(), index(&world, &cells, &model).content_hash());
        let open = VectorIndex::open(&table, &cells).unwrap();
        let found = open.search(&[0.0, 0.0, 0.0], 100, 1, None).unwrap();
        prop_assert_eq!(found.near.len(), model.len());
        for (path, distance) in found.near {
            prop_assert!((distance - Metric::Euclidean.distance(&[0.0; 3], &model[&path])).abs() < 0.2);
        }
    }
}

#[test]
fn broken_cells_are_refused() {
    let cells = Cells::learn(Metric::Cosine, 2, &[1.0, 0.0, 0.0, 1.0], 2, 0, &Progress::none()).unwrap().encode();
    for end in 0..cells.len() {
        assert!(Cells::decode(&cells[..end]).is_err());
    }
    for (at, value) in [(0, 9), (4, 2), (5, 200), (9, 200)] {
        let mut broken = cells.clone();
        broken[at] = value;
        assert!(Cells::decode(&broken).is_err(), "byte {at}");
    }
    assert!(Cells::learn(Metric::Cosine, 3, &[1.0; 4], 1, 0, &Progress::none()).is_err());
    assert!(Cells::learn(Metric::Cosine, 3, &[], 1, 0, &Progress::none()).is_err());
}
