//! Single things, and lists that are never long: accounts, repositories, labels, the limits.

use serde_json::{Value, json};

use super::access::Access;
use super::lists::Answered;
use super::paging::Place;
use super::route::{Owner, Part, RepoPath, Route};
use super::show::Show;
use super::{Asked, refuse, show_repo};
use crate::limits::Primary;
use crate::wire::Reply;
use crate::world::Found;
use crate::world::repo::{Issue, Repo};
use crate::world::timeline::Happened;

/// Which repositories of an account a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Owned(usize),
    /// Public ones of this account only.
    Public(usize),
    /// Everything the caller may see with a relation to it.
    Mine,
}

impl<'a> Asked<'a> {
    /// Answers any route but `/rate_limit`.
    pub(crate) fn answer(&self, route: &Route) -> Answered {
        let world = self.world;
        let account = |login: &str| world.people.find(login).ok_or_else(refuse::not_found);
        match route {
            Route::Me => {
                let at = account(&self.login()?)?;
                Ok(json_reply(&show_repo::account(world, at, self.links)))
            }
            Route::MyOrgs => {
                self.login()?;
                let at = account("acme")?;
                Ok(json_reply(&json!([show_repo::organization(world, at, self.links)])))
            }
            Route::MyRepos => {
                self.login()?;
                self.repos(Whose::Mine, "user/repos", "full_name")
            }
            Route::Org(login) => {
                let org = show_repo::organization(world, account(login)?, self.links);
                org.map(|org| json_reply(&org)).ok_or_else(refuse::not_found)
            }
            Route::OrgRepos(owner) => {
                let at = self.owner(owner)?;
                if show_repo::organization(world, at, self.links).is_none() {
                    return Err(refuse::not_found());
                }
                let target = format!("organizations/{}/repos", world.people.get(at).id);
                self.repos(Whose::Owned(at), &target, "created")
            }
            Route::Account(login) => {
                Ok(json_reply(&show_repo::account(world, account(login)?, self.links)))
            }
            Route::AccountRepos(owner) => {
                let at = self.owner(owner)?;
                let target = format!("user/{}/repos", world.people.get(at).id);
                self.repos(Whose::Public(at), &target, "full_name")
            }
            Route::Meta => Ok(json_reply(&json!({"verifiable_password_authentication": false}))),
            Route::Search => self.search(),
            Route::Repo(path, part) => self.of_repo(path, *part),
            Route::RateLimit | Route::GraphQl | Route::Unknown => Err(refuse::not_found()),
        }
    }

    fn owner(&self, owner: &Owner) -> Result<usize, Reply> {
        let people = &self.world.people;
        let at = match owner {
            Owner::Login(login) => people.find(login),
            Owner::Id(id) => people.find_id(*id),
        };
        at.ok_or_else(refuse::not_found)
    }

    fn login(&self) -> Result<String, Reply> {
        let token = self.caller.token.as_ref();
        token.map(|token| token.login.clone()).ok_or_else(refuse::requires_authentication)
    }

    fn of_repo(&self, path: &RepoPath, part: Part) -> Answered {
        let repo = self.open(path)?;
        let show = Show::new(self.world, repo, self.links);
        match part {
            Part::Itself => {
                Ok(json_reply(&show_repo::repository(self.world, repo, self.links, self.v2026)))
            }
            Part::Issues => self.issues(repo),
            Part::Pulls => self.pulls(repo),
            Part::Comments => self.comments(repo),
            Part::Issue(number) => {
                let issue = self.issue(repo, number, "")?;
                Ok(written(|out| show.issue(out, issue)))
            }
            Part::IssueComments(number) => {
                let issue = self.issue(repo, number, "/comments")?;
                self.issue_comments(repo, issue)
            }
            Part::Timeline(number) => {
                let issue = self.issue(repo, number, "/timeline")?;
                self.timeline(repo, issue)
            }
            Part::BlockedBy(number) => {
                let issue = self.issue(repo, number, "/dependencies/blocked_by")?;
                let numbers = repo.blocked_by.get(&issue.number).cloned().unwrap_or_default();
                Ok(self.dependencies(
                    repo,
                    &numbers,
                    &format!("issues/{number}/dependencies/blocked_by"),
                ))
            }
            Part::Blocking(number) => {
                let issue = self.issue(repo, number, "/dependencies/blocking")?;
                let numbers = repo.blocking(issue.number);
                Ok(self.dependencies(
                    repo,
                    &numbers,
                    &format!("issues/{number}/dependencies/blocking"),
                ))
            }
            Part::SubIssues(number) => {
                let issue = self.issue(repo, number, "/sub_issues")?;
                let numbers = repo.children_of(issue.number);
                Ok(self.dependencies(repo, &numbers, &format!("issues/{number}/sub_issues")))
            }
            Part::Comment(id) => {
                let comment = repo.comments.get(&id).ok_or_else(refuse::not_found)?;
                Ok(written(|out| show.comment(out, comment)))
            }
            Part::Pull(number) => {
                let issue = repo.issues.get(&number).filter(|issue| issue.pull.is_some());
                let issue = issue.ok_or_else(refuse::not_found)?;
                Ok(written(|out| show.pull(out, issue)))
            }
            Part::Labels => {
                let labels = repo.labels.iter();
                self.short_list(repo, "labels", labels.map(|l| text(|out| show.label(out, l))))
            }
            Part::Milestones => self.milestones(repo, &show),
            Part::Assignees => {
                let people = (0..self.world.people.len()).take(50);
                let json = |at| self.world.people.json(at, self.links.base).to_owned();
                self.short_list(repo, "assignees", people.map(json))
            }
        }
    }

