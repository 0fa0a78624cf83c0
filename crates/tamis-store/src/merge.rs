//! Merges many small packs into few, so that lookups stay short and the lake keeps few files.
//!
//! A session that finishes looks at the packs in tiers of size. When a tier has more than
//! [`MANY`] packs, its oldest are copied, checked, into one new pack, and deleted once that is
//! durable. Every byte is copied once a tier, so the cost per session is bounded. Nobody loses
//! anything: the objects have the same ids in the new pack, and a reader with an older listing
//! looks again when a file is gone.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Result, StoreError};
use crate::pack::{Pack, Record, path_of};
use crate::store::Store;
use crate::transfer::{Mover, read_frames};

/// Packs that a tier may have.
const MANY: usize = 64;
/// The upper bounds of the tiers, in bytes.
const TIERS: [u64; 2] = [4 << 20, 32 << 20];

/// Merges the packs of a tier that has too many. The session's own outcome does not depend on it:
/// what goes wrong leaves all packs as they are.
pub(crate) fn merge_small_packs(store: &Store) -> Result<()> {
    let packs = store.packs();
    let mut lower = 0;
    for upper in TIERS {
        let tier: Vec<&Arc<Pack>> = packs.iter().filter(|pack| (lower..upper).contains(&pack.size())).collect();
        lower = upper;
        if tier.len() <= MANY {
            continue;
        }
        let mut size = 0;
        let limit = store.options().pack_size;
        let chosen = tier.into_iter().take_while(|pack| {
            size += pack.size();
            size <= limit
        });
        merge(store, &chosen.map(Arc::clone).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn merge(store: &Store, packs: &[Arc<Pack>]) -> Result<()> {
    if packs.len() < 2 {
        return Ok(());
    }
    let mut mover = Mover::new(store);
    let mut seen = HashSet::new();
    for pack in packs {
        let records = pack.records().collect::<Result<Vec<Record>>>()?;
        let fresh = records.into_iter().filter(|record| seen.insert(record.id)).collect();
        let moved = read_frames(pack, fresh, &mut |frames: &[(Record, Bytes)]| mover.add(frames, pack.place()));
        match moved {
            // Another process merges or collects at the same time: it has done the work.
            Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        }
    }
    let written: HashSet<_> = mover.finish()?.iter().map(|pack| *pack.id()).collect();
    // ORDER: the old packs go only after the new one is durable under its name.
    let old: Vec<&Arc<Pack>> = packs.iter().filter(|pack| !written.contains(pack.id())).collect();
    store.drop_packs(|pack| old.iter().any(|gone| gone.id() == pack.id()));
    old.iter().try_for_each(|pack| store.backend().delete(&path_of(pack.id())))
}
