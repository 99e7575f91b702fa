use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jobctl_core::{JobId, Limits, Retention, Status, Time};
use jobctl_store::{FileError, FileStore};

use crate::{Place, PlaceError};

/// What a runner needs.
pub struct RunnerOptions {
    /// Whose jobs.
    pub store: Arc<FileStore>,
    /// Where it listens.
    pub place: Place,
    /// What may run at once: asked at the start, and when somebody says that it has changed.
    pub limits: Box<dyn Fn(Occasion) -> Limits>,
    /// How many ended submissions stay.
    pub retention: Retention,
    /// This very program, even where its file was replaced.
    pub program: PathBuf,
    /// What makes it a worker of a job.
    pub worker_args: Box<dyn Fn(JobId) -> Vec<OsString>>,
    /// Hears of every job that was paused or has ended. Must not wait for anything.
    pub announce: Box<dyn Fn(JobId, Status, Time)>,
    /// How long a worker may take to stop.
    pub grace: Duration,
}

/// When limits are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The runner starts.
    Start,
    /// Somebody has changed them.
    Change,
}

/// Why a runner could not serve.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The lock file failed.
    #[error("could not become the runner")]
    Lock(#[source] FileError),
    /// The socket's directory cannot be used.
    #[error("could not become the runner")]
    Place(#[from] PlaceError),
    /// The socket could not be made.
    #[error("could not listen at {}", .path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The asynchronous runtime could not be built.
    #[error("could not start the runner's runtime")]
    Runtime(#[source] io::Error),
}
