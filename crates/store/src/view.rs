//! What readers and askers exchange with a store.

use std::fmt;
use std::path::PathBuf;

use jobctl_core::{Job, JobId, Progress, Status, Time};
use serde::{Deserialize, Serialize};

/// What can be seen of a job without a claim.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// Its name.
    pub id: JobId,
    /// The job, as far as its journal can be read; `None` where nothing can.
    pub job: Option<Job>,
    /// The newest progress that was written, or the counts of the last event.
    pub progress: Progress,
    /// When that progress was written.
    pub progress_at: Option<Time>,
    /// Whether anybody works on it.
    pub worker: Worker,
    /// Requests that no event has answered yet.
    pub requests: Vec<Request>,
    /// What is wrong with its files, and where.
    pub damage: Option<String>,
    /// Where its log is.
    pub log: PathBuf,
}

impl Sighting {
    /// The job's status, where its journal can be read.
    pub fn status(&self) -> Option<Status> {
        self.job.as_ref().map(Job::status)
    }
}

/// Whether anybody works on a job. Alive means that the claim is held, whatever a pid says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worker {
    /// The claim is held.
    Alive(Option<Holder>),
    /// The journal says running, and the claim is free.
    Dead,
    /// Nobody, and nobody should.
    None,
}

/// Who holds a claim, as written into it: says whom to signal, never whether it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Start time of the process in clock ticks since boot, against reused pids.
    pub started: u64,
    /// The boot in which it started.
    pub boot: String,
    /// Its session id.
    pub session: u32,
}

/// Programs that outlived the worker which started them, as its job's `tree.lock` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Whose they are.
    pub id: JobId,
    /// The worker that started them, where it got so far as to sign.
    pub starter: Option<Holder>,
    /// The lock: each of them has it open.
    pub lock: PathBuf,
}

/// Which jobs to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that have not ended.
    Active,
    /// Those that have not ended, and the newest ended ones, at most so many.
    Recent(usize),
    /// All.
    All,
}

/// What somebody wants of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Stop and stay stopped.
    Pause,
    /// Go on.
    Resume,
    /// Give up for good.
    Cancel,
}

/// The name of a request: sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub String);

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A wish as it waits on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its name.
    pub id: RequestId,
    /// What is wanted.
    pub wish: Wish,
    /// When it was written.
    pub at: Time,
}
