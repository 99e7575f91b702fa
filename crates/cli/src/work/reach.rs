//! A job's way to its forge: credential, client, dialect.

use std::sync::Arc;

use jobctl_core::{Need, Reason, Refused};
use jobctl_http::{BadSecret, Client, ClientError, Credential, Endpoint};
use jobctl_provider::{Descriptor, Provider};
use jobctl_runner::{Desk, Ending};

use crate::credentials::{self, FILE};
use crate::error::with_causes;
use crate::views::auth::origin;
use crate::work::edition::{Edition, Undecided, edition};
use crate::work::options::{Connection, Dialect};
use crate::work::renew::{self, Renewal};

/// A connection that can be used.
pub(crate) struct Reach {
    /// The way there.
    pub(crate) client: Client,
    /// Its dialect; none where only git is spoken.
    pub(crate) provider: Option<Arc<dyn Provider>>,
}

/// Opens a job's connection with the credentials that the job was submitted with, leaving
/// `reserve` percent of every quota to others.
pub(crate) async fn reach(
    desk: &Desk,
    connection: &Connection,
    reserve: u8,
) -> Result<Reach, Ending> {
    let mut credentials = Vec::new();
    let mut needs = Vec::new();
    let mut missing = None;
    for need in &desk.job().spec.needs {
        match credential(desk, connection, need).await {
            Ok(credential) => {
                credentials.push(credential);
                needs.push(need.clone());
            }
            Err(ending) => missing = Some(ending),
        }
    }
    // Who logged in after a job was submitted without a credential means it too.
    if desk.job().spec.needs.is_empty() {
        let need = Need { connection: connection.name.clone(), origin: FILE.to_owned() };
        if let Ok(Some(credential)) = renew::anew(connection, &need).await {
            credentials.push(credential);
            needs.push(need);
        }
    }
    // Of several, those that are there do the work.
    if let Some(ending) = missing.filter(|_| credentials.is_empty()) {
        return Err(ending);
    }
    let reach = match open(Some(desk), connection, credentials).await {
        Ok(reach) => reach,
        Err(Unreachable::Stopped) => return Err(Ending::Stopped),
        Err(
            error @ (Unreachable::NotBuiltIn(_)
            | Unreachable::Client { .. }
            | Unreachable::Undecided { .. }),
        ) => return Err(Ending::Failed { error: with_causes(&error) }),
    };
    reach.client.set_reserve(reserve);
    reach.client.set_renewal(Arc::new(Renewal { connection: connection.clone(), needs }));
    Ok(reach)
}

/// Opens a connection with these credentials. Without a desk no rest is taken.
pub(crate) async fn open(
    desk: Option<&Desk>,
    connection: &Connection,
    credentials: Vec<Credential>,
) -> Result<Reach, Unreachable> {
    let mut provider = dialect(connection, connection.dialect)?;
    let endpoint = Endpoint {
        name: connection.name.clone(),
        base: connection.api_url.clone(),
        hosts: connection.hosts.clone(),
        credentials,
        allow_http: connection.allow_http,
    };
    let plain = plain_git();
    let descriptor = provider.as_ref().map_or(&plain, |provider| provider.describe());
    let client = Client::new(endpoint, descriptor)
        .map_err(|source| Unreachable::Client { connection: connection.name.clone(), source })?;
    if let (Dialect::JiraSite, Some(cloud)) = (connection.dialect, &provider) {
        let edition = edition(desk, cloud.as_ref(), &client).await;
        match edition.map_err(|why| Unreachable::of(why, connection))? {
            Edition::Cloud => {}
            Edition::Center => provider = dialect(connection, Dialect::JiraCenter)?,
        }
    }
    Ok(Reach { client, provider })
}

