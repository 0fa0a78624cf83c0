//! Groups of samples that pairs join, and the best of each.

/// Which samples belong together: a forest that pairs join (Tarjan and van Leeuwen, "Worst-case analysis of set union
/// algorithms", 1984; paths are halved, the lower number is the root).
#[derive(Clone, Debug)]
pub struct Links {
    parents: Vec<u32>,
}

impl Links {
    /// So many samples, none of which belong together. At most 2³² − 1.
    pub fn new(samples: usize) -> Links {
        Links { parents: (0..samples as u32).collect() }
    }

    /// Says that two samples belong together; numbers that are no samples are passed over. O(log n), mostly less.
    pub fn join(&mut self, a: u32, b: u32) {
        if (a.max(b) as usize) < self.parents.len() {
            let (a, b) = (self.root(a), self.root(b));
            self.parents[a.max(b) as usize] = a.min(b);
        }
    }

    fn root(&mut self, mut at: u32) -> u32 {
        while self.parents[at as usize] != at {
            let above = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = above;
            at = above;
        }
        at
    }

    /// The groups of two samples and more: members ascend, groups are in the order of their first members. O(n).
    pub fn groups(mut self) -> Vec<Vec<u32>> {
        let roots: Vec<u32> = (0..self.parents.len() as u32).map(|at| self.root(at)).collect();
        let mut sizes = vec![0u32; roots.len()];
        roots.iter().for_each(|&root| sizes[root as usize] += 1);
        let mut numbers = vec![u32::MAX; roots.len()];
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for (at, &root) in roots.iter().enumerate().filter(|(_, root)| sizes[**root as usize] > 1) {
            let number = &mut numbers[root as usize];
            if *number == u32::MAX {
                *number = groups.len() as u32;
                groups.push(Vec::with_capacity(sizes[root as usize] as usize));
            }
            groups[*number as usize].push(at as u32);
        }
        groups
    }
}

/// What speaks for keeping a sample, the most important first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worth {
    /// How many labels it has: work that would be lost.
    pub labels: u64,
    /// How many pixels it has.
    pub pixels: u64,
    /// How many bytes its file has: of equal pixels the less compressed.
    pub bytes: u64,
}

/// Which sample of a group stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The sample to keep.
    pub keep: u32,
    /// The samples that say the same, ascending.
    pub drop: Vec<u32>,
}

/// For each group the sample of the highest worth, of equal ones the first. `worth` is asked once a member. O(members).
pub fn suggest(groups: &[Vec<u32>], mut worth: impl FnMut(u32) -> Worth) -> Vec<Suggestion> {
    let best = |group: &Vec<u32>| {
        let ranked = group.iter().map(|&member| (worth(member), std::cmp::Reverse(member)));
        let keep = ranked.max()?.1.0;
        Some(Suggestion { keep, drop: group.iter().copied().filter(|&member| member != keep).collect() })
    };
    groups.iter().filter_map(best).collect()
}
