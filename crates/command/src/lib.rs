//! Process trees: a program is started, what it prints is cut into lines and read for reports,
//! and all that came of it is stopped.
//!
//! Knows no job and no file of one. A tree is found by what its processes have in common, since
//! any of them may leave its parent, its group or its session; see [`Tree`].

mod lines;
mod process;
mod report;
mod start;
mod stopping;
mod table;
mod tree;

pub use lines::{Line, Lines, plain};
pub use process::{Process, signal};
pub use report::{Malformed, Report, Scanner};
pub use start::{Program, Running, StartError, shell};
pub use stopping::{Step, Stopping};
pub use tree::{How, Mark, Reaped, Tree, adopt_orphans, reap};
