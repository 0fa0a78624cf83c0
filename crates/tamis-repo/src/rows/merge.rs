//! Three-way merge of tables.

use tamis_core::Sample;
use tamis_store::Writer;

use super::Rows;
use super::diff::{RowChange, RowDiff};
use crate::merge::{Clashes, merge_sample};
use crate::object::TableEntry;
use crate::transaction::{RowEdit, Spool};
use crate::{Repo, Result};

impl Rows {
    /// Puts what `theirs` changed since `base` into `ours`; parts that clash hold ours and are
    /// told. O(changes of both), in bounded memory.
    pub(crate) fn merge(
        repo: &Repo,
        writer: &Writer,
        base: &Rows,
        ours: &Rows,
        theirs: &Rows,
        clashes: &mut Clashes,
    ) -> Result<TableEntry> {
        let mut spool = Spool::default();
        let mut both =
            Both { ours: base.diff(ours, None, "")?.peekable(), theirs: base.diff(theirs, None, "")?.peekable() };
        while let Some((path, old, our, their)) = both.next()? {
            let merged: Option<Sample> = match &our {
                // Only theirs changed it.
                None => their,
                Some(our) => {
                    let merged = merge_sample(&path, old.as_ref(), our.as_ref(), their.as_ref(), clashes);
                    if merged == *our {
                        continue;
                    }
                    merged
                }
            };
            let edit = merged.map_or(RowEdit::Delete, |sample| RowEdit::Put(Box::new(sample)));
            spool.add(path, edit)?;
        }
        let edits = spool.finish()?;
        if edits.is_empty() {
            return Ok(TableEntry { change: None, table: ours.table().id() });
        }
        Ok(ours.edit(repo, writer, edits)?.entry)
    }
}

/// Path, base, ours where it differs from the base, theirs.
type Merging = (String, Option<Sample>, Option<Option<Sample>>, Option<Sample>);

/// The rows that theirs changed, with what ours did to them.
struct Both {
    ours: std::iter::Peekable<RowDiff>,
    theirs: std::iter::Peekable<RowDiff>,
}

impl Both {
    fn next(&mut self) -> Result<Option<Merging>> {
        let Some((path, base, theirs)) = self.theirs.next().transpose()? else { return Ok(None) };
        let is_before = |row: &Result<RowChange>| matches!(row, Ok((other, _, _)) if *other < path);
        while self.ours.next_if(is_before).is_some() {}
        let is_it = |row: &Result<RowChange>| !matches!(row, Ok((other, _, _)) if *other != path);
        match self.ours.next_if(is_it).transpose()? {
            Some((_, _, ours)) => Ok(Some((path, base, Some(ours), theirs))),
            None => Ok(Some((path, base, None, theirs))),
        }
    }
}
