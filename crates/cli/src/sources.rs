//! Sources as people name them, and the connections that they are read over.

mod address;
mod ado;
mod connect;
mod error;
mod github;
mod jira;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use url::Url;

pub(crate) use error::BadSource;

use crate::settings::ConnectionSettings;
use crate::work::options::{Connection, Dialect, Wanted};

/// The features that providers hide behind, and whether this `jobctl` has them.
const PROVIDERS: [(&str, bool); 3] = [
    ("github", cfg!(feature = "github")),
    ("jira", cfg!(feature = "jira")),
    ("ado", cfg!(feature = "ado")),
];

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
    /// `--api-url`: where `github:`, `jira:` or `ado:` leads.
    pub(crate) api_url: Option<&'a str>,
    /// `JIRA_URL`: where `jira:` leads otherwise.
    pub(crate) jira_url: Option<&'a str>,
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
    let mut forges: Vec<_> =
        groups.iter().filter_map(|g| g.connection.dialect.provider()).collect();
    forges.dedup();
    if known.api_url.is_some() && forges.len() > 1 {
        return Err(BadSource::OneForge(forges.join(" and ")));
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
    known: &'a Known<'a>,
    /// The user's connections by name.
    named: BTreeMap<&'a str, Connection>,
}

impl<'a> Reader<'a> {
    fn new(known: &'a Known<'a>) -> Result<Self, BadSource> {
        let mut named = BTreeMap::new();
        for (name, settings) in known.connections {
            let connection = connect::configured(name, settings, known.allow_http)?;
            named.insert(name.as_str(), connection);
        }
        Ok(Self { known, named })
    }

    fn read(&self, text: &str) -> Result<(Connection, Wanted), BadSource> {
        let well_known = |prefix| PROVIDERS.iter().find(|(name, _)| *name == prefix);
        match text.split_once(':') {
            Some((prefix, rest)) if well_known(prefix).is_some() && rest.contains("://") => {
                needs_built_in(prefix, text)?;
                self.read_address(prefix, rest, text)
            }
            Some(_) if text.contains("://") => self.read_address("", text, text),
            Some((prefix, rest)) => match self.connection(prefix, text)? {
                Some(connection) => {
                    let wanted = name(&connection, rest, text)?;
                    Ok((connection, wanted))
                }
                None => self.read_scp(prefix, rest, text),
            },
            None if is_host_of_github(text) => {
                self.read_address("", &format!("https://{text}"), text)
            }
            None => Err(self.unknown(text)),
        }
    }

    /// The connection that a source's first word names.
    fn connection(&self, name: &str, text: &str) -> Result<Option<Connection>, BadSource> {
        let allow_http = self.known.allow_http;
        let forge = PROVIDERS.iter().map(|(forge, _)| *forge).find(|forge| *forge == name);
        if let Some(connection) = self.named.get(name)
            && (forge.is_none() || self.known.api_url.is_none())
        {
            needs_built_in(connection.dialect.provider().unwrap_or_default(), text)?;
            return Ok(Some(connection.clone()));
        }
        let Some(forge) = forge else { return Ok(None) };
        needs_built_in(forge, text)?;
        let given = self.known.api_url;
        Ok(Some(match forge {
            "jira" => match given.or(self.known.jira_url) {
                Some(address) => connect::jira(address, allow_http)?,
                None => return Err(BadSource::NoSite(text.to_owned())),
            },
            "ado" => connect::ado(given.unwrap_or(connect::ADO_API), allow_http)?,
            _ => connect::github(given.unwrap_or(connect::GITHUB_API), allow_http)?,
        }))
    }

    fn unknown(&self, text: &str) -> BadSource {
        BadSource::Unknown { text: text.to_owned(), connections: self.names() }
    }

    fn no_connection(&self, text: &str) -> BadSource {
        BadSource::NoConnection { text: text.to_owned(), connections: self.names() }
    }

