//! Credentials: which there are, what their forges say of them, and those that are kept here.

pub(crate) mod login;
pub(crate) mod status;
mod wake;

use crate::args::{AuthCommand, PlaceArgs};
use crate::error::Failure;
use crate::exit::Code;
use crate::session::Session;
use crate::settings::Settings;
use crate::sources::{self, Known};
use crate::work::options::Connection;

/// Does what a command says.
pub(crate) fn auth(session: &Session, command: AuthCommand) -> Result<Code, Failure> {
    match command {
        AuthCommand::Status { connection, place } => {
            status::status(session, connection.as_deref(), &place)
        }
        AuthCommand::Login { connection, with_token: _, user, place } => {
            login::login(session, &connection, user.as_deref(), &place)
        }
        AuthCommand::Logout { connection, place } => login::logout(session, &connection, &place),
    }
}

/// The connection that is called so.
fn named(
    session: &Session,
    settings: &Settings,
    name: &str,
    place: &PlaceArgs,
) -> Result<Connection, Failure> {
    Ok(sources::connection(name, &known(session, settings, place))?)
}

fn known<'a>(session: &'a Session, settings: &'a Settings, place: &'a PlaceArgs) -> Known<'a> {
    Known {
        connections: &settings.connections,
        api_url: place.api_url.as_deref(),
        jira_url: session.env.text("JIRA_URL"),
        allow_http: place.allow_http,
        directory: &session.directory,
    }
}
