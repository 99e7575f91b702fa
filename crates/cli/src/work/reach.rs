//! A job's way to its forge: credential, client, dialect.

use std::sync::Arc;

use jobctl_core::{Need, Reason, Refused};
use jobctl_http::{Client, Credential, Endpoint, Secret};
use jobctl_provider::{Descriptor, Provider};
use jobctl_runner::{Desk, Ending};

use crate::work::options::{Connection, Dialect};

/// A connection that can be used.
pub(crate) struct Reach {
    /// The way there.
    pub(crate) client: Client,
    /// Its dialect; none where only git is spoken.
    pub(crate) provider: Option<Arc<dyn Provider>>,
}

/// Opens a job's connection with the credential that the job was submitted with.
pub(crate) async fn reach(desk: &Desk, connection: &Connection) -> Result<Reach, Ending> {
    let credential = match desk.job().spec.needs.first() {
        Some(need) => Some(credential(desk, need).await?),
        None => None,
    };
    let provider = dialect(connection)?;
    let endpoint = Endpoint {
        name: connection.name.clone(),
        base: connection.api_url.clone(),
        hosts: connection.hosts.clone(),
        credentials: credential.map(Credential::bearer).into_iter().collect(),
        allow_http: connection.allow_http,
    };
    let plain = plain_git();
    let descriptor = provider.as_ref().map_or(&plain, |provider| provider.describe());
    let client = Client::new(endpoint, descriptor).map_err(|error| Ending::Failed {
        error: format!("could not prepare the connection {}: {error}", connection.name),
    })?;
    Ok(Reach { client, provider })
}

async fn credential(desk: &Desk, need: &Need) -> Result<Secret, Ending> {
    let Some(value) = desk.credential(need).await else {
        let message = format!("nobody offers {} any more", need.origin);
        return Err(unauthorized(&need.connection, Refused::Missing, message, None));
    };
    Secret::new(value.expose().to_owned()).map_err(|error| {
        let message = format!("{} cannot be a credential: {error}", need.origin);
        unauthorized(&need.connection, Refused::Refused, message, None)
    })
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

#[cfg_attr(
    feature = "github",
    expect(clippy::unnecessary_wraps, reason = "without the feature there is no dialect")
)]
fn dialect(connection: &Connection) -> Result<Option<Arc<dyn Provider>>, Ending> {
    match connection.dialect {
        Dialect::Git => Ok(None),
        #[cfg(feature = "github")]
        Dialect::GitHub => {
            Ok(Some(Arc::new(jobctl_providers_github::GitHub::new(connection.api_url.clone()))))
        }
        #[cfg(not(feature = "github"))]
        Dialect::GitHub => Err(Ending::Failed {
            error: "this jobctl was built without github; \
                    install it with `cargo install jobs-cli --features github`"
                .to_owned(),
        }),
    }
}

/// A server of which nothing is known but that it speaks git.
const fn plain_git() -> Descriptor {
    Descriptor { name: "git", title: "git", max_in_flight: 8, buckets: Vec::new(), shared: None }
}
