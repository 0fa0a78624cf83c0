//! Ids for labels of formats that have none: a label that is the same, or nearly the same, as one
//! that is there keeps its id, so that a diff says which box changed and not that all did.

use tamis_core::Label;

/// How much two boxes must overlap (intersection over union) to be one label that moved.
const SAME: f64 = 0.3;

/// Gives ids to labels that have none (0), by matching them with the labels that are there:
/// equal ones first, then the greatest overlap of one class and type, then of one type. The rest
/// get new ids. O(n²) at worst within one sample.
pub(in crate::ops) fn keep_ids(old: &[Label], labels: &mut [Label]) {
    let mut used: std::collections::BTreeSet<u64> = labels.iter().map(|label| label.id).filter(|id| *id != 0).collect();
    let mut open: Vec<usize> = (0..labels.len()).filter(|&at| labels[at].id == 0).collect();
    if open.is_empty() {
        return;
    }
    let mut free: Vec<&Label> = old.iter().filter(|label| !used.contains(&label.id)).collect();
    open.retain(|&at| {
        let same = |old: &&Label| Label { id: 0, ..(*old).clone() } == labels[at];
        match free.iter().position(same) {
            Some(found) => {
                labels[at].id = free.remove(found).id;
                used.insert(labels[at].id);
                false
            }
            None => true,
        }
    });
    for with_class in [true, false] {
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for &at in &open {
            for (candidate, old) in free.iter().enumerate() {
                let fits =
                    old.label_type() == labels[at].label_type() && (!with_class || old.class == labels[at].class);
                if fits {
                    pairs.push((likeness(old, &labels[at]), at, candidate));
                }
            }
        }
        pairs.retain(|(likeness, ..)| *likeness >= SAME);
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
        let mut taken = std::collections::BTreeSet::new();
        for (_, at, candidate) in pairs {
            if labels[at].id == 0 && taken.insert(candidate) {
                labels[at].id = free[candidate].id;
                used.insert(labels[at].id);
            }
        }
        open.retain(|&at| labels[at].id == 0);
        let mut position = 0;
        free.retain(|_| {
            position += 1;
            !taken.contains(&(position - 1))
        });
    }
    let mut next = old.iter().map(|label| label.id).chain(used).max().unwrap_or(0);
    for at in open {
        next += 1;
        labels[at].id = next;
    }
    labels.sort_by_key(|label| label.id);
}

/// How alike two labels of one type are: overlap of their boxes; 1 for the only classification.
fn likeness(a: &Label, b: &Label) -> f64 {
    match (a.bounds(), b.bounds()) {
        (Some(a), Some(b)) => a.iou(&b),
        (None, None) => 1.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use tamis_core::{Box2d, Shape};

    use super::*;

    fn label(id: u64, class: &str, x: f64) -> Label {
        Label::new(Shape::Box2d(Box2d::new(x, 0.0, x + 10.0, 10.0))).with_class(class).with_id(id)
    }

    #[test]
    fn labels_keep_their_ids_through_moves_and_renames() {
        let old = [label(4, "car", 0.0), label(5, "bus", 100.0), label(9, "car", 200.0)];
        // The second moved a little, the third changed its class, the first is gone, one is new.
        let mut new = [label(0, "truck", 200.0), label(0, "bus", 102.0), label(0, "car", 500.0)];
        keep_ids(&old, &mut new);
        let ids: Vec<(u64, &str)> = new.iter().map(|l| (l.id, l.class.as_deref().unwrap_or(""))).collect();
        assert_eq!(ids, [(5, "bus"), (9, "truck"), (10, "car")]);
    }

    #[test]
    fn equal_labels_are_matched_before_near_ones() {
        let old = [label(1, "car", 0.0), label(2, "car", 1.0)];
        let mut new = [label(0, "car", 1.0), label(0, "car", 2.0)];
        keep_ids(&old, &mut new);
        assert_eq!(new.iter().map(|l| l.id).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(new[1], label(2, "car", 1.0));
    }
}
