//! An import against a list in memory, under any history of edits and kills, in virtual time.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod history;
mod long;
mod pages;
mod pauses;
mod script;
mod short;
mod wide;
mod world;
