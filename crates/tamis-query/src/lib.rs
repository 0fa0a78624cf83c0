//! Questions about datasets: SQL over any commits, and a short filter language.

#![forbid(unsafe_code)]
