//! Where credentials come from. Values go from here to the runner and nowhere else.
//!
//! A value is one text without blanks. With Jira `USER:TOKEN` is a user's token or password, and
//! a text without a colon one that is sent as a bearer's.

pub(crate) mod app;
mod error;
mod file;
mod form;
mod keyring;
mod outside;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jobctl_core::Need;
use jobctl_runner::{Offer, Value};

use crate::environment::Environment;
use crate::settings::{ConnectionSettings, TokenSettings};
use crate::work::options::{Connection, Dialect};

pub(crate) use error::NoCredential;
pub(crate) use form::credential;
pub(crate) use store::{Kept, forget, keep};

/// The origin of what an App's key signs: nobody offers it, whoever uses it makes it.
pub(crate) const APP: &str = "app";
/// The origin of what `auth login` keeps in the user's file.
pub(crate) const FILE: &str = "file";

/// Where this call can look for credentials.
#[derive(Debug)]
pub(crate) struct Wallet<'a> {
    /// Variables.
    pub(crate) env: &'a Environment,
    /// The user's connections.
    pub(crate) connections: &'a BTreeMap<String, ConnectionSettings>,
}

/// A credential that there is.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Whose it is and where it comes from.
    pub(crate) need: Need,
    /// The value; none where whoever uses it makes it.
    pub(crate) value: Option<Value>,
}

impl Found {
    /// What there is to hand over.
    pub(crate) fn offer(&self) -> Option<Offer> {
        Some(Offer { need: self.need.clone(), value: self.value.clone()? })
    }
}

impl Wallet<'_> {
    /// The credentials of a connection: those of the first place that has one. None reads
    /// anonymously.
    ///
    /// `named` is `--token-env`; the variables of the well-known forge count for the server that
    /// `given` (`--api-url`) leads to, and for no other of the same call.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        named: Option<&str>,
        given: Option<&str>,
    ) -> Result<Vec<Found>, NoCredential> {
        if let Some(name) = named {
            let missing = || NoCredential::Variable(name.to_owned());
            let text = self.variable(&connection.name, name).ok_or_else(missing)?;
            return Ok(vec![found(&connection.name, format!("env:{name}"), &text)?]);
        }
        // All that the user wrote down for it is used in turn.
        let mut all = Vec::new();
        for origin in self.configured(&connection.name) {
            all.extend(self.look(connection, origin)?);
        }
        for origin in origins(connection, self.counts(connection, given)) {
            if !all.is_empty() {
                break;
            }
            all.extend(self.look(connection, origin)?);
        }
        Ok(all)
    }

    /// The value that a job needs, if this call has it. Never fails: others may have it.
    pub(crate) fn again(&self, need: &Need) -> Option<Offer> {
        self.at_its_origin(need).ok().flatten()
    }

    /// The same where the user is not there to offer it: else what was kept by logging in since,
    /// under the need's own name.
    pub(crate) fn anew(&self, need: &Need) -> Result<Option<Offer>, NoCredential> {
        match self.at_its_origin(need) {
            Ok(Some(offer)) => Ok(Some(offer)),
            Ok(None) => Ok(self.kept(need)),
            Err(error) => self.kept(need).map(Some).ok_or(error),
        }
    }

    fn at_its_origin(&self, need: &Need) -> Result<Option<Offer>, NoCredential> {
        let Some(text) = self.read(&need.connection, &need.origin)? else { return Ok(None) };
        Ok(found(&need.connection, need.origin.clone(), &text)?.offer())
    }

    fn kept(&self, need: &Need) -> Option<Offer> {
        let kept = |origin| self.read(&need.connection, origin).ok().flatten();
        let text = kept("keyring").or_else(|| kept(FILE))?;
        found(&need.connection, need.origin.clone(), &text).ok()?.offer()
    }

    fn look(&self, connection: &Connection, origin: String) -> Result<Option<Found>, NoCredential> {
        let name = &connection.name;
        if origin == APP {
            let need = Need { connection: name.clone(), origin };
            return Ok(Some(Found { need, value: None }));
        }
        let Some(text) = self.read(name, &origin)? else { return Ok(None) };
        let anonymous = connection.dialect == Dialect::Jira && !text.contains(':');
        if anonymous && origin == "env:JIRA_API_TOKEN" {
            return Err(NoCredential::NoUser("JIRA_API_TOKEN"));
        }
        found(name, origin, &text).map(Some)
    }

    fn read(&self, connection: &str, origin: &str) -> Result<Option<String>, NoCredential> {
        match origin.split_once(':').unwrap_or((origin, "")) {
            ("env", name) => Ok(self.variable(connection, name)),
            ("command", at) => self.command(connection, at),
            ("gh", host) => Ok(outside::ask_gh(host)),
            ("az", _) => Ok(outside::ask_az()),
            ("keyring", _) => Ok(keyring::look_up(connection)),
            (FILE, _) => file::look_up(self.env, connection),
            (_, _) => Ok(None),
        }
    }

    /// What a variable gives, with the user whose token it is.
    fn variable(&self, connection: &str, name: &str) -> Option<String> {
        let text = self.env.text(name)?;
        let settings = self.connections.get(connection);
        let usual = is_jira(connection) && name != "JIRA_TOKEN";
        let user = settings
            .and_then(|settings| settings.user.as_deref())
            .or_else(|| self.env.text("JIRA_EMAIL").filter(|_| usual));
        Some(with_user(user, text))
    }

    /// What a program prints that the user wrote down.
    fn command(&self, connection: &str, at: &str) -> Result<Option<String>, NoCredential> {
        let Some(settings) = self.connections.get(connection) else { return Ok(None) };
        let line = match at.parse::<usize>() {
            Err(_) => Some(settings.token_command.as_slice()),
            Ok(at) => settings.tokens.get(at).and_then(|token| match token {
                TokenSettings::Command(line) => Some(line.as_slice()),
                TokenSettings::Env(_) => None,
            }),
        };
        let Some((program, arguments)) = line.and_then(<[String]>::split_first) else {
            return Ok(None);
        };
        let text = outside::run(connection, program, arguments)?;
        Ok(Some(with_user(settings.user.as_deref(), &text)))
    }

    /// The places that the user wrote down for a connection.
    fn configured(&self, connection: &str) -> Vec<String> {
        let Some(settings) = self.connections.get(connection) else { return Vec::new() };
        let mut origins = Vec::new();
        if !settings.token_command.is_empty() {
            origins.push("command".to_owned());
        }
        origins.extend(settings.tokens.iter().enumerate().map(|(at, token)| match token {
            TokenSettings::Env(name) => format!("env:{name}"),
            TokenSettings::Command(_) => format!("command:{at}"),
        }));
        if settings.app.is_some() {
            origins.push(APP.to_owned());
        }
        origins
    }

    /// Whether the well-known variables of its forge may go to this connection.
    fn counts(&self, connection: &Connection, given: Option<&str>) -> bool {
        let host = connection.api_url.host_str().unwrap_or_default();
        let own = match connection.dialect {
            Dialect::GitHub => host == "api.github.com",
            Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => {
                match self.env.text("JIRA_URL") {
                    Some(site) => leads_to(site, connection),
                    // One token of Atlassian's cloud is good for all sites of its user.
                    None => host.ends_with(".atlassian.net") || connection.name == "jira",
                }
            }
            Dialect::AzureDevOps => host == "dev.azure.com" || connection.name == "ado",
            Dialect::Git => false,
        };
        let is_given = given.is_some_and(|address| leads_to(address, connection));
        own || (is_given && connection.dialect != Dialect::Git)
    }
}

