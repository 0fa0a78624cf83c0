//! The graph beside a log: one lane for each line of history that is open.

use tamis_core::CommitId;

/// The lanes after the commits drawn so far; each waits for a commit.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Vec<CommitId>);

impl Lanes {
    /// Draws a commit: its own line, then a line for each join or fork below it.
    pub(crate) fn draw(&mut self, commit: CommitId, parents: &[CommitId]) -> Vec<String> {
        let mut lines = Vec::new();
        let at = match self.0.iter().position(|wanted| *wanted == commit) {
            Some(at) => at,
            None => {
                self.0.push(commit);
                self.0.len() - 1
            }
        };
        // Other lanes that wait for the same commit end here.
        while let Some(other) = self.0.iter().rposition(|wanted| *wanted == commit).filter(|other| *other != at) {
            lines.push(join(self.0.len(), other, at));
            self.0.remove(other);
        }
        let star = |i: usize| if i == at { "*" } else { "|" };
        lines.push((0..self.0.len()).map(star).collect::<Vec<_>>().join(" "));
        match parents.split_first() {
            None => drop(self.0.remove(at)),
            Some((first, rest)) => {
                self.0[at] = *first;
                for parent in rest {
                    if !self.0.contains(parent) {
                        self.0.insert(at + 1, *parent);
                        let mut line: Vec<&str> = vec!["|"; at + 1];
                        line.push("\\");
                        line.extend(vec!["\\"; self.0.len() - at - 2]);
                        lines.push(line.join(" ").replacen("| \\", "|\\", 1));
                    }
                }
            }
        }
        lines
    }
}

/// The line in which lane `from` runs into lane `to`; the lanes after it close up.
fn join(lanes: usize, from: usize, to: usize) -> String {
    let sign = |lane: usize| match lane {
        lane if lane >= from => "/",
        lane if lane > to => "|_",
        _ => "|",
    };
    let line = (0..lanes).map(sign).collect::<Vec<_>>().join(" ");
    line.replace("_ ", "_").replacen("| /", "|/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tamis_core::Hash;

    #[test]
    fn a_merge_opens_a_lane_and_its_base_closes_it() {
        let [d, c, b, a] = [4u8, 3, 2, 1].map(|n| CommitId(Hash([n; 32])));
        let mut lanes = Lanes::default();
        let mut lines = Vec::new();
        for (commit, parents) in [(d, vec![c, b]), (c, vec![a]), (b, vec![a]), (a, vec![])] {
            lines.extend(lanes.draw(commit, &parents));
        }
        assert_eq!(lines, ["*", "|\\", "* |", "| *", "|/", "*"]);
        assert!(lanes.0.is_empty());
    }
}
