use std::io;
use std::path::PathBuf;

/// Text that names nothing that could be read, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadSource {
    /// No source was given, or only empty files.
    #[error("no source given")]
    None,
    /// Its provider is a feature that this `jobctl` was built without.
    #[error("{provider} is not built into this jobctl: {text}")]
    NotBuiltIn {
        /// The source.
        text: String,
        /// The feature that is missing.
        provider: String,
        /// Features to install with, so that none is lost.
        features: String,
    },
    /// It looks like nothing that is known.
    #[error("not a source: {text:?}")]
    Unknown {
        /// The source.
        text: String,
        /// The user's connections.
        connections: Vec<String>,
    },
    /// No connection has this name.
    #[error("no connection is called {text:?}")]
    NoConnection {
        /// What was typed.
        text: String,
        /// The user's connections.
        connections: Vec<String>,
    },
    /// Nothing says which Jira is meant.
    #[error("nothing says where Jira is: {0}")]
    NoSite(String),
    /// One address for several forges.
    #[error("--api-url leads to one forge, and the sources name {0}")]
    OneForge(String),
    /// A connection of the user's that leads nowhere.
    #[error("the connection {connection} lacks {what}")]
    Incomplete {
        /// Its name.
        connection: String,
        /// What is missing.
        what: &'static str,
    },
    /// An owner, project or repository with a name that the forge does not allow.
    #[error("{text:?} names nothing that could be read: {why}")]
    BadName {
        /// The source.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An address that is not one.
    #[error("not an address: {text:?}")]
    BadAddress {
        /// The source, free of credentials.
        text: String,
        /// What is wrong.
        source: url::ParseError,
    },
    /// An address with a user name, password or token in it.
    #[error("an address must not carry a credential: {0}")]
    Credential(String),
    /// Cloning over ssh is not built in.
    #[error("ssh addresses are not supported: {0}")]
    Ssh(String),
    /// Plain http beyond this machine.
    #[error("plain http would send what you read, and your credential, in the clear: {0}")]
    PlainHttp(String),
    /// Neither http nor https.
    #[error("only https addresses can be read: {0}")]
    Scheme(String),
    /// A list of sources that cannot be read.
    #[error("could not read the sources in {}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl BadSource {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotBuiltIn { features, .. } => {
                format!("install it with `cargo install jobs-cli --features {features}`")
            }
            Self::None | Self::Unknown { .. } | Self::BadName { .. } => {
                let mut hint = "sources look like github:ORG, github:OWNER/REPO, jira:KEY, \
                                ado:ORG/PROJECT, https://github.com/OWNER/REPO or @FILE with one \
                                of them a line"
                    .to_owned();
                if let Self::Unknown { connections, .. } = self
                    && !connections.is_empty()
                {
                    hint.push_str("; your connections: ");
                    hint.push_str(&connections.join(", "));
                }
                hint
            }
            Self::NoConnection { connections, .. } => {
                let mut hint =
                    "connections are github, jira, ado:ORGANISATION, and on other hosts \
                                github@HOST, jira@HOST, ado@HOST/COLLECTION"
                        .to_owned();
                if !connections.is_empty() {
                    hint.push_str("; yours: ");
                    hint.push_str(&connections.join(", "));
                }
                hint
            }
            Self::Credential(_) => {
                "put the token into a variable and pass its name: --token-env VARIABLE".to_owned()
            }
            Self::NoSite(_) => {
                "name its site: jira:https://SITE.atlassian.net/KEY, or set JIRA_URL, \
                                or api_url in [connections.jira]"
                    .to_owned()
            }
            Self::OneForge(_) => "name the sources of one forge at a time".to_owned(),
            Self::Incomplete { connection, .. } => {
                format!("write it below [connections.{connection}] of your jobctl.toml")
            }
            Self::Ssh(_) => "use the repository's https address".to_owned(),
            Self::PlainHttp(_) => "use https, or say --allow-http".to_owned(),
            Self::BadAddress { .. } | Self::Scheme(_) | Self::File { .. } => return None,
        })
    }
}
