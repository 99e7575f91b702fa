//! What can go wrong, one enum per operation.

use std::io;
use std::path::PathBuf;

use jobctl_core::{JobId, Rejected, Time};

use crate::{Foreign, Leftover};

/// A file operation that failed: which verb, which path.
#[derive(Debug, thiserror::Error)]
#[error("could not {verb} {}", .path.display())]
pub struct FileError {
    /// What was tried, such as `append to`.
    pub verb: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// Whether the disk is full or failing, as opposed to a wrong path or permission.
    pub fn is_storage(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem
        ) || self.source.raw_os_error() == Some(5)
    }
}

/// Why jobs were not submitted. Nothing of them exists then.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The state directory came from somewhere else.
    #[error("{} is not a state directory of yours: {why}", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// How that is known.
        why: Foreign,
    },
    /// The disk said no.
    #[error("could not submit")]
    File(#[from] FileError),
}

/// Why a job could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else holds it.
    #[error("job {0} is held by another process")]
    Held(JobId),
    /// Nobody holds it, and programs of an earlier attempt still run: a new one would be a second
    /// copy of them.
    #[error("programs of an earlier attempt of job {} still run", .0.id)]
    Leftover(Leftover),
    /// There is no such job.
    #[error("no job {0}")]
    NoSuchJob(JobId),
    /// Its files are damaged; nothing was changed.
    #[error("job {id} is damaged: {what}")]
    Damaged {
        /// Which job.
        id: JobId,
        /// What is wrong, and where.
        what: String,
    },
    /// The state directory came from somewhere else.
    #[error("{} is not a state directory of yours: {why}", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// How that is known.
        why: Foreign,
    },
    /// The disk said no.
    #[error("could not claim job {id}")]
    File {
        /// Which job.
        id: JobId,
        /// What failed.
        source: FileError,
    },
}

/// Why an event was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The job's state does not allow it; nothing was written.
    #[error(transparent)]
    Rejected(#[from] Box<Rejected>),
    /// The disk said no. The event may or may not be there: this claim writes nothing more.
    #[error("could not record")]
    File(#[from] FileError),
    /// What programs read of the event does not fit into a record, so it cannot be cut short.
    #[error("could not record that job {id} was {event}: more than 1024 bytes that cannot be cut")]
    TooLong {
        /// Which job.
        id: JobId,
        /// The event's name.
        event: &'static str,
    },
    /// An earlier write of this claim failed, so nothing more is written through it.
    #[error("an earlier write to job {0} failed; its claim is spent")]
    Spent(JobId),
}

/// Why a job was not marked as held up by programs that could not be stopped.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// It could not be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The event could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Why a job could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is no such job.
    #[error("no job {0}")]
    NoSuchJob(JobId),
    /// It was removed after it ended.
    #[error("job {id} ended {status} at {at} and was removed")]
    Removed {
        /// Which job.
        id: JobId,
        /// How it ended.
        status: jobctl_core::Status,
        /// When.
        at: Time,
    },
    /// The disk said no.
    #[error("could not read the jobs")]
    File(#[from] FileError),
}

/// Why a request was not put.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no such job.
    #[error("no job {0}")]
    NoSuchJob(JobId),
    /// The state directory came from somewhere else.
    #[error("{} is not a state directory of yours: {why}", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// How that is known.
        why: Foreign,
    },
    /// The disk said no.
    #[error("could not ask")]
    File(#[from] FileError),
}

/// Why a job was not removed. Nothing of it is gone then.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// It has not ended.
    #[error("job {0} has not ended; cancel it first")]
    NotEnded(JobId),
    /// It shares its submission file with jobs that have not begun.
    #[error("job {0} was submitted together with jobs that have not begun")]
    Shared(JobId),
    /// It could not be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The disk said no.
    #[error("could not remove job {id}")]
    File {
        /// Which job.
        id: JobId,
        /// What failed.
        source: FileError,
    },
}

/// Why a state directory was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("no state directory {}", .0.display())]
    Missing(PathBuf),
    /// Something else has its name.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The disk said no.
    #[error("could not open the state directory")]
    File(#[from] FileError),
}

/// Why a state directory was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// One is there that came from somewhere else; nothing in it was changed.
    #[error("{} is not a state directory of yours: {why}", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// How that is known.
        why: Foreign,
    },
    /// Something else has its name.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The disk said no.
    #[error("could not make the state directory")]
    File(#[from] FileError),
}

/// Why a state directory was not trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There is none.
    #[error("no state directory {}", .0.display())]
    Missing(PathBuf),
    /// It belongs to another user, who could change it afterwards.
    #[error("{} belongs to another user", .0.display())]
    AnothersOwn(PathBuf),
    /// The disk said no.
    #[error("could not trust the state directory")]
    File(#[from] FileError),
}

/// Why a text means no job.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No job has this id, name or beginning of an id.
    #[error("no job {0:?}")]
    NoSuch(String),
    /// Several ids begin so.
    #[error("{text:?} is the beginning of {} job ids", .ids.len())]
    Ambiguous {
        /// What was typed.
        text: String,
        /// The jobs it may mean.
        ids: Vec<JobId>,
    },
    /// The disk said no.
    #[error("could not read the jobs")]
    File(#[from] FileError),
}
