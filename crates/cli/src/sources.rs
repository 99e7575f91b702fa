//! Sources as people name them, and the connections that they are read over.

mod address;
mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use url::Url;

pub(crate) use error::BadSource;

use crate::settings::ConnectionSettings;
use crate::work::options::{Connection, Dialect, Wanted};

/// The features that providers hide behind, and whether this `jobctl` has them.
const PROVIDERS: [(&str, bool); 3] =
    [("github", cfg!(feature = "github")), ("jira", false), ("ado", false)];

/// GitHub's own API.
const GITHUB_API: &str = "https://api.github.com/";

/// The providers that are built in.
pub(crate) fn built_in() -> Vec<&'static str> {
    PROVIDERS.iter().filter(|(_, here)| *here).map(|(name, _)| *name).collect()
}

/// Sources of one connection: they make one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// How they are read.
    pub(crate) connection: Connection,
    /// What they name.
    pub(crate) wanted: Vec<Wanted>,
    /// As the user wrote them.
    pub(crate) texts: Vec<String>,
}

/// What sources may refer to besides themselves.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    /// The user's connections.
    pub(crate) connections: &'a BTreeMap<String, ConnectionSettings>,
    /// `--api-url`: where `github:` leads.
    pub(crate) api_url: Option<&'a str>,
    /// Whether plain http is fine beyond loopback.
    pub(crate) allow_http: bool,
    /// What `@file` is relative to.
    pub(crate) directory: &'a Path,
}

/// Reads sources: one group for each connection, in the order of its first source.
pub(crate) fn parse(texts: &[String], known: &Known<'_>) -> Result<Vec<Group>, BadSource> {
    let reader = Reader::new(known)?;
    let mut groups: Vec<Group> = Vec::new();
    for text in expand(texts, known.directory)? {
        let (connection, wanted) = reader.read(&text)?;
        let at = groups.iter().position(|group| group.connection.name == connection.name);
        let group = if let Some(at) = at {
            &mut groups[at]
        } else {
            groups.push(Group { connection, wanted: Vec::new(), texts: Vec::new() });
            groups.last_mut().expect("one was just pushed")
        };
        if !group.wanted.contains(&wanted) {
            group.wanted.push(wanted);
            group.texts.push(text);
        }
    }
    if groups.is_empty() { Err(BadSource::None) } else { Ok(groups) }
}

/// Replaces `@file` by the file's lines.
fn expand(texts: &[String], directory: &Path) -> Result<Vec<String>, BadSource> {
    let mut out = Vec::new();
    for text in texts {
        let Some(file) = text.strip_prefix('@') else {
            out.push(text.trim().to_owned());
            continue;
        };
        let path = directory.join(file);
        let lines = std::fs::read_to_string(&path)
            .map_err(|source| BadSource::File { path: path.clone(), source })?;
        let lines = lines.lines().map(str::trim);
        out.extend(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(Into::into));
    }
    Ok(out)
}

/// Reads one source after the other with the same connections.
struct Reader<'a> {
    /// Where `github:` leads.
    github: Connection,
    /// The user's connections by name.
    named: BTreeMap<&'a str, Connection>,
    allow_http: bool,
}

impl<'a> Reader<'a> {
    fn new(known: &Known<'a>) -> Result<Self, BadSource> {
        let mut named = BTreeMap::new();
        for (name, settings) in known.connections {
            named.insert(name.as_str(), configured(name, settings, known.allow_http)?);
        }
        let github = match (known.api_url, named.get("github")) {
            (Some(text), _) => at_address(text, known.allow_http)?,
            (None, Some(configured)) => configured.clone(),
            (None, None) => at_address(GITHUB_API, false)?,
        };
        Ok(Self { github, named, allow_http: known.allow_http })
    }

    fn read(&self, text: &str) -> Result<(Connection, Wanted), BadSource> {
        if text.contains("://") && !text.starts_with("github:") {
            return self.read_address(text, text);
        }
        if let Some((prefix, rest)) = text.split_once(':') {
            if prefix == "github" && rest.contains("://") {
                return self.read_address(rest, text);
            }
            if let Some(connection) = self.connection(prefix) {
                needs_built_in("github", text)?;
                return Ok((connection.clone(), address::github_name(rest, text)?));
            }
            if matches!(prefix, "jira" | "ado") {
                return Err(not_built_in(prefix, text));
            }
            return self.read_scp(prefix, rest, text);
        }
        if text.starts_with("github.com/") || text.starts_with("www.github.com/") {
            return self.read_address(&format!("https://{text}"), text);
        }
        Err(BadSource::Unknown { text: text.to_owned(), connections: self.names() })
    }

