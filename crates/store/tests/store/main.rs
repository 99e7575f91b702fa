//! The store from outside, on real files in temporary directories.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic fails the test, and damage is done to files by plain writes"
)]

mod bytes;
mod clean;
mod crowd;
mod damage;
mod doctor;
mod environments;
mod foreign;
mod harm;
mod interloper;
mod life;
mod lists;
mod logs;
mod lookout;
mod mirror;
mod place;
mod power;
mod programs;
mod registry;
mod settings;
mod specweave;
mod submissions;
mod watch;
