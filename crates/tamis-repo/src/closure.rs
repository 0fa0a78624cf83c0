//! What a commit leads to: for copying, marking and verifying.

use tamis_core::{CommitId, Hash};

use crate::merge::Contents;
use crate::object::Commit;
use crate::rows::Rows;
use crate::{Repo, Result};

/// The objects of some contents beside their rows' blobs: ontology, sensors, others, and the
/// tables' nodes and pages, without those that the table of `except` has.
pub(crate) fn objects(
    repo: &Repo,
    contents: &Contents,
    except: Option<&Contents>,
    f: &mut dyn FnMut(Hash) -> Result<()>,
) -> Result<()> {
    let small = contents.ontology.iter().chain(&contents.sensors).chain(contents.extra.values());
    small.copied().try_for_each(|id| f(*id.hash()))?;
    contents.samples()?;
    for (name, entry) in &contents.tables {
        let before = except.and_then(|except| except.tables.get(name));
        if before.is_some_and(|before| before.table == entry.table) {
            continue;
        }
        let before = before.map(|before| Rows::open(repo, before.table)).transpose()?;
        Rows::open(repo, entry.table)?.reachable(before.as_ref(), entry.change, f)?;
    }
    Ok(())
}

/// The blobs of the rows that differ from those of `except`: media and masks.
pub(crate) fn blobs(
    repo: &Repo,
    contents: &Contents,
    except: Option<&Contents>,
    f: &mut dyn FnMut(Hash) -> Result<()>,
) -> Result<()> {
    let entry = contents.samples()?;
    let rows = Rows::open(repo, entry.table)?;
    match except {
        Some(except) if except.samples()?.table == entry.table => Ok(()),
        Some(except) => {
            let old = Rows::open(repo, except.samples()?.table)?;
            old.new_blobs(&rows, entry.change, f)
        }
        None => rows.blobs(f),
    }
}

/// The first parent, which a commit's change is against; [`None`] for the root.
pub(crate) fn before(read: &dyn Fn(CommitId) -> Result<Commit>, commit: &Commit) -> Result<Option<Contents>> {
    let parent = commit.parents.first().map(|parent| read(*parent)).transpose()?;
    Ok(parent.as_ref().map(Contents::of))
}
