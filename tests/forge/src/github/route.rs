//! Which documented path a request is for.

use crate::wire::{Request, decode};
use crate::world::Base;

/// The path of GraphQL, in the log and for points.
pub(crate) const GRAPHQL: &str = "/graphql";

/// The path of the search, likewise.
pub(crate) const SEARCH: &str = "/search/issues";

/// A documented path with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Me,
    MyOrgs,
    MyRepos,
    RateLimit,
    GraphQl,
    Search,
    Meta,
    Org(String),
    OrgRepos(Owner),
    Account(String),
    AccountRepos(Owner),
    Repo(RepoPath, Part),
    Unknown,
}

/// How the owner of repositories is addressed; `Link` does it by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Login(String),
    Id(u64),
}

/// How a repository is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RepoPath {
    Name(String, String),
    Id(u64),
}

/// What of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Itself,
    Issues,
    Issue(u64),
    IssueComments(u64),
    Timeline(u64),
    BlockedBy(u64),
    Blocking(u64),
    SubIssues(u64),
    Comments,
    Comment(u64),
    Pulls,
    Pull(u64),
    Labels,
    Milestones,
    Assignees,
}

impl Part {
    /// Whether the reply is a page of things that may change: what the script counts.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Part::Issues | Part::IssueComments(_) | Part::Comments | Part::Pulls)
    }

    /// The path after the repository.
    fn template(self) -> &'static str {
        match self {
            Part::Itself => "",
            Part::Issues => "/issues",
            Part::Issue(_) => "/issues/{issue_number}",
            Part::IssueComments(_) => "/issues/{issue_number}/comments",
            Part::Timeline(_) => "/issues/{issue_number}/timeline",
            Part::BlockedBy(_) => "/issues/{issue_number}/dependencies/blocked_by",
            Part::Blocking(_) => "/issues/{issue_number}/dependencies/blocking",
            Part::SubIssues(_) => "/issues/{issue_number}/sub_issues",
            Part::Comments => "/issues/comments",
            Part::Comment(_) => "/issues/comments/{comment_id}",
            Part::Pulls => "/pulls",
            Part::Pull(_) => "/pulls/{pull_number}",
            Part::Labels => "/labels",
            Part::Milestones => "/milestones",
            Part::Assignees => "/assignees",
        }
    }
}

impl Route {
    /// The documented path, for points and for the log.
    pub(crate) fn endpoint(&self) -> String {
        match self {
            Route::Me => "/user".to_owned(),
            Route::MyOrgs => "/user/orgs".to_owned(),
            Route::MyRepos => "/user/repos".to_owned(),
            Route::RateLimit => "/rate_limit".to_owned(),
            Route::GraphQl => GRAPHQL.to_owned(),
            Route::Search => SEARCH.to_owned(),
            Route::Meta => "/meta".to_owned(),
            Route::Org(_) => "/orgs/{org}".to_owned(),
            Route::OrgRepos(_) => "/orgs/{org}/repos".to_owned(),
            Route::Account(_) => "/users/{username}".to_owned(),
            Route::AccountRepos(_) => "/users/{username}/repos".to_owned(),
            Route::Repo(_, part) => format!("/repos/{{owner}}/{{repo}}{}", part.template()),
            Route::Unknown => "unknown".to_owned(),
        }
    }
}

/// Reads the path; `/api/v3` before it is the other base.
pub(crate) fn route(request: &Request) -> (Base, Route) {
    let path = request.path();
    if path == "/api/graphql" {
        return (Base::V3, Route::GraphQl);
    }
    let (base, path) = match path.strip_prefix("/api/v3") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => (Base::V3, rest),
        Some(_) | None => (Base::Root, path),
    };
    let parts: Vec<String> = path.split('/').skip(1).map(decode_path).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    (base, of(&parts))
}

/// In a path a plus is a plus.
fn decode_path(part: &str) -> String {
    decode(&part.replace('+', "%2B"))
}

fn of(parts: &[&str]) -> Route {
    match parts {
        ["user"] => Route::Me,
        ["user", "orgs"] => Route::MyOrgs,
        ["user", "repos"] => Route::MyRepos,
        ["rate_limit"] => Route::RateLimit,
        ["graphql"] => Route::GraphQl,
        ["search", "issues"] => Route::Search,
        ["meta"] => Route::Meta,
        ["orgs", org] => Route::Org((*org).to_owned()),
        ["orgs", org, "repos"] => Route::OrgRepos(Owner::Login((*org).to_owned())),
        ["organizations", id, "repos"] => owned(id, Route::OrgRepos),
        ["users", user] => Route::Account((*user).to_owned()),
        ["users", user, "repos"] => Route::AccountRepos(Owner::Login((*user).to_owned())),
        ["user", id, "repos"] => owned(id, Route::AccountRepos),
        ["repos", owner, name, rest @ ..] => {
            let path = RepoPath::Name((*owner).to_owned(), (*name).to_owned());
            part(rest).map_or(Route::Unknown, |part| Route::Repo(path, part))
        }
        ["repositories", id, rest @ ..] => match (id.parse(), part(rest)) {
            (Ok(id), Some(part)) => Route::Repo(RepoPath::Id(id), part),
            _ => Route::Unknown,
        },
        _ => Route::Unknown,
    }
}

fn owned(id: &str, route: fn(Owner) -> Route) -> Route {
    id.parse().map_or(Route::Unknown, |id| route(Owner::Id(id)))
}

fn part(rest: &[&str]) -> Option<Part> {
    Some(match rest {
        [] => Part::Itself,
        ["issues"] => Part::Issues,
        ["issues", "comments"] => Part::Comments,
        ["issues", "comments", id] => Part::Comment(id.parse().ok()?),
        ["issues", number] => Part::Issue(number.parse().ok()?),
        ["issues", number, "comments"] => Part::IssueComments(number.parse().ok()?),
        ["issues", number, "timeline"] => Part::Timeline(number.parse().ok()?),
        ["issues", number, "dependencies", "blocked_by"] => Part::BlockedBy(number.parse().ok()?),
        ["issues", number, "dependencies", "blocking"] => Part::Blocking(number.parse().ok()?),
        ["issues", number, "sub_issues"] => Part::SubIssues(number.parse().ok()?),
        ["pulls"] => Part::Pulls,
        ["pulls", number] => Part::Pull(number.parse().ok()?),
        ["labels"] => Part::Labels,
        ["milestones"] => Part::Milestones,
        ["assignees"] => Part::Assignees,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(target: &str) -> (Base, Route) {
        route(&Request { target: target.to_owned(), ..Request::default() })
    }

    #[test]
    fn both_bases_and_both_repository_forms_are_understood() {
        let named = RepoPath::Name("acme".into(), "a+b".into());
        assert_eq!(
            routed("/repos/acme/a+b/issues?x=1"),
            (Base::Root, Route::Repo(named, Part::Issues))
        );
        let by_id = Route::Repo(RepoPath::Id(7), Part::IssueComments(9));
        assert_eq!(routed("/api/v3/repositories/7/issues/9/comments"), (Base::V3, by_id));
        assert_eq!(routed("/repos/acme/api/issues/x").1, Route::Unknown);
        let org = Route::OrgRepos(Owner::Id(9));
        assert_eq!(routed("/organizations/9/repos?page=2").1, org);
        assert_eq!(routed("/user/9/repos").1, Route::AccountRepos(Owner::Id(9)));
    }
}
