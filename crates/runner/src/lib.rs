//! The queue, and the frame in which a worker does one job.
//!
//! Knows no kind of work: the caller registers each as a [`Work`]. Four parts meet here, and only
//! through the store and one socket:
//!
//! - [`run`], the *runner*: starts pending jobs as detached workers, watches them, keeps timers,
//!   holds secrets, and ends when nothing is left to do;
//! - [`work`], the *worker*: claims one job, records its attempt, and does it behind a [`Desk`];
//! - [`ask`]: brings a person's wish about, whoever holds the job's claim;
//! - [`Link`]: a call's line to the runner, over which secrets are handed and the bell is rung.

mod alarm;
mod ask;
mod book;
mod deed;
mod desk;
mod housekeeping;
mod leftover;
mod link;
mod mirror;
mod options;
mod place;
mod plan;
mod process;
mod recorder;
mod runner;
mod secret;
mod server;
mod wire;
mod worker;

pub use ask::{Answered, WishError, ask};
pub use desk::{Desk, Ending, Go, Work};
pub use leftover::{JOB_VARIABLE, LeftoverError, Stuck, claim_stopping};
pub use link::{Link, LinkError, Starter, next_job};
pub use options::{Occasion, RunError, RunnerOptions};
pub use place::{Place, PlaceError};
pub use plan::{interruption, wants_runner};
pub use runner::run;
pub use secret::{Offer, Value};
pub use worker::{Credentials, Make, WorkError, WorkOptions, work};
