//! Which documented path a request is for.

use crate::wire::{Request, decode};

/// Which Jira is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Cloud at its own address.
    Site,
    /// Cloud below `/ex/jira/{cloudId}`.
    Scoped,
    /// Data Center.
    Center,
}

impl Flavour {
    pub(crate) fn version(self) -> u8 {
        match self {
            Flavour::Site | Flavour::Scoped => 3,
            Flavour::Center => 2,
        }
    }
}

/// A documented path with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    TenantInfo,
    Myself,
    ServerInfo,
    Fields,
    /// `/project/search` of Cloud, `/project` of Data Center.
    Projects,
    Project(String),
    /// `/search/jql` of Cloud, `/search` of Data Center.
    Search,
    /// `/search` of Cloud, gone; the version that was asked.
    OldSearch(u8),
    Count,
    BulkFetch,
    BulkChangelog,
    CommentList,
    Issue(String),
    Comments(String),
    Changelog(String),
    Unknown,
}

impl Route {
    /// The documented path, for limits and for the log.
    pub(crate) fn endpoint(&self, flavour: Flavour) -> String {
        let cloud = flavour != Flavour::Center;
        let rest = match self {
            Route::TenantInfo => return "/_edge/tenant_info".to_owned(),
            Route::Unknown => return "unknown".to_owned(),
            Route::OldSearch(version) => return format!("/rest/api/{version}/search"),
            Route::Myself => "myself",
            Route::ServerInfo => "serverInfo",
            Route::Fields => "field",
            Route::Projects if cloud => "project/search",
            Route::Projects => "project",
            Route::Project(_) => "project/{projectIdOrKey}",
            Route::Search if cloud => "search/jql",
            Route::Search => "search",
            Route::Count => "search/approximate-count",
            Route::BulkFetch => "issue/bulkfetch",
            Route::BulkChangelog => "changelog/bulkfetch",
            Route::CommentList => "comment/list",
            Route::Issue(_) => "issue/{issueIdOrKey}",
            Route::Comments(_) => "issue/{issueIdOrKey}/comment",
            Route::Changelog(_) => "issue/{issueIdOrKey}/changelog",
        };
        format!("/rest/api/{}/{rest}", flavour.version())
    }

    /// Whether it may be asked so.
    pub(crate) fn takes(&self, method: &str) -> bool {
        match self {
            Route::Search | Route::OldSearch(_) => method == "GET" || method == "POST",
            Route::Count | Route::BulkFetch | Route::BulkChangelog | Route::CommentList => {
                method == "POST"
            }
            Route::TenantInfo
            | Route::Myself
            | Route::ServerInfo
            | Route::Fields
            | Route::Projects
            | Route::Project(_)
            | Route::Issue(_)
            | Route::Comments(_)
            | Route::Changelog(_) => method == "GET",
            Route::Unknown => true,
        }
    }

    /// Whether the reply is a page of things that may change: what the script counts.
    pub(crate) fn is_list(&self) -> bool {
        match self {
            Route::Search | Route::BulkFetch | Route::Comments(_) | Route::BulkChangelog => true,
            Route::TenantInfo
            | Route::Myself
            | Route::ServerInfo
            | Route::Fields
            | Route::Projects
            | Route::Project(_)
            | Route::OldSearch(_)
            | Route::Count
            | Route::CommentList
            | Route::Issue(_)
            | Route::Changelog(_)
            | Route::Unknown => false,
        }
    }
}

/// Where a request goes; the cloud id, where it was named.
pub(crate) fn route(request: &Request) -> (Flavour, Option<String>, Route) {
    let path = request.path();
    let parts: Vec<String> =
        path.split('/').skip(1).map(|part| decode(&part.replace('+', "%2B"))).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["jira", rest @ ..] => (Flavour::Site, None, cloud(rest)),
        ["ex", "jira", id, rest @ ..] => (Flavour::Scoped, Some((*id).to_owned()), cloud(rest)),
        ["jira-dc", "rest", "api", "2" | "latest", rest @ ..] => {
            (Flavour::Center, None, center(rest))
        }
        _ => (Flavour::Center, None, Route::Unknown),
    }
}

fn cloud(parts: &[&str]) -> Route {
    match parts {
        ["_edge", "tenant_info"] => Route::TenantInfo,
        ["rest", "api", "2", "search"] => Route::OldSearch(2),
        ["rest", "api", "3" | "latest", rest @ ..] => match rest {
            ["search"] => Route::OldSearch(3),
            ["search", "jql"] => Route::Search,
            ["search", "approximate-count"] => Route::Count,
            ["project", "search"] => Route::Projects,
            ["issue", "bulkfetch"] => Route::BulkFetch,
            ["changelog", "bulkfetch"] => Route::BulkChangelog,
            ["comment", "list"] => Route::CommentList,
            ["issue", key, "changelog"] => Route::Changelog((*key).to_owned()),
            rest => common(rest),
        },
        _ => Route::Unknown,
    }
}

fn center(parts: &[&str]) -> Route {
    match parts {
        ["search"] => Route::Search,
        ["project"] => Route::Projects,
        rest => common(rest),
    }
}

fn common(parts: &[&str]) -> Route {
    match parts {
        ["myself"] => Route::Myself,
        ["serverInfo"] => Route::ServerInfo,
        ["field"] => Route::Fields,
        ["project", key] => Route::Project((*key).to_owned()),
        ["issue", key] => Route::Issue((*key).to_owned()),
        ["issue", key, "comment"] => Route::Comments((*key).to_owned()),
        _ => Route::Unknown,
    }
}
