//! Which documented operation a path stands for.

use super::refuse;
use crate::wire::{Reply, Request, decode};

/// Which of the two: the service, or a server of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Cloud,
    OnPremises,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) organisation: String,
    pub(crate) project: Option<String>,
    pub(crate) route: Route,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    ConnectionData,
    Projects,
    Project(String),
    Repositories,
    Repository(String),
    Wiql,
    Batch,
    Items,
    Item(u64),
    Revisions,
    Links,
    Comments(u64),
    Comment(u64, u64),
    Updates(u64),
    Types,
    Type(String),
    States(String),
    Fields,
    Field(String),
    /// A repository and the service of git that is asked for, with its slash.
    Git(String, &'static str),
    Unknown,
}

impl Server {
    /// The first part of its paths.
    pub(crate) fn root(self) -> &'static str {
        match self {
            Server::Cloud => "/ado",
            Server::OnPremises => "/tfs",
        }
    }
}

/// Takes a path apart. A malformed escape is refused, as the front of the service does.
pub(crate) fn place(request: &Request) -> Result<Place, Reply> {
    let path = request.path();
    let (server, rest) = match (path.strip_prefix("/ado/"), path.strip_prefix("/tfs/")) {
        (Some(rest), _) => (Server::Cloud, rest),
        (None, Some(rest)) => (Server::OnPremises, rest),
        (None, None) => return Err(refuse::bad_request()),
    };
    let parts: Option<Vec<String>> =
        rest.split('/').filter(|part| !part.is_empty()).map(whole).collect();
    let parts = parts.ok_or_else(refuse::bad_request)?;
    let [organisation, parts @ ..] = parts.as_slice() else {
        return Err(refuse::nothing_here(path));
    };
    let is = |part: &String, name: &str| part.eq_ignore_ascii_case(name);
    let at = parts.iter().position(|part| is(part, "_apis") || is(part, "_git"));
    let (before, after) = at.map_or((parts, &[][..]), |at| (&parts[..at], &parts[at + 1..]));
    let git = at.is_some_and(|at| is(&parts[at], "_git"));
    let route = if git { git_route(after) } else { api_route(after) };
    // A team may stand behind the project.
    let project = match (before, &route) {
        // The repository that has its project's name.
        ([], Route::Git(repository, _)) => Some(repository.clone()),
        (before, _) => before.first().cloned(),
    };
    Ok(Place { server, organisation: organisation.clone(), project, route })
}

/// A part of a path without its escapes; `None` when one of them is none.
fn whole(part: &str) -> Option<String> {
    let mut escapes = part.split('%').skip(1);
    let good = |escape: &str| {
        escape.len() >= 2 && escape.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
    };
    escapes.all(good).then(|| decode(&part.replace('+', "%2B")))
}

fn git_route(parts: &[String]) -> Route {
    match parts {
        [repository, info, refs] if info == "info" && refs == "refs" => {
            Route::Git(repository.clone(), "/info/refs")
        }
        [repository, service] if service == "git-upload-pack" => {
            Route::Git(repository.clone(), "/git-upload-pack")
        }
        _ => Route::Unknown,
    }
}

fn api_route(parts: &[String]) -> Route {
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let names: Vec<&str> = lower.iter().map(String::as_str).collect();
    let number = |at: usize| names[at].parse::<u64>().ok();
    let found = match names.as_slice() {
        ["connectiondata"] => Some(Route::ConnectionData),
        ["projects"] => Some(Route::Projects),
        ["projects", _] => Some(Route::Project(parts[1].clone())),
        ["git", "repositories"] => Some(Route::Repositories),
        ["git", "repositories", _] => Some(Route::Repository(parts[2].clone())),
        ["wit", "wiql"] => Some(Route::Wiql),
        ["wit", "workitemsbatch"] => Some(Route::Batch),
        ["wit", "workitems"] => Some(Route::Items),
        ["wit", "workitems", _] => number(2).map(Route::Item),
        ["wit", "workitems", _, "comments"] => number(2).map(Route::Comments),
        ["wit", "workitems", _, "comments", _] => {
            number(2).zip(number(4)).map(|(id, comment)| Route::Comment(id, comment))
        }
        ["wit", "workitems", _, "updates"] => number(2).map(Route::Updates),
        ["wit", "reporting", "workitemrevisions"] => Some(Route::Revisions),
        ["wit", "reporting", "workitemlinks"] => Some(Route::Links),
        ["wit", "workitemtypes"] => Some(Route::Types),
        ["wit", "workitemtypes", _] => Some(Route::Type(parts[2].clone())),
        ["wit", "workitemtypes", _, "states"] => Some(Route::States(parts[2].clone())),
        ["wit", "fields"] => Some(Route::Fields),
        ["wit", "fields", _] => Some(Route::Field(parts[2].clone())),
        _ => None,
    };
    found.unwrap_or(Route::Unknown)
}

