//! Credentials that are kept, and forgotten.

use std::io::{IsTerminal as _, Read as _};

use jobctl_runner::Value;

use crate::args::{LoginArgs, PlaceArgs};
use crate::credentials::{self, Kept, NoCredential};
use crate::error::Failure;
use crate::exit::Code;
use crate::session::Session;
use crate::settings::Settings;
use crate::text;
use crate::views::auth;
use crate::work::identity::{Unidentified, identify};
use crate::work::options::{Connection, Dialect};

use super::{block_on, wake};

/// The longest token that is read, in bytes; Entra's are some thousands.
const LONGEST: u64 = 64 * 1024;

/// `jobctl auth login`.
pub(super) fn login(session: &Session, args: &LoginArgs) -> Result<Code, Failure> {
    let settings = session.user_settings()?;
    let connection = super::named(session, &settings, &args.connection, &args.place)?;
    let value = value(session, &settings, &connection, args)?;
    let credential = credentials::credential(connection.dialect, value.expose())
        .map_err(|_| NoCredential::NotAToken("what was typed".to_owned()))?;
    let identity = match block_on(identify(&connection, credential))? {
        Ok(identity) => identity,
        Err(Unidentified::Refused(message)) => {
            let takes_user = matches!(connection.dialect, Dialect::Jira | Dialect::JiraSite);
            let connection = connection.name;
            return Err(NoCredential::Refused { connection, message, takes_user }.into());
        }
        Err(Unidentified::Unasked(message)) => {
            return Err(NoCredential::Unasked { connection: connection.name, message }.into());
        }
    };
    let kept = credentials::keep(&session.env, &connection.name, value.expose())?;
    let account = text::line(&identity.name);
    session.screen.say(&match &kept {
        Kept::Keyring => format!("{}: {account}, kept in the keyring", connection.name),
        Kept::File(path) => format!("{}: {account}, kept in {}", connection.name, path.display()),
    })?;
    let given = args.place.api_url.as_deref();
    let first = session.wallet(&settings).find(&connection, None, given);
    if let Ok([found, ..]) = first.as_deref()
        && found.need.origin != kept.origin()
    {
        session.screen.warn(&format!(
            "new jobs of this shell use {}, which comes first",
            auth::origin(&found.need.origin)
        ));
    }
    let woken = wake::wake(session, &connection.name, &value);
    if woken > 0 {
        session.screen.note(&format!("{} go on with it", text::plural(woken, "job", "jobs")));
    }
    Ok(Code::Fine)
}

/// `jobctl auth logout`.
pub(super) fn logout(session: &Session, name: &str, place: &PlaceArgs) -> Result<Code, Failure> {
    let settings = session.user_settings()?;
    let connection = super::named(session, &settings, name, place)?;
    let places = credentials::forget(&session.env, &connection.name)?;
    if places.is_empty() {
        return Err(Failure::no_such(
            format!("nothing is kept for {}", connection.name),
            "jobctl auth status says which credentials there are",
        ));
    }
    session.screen.say(&format!("{}: forgotten in {}", connection.name, places.join(" and ")))?;
    if let Ok(left) = session.wallet(&settings).find(&connection, None, place.api_url.as_deref())
        && let Some(found) = left.first()
    {
        let origin = auth::origin(&found.need.origin);
        session.screen.note(&format!("A credential is still given by {origin}"));
    }
    Ok(Code::Fine)
}

/// The value that is typed, or comes through a pipe, with the user whose token it is.
fn value(
    session: &Session,
    settings: &Settings,
    connection: &Connection,
    args: &LoginArgs,
) -> Result<Value, Failure> {
    let is_jira = connection.dialect.provider() == Some("jira");
    if args.user.is_some() && !is_jira {
        return Err(Failure::usage(
            format!("{} takes a token alone", connection.name),
            "leave --user out: it is for Jira",
        ));
    }
    let own = settings.connections.get(&connection.name).and_then(|own| own.user.clone());
    let mut user = args.user.clone().or(own);
    let token = if session.screen.can_ask() {
        if user.is_none() && matches!(connection.dialect, Dialect::Jira | Dialect::JiraSite) {
            user = session.screen.ask("E-mail of the account:").filter(|line| !line.is_empty());
        }
        session.screen.ask_unseen(&format!("Token for {} (not shown):", connection.name))?
    } else if args.with_token && !std::io::stdin().is_terminal() {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
        read.is_ok().then_some(text)
    } else {
        None
    };
    let Some(token) = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
    else {
        return Err(Failure::usage(
            "no token was given",
            format!("jobctl auth login {} --with-token < FILE", args.connection),
        ));
    };
    if token.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NoCredential::NotAToken("the input".to_owned()).into());
    }
    Ok(Value::new(match user {
        Some(user) if !token.contains(':') => format!("{user}:{token}"),
        Some(_) | None => token,
    }))
}
