//! Credentials: which there are, what their forges say of them, and those that are kept here.

mod login;
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
        AuthCommand::Login(args) => login::login(session, &args),
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

/// Runs something that asks a forge, here and now.
pub(crate) fn block_on<T>(asking: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    Ok(runtime.block_on(asking))
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
