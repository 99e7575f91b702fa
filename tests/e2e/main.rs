//! The built program against the simulated forge, from outside: what a user types, what the user
//! sees, what is on the disk and on the wire. `cargo xtask e2e` builds the program and runs this.
#![expect(clippy::disallowed_methods, reason = "tests write files that need not survive anything")]

mod access;
mod ado;
mod announce;
mod auth;
mod batch;
mod bulk;
mod clones;
mod commands;
mod crowd;
mod damage;
mod disk;
mod environment;
mod everywhere;
mod exactly_once;
mod filters;
mod first_run;
mod foreign;
mod imports;
mod jira;
mod kills;
mod lifecycle;
mod limits;
mod mirror;
mod nasty;
mod permissions;
mod preview;
mod processes;
mod queue;
mod recover;
mod retention;
mod run;
mod secrets;
mod service;
mod signals;
#[path = "../../crates/store/tests/store/specweave.rs"]
mod specweave;
mod storm;
mod waiting;
