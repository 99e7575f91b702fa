//! Durable jobs on disk: journals, claims, requests, submissions.
//!
//! The only crate that knows the format of a state directory. Others see the traits [`Store`]
//! and [`Claim`]: writing needs a claim, and only [`Store::claim`] makes one.

pub mod boot;
mod claim;
mod clean;
mod contents;
mod doctor;
mod ended;
mod environments;
mod error;
mod file_store;
mod fit;
mod fs;
mod index;
mod journal;
mod lock;
mod log;
mod look;
mod lookout;
mod mend;
mod mirror;
mod network;
mod overview;
mod parts;
mod programs;
mod record;
mod registry;
mod remove;
mod replay;
mod request;
mod resolve;
mod row;
mod same;
mod settings;
mod snapshot;
mod standing;
mod submission;
mod sweep;
mod tree;
mod view;
mod watch;

pub use clean::{Judged, REMOVED_TOGETHER};
pub use contents::Contents;
pub use doctor::{Checkup, Finding, FindingKind, Repair, RepairError};
pub use ended::Ended;
pub use environments::Keeping;
pub use error::{
    AskError, ClaimError, CreateError, FileError, HoldError, LookError, OpenError, RecordError,
    RemoveError, ResolveError, SubmitError, TrustError,
};
pub use file_store::{FileStore, RunnerLock};
pub use fs::{Fs, Held, Meta, Open, RealFs, Sort, Writing, open_to_read};
pub use log::{LogWriter, Printed};
pub use lookout::{Last, Lookout};
pub use mirror::Mirrored;
pub use overview::Overview;
pub use programs::TreeLock;
pub use registry::Registry;
pub use remove::Removed;
pub use row::key;
pub use same::digest;
pub use standing::{Adopt, Foreign};
pub use submission::Unread;
pub use view::{Holder, Leftover, Request, RequestId, Sighting, Which, Wish, Worker};
pub use watch::{News, Watch};

use jobctl_core::{Event, Job, JobId, Progress, Spec, Time};

/// A place where jobs live.
pub trait Store: Send + Sync {
    /// Makes all these jobs exist, or none. Once this returns `Ok`, they survive a power cut.
    ///
    /// `key` names the submission: submitting the same key again changes nothing.
    fn submit(&self, key: &str, jobs: &[(JobId, Spec)], now: Time) -> Result<(), SubmitError>;

    /// Takes the right to write one job, its journal replayed and its torn tail cut.
    ///
    /// A claim that is held is tried again for 50 ms before it is believed. One whose last holder
    /// left programs running is refused: whoever wants it stops them first.
    fn claim(&self, id: JobId, now: Time) -> Result<Box<dyn Claim>, ClaimError>;

    /// Puts on record that a job stands still because these programs of an earlier attempt could
    /// not be stopped. Says whether it did: a job that stands still, or has ended, stays as it is.
    fn hold_up(&self, id: JobId, pids: &[u32], now: Time) -> Result<bool, HoldError>;

    /// The boot in which this store was opened: whoever signed in another one is no process now.
    fn boot(&self) -> &str;

    /// What can be seen of one job without a claim. Never makes a writer wait.
    fn look(&self, id: JobId) -> Result<Sighting, LookError>;

    /// What can be seen of many. A damaged job is listed as such and never hides another.
    fn list(&self, which: Which) -> Result<Vec<Sighting>, LookError>;

    /// Puts a durable request to the holder of a job's claim; returns its id.
    fn ask(&self, id: JobId, wish: Wish, now: Time) -> Result<RequestId, AskError>;

    /// Removes an ended job's directory, keeping its line in the list of ended jobs.
    fn remove(&self, id: JobId, now: Time) -> Result<(), RemoveError>;
}

/// A job that this process, and no other, may write to.
///
/// Dropping a claim unlocks it without a mark: the next holder then trusts no unsynced byte.
pub trait Claim: Send {
    /// The job as its events made it.
    fn job(&self) -> &Job;

    /// The sequence number of this holder's `started`; 0 before it is recorded.
    fn epoch(&self) -> u64;

    /// Applies `event`, then writes it. Once this returns `Ok`, the event survives a power cut.
    fn record(&mut self, event: Event) -> Result<&Job, RecordError>;

    /// Takes note of progress that readers see with the next event.
    fn learn(&mut self, progress: &Progress, now: Time);

    /// Shows progress to readers; written at most once a second, lost without harm. Returns whether
    /// it was written now.
    fn progress(&mut self, progress: &Progress, now: Time) -> Result<bool, RecordError>;

    /// What others ask of this job and no event has answered yet, oldest first.
    fn requests(&self) -> Result<Vec<Request>, RecordError>;

    /// Unlinks requests that an event answered, or that needed no event.
    fn forget(&mut self, answered: &[RequestId]) -> Result<(), RecordError>;

    /// Appends a line to the job's log.
    fn log(&mut self, now: Time, line: &str);

    /// Appends to the same log from other threads.
    fn log_writer(&self) -> LogWriter;

    /// The lock that the job's programs hold, for whoever starts them.
    fn tree_lock(&self) -> TreeLock;

    /// Records `closed`, then unlocks.
    fn close(self: Box<Self>, now: Time) -> Result<(), RecordError>;
}

/// A state directory whose writes are refused has this standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its id and path are in this user's registry.
    Ours,
    /// It is read, and never written.
    Foreign {
        /// How that is known.
        why: Foreign,
    },
}
