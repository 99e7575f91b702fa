//! What a command can fail with. Libraries describe; this adds what to do about it.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use jobctl_core::JobId;
use jobctl_runner::{LinkError, RunError, WishError, WorkError};
use jobctl_store::{
    ClaimError, CreateError, FileError, Foreign, LookError, OpenError, RemoveError, SubmitError,
    TrustError,
};
use jobctl_warehouse::WarehouseError;

use crate::announce::Unannounced;
use crate::credentials::NoCredential;
use crate::exit::{Code, code};
use crate::pattern::BadPattern;
use crate::place::NoPlace;
use crate::settings::BadSettings;
use crate::since::BadTime;
use crate::sources::BadSource;
use crate::text;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line asks for something that makes no sense.
    #[error("{message}")]
    Usage {
        /// What.
        message: String,
        /// What would.
        hint: Option<String>,
    },
    /// A source cannot be read.
    #[error(transparent)]
    Source(#[from] BadSource),
    /// A time cannot be read.
    #[error(transparent)]
    Time(#[from] BadTime),
    /// A pattern cannot be read.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// Settings cannot be used.
    #[error(transparent)]
    Settings(#[from] BadSettings),
    /// Nothing says where jobs live.
    #[error(transparent)]
    Place(#[from] NoPlace),
    /// A credential is not where it should be.
    #[error(transparent)]
    Credential(#[from] NoCredential),
    /// A forge refused the credential that it was asked with.
    #[error("could not read {url}: the credential was refused ({message})")]
    Unauthorized {
        /// What it said.
        message: String,
        /// Where.
        url: String,
    },
    /// A forge does not answer as it was asked to.
    #[error("{message}")]
    Forge {
        /// What it said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The directory of `-C`, or the current one, cannot be used.
    #[error("could not work in {}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such job or issue.
    #[error("{what}")]
    NoSuch {
        /// What, in a sentence.
        what: String,
        /// Where to look.
        hint: Option<String>,
    },
    /// The state of things does not allow it.
    #[error("{message}")]
    NotAllowed {
        /// What, and why.
        message: String,
        /// What would be allowed.
        hint: Option<String>,
    },
    /// A job's files are damaged.
    #[error("job {id} is damaged: {what}")]
    Damaged {
        /// Which.
        id: JobId,
        /// What is wrong.
        what: String,
    },
    /// A state directory could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A state directory could not be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// A state directory could not be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A job could not be submitted.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A job could not be looked at.
    #[error(transparent)]
    Look(#[from] LookError),
    /// A job could not be removed.
    #[error(transparent)]
    Remove(#[from] RemoveError),
    /// A wish did not come about.
    #[error(transparent)]
    Wish(#[from] WishError),
    /// The runner could not be talked to.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// This process could not be the runner.
    #[error(transparent)]
    Run(#[from] RunError),
    /// This process could not be a worker.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A file of the state directory failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The warehouse failed.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// Something that is the user's could not be read or written.
    #[error("could not {verb} {}", .path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// stdout took no more.
    #[error("could not print")]
    Output(#[source] io::Error),
    /// An announcement was not made.
    #[error("announcement {name} was not made")]
    Announce {
        /// Which.
        name: String,
        /// Why.
        source: Unannounced,
    },
    /// The terminal could not be kept from showing what is typed.
    #[error("could not ask without showing the answer")]
    Terminal(#[source] io::Error),
    /// Whoever was asked went away.
    #[error("interrupted")]
    Interrupted,
    /// The asynchronous runtime could not be built.
    #[error("could not start the runtime")]
    Runtime(#[source] io::Error),
}

impl Failure {
    /// A command line that makes no sense.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// Something that is not there.
    pub(crate) fn no_such(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::NoSuch { what: what.into(), hint: Some(hint.into()) }
    }

    /// Something that is not allowed now.
    pub(crate) fn not_allowed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::NotAllowed { message: message.into(), hint: Some(hint.into()) }
    }

    /// What failed and why: the message, then each cause.
    pub(crate) fn chain(&self) -> String {
        with_causes(self)
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. }
            | Self::NoSuch { hint, .. }
            | Self::NotAllowed { hint, .. }
            | Self::Forge { hint, .. } => hint.clone(),
            Self::Unauthorized { .. } => {
                Some("jobctl auth status says which credential it is".to_owned())
            }
            Self::Source(error) => error.hint(),
            Self::Credential(error) => error.hint(),
            Self::Announce { source, .. } => source.hint(),
            Self::Place(_) => {
                Some("set HOME: the list of your state directories is kept below it".to_owned())
            }
            Self::Damaged { id, .. }
            | Self::Remove(RemoveError::Claim(ClaimError::Damaged { id, .. }))
            | Self::Wish(WishError::Claim(ClaimError::Damaged { id, .. })) => Some(mend(*id)),
            Self::Create(CreateError::Foreign { path, why })
            | Self::Submit(SubmitError::Foreign { path, why }) => Some(look_first(path, why)),
            Self::Trust(TrustError::AnothersOwn(path)) => {
                Some(remedy(path, &Foreign::AnothersOwn { part: "it" }))
            }
            Self::Link(LinkError::Silent) => {
                Some("jobs stay pending; the next jobctl command tries again".to_owned())
            }
            Self::Link(LinkError::TooLarge(_)) => {
                Some("leave variables out: env -u NAME jobctl run …".to_owned())
            }
            Self::Link(LinkError::Ended { .. }) if code(self) == Code::Storage => {
                Some("make room on that disk, or make it writable, then run this again".to_owned())
            }
            Self::Warehouse(WarehouseError::Ambiguous { .. }) => {
                Some("write the key in full".to_owned())
            }
            Self::Warehouse(WarehouseError::Missing { .. }) => {
                Some("jobctl import github:OWNER/REPO".to_owned())
            }
            Self::Wish(WishError::Stuck { id, .. }) => Some(format!(
                "what was asked is kept, and happens once the job is free: jobctl show {id}"
            )),
            Self::Wish(WishError::Refused { id, .. }) => Some(format!("jobctl show {id}")),
            Self::Remove(RemoveError::NotEnded(id)) => Some(format!("jobctl cancel {id}")),
            Self::Remove(RemoveError::Shared(_)) => {
                Some("they begin with the next jobctl command; jobctl list shows them".to_owned())
            }
            Self::Time(_)
            | Self::Pattern(_)
            | Self::Settings(_)
            | Self::Directory { .. }
            | Self::Open(_)
            | Self::Create(_)
            | Self::Trust(_)
            | Self::Submit(_)
            | Self::Look(_)
            | Self::Remove(_)
            | Self::Wish(_)
            | Self::Link(_)
            | Self::Run(_)
            | Self::Work(_)
            | Self::File(_)
            | Self::Warehouse(_)
            | Self::Io { .. }
            | Self::Output(_)
            | Self::Terminal(_)
            | Self::Interrupted
            | Self::Runtime(_) => of_disk(self),
        }
    }

    /// Whether the reader of stdout has gone, which is nobody's fault.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What to do about a damaged job.
fn mend(id: JobId) -> String {
    format!(
        "jobctl doctor explains it, and mends it with --repair; jobctl show {id} says what can \
         still be read. Nothing was deleted"
    )
}

/// What makes a state directory the user's own.
pub(crate) fn remedy(path: &Path, why: &Foreign) -> String {
    let path = path.display();
    match why {
        Foreign::NoId | Foreign::Unknown | Foreign::From(_) => {
            format!("accept it: jobctl trust {path}")
        }
        Foreign::Open { .. } => format!("close it to others: chmod -R go-w {path}"),
        Foreign::AnothersOwn { .. } => {
            format!("take it over: chown -R \"$USER\" {path} (or name another: --state-dir)")
        }
    }
}

/// The same for somebody who has not looked at it yet.
pub(crate) fn look_first(path: &Path, why: &Foreign) -> String {
    format!("look at it with jobctl list, then {}", remedy(path, why))
}

/// What to do where it was the disk that failed.
fn of_disk(failure: &Failure) -> Option<String> {
    let first: &dyn Error = failure;
    let mut causes = std::iter::successors(Some(first), |&error| error.source());
    let said = causes.find_map(|cause| cause.downcast_ref::<io::Error>())?;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the system's kinds are not ours, and non-exhaustive"
    )]
    let hint = match said.kind() {
        io::ErrorKind::StorageFull => "make room on that disk, then run this again",
        io::ErrorKind::QuotaExceeded => "make room within your quota, then run this again",
        io::ErrorKind::ReadOnlyFilesystem => {
            "make that disk writable, or name a state directory elsewhere: --state-dir"
        }
        _ if said.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
            "that disk may be failing: look into the system's log, and save what is on it"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// An error and its causes on one line, each said once and free of control characters.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut out = text::line(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = text::line(&error.to_string());
        if !out.contains(&said) {
            let _ = write!(out, ": {said}");
        }
        cause = error.source();
    }
    out
}
