//! Names that look like a name: for "did you mean".

/// Up to three known names within a third of the name's length of edits, or that have it as a part; nearest first. Case
/// does not count. O(known · length²).
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let limit = (name.chars().count() / 3).max(1);
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|other| {
            let far = distance(&name.to_lowercase(), &other.to_lowercase());
            let is_part = name.len() >= 3 && other.contains(name);
            (far <= limit || is_part).then_some((far, other))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(3).map(|(_, other)| other.to_owned()).collect()
}

/// Edit distance with swaps of neighbours (optimal string alignment), of the first 64 characters.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_come_nearest_first() {
        assert_eq!(near("boxes", ["fix/boxes", "x"]), ["fix/boxes"]);
        assert_eq!(near("mian", ["main", "release"]), ["main"]);
        assert_eq!(near("zzz", ["main"]), Vec::<String>::new());
    }
}
