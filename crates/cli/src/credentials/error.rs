use std::io;
use std::path::PathBuf;

/// Why a credential that should be there is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoCredential {
    /// `--token-env` names a variable that is not set.
    #[error("the variable {0} is not set, or empty")]
    Variable(String),
    /// A token of Jira's cloud without the user whose it is.
    #[error("{0} is set, and nothing says whose token it is")]
    NoUser(&'static str),
    /// A value with line breaks or control characters in it.
    #[error("what {0} gives is not a token: it holds white space or control characters")]
    NotAToken(String),
    /// The user's `token_command` could not be started.
    #[error("could not run the token_command of connection {connection}")]
    Run {
        /// Whose.
        connection: String,
        /// What the system said.
        source: io::Error,
    },
    /// The user's `token_command` failed.
    #[error("the token_command of connection {connection} ended with {status}")]
    Failed {
        /// Whose.
        connection: String,
        /// How.
        status: std::process::ExitStatus,
    },
    /// The file of credentials cannot be read.
    #[error("could not read {}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of credentials can be read by others.
    #[error("{} can be read by others", .0.display())]
    Open(PathBuf),
    /// The file of credentials is not what it should be. Says nothing of its contents.
    #[error("{} is not a table of connections, each with a token", .0.display())]
    NotATable(PathBuf),
    /// The file of credentials cannot be written.
    #[error("could not write {}", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A new credential that its forge does not take.
    #[error("{connection} refused the token, and nothing was kept: {message}")]
    Refused {
        /// Whose.
        connection: String,
        /// What the forge said.
        message: String,
        /// Whether it may be for want of the user whose token it is.
        takes_user: bool,
    },
    /// A new credential whose forge could not be asked.
    #[error("{connection} could not be asked about the token, and nothing was kept: {message}")]
    Unasked {
        /// Whose.
        connection: String,
        /// Why.
        message: String,
    },
    /// Nothing says where the user's own files are.
    #[error("nothing says where your configuration is: HOME is not set")]
    NoPlace,
}

impl NoCredential {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Variable(name) => Some(format!("export {name}, or leave --token-env out")),
            Self::NoUser(_) => Some("export JIRA_EMAIL too, or user in its connection".to_owned()),
            Self::Open(path) => Some(format!("chmod 600 {}", path.display())),
            Self::Refused { takes_user: true, .. } => Some(
                "a token of Jira's cloud goes with its account: --user EMAIL; an expired one is \
                 refused too"
                    .to_owned(),
            ),
            Self::Refused { takes_user: false, .. } => {
                Some("it may have ended, be cut short, or be another server's".to_owned())
            }
            Self::NotATable(_) => Some("write [github] and below it token = \"…\"".to_owned()),
            Self::NotAToken(_)
            | Self::Run { .. }
            | Self::Failed { .. }
            | Self::File { .. }
            | Self::Write { .. }
            | Self::Unasked { .. }
            | Self::NoPlace => None,
        }
    }
}
