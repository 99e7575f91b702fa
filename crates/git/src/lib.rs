//! Clones many repositories in parallel over one connection pool.
//!
//! libgit2 makes the clones in this process; every byte comes over `jobctl-http`'s connections,
//! which are kept from one repository to the next. An unfinished clone lives in a directory of
//! its own beside its place and is renamed there only when it is whole.
//!
//! Not built in: ssh, partial clones (`--filter`), LFS and other filters (their files come as the
//! pointers that the repository holds), submodules. Hooks and templates are never run or copied,
//! and the machine's and the user's git configuration is not read.

mod cloner;
mod error;
mod name;
mod one;
mod run;
mod target;
mod transport;

pub use cloner::{CloneEvent, CloneOptions, CloneOutcome, Cloner, Wanted};
pub use error::CloneError;
pub use jobctl_http::StopFlag;
pub use name::{BadName, place};
