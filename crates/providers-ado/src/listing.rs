//! What an organisation has: projects and repositories.

use jobctl_provider::{Item, Refusal, Repository, Step, Unsupported, below};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::ask::{Ask, Reading};
use crate::reply::{Reply, text};
use crate::rows::skipped;
use crate::scope::{connection, is_name, without_connection};
use crate::verdict::check;
use crate::{AzureDevOps, NAME};

/// Projects of one answer at most.
const PER_PAGE: &str = "100";

/// Where the listing of an organisation's projects stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scopes {
    connection: String,
    organisation: String,
    token: Option<String>,
}

impl Scopes {
    pub(crate) fn new(of: &str) -> Result<Self, Unsupported> {
        let organisation = without_connection(of).trim_end_matches('/');
        if !is_name(organisation) {
            let why = format!("cannot list projects of {of:?}: wanted is an ORGANISATION");
            return Err(Unsupported(why));
        }
        let connection = connection(of).unwrap_or(NAME).to_owned();
        Ok(Self { connection, organisation: organisation.to_owned(), token: None })
    }

    pub(crate) fn url(&self, ado: &AzureDevOps) -> Url {
        let mut url = below(&ado.base, &[&self.organisation, "_apis", "projects"]);
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs([("stateFilter", "wellFormed"), ("$top", PER_PAGE)]);
            if let Some(token) = &self.token {
                query.append_pair("continuationToken", token);
            }
        }
        url
    }
}

/// Reads a page of projects; where it goes on is told by a header alone.
pub(crate) fn read_scopes(
    reading: &Reading,
    scopes: &Scopes,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let (_, rows) = reply.rows("value")?;
    let mut step = reply.step();
    let Scopes { connection, organisation, .. } = scopes;
    for row in &rows {
        if let Some(name) = text(row, "name").filter(|name| is_name(name)) {
            let scope = format!("{connection}:{organisation}/{name}");
            step.items.push(Item::Scope(scope));
        } else {
            step.skipped.push(skipped(&format!("a project of {organisation}"), "it has no name"));
        }
    }
    match reply.headers.get("x-ms-continuationtoken").filter(|token| !token.is_empty()) {
        Some(token) if scopes.token.as_deref() == Some(token) => {
            let message = "the list of projects has more and does not say where".to_owned();
            return Err(Refusal::Malformed { message });
        }
        Some(token) => {
            let onward = Scopes { token: Some(token.to_owned()), ..scopes.clone() };
            step.next.push(reading.task(Ask::Scopes(onward)));
        }
        None => {}
    }
    Ok(step)
}

/// Whose repositories are listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repositories {
    organisation: String,
    project: Option<String>,
    /// One of them.
    name: Option<String>,
}

impl Repositories {
    pub(crate) fn new(of: &str) -> Result<Self, Unsupported> {
        let path = without_connection(of).trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() > 3 || !parts.iter().all(|part| is_name(part)) {
            return Err(Unsupported(format!(
                "cannot list {of:?}: wanted is ORGANISATION, ORGANISATION/PROJECT or \
                 ORGANISATION/PROJECT/REPOSITORY"
            )));
        }
        let part = |at: usize| parts.get(at).map(|part| (*part).to_owned());
        Ok(Self { organisation: part(0).unwrap_or_default(), project: part(1), name: part(2) })
    }

    /// The list has no pages.
    pub(crate) fn url(&self, ado: &AzureDevOps) -> Url {
        let mut path = vec![self.organisation.as_str()];
        path.extend(self.project.as_deref());
        path.extend(["_apis", "git", "repositories"]);
        path.extend(self.name.as_deref());
        below(&ado.base, &path)
    }
}

pub(crate) fn read_repositories(
    ado: &AzureDevOps,
    listing: &Repositories,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let rows = match listing.name {
        Some(_) => vec![reply.object()?],
        None => reply.rows("value")?.1,
    };
    let mut step = reply.step();
    for row in &rows {
        if let Some(repository) = repository(ado, &listing.organisation, row) {
            step.items.push(Item::Repository(repository));
        } else {
            let name = text(row, "name").unwrap_or("without a name");
            let item = format!("repository {name} of {}", listing.organisation);
            step.skipped.push(skipped(&item, "its name or that of its project is missing"));
        }
    }
    Ok(step)
}

/// Reads a repository. Its address is put together from the names, because `remoteUrl` carries a
/// user and may have another host than the one that the credential is for.
fn repository(ado: &AzureDevOps, organisation: &str, row: &Value) -> Option<Repository> {
    let name = text(row, "name").filter(|name| is_name(name))?;
    let project = row.pointer("/project/name").and_then(Value::as_str).filter(|p| is_name(p))?;
    let is = |field: &str| row.get(field).and_then(Value::as_bool) == Some(true);
    let branch = text(row, "defaultBranch");
    Some(Repository {
        full_name: format!("{organisation}/{project}/{name}"),
        clone_url: below(&ado.base, &[organisation, project, "_git", name]).to_string(),
        archived: false,
        fork: is("isFork"),
        disabled: is("isDisabled"),
        // Azure DevOps counts bytes.
        size: row.get("size").and_then(Value::as_u64).map(|bytes| bytes.div_ceil(1024)),
        default_branch: branch
            .map(|branch| branch.strip_prefix("refs/heads/").unwrap_or(branch).to_owned()),
    })
}
