use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jobctl_http::StreamError;
use jobctl_provider::Time;

use crate::BadName;

/// Why a repository was not cloned. Texts are free of secrets.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// Its name must not become a path.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Another repository of the same run goes to the same place, on some file systems at least.
    #[error("cannot clone to {path}: {other} goes there")]
    Collision {
        /// Where.
        path: String,
        /// The other repository.
        other: String,
    },
    /// Its address is none that is cloned from.
    #[error("cannot clone from {url}: {why}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something else is at its place. It was not touched.
    #[error("cannot clone to {}: {why}", .path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
        /// What is there.
        why: String,
    },
    /// The server does not show it to us: it is not there, or not ours to read.
    #[error("repository not found or no access (404){}", said(.text))]
    NotFound {
        /// What the server said.
        text: String,
    },
    /// The server wants to know who is asking, and knows or believes nobody.
    #[error("authentication failed (401){}", said(.text))]
    Unauthorized {
        /// What the server said.
        text: String,
        /// Whether there was a credential, which then was refused.
        refused: bool,
    },
    /// The server does not allow it.
    #[error("access forbidden (403){}", said(.text))]
    Forbidden {
        /// What the server said.
        text: String,
    },
    /// The server asks for patience.
    #[error("the server asks for patience ({status}){}", said(.text))]
    Throttled {
        /// HTTP status.
        status: u16,
        /// When to come back, if it said so.
        until: Option<Time>,
        /// How long that was from the reply.
        wait: Option<Duration>,
        /// What the server said.
        text: String,
    },
    /// Any other status that is no success.
    #[error("the server answered {status}{}", said(.text))]
    Status {
        /// HTTP status.
        status: u16,
        /// What the server said.
        text: String,
    },
    /// What answered is no git server.
    #[error("{url} does not answer as a git server does (content type {content_type:?})")]
    NotGit {
        /// Where.
        url: String,
        /// What it sent instead.
        content_type: String,
    },
    /// The connection failed.
    #[error(transparent)]
    Network(StreamError),
    /// There is no room left.
    #[error("no space left for {}: {message}", .path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// The file system refused something else.
    #[error("cannot {verb} {}", .path.display())]
    Disk {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Git could not make a repository of what came, such as an invalid pack.
    #[error("git cannot clone it: {message}")]
    Git {
        /// What git said.
        message: String,
        /// Whether what came was cut short, so that asking again may help.
        cut: bool,
    },
    /// The stop flag was raised.
    #[error("cloning was stopped")]
    Stopped,
}

impl CloneError {
    /// What a person may do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Name(_) => Some("rename the repository, or clone it by hand"),
            Self::Collision { .. } => Some("clone one of them elsewhere with --into"),
            Self::Address { .. } => Some("give its https address"),
            Self::Occupied { .. } => {
                Some("move what is there away, or clone elsewhere with --into")
            }
            Self::NotFound { .. } => {
                Some("check the name, and that the credential may read this repository")
            }
            Self::Unauthorized { refused: true, .. } => {
                Some("the credential has expired or was revoked: offer a new one")
            }
            Self::Unauthorized { refused: false, .. } => Some("offer a credential"),
            Self::Forbidden { .. } => {
                Some("the credential may not read this: check its scopes and single sign-on")
            }
            Self::Throttled { .. } => Some("resume later"),
            Self::Status { status: 500.., .. } => Some("the server is in trouble: resume later"),
            Self::Network(StreamError::Barred { .. }) => None,
            Self::Network(_) => Some("check the connection, then resume"),
            Self::NotGit { .. } => Some("check the address; a proxy or sign-in page may answer"),
            Self::DiskFull { .. } => Some("make room, then resume"),
            Self::Git { cut: true, .. } => Some("resume"),
            Self::Status { .. } | Self::Disk { .. } | Self::Git { .. } | Self::Stopped => None,
        }
    }

    /// The message with its causes, in a line.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// The same once more, for another repository.
    pub(crate) fn again(&self) -> Self {
        Self::Git { message: self.to_string(), cut: false }
    }

    /// Whether asking again soon may help.
    pub(crate) const fn is_transient(&self) -> bool {
        match self {
            // Where nothing was reached, the client has tried again already.
            Self::Network(error) => matches!(error, StreamError::Broken { .. }),
            Self::Git { cut, .. } => *cut,
            Self::Status { status, .. } => *status >= 500,
            Self::Name(_)
            | Self::Collision { .. }
            | Self::Address { .. }
            | Self::Occupied { .. }
            | Self::NotFound { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Throttled { .. }
            | Self::NotGit { .. }
            | Self::DiskFull { .. }
            | Self::Disk { .. }
            | Self::Stopped => false,
        }
    }

    /// An error of the file system; a full one is a case of its own.
    pub(crate) fn disk(verb: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Self::DiskFull { path, message: source.to_string() };
        }
        Self::Disk { verb, path, source }
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_case_of_its_own() {
        let of = |kind: io::ErrorKind| CloneError::disk("make", "/x", kind.into());
        assert!(matches!(of(io::ErrorKind::StorageFull), CloneError::DiskFull { .. }));
        assert!(matches!(of(io::ErrorKind::QuotaExceeded), CloneError::DiskFull { .. }));
        let denied = of(io::ErrorKind::PermissionDenied);
        assert_eq!(denied.to_string(), "cannot make /x");
        assert_eq!(denied.in_full(), "cannot make /x: permission denied");
    }

    #[test]
    fn a_reason_is_in_the_message() {
        let url = String::from("https://h/a");
        let broken = CloneError::Network(StreamError::Broken { url, why: "reset".into() });
        assert_eq!(broken.in_full(), "the connection to https://h/a broke off: reset");
        assert!(broken.is_transient());
        let text = String::from("try later");
        let status = CloneError::Status { status: 503, text };
        assert_eq!(status.in_full(), "the server answered 503: try later");
        assert!(status.is_transient());
    }
}
