//! Credentials that are made anew where a job is done: an App's, and those that programs of the
//! user's give. No shell has to be there for them.

use async_trait::async_trait;
use jobctl_core::Need;
use jobctl_http::{BadSecret, Credential, Renew, RenewError};

use crate::credentials::app::{NoToken, installation_token};
use crate::credentials::{self, APP, NoCredential, Wallet};
use crate::environment::Environment;
use crate::error::with_causes;
use crate::settings::{BadSettings, Settings};
use crate::work::options::Connection;

/// Why a credential could not be made anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRenewed {
    /// The user's settings cannot be read.
    #[error(transparent)]
    Settings(#[from] BadSettings),
    /// The App got no token.
    #[error(transparent)]
    App(#[from] NoToken),
    /// The place where it should be fails.
    #[error(transparent)]
    Credential(#[from] NoCredential),
    /// What the user's configuration gives is none.
    #[error("what the configuration gives is no credential")]
    NotAToken(#[from] BadSecret),
}

/// The credentials of a connection, each in the place of a need.
pub(crate) struct Renewal {
    /// Whose.
    pub(crate) connection: Connection,
    /// Where each comes from.
    pub(crate) needs: Vec<Need>,
}

#[async_trait]
impl Renew for Renewal {
    async fn renew(&self, place: usize) -> Result<Option<Credential>, RenewError> {
        let Some(need) = self.needs.get(place) else { return Ok(None) };
        // What a shell's environment held is what it was.
        if need.origin.starts_with("env:") {
            return Ok(None);
        }
        let anew = anew(&self.connection, need).await;
        anew.map_err(|error| RenewError { why: with_causes(&error) })
    }
}

/// The credential for a need as the user's configuration gives it now, or the one that was kept by
/// logging in since; `None` where only somebody's environment had it.
pub(crate) async fn anew(
    connection: &Connection,
    need: &Need,
) -> Result<Option<Credential>, NotRenewed> {
    let env = Environment::of_this_process();
    let settings = Settings::load(&env, None)?.settings;
    let own = settings.connections.get(&need.connection);
    if need.origin == APP {
        let Some(app) = own.and_then(|own| own.app.as_ref()) else { return Ok(None) };
        return Ok(Some(installation_token(connection, app).await?));
    }
    let need = need.clone();
    // Programs may take their time, and ask their user.
    let asking = tokio::task::spawn_blocking(move || {
        let wallet = Wallet { env: &env, connections: &settings.connections };
        wallet.anew(&need)
    });
    let Some(offer) = asking.await.unwrap_or(Ok(None))? else { return Ok(None) };
    Ok(Some(credentials::credential(connection.dialect, offer.value.expose())?))
}
