//! Writing through the REST interface: issues and comments, opened, edited, deleted.

use serde_json::Value;

use super::access::{Access, Caller};
use super::lists::Answered;
use super::refuse;
use super::route::{Part, RepoPath, Route};
use super::show::Show;
use crate::wire::{Reply, Request};
use crate::world::change::{Change, Changed};
use crate::world::repo::Repo;
use crate::world::{Found, Links, World};

/// One request that changes something.
pub(crate) struct Edit<'a> {
    pub(crate) request: &'a Request,
    pub(crate) links: &'a Links,
    pub(crate) caller: &'a Caller,
    pub(crate) now: i64,
}

impl Edit<'_> {
    /// Carries the request out. Unknown combinations of method and path are 404, as on the real
    /// forge.
    pub(crate) fn answer(&self, world: &mut World, route: &Route) -> Answered {
        let Route::Repo(path, part) = route else { return Err(refuse::not_found()) };
        let Some(token) = &self.caller.token else {
            return Err(refuse::requires_authentication());
        };
        let repo = self.open(world, path)?;
        let (id, full_name) = (repo.id, world.full_name(repo));
        let change = self.change(*part, &token.login)?;
        let changed = world.change(&full_name, &change, self.now);
        let changed = changed.map_err(|_| refuse::not_found())?;
        let repo = world.repo_by_id(id).ok_or_else(refuse::not_found)?;
        Ok(self.tell(world, repo, &change, changed))
    }

    fn open<'w>(&self, world: &'w World, path: &RepoPath) -> Result<&'w Repo, Reply> {
        let repo = match path {
            RepoPath::Id(id) => world.repo_by_id(*id),
            RepoPath::Name(owner, name) => match world.find(owner, name) {
                Found::Here(repo) => Some(repo),
                // The real forge answers 307; nothing here follows that with a body.
                Found::Renamed(_) | Found::Nowhere => None,
            },
        };
        let repo = repo.ok_or_else(refuse::not_found)?;
        match self.caller.access(world, repo) {
            Access::Hidden => Err(refuse::not_found()),
            Access::Sso => Err(refuse::sso_required("acme")),
            Access::Granted if repo.archived => Err(refuse::archived()),
            Access::Granted => Ok(repo),
        }
    }

    /// What the request means.
    fn change(&self, part: Part, login: &str) -> Result<Change, Reply> {
        if self.request.method == "DELETE" {
            let Part::Comment(id) = part else { return Err(refuse::not_found()) };
            return Ok(Change::DeleteComment { id });
        }
        let body: Value =
            serde_json::from_slice(&self.request.body).map_err(|_| refuse::not_json())?;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let user = Some(login.to_owned());
        match (self.request.method.as_str(), part) {
            ("POST", Part::Issues) => {
                let title = text("title").ok_or_else(|| refuse::invalid("Issue", "title"))?;
                Ok(Change::AddIssue { title, body: text("body"), user, pull: false })
            }
            ("PATCH", Part::Issue(number)) => {
                let state = text("state");
                if state.as_deref().is_some_and(|s| s != "open" && s != "closed") {
                    return Err(refuse::invalid("Issue", "state"));
                }
                Ok(Change::EditIssue { number, title: text("title"), body: text("body"), state })
            }
            ("POST", Part::IssueComments(number)) => {
                let body = text("body").ok_or_else(|| refuse::invalid("IssueComment", "body"))?;
                Ok(Change::AddComment { number, body, user })
            }
            ("PATCH", Part::Comment(id)) => {
                let body = text("body").ok_or_else(|| refuse::invalid("IssueComment", "body"))?;
                Ok(Change::EditComment { id, body })
            }
            _ => Err(refuse::not_found()),
        }
    }

    /// The thing as it is now: 201 when it is new, 204 when it is gone.
    fn tell(&self, world: &World, repo: &Repo, change: &Change, changed: Changed) -> Reply {
        let show = Show::new(world, repo, self.links);
        let mut out = String::new();
        let comment = changed.comment.and_then(|id| repo.comments.get(&id));
        let issue = changed.number.and_then(|number| repo.issues.get(&number));
        match (comment, issue) {
            (Some(comment), _) => show.comment(&mut out, comment),
            (None, Some(issue)) => show.issue(&mut out, issue),
            (None, None) => {}
        }
        if matches!(change, Change::DeleteComment { .. }) {
            return Reply::new(204);
        }
        let new = matches!(change, Change::AddIssue { .. } | Change::AddComment { .. });
        Reply::json(if new { 201 } else { 200 }, out)
    }
}
