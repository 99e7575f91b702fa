//! Who asks, and what they may see.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::Token;
use crate::limits::Who;
use crate::shared::Shared;
use crate::wire::Request;
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
    let Some(header) = request.header("authorization") else {
        return Credential::Good(Caller { who: Who::Anonymous, token: None });
    };
    let found = secrets(header).into_iter().find_map(|value| {
        let (at, token) = shared.token(&value)?;
        Some(Caller { who: Who::Token(at), token: Some(token.clone()) })
    });
    found.map_or(Credential::Bad, Credential::Good)
}

/// What may be the token in this header.
fn secrets(header: &str) -> Vec<String> {
    let Some((scheme, rest)) = header.split_once(' ') else { return Vec::new() };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        return vec![rest.to_owned()];
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Vec::new();
    }
    let plain = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = plain.as_deref().and_then(|plain| plain.split_once(':'));
    pair.map_or_else(Vec::new, |(user, pass)| vec![pass.to_owned(), user.to_owned()])
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
