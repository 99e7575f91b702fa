//! Who asks, and what they may see.

use crate::config::Token;
use crate::limits::Who;
use crate::shared::Shared;
use crate::wire::{Authorization, Request};
use crate::world::World;
use crate::world::repo::Repo;

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) token: Option<Token>,
}

/// What a credential turned out to be.
pub(crate) enum Credential {
    Good(Caller),
    Bad,
}

/// Whether a repository may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Granted,
    /// As if it did not exist.
    Hidden,
    /// The token needs to be authorised for the organisation.
    Sso,
}

/// Reads `Authorization`: `Bearer`, `token`, or `Basic` with the token on either side.
pub(crate) fn credential(shared: &Shared, request: &Request) -> Credential {
    let sent = match request.authorization() {
        Authorization::None => {
            return Credential::Good(Caller { who: Who::Anonymous, token: None });
        }
        Authorization::Bearer(secret) => vec![secret],
        Authorization::Other { scheme, rest } if scheme == "token" => vec![rest],
        Authorization::Basic { user, secret } => vec![secret, user],
        Authorization::Other { .. } => Vec::new(),
    };
    let found = sent.iter().find_map(|value| {
        let (at, token) = shared.token(value)?;
        Some(Caller { who: Who::Token(at), token: Some(token.clone()) })
    });
    found.map_or(Credential::Bad, Credential::Good)
}

impl Caller {
    /// Whether this repository may be seen, whatever else is wrong with it.
    pub(crate) fn access(&self, world: &World, repo: &Repo) -> Access {
        let of_acme = world.people.get(repo.owner).login == "acme";
        match &self.token {
            Some(token) if of_acme && token.sso_required => Access::Sso,
            Some(token) if of_acme && token.sso_partial && repo.private => Access::Sso,
            Some(token) if token.scopes.split(',').any(|s| s.trim() == "repo") => Access::Granted,
            Some(_) | None if repo.private => Access::Hidden,
            Some(_) | None => Access::Granted,
        }
    }

    /// Whether lists leave something out for lack of authorisation.
    pub(crate) fn partial(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.sso_partial)
    }
}
