//! Which parts of a dataset a filter has to look at.

use tamis_repo::ScanOptions;

use super::Filter;
use super::key::Key;
use super::tree::{Choice, Condition, SampleTerm, Test, Wanted};

/// Where samples that fit can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below all paths that begin with this.
    Prefix(String),
    /// Nowhere: two beginnings are asked for that cannot both be.
    Nowhere,
}

impl Filter {
    /// Leaves out of a scan what the filter does not look at: column groups, layers, paths. `layers` are those of the
    /// dataset. False when no sample can fit; the options are then as they were.
    pub fn narrow(&self, options: &mut ScanOptions, layers: &[String]) -> bool {
        let Place::Prefix(prefix) = self.place(&options.prefix) else { return false };
        options.prefix = prefix;
        options.skip_base = true;
        options.skip_fields = true;
        let mut wanted = vec![false; layers.len()];
        self.condition().each(&mut |term, _| {
            let used: Vec<bool> = match term {
                SampleTerm::Is(Test { key, .. }) => {
                    options.skip_fields &= !matches!(key, Key::Field(_));
                    options.skip_base &= matches!(key, Key::Field(_) | Key::Path | Key::Segment);
                    return;
                }
                SampleTerm::Label(label) | SampleTerm::Count(label, _) => {
                    layers.iter().map(|layer| may_be_in(label, layer)).collect()
                }
                SampleTerm::Layer(patterns, _) => {
                    layers.iter().map(|layer| patterns.iter().any(|pattern| pattern.fits(layer))).collect()
                }
                SampleTerm::View(..) => vec![true; layers.len()],
            };
            wanted.iter_mut().zip(used).for_each(|(wanted, used)| *wanted |= used);
        });
        let wanted = layers.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(layer, _)| layer.clone());
        options.layers = Some(wanted.collect());
        true
    }

    /// Where samples that fit can be, below a beginning of paths.
    pub fn place(&self, prefix: &str) -> Place {
        let mut longest = prefix.to_owned();
        for term in self.required() {
            let SampleTerm::Is(Test { key, wanted: Wanted::OneOf(choices), .. }) = term else { continue };
            let [Choice::Text(pattern)] = choices.as_slice() else { continue };
            let begins = match (key, pattern.literal()) {
                (Key::Path, _) => pattern.prefix(),
                (Key::Segment, Some(segment)) if !segment.is_empty() => format!("{segment}/"),
                _ => continue,
            };
            if begins.starts_with(&longest) {
                longest = begins;
            } else if !longest.starts_with(&begins) {
                return Place::Nowhere;
            }
        }
        Place::Prefix(longest)
    }

    /// The terms that every sample that fits must fit.
    pub fn required(&self) -> impl Iterator<Item = &SampleTerm> {
        let list = match self.condition() {
            Condition::All(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        list.iter().filter_map(|condition| match condition {
            Condition::Is(term) => Some(term),
            _ => None,
        })
    }
}

/// Whether labels of a layer can fit, by what the condition asks of the layer itself.
pub(super) fn may_be_in(label: &Condition<Test>, layer: &str) -> bool {
    let list = match label {
        Condition::All(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter().all(|condition| match condition {
        Condition::Is(test) if test.key == Key::Layer => test.wanted.fits(&Some(layer).into()),
        _ => true,
    })
}