impl Place {
    /// The documented path.
    pub(crate) fn endpoint(&self) -> String {
        let tail = match &self.route {
            Route::Unknown => return "unknown".to_owned(),
            Route::Git(..) => return "git".to_owned(),
            Route::ConnectionData => "connectionData",
            Route::Projects => "projects",
            Route::Project(_) => "projects/{projectId}",
            Route::Repositories => "git/repositories",
            Route::Repository(_) => "git/repositories/{repositoryId}",
            Route::Wiql => "wit/wiql",
            Route::Batch => "wit/workitemsbatch",
            Route::Items => "wit/workitems",
            Route::Item(_) => "wit/workitems/{id}",
            Route::Revisions => "wit/reporting/workitemrevisions",
            Route::Links => "wit/reporting/workitemlinks",
            Route::Comments(_) => "wit/workItems/{workItemId}/comments",
            Route::Comment(..) => "wit/workItems/{workItemId}/comments/{commentId}",
            Route::Updates(_) => "wit/workItems/{id}/updates",
            Route::Types => "wit/workitemtypes",
            Route::Type(_) => "wit/workitemtypes/{type}",
            Route::States(_) => "wit/workitemtypes/{type}/states",
            Route::Fields => "wit/fields",
            Route::Field(_) => "wit/fields/{fieldNameOrRefName}",
        };
        let project = if self.project.is_some() { "/{project}" } else { "" };
        format!("/{{organization}}{project}/_apis/{tail}")
    }
}

impl Route {
    /// The methods it knows.
    pub(crate) fn methods(&self) -> &'static [&'static str] {
        match self {
            Route::Wiql | Route::Batch => &["POST"],
            Route::Revisions | Route::Git(..) => &["GET", "POST"],
            Route::ConnectionData
            | Route::Projects
            | Route::Project(_)
            | Route::Repositories
            | Route::Repository(_)
            | Route::Items
            | Route::Item(_)
            | Route::Links
            | Route::Comments(_)
            | Route::Comment(..)
            | Route::Updates(_)
            | Route::Types
            | Route::Type(_)
            | Route::States(_)
            | Route::Fields
            | Route::Field(_)
            | Route::Unknown => &["GET"],
        }
    }

    /// What of a token's scopes it needs: any one of these.
    pub(crate) fn scopes(&self) -> &'static [&'static str] {
        match self {
            Route::ConnectionData | Route::Unknown => &[],
            Route::Projects | Route::Project(_) => &["vso.project", "vso.work", "vso.code"],
            Route::Repositories | Route::Repository(_) | Route::Git(..) => &["vso.code"],
            Route::Wiql
            | Route::Batch
            | Route::Items
            | Route::Item(_)
            | Route::Revisions
            | Route::Links
            | Route::Comments(_)
            | Route::Comment(..)
            | Route::Updates(_)
            | Route::Types
            | Route::Type(_)
            | Route::States(_)
            | Route::Fields
            | Route::Field(_) => &["vso.work"],
        }
    }

    /// Whether the script has its turn after it.
    pub(crate) fn is_list(&self) -> bool {
        matches!(
            self,
            Route::Wiql | Route::Batch | Route::Items | Route::Revisions | Route::Comments(_)
        )
    }
}
