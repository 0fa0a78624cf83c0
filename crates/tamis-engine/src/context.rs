//! Who calls, and how to tell them.

use tamis_core::Progress;
use tamis_repo::Author;

/// What every operation is given besides its request.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Who commits.
    pub author: Author,
    /// Where progress goes, and whether to stop.
    pub progress: Progress,
}

impl Ctx {
    /// A caller who sees no progress.
    pub fn new(author: Author) -> Ctx {
        Ctx { author, progress: Progress::none() }
    }
}
