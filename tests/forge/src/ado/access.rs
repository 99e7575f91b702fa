//! Who asks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::config::{AdoToken, AdoTokenKind};
use super::route::Route;
use crate::wire::Request;

/// Somebody with a good credential.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Which of the configured tokens.
    pub(crate) number: usize,
    pub(crate) token: AdoToken,
}

/// What a request brings.
enum Secret {
    Basic(String),
    Bearer(String),
}

/// The caller, or `None` when the credential is missing or not good for this organisation.
pub(crate) fn caller(tokens: &[AdoToken], request: &Request, organisation: &str) -> Option<Caller> {
    let secret = secret(request.header("authorization")?)?;
    let opens = |token: &AdoToken| match (&secret, token.kind) {
        (Secret::Basic(value), AdoTokenKind::Pat | AdoTokenKind::Entra)
        | (Secret::Bearer(value), AdoTokenKind::Entra) => token.value == *value,
        // Seen on the real one: a personal access token is no bearer.
        (Secret::Bearer(_), AdoTokenKind::Pat) => false,
    };
    let number = tokens.iter().position(opens)?;
    let token = &tokens[number];
    let here = token.organisations.is_empty()
        || token.organisations.iter().any(|name| name.eq_ignore_ascii_case(organisation));
    (here && !token.expired).then(|| Caller { number, token: token.clone() })
}

fn secret(header: &str) -> Option<Secret> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Secret::Bearer(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    // The user is not looked at.
    plain.split_once(':').map(|(_, password)| Secret::Basic(password.to_owned()))
}

impl Caller {
    /// Whether its scopes are enough. Entra's tokens have no scopes of this sort.
    pub(crate) fn may(&self, route: &Route) -> bool {
        let needed = route.scopes();
        let has = |scope: &&str| {
            self.token.scopes.split(' ').any(|own| {
                own == *scope || own.strip_prefix(scope).is_some_and(|rest| rest.starts_with('_'))
            })
        };
        match self.token.kind {
            AdoTokenKind::Entra => true,
            AdoTokenKind::Pat => needed.is_empty() || needed.iter().any(has),
        }
    }

    pub(crate) fn is_hidden(&self, project: &str) -> bool {
        self.token.hidden_projects.iter().any(|name| name.eq_ignore_ascii_case(project))
    }

    pub(crate) fn is_denied(&self, project: &str) -> bool {
        self.token.denied_projects.iter().any(|name| name.eq_ignore_ascii_case(project))
    }
}
