//! What names something of Jira.

use url::Url;

use super::{BadSource, address};
use crate::work::options::{Dialect, Wanted};

/// Pages of a project and of an issue: what follows is a key.
const BEFORE_A_KEY: [&str; 2] = ["browse", "projects"];

/// Where the interface is, by the addresses that its requests go to.
const INTERFACES: [(&str, Dialect); 2] =
    [("rest/api/3/", Dialect::Jira), ("rest/api/2/", Dialect::JiraCenter)];

/// `PAY`, as after `jira:`.
pub(super) fn name(name: &str, text: &str) -> Result<Wanted, BadSource> {
    let bad = |why| Err(BadSource::BadName { text: text.to_owned(), why });
    let key = name.trim_matches('/').to_ascii_uppercase();
    let mut letters = key.chars();
    if !letters.next().is_some_and(|first| first.is_ascii_alphabetic()) {
        return bad("a project's key begins with a letter, such as PAY");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if letters.clone().all(plain) {
        return Ok(Wanted::Project { name: key });
    }
    match project_of(&key) {
        Some(_) => bad("it is an issue; name its project"),
        None => bad("a project's key has letters, digits and `_`"),
    }
}

/// A browser's address: the site and the project, whose page or issue's page it is. Without such
/// a page the last part is the key.
pub(super) fn address(url: &Url, text: &str) -> Result<(Url, Wanted), BadSource> {
    let parts = address::parts(url.path());
    let page = parts.iter().position(|part| BEFORE_A_KEY.contains(&part.as_str()));
    let (before, key) = match page {
        // Sites of the cloud have no path of their own, and pages below `/jira/software`.
        Some(at) => (if is_cloud(url) { 0 } else { at }, parts.get(at + 1)),
        None => (parts.len().saturating_sub(1), parts.last()),
    };
    let Some(key) = key else {
        let why = "it names no project: jira:https://SITE/KEY";
        return Err(BadSource::BadName { text: text.to_owned(), why });
    };
    let key = project_of(key).filter(|_| page.is_some()).unwrap_or(key);
    let mut site = url.clone();
    site.set_query(None);
    site.set_fragment(None);
    let path = parts[..before].join("/");
    site.set_path(&if path.is_empty() { path } else { format!("{path}/") });
    Ok((site, name(key, text)?))
}

/// The project of an issue's key.
fn project_of(key: &str) -> Option<&str> {
    let (project, number) = key.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !project.is_empty()).then_some(project)
}

/// The site of an address that may lead to its interface, and the dialect that is spoken there:
/// the interface's own, else as the host says.
pub(super) fn site(mut url: Url) -> (Url, Dialect) {
    for (interface, dialect) in INTERFACES {
        if let Some(site) = url.path().strip_suffix(interface).map(str::to_owned) {
            url.set_path(&site);
            return (url, dialect);
        }
    }
    let dialect = if is_cloud(&url) { Dialect::Jira } else { Dialect::JiraSite };
    (url, dialect)
}

/// Whether a site is one of Atlassian's cloud.
fn is_cloud(site: &Url) -> bool {
    let host = site.host_str().unwrap_or_default();
    host.ends_with(".atlassian.net") || host == "api.atlassian.com"
}
