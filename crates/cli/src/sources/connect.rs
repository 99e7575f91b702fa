//! Connections: where a forge is, and who may hear its credential.

use url::Url;

use super::{BadSource, address, github, jira};
use crate::settings::ConnectionSettings;
use crate::work::options::{Connection, Dialect};

/// GitHub's own API.
pub(super) const GITHUB_API: &str = "https://api.github.com/";

/// The parent of all organisations of Azure DevOps's cloud.
pub(super) const ADO_API: &str = "https://dev.azure.com/";

/// Where scoped tokens of Jira's cloud are read, by the id of the site's cloud.
const GATEWAY: &str = "https://api.atlassian.com/ex/jira/";

/// The GitHub connection whose API is at an address.
pub(super) fn github(text: &str, allow_http: bool) -> Result<Connection, BadSource> {
    let api_url = address::api_base(text, allow_http)?;
    let hosts = github::hosts_of_api(&address::authority(&api_url));
    let name = named("github", &api_url, GITHUB_API);
    Ok(Connection {
        name,
        dialect: Dialect::GitHub,
        api_url,
        hosts,
        allow_http,
        organisation: None,
    })
}

/// The Jira connection of a site, or of its interface's address.
pub(super) fn jira(text: &str, allow_http: bool) -> Result<Connection, BadSource> {
    let (api_url, dialect) = jira::site(address::api_base(text, allow_http)?);
    let hosts = vec![address::authority(&api_url)];
    let name = named("jira", &api_url, "");
    Ok(Connection { name, dialect, api_url, hosts, allow_http, organisation: None })
}

/// The Azure DevOps connection whose organisations are below an address.
pub(super) fn ado(text: &str, allow_http: bool) -> Result<Connection, BadSource> {
    let api_url = address::api_base(text, allow_http)?;
    let hosts = vec![address::authority(&api_url)];
    let name = named("ado", &api_url, ADO_API);
    Ok(Connection {
        name,
        dialect: Dialect::AzureDevOps,
        api_url,
        hosts,
        allow_http,
        organisation: None,
    })
}

/// A server that is only known to speak git.
pub(super) fn plain_git(url: &Url, allow_http: bool) -> Connection {
    let authority = address::authority(url);
    let mut api_url = url.clone();
    api_url.set_path("/");
    Connection {
        name: format!("git@{authority}"),
        dialect: Dialect::Git,
        api_url,
        hosts: vec![authority],
        allow_http,
        organisation: None,
    }
}

/// The forge's own name at its own address, else with the host that it is at.
fn named(forge: &str, api_url: &Url, own: &str) -> String {
    if api_url.as_str() == own {
        forge.to_owned()
    } else {
        format!("{forge}@{}", address::authority(api_url))
    }
}

/// A connection of the user's configuration.
pub(super) fn configured(
    name: &str,
    settings: &ConnectionSettings,
    allow_http: bool,
) -> Result<Connection, BadSource> {
    let allow_http = allow_http || settings.allow_http;
    let incomplete = |what| BadSource::Incomplete { connection: name.to_owned(), what };
    let dialect = settings.provider.map(Dialect::from);
    let forge = dialect.and_then(Dialect::provider).unwrap_or(match name {
        "jira" => "jira",
        "ado" => "ado",
        _ => "github",
    });
    let given = settings.api_url.as_deref();
    let mut connection = match forge {
        "jira" => match (given, &settings.cloud_id) {
            (_, Some(id)) => gateway(given, id, allow_http)?,
            (Some(site), None) => jira(site, allow_http)?,
            (None, None) => return Err(incomplete("api_url, the address of its site")),
        },
        "ado" => ado(given.unwrap_or(ADO_API), allow_http)?,
        _ => github(given.unwrap_or(GITHUB_API), allow_http)?,
    };
    name.clone_into(&mut connection.name);
    connection.dialect = dialect.unwrap_or(connection.dialect);
    connection.organisation.clone_from(&settings.organisation);
    for host in &settings.hosts {
        if !connection.hosts.contains(host) {
            connection.hosts.push(host.clone());
        }
    }
    Ok(connection)
}

/// The connection by way of Atlassian's gateway; a gateway of one's own is below `given`.
fn gateway(given: Option<&str>, id: &str, allow_http: bool) -> Result<Connection, BadSource> {
    let base = match given {
        Some(address) if address.contains("/ex/jira") => address,
        Some(_) | None => GATEWAY,
    };
    let mut connection = jira(&format!("{}/{id}/", base.trim_end_matches('/')), allow_http)?;
    connection.dialect = Dialect::Jira;
    Ok(connection)
}