    /// The names of the user's connections.
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
        let Some((_, host)) = host.split_once('@') else { return Err(self.unknown(text)) };
        // In the form of an address, so that names are read as they are there.
        let url = address::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/')), text)?;
        self.of_known_host("", &url, text)?.ok_or_else(|| BadSource::Ssh(text.to_owned()))
    }

    /// Reads an address; `forge` says whose it is where the user did.
    fn read_address(
        &self,
        forge: &str,
        address: &str,
        text: &str,
    ) -> Result<(Connection, Wanted), BadSource> {
        let url = address::parse(address, text)?;
        if let Some(found) = self.of_known_host(forge, &url, text)? {
            return Ok(found);
        }
        match url.scheme() {
            "ssh" => return Err(BadSource::Ssh(text.to_owned())),
            "https" => {}
            "http" if self.known.allow_http || address::is_loopback(&url) => {}
            "http" => return Err(BadSource::PlainHttp(text.to_owned())),
            _ => return Err(BadSource::Scheme(text.to_owned())),
        }
        if forge == "jira" {
            let (site, wanted) = jira::address(&url, text)?;
            return Ok((connect::jira(site.as_str(), self.known.allow_http)?, wanted));
        }
        let wanted = address::clone_address(&url, text)?;
        Ok((connect::plain_git(&url, self.known.allow_http), wanted))
    }

    /// A browser, clone or ssh address of a forge that a connection leads to, or that everybody
    /// knows.
    fn of_known_host(
        &self,
        forge: &str,
        url: &Url,
        text: &str,
    ) -> Result<Option<(Connection, Wanted)>, BadSource> {
        let authority = address::authority(url);
        let host = match authority.as_str() {
            "www.github.com" => "github.com",
            other => other,
        };
        // What `--api-url` leads to is GitHub's, unless the source says otherwise.
        let given = match self.known.api_url.filter(|_| matches!(forge, "" | "github")) {
            Some(address) => Some(connect::github(address, self.known.allow_http)?),
            None => None,
        };
        let leads_there = |connection: &&Connection| {
            connection.hosts.iter().any(|known| known == host) && below_base(connection, url)
        };
        if let Some(connection) = given.iter().chain(self.named.values()).find(leads_there) {
            return of_connection(connection.clone(), url, text);
        }
        if host == "github.com" {
            return of_connection(connect::github(connect::GITHUB_API, false)?, url, text);
        }
        if host.ends_with(".atlassian.net") {
            needs_built_in("jira", text)?;
            let (site, wanted) = jira::address(url, text)?;
            return Ok(Some((connect::jira(site.as_str(), false)?, wanted)));
        }
        let Some(place) = ado::Host::of(host) else { return Ok(None) };
        needs_built_in("ado", text)?;
        let wanted = place.read(url.path(), text)?;
        Ok(Some((connect::ado(connect::ADO_API, false)?, wanted)))
    }
}

fn is_host_of_github(text: &str) -> bool {
    text.starts_with("github.com/") || text.starts_with("www.github.com/")
}

/// Whether an address is one of the connection's, whose host may be others' too. GitHub's pages
/// are not below its API.
fn below_base(connection: &Connection, url: &Url) -> bool {
    match connection.dialect {
        Dialect::GitHub | Dialect::Git => true,
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite | Dialect::AzureDevOps => {
            url.path().starts_with(connection.api_url.path())
        }
    }
}

/// What an address names that leads to a connection.
fn of_connection(
    connection: Connection,
    url: &Url,
    text: &str,
) -> Result<Option<(Connection, Wanted)>, BadSource> {
    let provider = connection.dialect.provider().unwrap_or_default();
    // Without the provider a clone address still is a git address.
    if !is_built_in(provider) && url.path().strip_suffix(".git").is_some() {
        return Ok(None);
    }
    needs_built_in(provider, text)?;
    let wanted = match connection.dialect {
        Dialect::GitHub => github::path(url.path(), text)?,
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => jira::address(url, text)?.1,
        Dialect::AzureDevOps => {
            let below = url.path().strip_prefix(connection.api_url.path());
            ado::path(below.unwrap_or(url.path()), text)?
        }
        Dialect::Git => address::clone_address(url, text)?,
    };
    Ok(Some((connection, wanted)))
}

