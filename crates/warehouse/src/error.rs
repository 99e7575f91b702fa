//! What can go wrong.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::TaskId;

/// Why the warehouse could not do what was asked. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// A newer worker has taken the job over; this one must stop.
    #[error("job {job} was taken over: this worker's claim is number {epoch}, the newest {newest}")]
    Fenced {
        /// Which job.
        job: String,
        /// The caller's claim.
        epoch: u64,
        /// The newest claim seen.
        newest: u64,
    },
    /// The task is not in the job's frontier, such as one that was committed before.
    #[error("could not commit task {task} of job {job}: it is not in the frontier")]
    NoSuchTask {
        /// Which job.
        job: String,
        /// Which task.
        task: TaskId,
    },
    /// The frontier must be empty for this.
    #[error("could not {verb} of job {job}: {open} tasks are open")]
    TasksOpen {
        /// What was tried, such as `finish the import`.
        verb: &'static str,
        /// Which job.
        job: String,
        /// How many tasks are open.
        open: u64,
    },
    /// There is no warehouse yet.
    #[error("no issues have been imported to {} yet", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be made or opened.
    #[error("could not open the warehouse {}", .path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is somebody else's database.
    #[error("{} is a database that jobctl did not make", .path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// A newer version wrote the file; it is left as it is.
    #[error("the warehouse was written by a newer jobctl (format {found}, this one knows {known})")]
    Newer {
        /// The file's format.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// An older version wrote the file, and reading alone must not change it.
    #[error(
        "the warehouse was written by an older jobctl (format {found}); the next import renews it"
    )]
    Older {
        /// The file's format.
        found: i64,
    },
    /// No space is left.
    #[error("could not {verb}: the disk is full")]
    StorageFull {
        /// What was tried.
        verb: &'static str,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// The disk does not do as told, or may not be written.
    #[error("could not {verb}: the disk or its permissions failed")]
    Failing {
        /// What was tried.
        verb: &'static str,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// The file's content is damaged.
    #[error("could not {verb}: the warehouse is damaged")]
    Corrupt {
        /// What was tried.
        verb: &'static str,
        /// What was found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process wrote for longer than this one waits.
    #[error("could not {verb}: another process keeps the warehouse locked")]
    Busy {
        /// What was tried.
        verb: &'static str,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// `SQLite` refused a statement: its tables are not those that this version made.
    #[error("could not {verb}: a statement was refused")]
    Statement {
        /// What was tried.
        verb: &'static str,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// More than one issue goes by that name.
    #[error("{name:?} stands for several issues: {}", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Some of the keys it fits.
        candidates: Vec<String>,
    },
    /// The receiver of an export refused an issue.
    #[error("could not write the export")]
    Export {
        /// What it said.
        source: io::Error,
    },
}

/// Names the verb of whatever failed.
pub(crate) trait While<T> {
    /// Says what was being done, in words that follow "could not".
    fn to(self, verb: &'static str) -> Result<T, WarehouseError>;
}

impl<T> While<T> for Result<T, rusqlite::Error> {
    fn to(self, verb: &'static str) -> Result<T, WarehouseError> {
        self.map_err(|source| sorted(verb, source))
    }
}

impl<T> While<T> for Result<T, serde_json::Error> {
    fn to(self, verb: &'static str) -> Result<T, WarehouseError> {
        self.map_err(|source| WarehouseError::Corrupt { verb, source: source.into() })
    }
}

fn sorted(verb: &'static str, source: rusqlite::Error) -> WarehouseError {
    if matches!(
        source,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    ) {
        return WarehouseError::Corrupt { verb, source: source.into() };
    }
    // `SQLite`'s codes are not ours and grow: what is not told apart here is a refused statement.
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => WarehouseError::StorageFull { verb, source },
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport,
        ) => WarehouseError::Failing { verb, source },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            WarehouseError::Corrupt { verb, source: source.into() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            WarehouseError::Busy { verb, source }
        }
        _ => WarehouseError::Statement { verb, source },
    }
}