    /// A page of a list that is made for each request.
    pub(super) fn short_list(
        &self,
        repo: &Repo,
        path: &str,
        items: impl Iterator<Item = String>,
    ) -> Answered {
        let items: Vec<String> = items.collect();
        let places: Vec<Place> = (0..items.len() as u64).map(|at| (0, at)).collect();
        let paging = self.paging("Repository", path)?;
        let page = paging.cut(&places, false);
        let shown = page.items.iter().filter_map(|place| usize::try_from(place.1).ok());
        let shown: Vec<&str> = shown.map(|at| items[at].as_str()).collect();
        let target = format!("{}/repositories/{}/{path}", self.links.api, repo.id);
        Ok(self.linked(target, paging, None, &page, format!("[{}]", shown.join(","))))
    }

    /// The repository, if it is there under this name and may be seen.
    fn open(&self, path: &RepoPath) -> Result<&'a Repo, Reply> {
        let (repo, renamed) = match path {
            RepoPath::Id(id) => (self.world.repo_by_id(*id), false),
            RepoPath::Name(owner, name) => match self.world.find(owner, name) {
                Found::Here(repo) => (Some(repo), false),
                Found::Renamed(repo) => (Some(repo), true),
                Found::Nowhere => (None, false),
            },
        };
        let repo = repo.ok_or_else(refuse::not_found)?;
        match self.caller.access(self.world, repo) {
            Access::Hidden => return Err(refuse::not_found()),
            Access::Sso => return Err(refuse::sso_required("acme")),
            Access::Granted => {}
        }
        if renamed {
            return Err(refuse::moved(&self.moved_target(repo.id)));
        }
        Ok(repo)
    }

    /// This request's address by the repository's id.
    fn moved_target(&self, id: u64) -> String {
        let path = self.request.target.trim_start_matches("/api/v3");
        let rest = path.splitn(5, '/').nth(4).map_or(String::new(), |rest| format!("/{rest}"));
        let query = path.split_once('?').map_or("", |(_, query)| query);
        match (rest.is_empty(), query.is_empty()) {
            (true, false) => format!("{}/repositories/{id}?{query}", self.links.api),
            (true | false, _) => format!("{}/repositories/{id}{rest}", self.links.api),
        }
    }

    /// An issue of this number; `after` is what follows it in the path.
    fn issue(&self, repo: &'a Repo, number: u64, after: &str) -> Result<&'a Issue, Reply> {
        if let Some(issue) = repo.issues.get(&number) {
            return if repo.has_issues || issue.pull.is_some() {
                Ok(issue)
            } else {
                Err(refuse::issues_off())
            };
        }
        match repo.gone.get(&number).map(|gone| gone.to) {
            None => Err(refuse::not_found()),
            Some(None) => Err(refuse::issue_deleted()),
            Some(Some((id, number))) => Err(refuse::moved(&format!(
                "{}/repositories/{id}/issues/{number}{after}",
                self.links.api
            ))),
        }
    }

    fn timeline(&self, repo: &'a Repo, issue: &Issue) -> Answered {
        let show = Show::new(self.world, repo, self.links);
        let events = repo.timeline(issue).into_iter().map(|event| {
            let Happened::Commented(id) = event.what else { return show.event(&event) };
            let shown = text(|out| show.comment(out, &repo.comments[&id]));
            shown.replacen('{', "{\"event\":\"commented\",", 1)
        });
        self.short_list(repo, &format!("issues/{}/timeline", issue.number), events)
    }

    fn milestones(&self, repo: &Repo, show: &Show<'_>) -> Answered {
        let state = self.request.query("state");
        let wanted = match state.as_deref() {
            None | Some("open") => Some(true),
            Some("closed") => Some(false),
            Some("all") => None,
            Some(_) => return Err(refuse::invalid("Milestone", "state")),
        };
        let all = (0..repo.milestones.len())
            .filter(|at| wanted.is_none_or(|open| repo.milestones[*at].open == open));
        self.short_list(repo, "milestones", all.map(|at| text(|out| show.milestone(out, at))))
    }

    /// A page of repositories; what the caller may not see is silently absent.
    fn repos(&self, whose: Whose, target: &str, default_sort: &str) -> Answered {
        let kind = self.request.query("type");
        let narrow = ["visibility", "affiliation"].iter().any(|n| self.request.query(n).is_some());
        if whose == Whose::Mine && kind.is_some() && narrow {
            return Err(refuse::exclusive());
        }
        let visibility = self.request.query("visibility").or(kind);
        let mut found: Vec<&Repo> = self
            .world
            .repos
            .iter()
            .filter(|repo| self.listed(repo, whose, visibility.as_deref()))
            .collect();
        let sort = self.request.query("sort").unwrap_or_else(|| default_sort.to_owned());
        let ascending = match self.request.query("direction").as_deref() {
            None => sort == "full_name",
            Some(direction) => direction == "asc",
        };
        let world = self.world;
        match sort.as_str() {
            "full_name" => found.sort_by_cached_key(|repo| world.full_name(repo).to_lowercase()),
            "created" => found.sort_by_key(|repo| (repo.created, repo.id)),
            "updated" | "pushed" => found.sort_by_key(|repo| (repo.updated, repo.id)),
            _ => return Err(refuse::invalid("Repository", "sort")),
        }
        let places: Vec<Place> = (0..).zip(&found).map(|(rank, repo)| (rank, repo.id)).collect();
        let paging = self.paging("Repository", "repos")?;
        let page = paging.cut(&places, !ascending);
        let shown = page.items.iter().filter_map(|place| world.repo_by_id(place.1));
        let shown: Vec<Value> =
            shown.map(|repo| show_repo::repository(world, repo, self.links, self.v2026)).collect();
        let target = format!("{}/{target}", self.links.api);
        let reply = self.linked(target, paging, None, &page, Value::from(shown).to_string());
        Ok(self.mark_partial(reply))
    }

    fn listed(&self, repo: &Repo, whose: Whose, kind: Option<&str>) -> bool {
        let related = match whose {
            Whose::Owned(at) => repo.owner == at,
            Whose::Public(at) => repo.owner == at && !repo.private,
            // A member of acme sees what acme has; what is recorded belongs to strangers.
            Whose::Mine => {
                let owner = &self.world.people.get(repo.owner).login;
                let me = self.caller.token.as_ref().is_some_and(|token| token.login == *owner);
                me || owner == "acme"
            }
        };
        let fits = match kind {
            Some("public") => !repo.private,
            Some("private") => repo.private,
            Some("forks") => repo.fork,
            Some("sources") => !repo.fork,
            Some(_) | None => true,
        };
        related && fits && self.caller.access(self.world, repo) == Access::Granted
    }

    /// Says that a list leaves something out, as the real forge does.
    fn mark_partial(&self, reply: Reply) -> Reply {
        let acme = self.world.people.find("acme").filter(|_| self.caller.partial());
        match acme {
            Some(at) => {
                let id = self.world.people.get(at).id;
                reply.with("x-github-sso", format!("partial-results; organizations={id}"))
            }
            None => reply,
        }
    }
}

/// `GET /rate_limit`; the key `rate` is gone in 2026-03-10.
pub(crate) fn rate_limit(primary: Option<Primary>, v2026: bool) -> Reply {
    let Some(primary) = primary else { return refuse::limits_off() };
    let core = json!({
        "limit": primary.limit, "used": primary.used, "remaining": primary.remaining(),
        "reset": primary.reset,
    });
    let other =
        |limit: u64| json!({"limit": limit, "used": 0, "remaining": limit, "reset": primary.reset});
    let mut body = json!({
        "resources": {"core": core, "search": other(30), "graphql": other(5_000)},
    });
    if !v2026 {
        body["rate"] = core;
    }
    json_reply(&body)
}

fn json_reply(value: &Value) -> Reply {
    Reply::json(200, value.to_string())
}

fn written(write: impl FnOnce(&mut String)) -> Reply {
    Reply::json(200, text(write))
}

fn text(write: impl FnOnce(&mut String)) -> String {
    let mut out = String::new();
    write(&mut out);
    out
}
