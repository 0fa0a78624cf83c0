//! The use cases, a module each.

pub mod care;
pub mod check;
pub mod checkout;
pub mod datasets;
pub mod demo;
pub mod derive;
pub mod diff;
pub mod drafts;
pub mod edit;
pub mod eval;
pub mod export;
pub mod import;
pub mod index;
pub mod log;
pub mod ls;
pub mod media;
pub mod merge;
pub mod page;
pub mod preview;
pub mod refs;
pub mod search;
pub mod show;
pub mod sql;
pub mod stats;
pub mod sync;
pub mod views;
