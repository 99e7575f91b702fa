//! Who asks.

use super::route::Flavour;
use super::{JiraConfig, refuse};
use crate::wire::{Authorization, Reply, Request};

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The account.
    Known,
    /// Nobody, who sees nothing. Cloud lets a wrong credential fall through to this, and says so
    /// in a header alone.
    Nobody { refused: bool },
}

/// Who it is, or the refusal.
pub(crate) fn caller(
    config: &JiraConfig,
    flavour: Flavour,
    cloud_id: Option<&str>,
    request: &Request,
) -> Result<Caller, Reply> {
    let credential = request.authorization();
    match flavour {
        Flavour::Site => site(config, &credential),
        Flavour::Scoped => scoped(config, cloud_id, &credential),
        Flavour::Center => center(config, &credential),
    }
}

fn site(config: &JiraConfig, credential: &Authorization) -> Result<Caller, Reply> {
    let scoped = config.scoped_token.as_str();
    match credential {
        Authorization::None => Ok(Caller::Nobody { refused: false }),
        Authorization::Basic { user, secret }
            if *user == config.email && *secret == config.token =>
        {
            Ok(Caller::Known)
        }
        Authorization::Bearer(secret) if *secret == config.token => Ok(Caller::Known),
        Authorization::Basic { secret, .. } | Authorization::Bearer(secret)
            if *secret == scoped =>
        {
            Err(refuse::scoped_token_on_site())
        }
        Authorization::Basic { .. } | Authorization::Bearer(_) | Authorization::Other { .. } => {
            Ok(Caller::Nobody { refused: true })
        }
    }
}

fn scoped(
    config: &JiraConfig,
    cloud_id: Option<&str>,
    credential: &Authorization,
) -> Result<Caller, Reply> {
    if cloud_id != Some(config.cloud_id.as_str()) {
        return Err(refuse::gateway(404, "No message available"));
    }
    match credential {
        Authorization::Basic { user, secret }
            if *user == config.email && *secret == config.scoped_token =>
        {
            Ok(Caller::Known)
        }
        Authorization::Bearer(secret) if *secret == config.scoped_token => Ok(Caller::Known),
        Authorization::None
        | Authorization::Basic { .. }
        | Authorization::Bearer(_)
        | Authorization::Other { .. } => Err(refuse::gateway(401, "Unauthorized")),
    }
}

fn center(config: &JiraConfig, credential: &Authorization) -> Result<Caller, Reply> {
    match credential {
        Authorization::None => Ok(Caller::Nobody { refused: false }),
        Authorization::Basic { user, secret }
            if *user == config.user && *secret == config.password =>
        {
            Ok(Caller::Known)
        }
        Authorization::Bearer(secret) if *secret == config.pat => Ok(Caller::Known),
        Authorization::Bearer(_) => Err(refuse::center_unauthenticated()),
        Authorization::Basic { .. } | Authorization::Other { .. } => {
            Err(refuse::center_wrong_password())
        }
    }
}
