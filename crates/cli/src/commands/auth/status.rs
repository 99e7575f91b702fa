//! Which credential each connection would use, and what its forge says of it.

use jobctl_core::Time;
use serde::Serialize;

use crate::args::PlaceArgs;
use crate::credentials::{self, Found};
use crate::error::{Failure, with_causes};
use crate::exit::Code;
use crate::json::{self, BudgetShape};
use crate::session::Session;
use crate::settings::Settings;
use crate::sources;
use crate::views::auth;
use crate::work::identity::{Identity, Unidentified, identify};
use crate::work::options::Connection;
use crate::work::renew;

/// `{schema, connections}`.
#[derive(Serialize)]
struct StatusShape {
    schema: u32,
    connections: Vec<ConnectionShape>,
}

/// A connection and the credentials that it would use.
#[derive(Debug, Serialize)]
pub(crate) struct ConnectionShape {
    pub(crate) name: String,
    pub(crate) provider: Option<&'static str>,
    pub(crate) url: String,
    pub(crate) credentials: Vec<CredentialShape>,
    /// Why there is none although there should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}

/// A credential, never its value.
#[derive(Debug, Serialize)]
pub(crate) struct CredentialShape {
    pub(crate) origin: String,
    pub(crate) account: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<Time>,
    pub(crate) budgets: Vec<BudgetShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    #[serde(skip)]
    pub(crate) is_refused: bool,
}

/// `jobctl auth status`.
pub(super) fn status(
    session: &Session,
    name: Option<&str>,
    place: &PlaceArgs,
) -> Result<Code, Failure> {
    let settings = session.user_settings()?;
    let wanted = match name {
        Some(name) => vec![super::named(session, &settings, name, place)?],
        None => sources::connections(&super::known(session, &settings, place))?,
    };
    let given = place.api_url.as_deref();
    let shapes: Vec<_> =
        wanted.iter().map(|connection| shape(session, &settings, connection, given)).collect();
    let code = code(&shapes, name.is_some());
    if session.globals.json {
        let shape = StatusShape { schema: json::SCHEMA, connections: shapes };
        session.screen.say(&json::text(&shape))?;
    } else {
        session.screen.say(&auth::status(&shapes, &session.screen.scene()))?;
    }
    Ok(code)
}

fn code(shapes: &[ConnectionShape], is_named: bool) -> Code {
    let credentials = || shapes.iter().flat_map(|shape| &shape.credentials);
    let lacks = |shape: &ConnectionShape| {
        shape.problem.is_some() || (is_named && shape.credentials.is_empty())
    };
    if credentials().any(|credential| credential.is_refused) || shapes.iter().any(lacks) {
        Code::Credentials
    } else if credentials().any(|credential| credential.problem.is_some()) {
        Code::Failed
    } else {
        Code::Fine
    }
}

fn shape(
    session: &Session,
    settings: &Settings,
    connection: &Connection,
    given: Option<&str>,
) -> ConnectionShape {
    let wallet = session.wallet(settings);
    let (found, problem) = match wallet.find(connection, None, given) {
        Ok(found) => (found, None),
        Err(error) => (Vec::new(), Some(with_causes(&error))),
    };
    ConnectionShape {
        name: connection.name.clone(),
        provider: connection.dialect.provider(),
        url: connection.api_url.to_string(),
        credentials: found.iter().map(|found| asked(connection, found)).collect(),
        problem,
    }
}

fn asked(connection: &Connection, found: &Found) -> CredentialShape {
    let answer = super::block_on(identity(connection, found));
    let (identity, problem) = match answer {
        Ok(Ok(identity)) => (identity, None),
        Ok(Err(problem)) => (Identity::default(), Some(problem)),
        Err(failure) => (Identity::default(), Some(Unidentified::Unasked(failure.chain()))),
    };
    CredentialShape {
        origin: found.need.origin.clone(),
        account: Some(identity.name).filter(|name| !name.is_empty()),
        scopes: identity.scopes,
        expires_at: identity.expires_at,
        budgets: identity.budgets.into_iter().map(BudgetShape::from).collect(),
        is_refused: matches!(problem, Some(Unidentified::Refused(_))),
        problem: problem.map(|problem| problem.to_string()),
    }
}

async fn identity(connection: &Connection, found: &Found) -> Result<Identity, Unidentified> {
    let refused = |message| Err(Unidentified::Refused(message));
    let credential = match &found.value {
        Some(value) => match credentials::credential(connection.dialect, value.expose()) {
            Ok(credential) => credential,
            Err(error) => return refused(error.to_string()),
        },
        None => match renew::anew(connection, &found.need).await {
            Ok(Some(credential)) => credential,
            Ok(None) => return refused("nothing makes it".to_owned()),
            Err(error) => return refused(with_causes(&error)),
        },
    };
    identify(connection, credential).await
}