/// What a name behind a connection's means.
fn name(connection: &Connection, name: &str, text: &str) -> Result<Wanted, BadSource> {
    match connection.dialect {
        Dialect::GitHub => github::name(name, text),
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => jira::name(name, text),
        Dialect::AzureDevOps => ado::name(name, text),
        Dialect::Git => Err(BadSource::Unknown { text: text.to_owned(), connections: Vec::new() }),
    }
}

fn is_built_in(provider: &str) -> bool {
    built_in().contains(&provider)
}

fn needs_built_in(provider: &str, text: &str) -> Result<(), BadSource> {
    if is_built_in(provider) {
        return Ok(());
    }
    let mut features = built_in();
    features.extend(PROVIDERS.iter().map(|(name, _)| *name).filter(|name| *name == provider));
    Err(BadSource::NotBuiltIn {
        text: text.to_owned(),
        provider: provider.to_owned(),
        features: features.join(","),
    })
}

/// The connections that this user has without naming any address: what is written down, and the
/// forges that everybody knows, as far as they are built in.
pub(crate) fn connections(known: &Known<'_>) -> Result<Vec<Connection>, BadSource> {
    let reader = Reader::new(known)?;
    let mut all = Vec::new();
    for forge in built_in() {
        match reader.connection(forge, forge) {
            Ok(connection) => all.extend(connection),
            // Nobody's Jira is everybody's.
            Err(BadSource::NoSite(_)) => {}
            Err(error) => return Err(error),
        }
    }
    for connection in reader.named.into_values() {
        if !all.contains(&connection) {
            all.push(connection);
        }
    }
    Ok(all)
}

/// The connection that is called so: by its name, by its forge and host, or as a source names it.
pub(crate) fn connection(name: &str, known: &Known<'_>) -> Result<Connection, BadSource> {
    let reader = Reader::new(known)?;
    if let Some(connection) = reader.connection(name, name)? {
        return Ok(connection);
    }
    // A source is read over its connection, in its organisation.
    if let Ok((mut connection, wanted)) = reader.read(name)
        && connection.dialect != Dialect::Git
    {
        if connection.dialect == Dialect::AzureDevOps {
            connection.organisation = wanted.owner().map(str::to_owned);
        }
        return Ok(connection);
    }
    // An address that is given tells where the interface of its host is.
    if let Some((forge, _)) = name.split_once('@')
        && let Ok(Some(mut connection)) = reader.connection(forge, forge)
        && let Some(rest) = name.strip_prefix(&connection.name)
        && (rest.is_empty() || rest.starts_with('/'))
    {
        connection.organisation = rest.strip_prefix('/').map(str::to_owned);
        return Ok(connection);
    }
    let allow_http = known.allow_http;
    match name.split_once('@') {
        Some(("github", host)) => connect::github(&format!("https://{host}/api/v3/"), allow_http),
        Some(("jira", host)) => connect::jira(&format!("https://{host}/"), allow_http),
        Some(("ado", host)) => {
            let (parent, collection) = match host.trim_end_matches('/').rsplit_once('/') {
                Some((parent, collection)) => (parent, Some(collection.to_owned())),
                None => (host, None),
            };
            let connection = connect::ado(&format!("https://{parent}/"), allow_http)?;
            Ok(Connection { organisation: collection, ..connection })
        }
        Some(_) | None => match address_in(name)? {
            Some(url) if url.host_str() == Some("github.com") => {
                connect::github(connect::GITHUB_API, false)
            }
            Some(url) if url.host_str().is_some_and(|host| host.ends_with(".atlassian.net")) => {
                connect::jira(&url[..url::Position::BeforePath], allow_http)
            }
            Some(_) | None => Err(reader.no_connection(name)),
        },
    }
}

/// The address that a name is, where it is one.
fn address_in(name: &str) -> Result<Option<Url>, BadSource> {
    if name.contains("://") { address::parse(name, name).map(Some) } else { Ok(None) }
}