/// Why a connection cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    /// Its provider is a feature that this `jobctl` was built without.
    #[error(
        "this jobctl was built without {0}; install it with `cargo install jobs-cli --features {0}`"
    )]
    NotBuiltIn(&'static str),
    /// The client could not be made.
    #[error("could not prepare the connection {connection}")]
    Client {
        /// Its name.
        connection: String,
        /// Why.
        source: ClientError,
    },
    /// The site did not tell which Jira it is.
    #[error("could not find out whether {connection} is Jira Cloud or Data Center: {message}")]
    Undecided {
        /// Its name.
        connection: String,
        /// What it said.
        message: String,
    },
    /// The work is to stop.
    #[error("stopped")]
    Stopped,
}

impl Unreachable {
    fn of(why: Undecided, connection: &Connection) -> Self {
        match why {
            Undecided::Unasked(message) => {
                Self::Undecided { connection: connection.name.clone(), message }
            }
            Undecided::Stopped => Self::Stopped,
        }
    }
}

/// The credential for a need: what the runner or the submitting call has, else what the user's
/// own configuration gives wherever it is asked.
async fn credential(
    desk: &Desk,
    connection: &Connection,
    need: &Need,
) -> Result<Credential, Ending> {
    let refused = |message| unauthorized(&need.connection, Refused::Refused, message, None);
    if let Some(value) = desk.credential(need).await {
        return form(connection, value.expose()).map_err(|error| {
            refused(format!("{} gives no credential: {error}", origin(&need.origin)))
        });
    }
    match renew::anew(connection, need).await {
        Ok(Some(credential)) => Ok(credential),
        Ok(None) => {
            let message = format!("nobody offers {} any more", origin(&need.origin));
            Err(unauthorized(&need.connection, Refused::Missing, message, None))
        }
        Err(error) => Err(refused(with_causes(&error))),
    }
}

fn form(connection: &Connection, value: &str) -> Result<Credential, BadSecret> {
    credentials::credential(connection.dialect, value)
}

/// The pause of a job whose credential is missing or was refused.
pub(crate) fn unauthorized(
    connection: &str,
    cause: Refused,
    message: String,
    url: Option<String>,
) -> Ending {
    let connection = connection.to_owned();
    let reason = Reason::Unauthorized { connection, cause, message, url };
    Ending::Paused { reason, resumes_at: None }
}

fn dialect(
    connection: &Connection,
    spoken: Dialect,
) -> Result<Option<Arc<dyn Provider>>, Unreachable> {
    match spoken.provider() {
        Some(name) => built_in(connection, spoken).map(Some).ok_or(Unreachable::NotBuiltIn(name)),
        None => Ok(None),
    }
}

/// The provider of a connection, if this `jobctl` has it.
#[cfg_attr(
    not(any(feature = "github", feature = "jira", feature = "ado")),
    expect(unused_variables, reason = "without a provider nothing is asked of a connection")
)]
fn built_in(connection: &Connection, spoken: Dialect) -> Option<Arc<dyn Provider>> {
    #[cfg(any(feature = "github", feature = "jira", feature = "ado"))]
    let base = || connection.api_url.clone();
    match spoken {
        #[cfg(feature = "github")]
        Dialect::GitHub => Some(Arc::new(jobctl_providers_github::GitHub::new(base()))),
        #[cfg(feature = "jira")]
        Dialect::Jira | Dialect::JiraSite => {
            Some(Arc::new(jobctl_providers_jira::Jira::cloud(base())))
        }
        #[cfg(feature = "jira")]
        Dialect::JiraCenter => Some(Arc::new(jobctl_providers_jira::Jira::data_center(base()))),
        #[cfg(feature = "ado")]
        Dialect::AzureDevOps => {
            let forge = jobctl_providers_ado::AzureDevOps::new(base());
            Some(Arc::new(match &connection.organisation {
                Some(organisation) => forge.within(organisation),
                None => forge,
            }))
        }
        #[cfg(not(feature = "github"))]
        Dialect::GitHub => None,
        #[cfg(not(feature = "jira"))]
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => None,
        #[cfg(not(feature = "ado"))]
        Dialect::AzureDevOps => None,
        Dialect::Git => None,
    }
}

/// A server of which nothing is known but that it speaks git.
const fn plain_git() -> Descriptor {
    Descriptor { name: "git", title: "git", max_in_flight: 8, buckets: Vec::new(), shared: None }
}
