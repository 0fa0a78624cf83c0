//! Time and chance, handed in so that tests can fix them.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Microseconds since 1970-01-01 UTC.
    fn now_micros(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        // A clock before 1970 reads as 1970: nothing but the order of log entries depends on it.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Gives numbers that nobody else has: names of temporary files, lake ids.
pub trait IdSource: Send + Sync + std::fmt::Debug {
    /// 128 bits, unique with overwhelming probability.
    fn next_id(&self) -> u128;
}

/// Ids from the operating system's randomness, the process and a counter. Not for secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    fn next_id(&self) -> u128 {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        // RandomState is seeded from the operating system once a thread and differs by call.
        let word = |salt: u64| {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(count);
            hasher.write_u64(salt);
            hasher.write_u32(std::process::id());
            hasher.write_i64(SystemClock.now_micros());
            hasher.finish()
        };
        (u128::from(word(1)) << 64) | u128::from(word(2))
    }
}
