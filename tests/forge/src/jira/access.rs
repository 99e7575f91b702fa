//! Who asks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::route::Flavour;
use super::{JiraConfig, refuse};
use crate::wire::{Reply, Request};

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The account.
    Known,
    /// Nobody, who sees nothing. Cloud lets a wrong credential fall through to this, and says so
    /// in a header alone.
    Nobody { refused: bool },
}

/// What an `Authorization` header holds.
enum Credential {
    None,
    Basic(String, String),
    Bearer(String),
    Other,
}

fn credential(request: &Request) -> Credential {
    let Some(header) = request.header("authorization") else { return Credential::None };
    let Some((scheme, rest)) = header.split_once(' ') else { return Credential::Other };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Credential::Bearer(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Credential::Other;
    }
    let plain = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = plain.as_deref().and_then(|plain| plain.split_once(':'));
    pair.map_or(Credential::Other, |(user, secret)| {
        Credential::Basic(user.to_owned(), secret.to_owned())
    })
}

/// Who it is, or the refusal.
pub(crate) fn caller(
    config: &JiraConfig,
    flavour: Flavour,
    cloud_id: Option<&str>,
    request: &Request,
) -> Result<Caller, Reply> {
    let credential = credential(request);
    match flavour {
        Flavour::Site => site(config, &credential),
        Flavour::Scoped => scoped(config, cloud_id, &credential),
        Flavour::Center => center(config, &credential),
    }
}

fn site(config: &JiraConfig, credential: &Credential) -> Result<Caller, Reply> {
    let scoped = config.scoped_token.as_str();
    match credential {
        Credential::None => Ok(Caller::Nobody { refused: false }),
        Credential::Basic(user, secret) if *user == config.email && *secret == config.token => {
            Ok(Caller::Known)
        }
        Credential::Bearer(secret) if *secret == config.token => Ok(Caller::Known),
        Credential::Basic(_, secret) | Credential::Bearer(secret) if *secret == scoped => {
            Err(refuse::scoped_token_on_site())
        }
        Credential::Basic(..) | Credential::Bearer(_) | Credential::Other => {
            Ok(Caller::Nobody { refused: true })
        }
    }
}

fn scoped(
    config: &JiraConfig,
    cloud_id: Option<&str>,
    credential: &Credential,
) -> Result<Caller, Reply> {
    if cloud_id != Some(config.cloud_id.as_str()) {
        return Err(refuse::gateway(404, "No message available"));
    }
    match credential {
        Credential::Basic(user, secret)
            if *user == config.email && *secret == config.scoped_token =>
        {
            Ok(Caller::Known)
        }
        Credential::Bearer(secret) if *secret == config.scoped_token => Ok(Caller::Known),
        Credential::None | Credential::Basic(..) | Credential::Bearer(_) | Credential::Other => {
            Err(refuse::gateway(401, "Unauthorized"))
        }
    }
}

fn center(config: &JiraConfig, credential: &Credential) -> Result<Caller, Reply> {
    match credential {
        Credential::None => Ok(Caller::Nobody { refused: false }),
        Credential::Basic(user, secret) if *user == config.user && *secret == config.password => {
            Ok(Caller::Known)
        }
        Credential::Bearer(secret) if *secret == config.pat => Ok(Caller::Known),
        Credential::Bearer(_) => Err(refuse::center_unauthenticated()),
        Credential::Basic(..) | Credential::Other => Err(refuse::center_wrong_password()),
    }
}
