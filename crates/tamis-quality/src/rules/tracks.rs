//! Objects through the frames of a sequence.

use std::collections::BTreeMap;

use tamis_core::{Box2d, Label};

use super::Broken;
use super::book::RuleOptions;
use super::table::*;

/// Follows the instances of labels from frame to frame, each frame a sample of its own. Memory: one entry an instance.
#[derive(Clone, Debug, Default)]
pub struct Tracks {
    seen: BTreeMap<String, Seen>,
    /// How many frames have passed.
    frames: u64,
}

#[derive(Clone, Debug)]
struct Seen {
    frame: u64,
    label: usize,
    class: Option<String>,
    bounds: Option<Box2d>,
}

impl Tracks {
    /// No frames yet.
    pub fn new() -> Tracks {
        Tracks::default()
    }

    /// Takes the labels of the next frame of the sequence and gives `found` what they break against those before.
    /// O(labels · log instances).
    pub fn frame(&mut self, labels: &[Label], options: &RuleOptions, mut found: impl FnMut(Broken)) {
        let frame = self.frames;
        self.frames += 1;
        let mut found = |broken: Broken| {
            if !options.off.iter().any(|id| id == broken.rule.id) {
                found(broken);
            }
        };
        for (at, label) in labels.iter().enumerate() {
            let Some(name) = &label.instance else { continue };
            let bounds = label.bounds().filter(Box2d::is_valid);
            if let Some(before) = self.seen.get(name) {
                if before.frame == frame {
                    let message = format!("`{name}` is label {} of the frame too", before.label);
                    found(Broken { other: Some(before.label), ..Broken::new(TRACK_TWICE, at, message) });
                    continue;
                }
                let away = frame - before.frame - 1;
                if away > options.gap {
                    found(Broken::new(TRACK_GAP, at, format!("`{name}` was away for {away} frames")));
                }
                if before.class != label.class {
                    let class = |class: &Option<String>| class.clone().unwrap_or_default();
                    let (old, new) = (class(&before.class), class(&label.class));
                    found(Broken::new(TRACK_CLASS, at, format!("`{name}` was `{old}` and is `{new}`")));
                }
                if let (Some(old), Some(new)) = (before.bounds, bounds) {
                    let moved = steps(&old, &new) / (away + 1) as f64;
                    if moved > options.jump {
                        let message = format!("`{name}` moved by {moved:.1} times its size a frame");
                        found(Broken::new(TRACK_JUMP, at, message));
                    }
                }
            }
            self.seen.insert(name.clone(), Seen { frame, label: at, class: label.class.clone(), bounds });
        }
    }
}

/// How far a box moved, in its mean sizes.
fn steps(old: &Box2d, new: &Box2d) -> f64 {
    let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (old.to_center(), new.to_center());
    (bx - ax).hypot(by - ay) / ((aw + ah + bw + bh) / 4.0)
}