/// Whether an address is on the host that a connection asks.
fn leads_to(address: &str, connection: &Connection) -> bool {
    let asked = &connection.api_url;
    address.parse::<url::Url>().is_ok_and(|address| {
        address.host_str() == asked.host_str()
            && address.port_or_known_default() == asked.port_or_known_default()
    })
}

/// Whether a connection is a Jira that nobody wrote down, or the one that is called so.
fn is_jira(connection: &str) -> bool {
    connection == "jira" || connection.starts_with("jira@")
}

fn with_user(user: Option<&str>, text: &str) -> String {
    let text = text.trim();
    match user {
        Some(user) if !text.contains(':') && !text.is_empty() => format!("{user}:{text}"),
        Some(_) | None => text.to_owned(),
    }
}

/// Where the credential of a connection may be besides what is written down for it, in the order
/// in which places are asked. `counts`: the variables of its forge may go there.
fn origins(connection: &Connection, counts: bool) -> Vec<String> {
    let host = connection.api_url.host_str().unwrap_or_default();
    let variables: &[&str] = match connection.dialect {
        Dialect::GitHub => &["GH_TOKEN", "GITHUB_TOKEN"],
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => {
            &["JIRA_API_TOKEN", "JIRA_TOKEN"]
        }
        Dialect::AzureDevOps => {
            &["AZURE_DEVOPS_EXT_PAT", "AZURE_DEVOPS_TOKEN", "SYSTEM_ACCESSTOKEN"]
        }
        // A server of which nothing is known gets what the user wrote down for it, or nothing.
        Dialect::Git => &[],
    };
    let mut origins = Vec::new();
    let is_other_github = connection.dialect == Dialect::GitHub && host != "api.github.com";
    if is_other_github {
        origins.push("env:GH_ENTERPRISE_TOKEN".to_owned());
    }
    if counts {
        origins.extend(variables.iter().map(|name| format!("env:{name}")));
    }
    match connection.dialect {
        Dialect::GitHub if is_other_github => origins.push(format!("gh:{host}")),
        Dialect::GitHub => origins.push("gh:github.com".to_owned()),
        Dialect::AzureDevOps if host == "dev.azure.com" => origins.push("az".to_owned()),
        Dialect::AzureDevOps
        | Dialect::Jira
        | Dialect::JiraCenter
        | Dialect::JiraSite
        | Dialect::Git => {}
    }
    origins.extend(["keyring".to_owned(), FILE.to_owned()]);
    origins
}

fn found(connection: &str, origin: String, text: &str) -> Result<Found, NoCredential> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NoCredential::NotAToken(origin));
    }
    let need = Need { connection: connection.to_owned(), origin };
    Ok(Found { need, value: Some(Value::new(text.to_owned())) })
}
