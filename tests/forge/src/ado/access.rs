//! Who asks.

use super::config::{AdoToken, AdoTokenKind};
use super::route::Route;
use crate::wire::{Authorization, Request};

/// Somebody with a good credential.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Which of the configured tokens.
    pub(crate) number: usize,
    pub(crate) token: AdoToken,
}

/// The caller, or `None` when the credential is missing or not good for this organisation.
pub(crate) fn caller(tokens: &[AdoToken], request: &Request, organisation: &str) -> Option<Caller> {
    let opens = |sent: &str, may: &[AdoTokenKind]| {
        tokens.iter().position(|token| token.value == sent && may.contains(&token.kind))
    };
    let number = match request.authorization() {
        // The user is not looked at.
        Authorization::Basic { secret, .. } => {
            opens(&secret, &[AdoTokenKind::Pat, AdoTokenKind::Entra])
        }
        // Seen on the real one: a personal access token is no bearer.
        Authorization::Bearer(secret) => opens(&secret, &[AdoTokenKind::Entra]),
        Authorization::None | Authorization::Other { .. } => None,
    }?;
    let token = &tokens[number];
    let here = token.organisations.is_empty()
        || token.organisations.iter().any(|name| name.eq_ignore_ascii_case(organisation));
    (here && !token.expired).then(|| Caller { number, token: token.clone() })
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
