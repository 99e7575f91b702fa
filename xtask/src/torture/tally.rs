//! What was done, in numbers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Counts by name; shared by all threads of a round.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Mutex<BTreeMap<String, BTreeMap<String, u64>>>,
}

impl Tally {
    /// One more of `what`, below `under`.
    pub(crate) fn count(&self, under: &str, what: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *counts.entry(under.to_owned()).or_default().entry(what.to_owned()).or_default() += 1;
    }

    /// A line for each name.
    pub(crate) fn print(&self, time: Duration) {
        let counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (under, parts) in &*counts {
            let all: u64 = parts.values().sum();
            let parts: Vec<String> =
                parts.iter().map(|(what, count)| format!("{what} {count}")).collect();
            println!("  {under:<18} {all:>6}   {}", parts.join(", "));
        }
        println!("  {:<18} {:>6.0} s", "time", time.as_secs_f64());
    }
}
