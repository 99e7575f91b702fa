//! What may happen to a durable job, and which jobs may start.
//!
//! Pure: no I/O, no clock, no randomness. Time is an argument; a job changes only through
//! [`Job::apply`], and recovery is replay of its events through the same function.

mod event;
mod id;
mod job;
mod progress;
mod queue;
mod reason;
mod retention;
mod spec;

pub use event::{Change, Counts, Event, ResumedBy};
pub use id::{BadJobId, JobId};
pub use job::{Failure, Job, Rejected, State, Status};
pub use progress::{Budget, Progress, Window};
pub use queue::{Blocked, Candidate, Decision, Limits, Outcome, Usage, Wait, decide, waits};
pub use reason::{Cause, Reason, Refused};
pub use retention::{Because, Choice, Fate, Past, Retention, Rule, Ties, fates};
pub use spec::{
    Condition, Dependency, Kind, Need, OnCrash, OnDependencyFailure, Spec, UnknownKind,
};

/// A moment, in UTC, written as RFC 3339.
pub type Time = jiff::Timestamp;