    fn connection(&self, name: &str) -> Option<&Connection> {
        if name == "github" { Some(&self.github) } else { self.named.get(name) }
    }

    fn names(&self) -> Vec<String> {
        self.named.keys().map(|name| (*name).to_owned()).collect()
    }

    /// `git@github.com:acme/api.git` means the same repository over https; elsewhere it is ssh.
    fn read_scp(
        &self,
        host: &str,
        path: &str,
        text: &str,
    ) -> Result<(Connection, Wanted), BadSource> {
        let Some(host) = host.strip_prefix("git@") else {
            return Err(BadSource::Unknown { text: text.to_owned(), connections: self.names() });
        };
        self.of_known_host(host, path, text)?.ok_or_else(|| BadSource::Ssh(text.to_owned()))
    }

    fn read_address(&self, address: &str, text: &str) -> Result<(Connection, Wanted), BadSource> {
        let url = address::parse(address, text)?;
        let host = address::authority(&url);
        if let Some(found) = self.of_known_host(&host, url.path(), text)? {
            return Ok(found);
        }
        if let Some(provider) = address::provider_of(&host) {
            return Err(not_built_in(provider, text));
        }
        match url.scheme() {
            "ssh" => return Err(BadSource::Ssh(text.to_owned())),
            "https" => {}
            "http" if self.allow_http || address::is_loopback(&url) => {}
            "http" => return Err(BadSource::PlainHttp(text.to_owned())),
            _ => return Err(BadSource::Scheme(text.to_owned())),
        }
        let wanted = address::clone_address(&url, text)?;
        Ok((plain_git(&url, self.allow_http), wanted))
    }

    /// A browser, clone or ssh address of a forge that a connection leads to.
    fn of_known_host(
        &self,
        host: &str,
        path: &str,
        text: &str,
    ) -> Result<Option<(Connection, Wanted)>, BadSource> {
        let host = host.strip_prefix("www.").filter(|rest| *rest == "github.com").unwrap_or(host);
        let everywhere = std::iter::once(&self.github).chain(self.named.values());
        let leads_there = |connection: &&Connection| connection.hosts.iter().any(|h| h == host);
        let found = everywhere.filter(|c| c.dialect == Dialect::GitHub).find(leads_there).cloned();
        let connection = match found {
            Some(connection) => connection,
            None if host == "github.com" => at_address(GITHUB_API, false)?,
            None => return Ok(None),
        };
        // Without the provider a clone address still is a git address.
        if !cfg!(feature = "github") && path.strip_suffix(".git").is_some() {
            return Ok(None);
        }
        needs_built_in("github", text)?;
        Ok(Some((connection, address::github_path(path, text)?)))
    }
}

fn needs_built_in(provider: &'static str, text: &str) -> Result<(), BadSource> {
    let here = built_in().contains(&provider);
    if here { Ok(()) } else { Err(not_built_in(provider, text)) }
}

fn not_built_in(provider: &str, text: &str) -> BadSource {
    let mut features = built_in();
    features.extend(PROVIDERS.iter().map(|(name, _)| *name).filter(|name| *name == provider));
    BadSource::NotBuiltIn {
        text: text.to_owned(),
        provider: provider.to_owned(),
        features: features.join(","),
    }
}

/// The GitHub connection whose API is at an address.
fn at_address(text: &str, allow_http: bool) -> Result<Connection, BadSource> {
    let api_url = address::api_base(text, allow_http)?;
    let authority = address::authority(&api_url);
    let name = match authority.as_str() {
        "api.github.com" => "github".to_owned(),
        other => format!("github@{other}"),
    };
    let hosts = address::hosts_of_api(&authority);
    Ok(Connection { name, dialect: Dialect::GitHub, api_url, hosts, allow_http })
}

/// A connection of the user's configuration.
fn configured(
    name: &str,
    settings: &ConnectionSettings,
    allow_http: bool,
) -> Result<Connection, BadSource> {
    let allow_http = allow_http || settings.allow_http;
    let base = settings.api_url.as_deref().unwrap_or(GITHUB_API);
    let mut connection = at_address(base, allow_http)?;
    name.clone_into(&mut connection.name);
    for host in &settings.hosts {
        if !connection.hosts.contains(host) {
            connection.hosts.push(host.clone());
        }
    }
    Ok(connection)
}

/// A server that is only known to speak git.
fn plain_git(url: &Url, allow_http: bool) -> Connection {
    let authority = address::authority(url);
    let mut api_url = url.clone();
    api_url.set_path("/");
    Connection {
        name: format!("git@{authority}"),
        dialect: Dialect::Git,
        api_url,
        hosts: vec![authority],
        allow_http,
    }
}
