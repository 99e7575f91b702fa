//! Pages of issues, pull requests and comments.

use super::Asked;
use super::paging::{From, Linker, Page, Paging, Place};
use super::refuse;
use super::show::{Show, list};
use crate::behaviour::Cursors;
use crate::clock::parse_time;
use crate::wire::Reply;
use crate::world::repo::{Issue, Repo};

/// A refusal or a page; both are replies.
pub(crate) type Answered = Result<Reply, Reply>;

/// What an issue list is narrowed to.
#[derive(Debug, Default)]
struct Filter {
    /// `None`: both.
    open: Option<bool>,
    since: Option<i64>,
    labels: Vec<String>,
    milestone: Option<String>,
    assignee: Option<String>,
    creator: Option<String>,
    pulls_only: bool,
}

/// An order asked for.
#[derive(Debug, Clone, Copy)]
struct Sorting {
    /// Names the order in cursors.
    name: &'static str,
    descending: bool,
}

impl<'a> Asked<'a> {
    /// `GET …/issues`. `since` takes items updated at that second or later: the documentation
    /// says "last updated after the given time", watermarks of whole seconds only work so.
    pub(crate) fn issues(&self, repo: &'a Repo) -> Answered {
        let filter = self.issue_filter(repo)?;
        let sorting = self.sorting("Issue", &["created", "updated", "comments"], "created")?;
        let seal = seal_name(sorting);
        let paging = self.paging("Issue", &seal)?;
        let cap = self.behaviour.issue_cap;
        if paging.from == From::Page && paging.reach() >= cap {
            return Err(refuse::deep_issues());
        }
        let places = self.matching(repo, &filter, sorting.name);
        let large = places.len() as u64 >= cap;
        let cursors = match self.behaviour.cursors {
            Cursors::Never => false,
            Cursors::WhenLarge => large || paging.from != From::Page,
            Cursors::Always => true,
        };
        let page = paging.cut(&places, sorting.descending);
        let show = Show::new(self.world, repo, self.links);
        let body = array(&page, |out, number| {
            if let Some(issue) = repo.issues.get(&number) {
                show.issue(out, issue);
            }
        });
        let target = format!("{}/repositories/{}/issues", self.links.api, repo.id);
        Ok(self.linked(target, paging, cursors.then_some(seal.as_str()), &page, body))
    }

    /// `GET …/pulls`; has no `since`.
    pub(crate) fn pulls(&self, repo: &'a Repo) -> Answered {
        let filter =
            Filter { open: self.state("PullRequest")?, pulls_only: true, ..Filter::default() };
        let sorting = self.sorting(
            "PullRequest",
            &["created", "updated", "popularity", "long-running"],
            "created",
        )?;
        let places = self.matching(repo, &filter, sorting.name);
        let paging = self.paging("PullRequest", "pulls")?;
        let page = paging.cut(&places, sorting.descending);
        let show = Show::new(self.world, repo, self.links);
        let body = array(&page, |out, number| {
            if let Some(issue) = repo.issues.get(&number) {
                show.pull(out, issue);
            }
        });
        let target = format!("{}/repositories/{}/pulls", self.links.api, repo.id);
        Ok(self.linked(target, paging, None, &page, body))
    }

    /// `GET …/issues/comments`: by ascending id unless sorted; `direction` counts only with `sort`.
    pub(crate) fn comments(&self, repo: &'a Repo) -> Answered {
        let since = self.since("IssueComment")?;
        let sorting = match self.request.query("sort") {
            None => Sorting { name: "id", descending: false },
            Some(_) => self.sorting("IssueComment", &["created", "updated"], "created")?,
        };
        let paging = self.paging("IssueComment", "comments")?;
        if paging.reach() > self.behaviour.comment_cap {
            return Err(refuse::deep_comments());
        }
        let order = match sorting.name {
            "updated" => &repo.orders.comments_updated,
            "created" => &repo.orders.comments_created,
            _ => &repo.orders.comments_id,
        };
        let page = match since {
            None => paging.cut(order.all(), sorting.descending),
            Some(since) if sorting.name == "updated" => {
                paging.cut(order.starting_at(since), sorting.descending)
            }
            Some(since) => {
                let recent = |place: &&Place| {
                    repo.comments.get(&place.1).is_some_and(|comment| comment.updated >= since)
                };
                let places: Vec<Place> = order.all().iter().filter(recent).copied().collect();
                paging.cut(&places, sorting.descending)
            }
        };
        let target = format!("{}/repositories/{}/issues/comments", self.links.api, repo.id);
        Ok(self.comment_page(repo, target, paging, &page))
    }

    /// `GET …/issues/{n}/comments`: by ascending id, always.
    pub(crate) fn issue_comments(&self, repo: &'a Repo, issue: &Issue) -> Answered {
        let since = self.since("IssueComment")?;
        let paging = self.paging("IssueComment", "comments")?;
        let found = issue.comment_ids.iter().filter_map(|id| repo.comments.get(id));
        let recent = found.filter(|comment| since.is_none_or(|since| comment.updated >= since));
        let places: Vec<Place> = recent.map(|comment| (0, comment.id)).collect();
        let page = paging.cut(&places, false);
        let target =
            format!("{}/repositories/{}/issues/{}/comments", self.links.api, repo.id, issue.number);
        Ok(self.comment_page(repo, target, paging, &page))
    }

    fn comment_page(&self, repo: &Repo, target: String, paging: Paging, page: &Page) -> Reply {
        let show = Show::new(self.world, repo, self.links);
        let body = array(page, |out, id| {
            if let Some(comment) = repo.comments.get(&id) {
                show.comment(out, comment);
            }
        });
        self.linked(target, paging, None, page, body)
    }

    /// A page as a reply with its `Link`.
    pub(crate) fn linked(
        &self,
        target: String,
        paging: Paging,
        cursors: Option<&str>,
        page: &Page,
        body: String,
    ) -> Reply {
        let linker = Linker { target, request: self.request, paging, cursors };
        let reply = Reply::json(200, body);
        match linker.header(page) {
            Some(link) => reply.with("link", link),
            None => reply,
        }
    }

    pub(crate) fn paging(&self, resource: &str, order: &str) -> Result<Paging, Reply> {
        Paging::read(self.request, order).map_err(|field| refuse::invalid(resource, field))
    }

    /// `state`, open unless given; `None` for all.
    fn state(&self, resource: &str) -> Result<Option<bool>, Reply> {
        match self.request.query("state").as_deref() {
            None | Some("open") => Ok(Some(true)),
            Some("closed") => Ok(Some(false)),
            Some("all") => Ok(None),
            Some(_) => Err(refuse::invalid(resource, "state")),
        }
    }

    fn since(&self, resource: &str) -> Result<Option<i64>, Reply> {
        let Some(text) = self.request.query("since") else { return Ok(None) };
        parse_time(&text).map(Some).ok_or_else(|| refuse::invalid(resource, "since"))
    }

    fn sorting(
        &self,
        resource: &str,
        known: &[&'static str],
        default: &'static str,
    ) -> Result<Sorting, Reply> {
        let name = match self.request.query("sort") {
            None => default,
            Some(text) => {
                let found = known.iter().find(|name| **name == text);
                found.copied().ok_or_else(|| refuse::invalid(resource, "sort"))?
            }
        };
        let descending = match self.request.query("direction").as_deref() {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => return Err(refuse::invalid(resource, "direction")),
        };
        Ok(Sorting { name, descending })
    }

    fn issue_filter(&self, repo: &Repo) -> Result<Filter, Reply> {
        let labels = self.request.query("labels").unwrap_or_default();
        Ok(Filter {
            open: self.state("Issue")?,
            since: self.since("Issue")?,
            labels: labels.split(',').filter(|l| !l.is_empty()).map(str::to_owned).collect(),
            milestone: self.request.query("milestone"),
            assignee: self.request.query("assignee"),
            creator: self.request.query("creator"),
            // With its issues switched off a repository still has pull requests.
            pulls_only: !repo.has_issues,
        })
    }

    /// All that match, ascending.
    fn matching(&self, repo: &Repo, filter: &Filter, sort: &str) -> Vec<Place> {
        let orders = &repo.orders;
        let (order, since) = match sort {
            "updated" => (&orders.issues_updated, filter.since),
            "comments" => (&orders.issues_comments, None),
            _ => (&orders.issues_created, None),
        };
        let places = since.map_or_else(|| order.all(), |since| order.starting_at(since));
        if filter.takes_all(since.is_some()) {
            return places.to_vec();
        }
        let fits = |place: &&Place| {
            repo.issues.get(&place.1).is_some_and(|issue| self.fits(repo, issue, filter))
        };
        places.iter().filter(fits).copied().collect()
    }

    fn fits(&self, repo: &Repo, issue: &Issue, filter: &Filter) -> bool {
        let login = |at: usize| &self.world.people.get(at).login;
        let has = |name: &String| {
            issue.labels.iter().any(|at| repo.labels[*at].name.eq_ignore_ascii_case(name))
        };
        let milestone = |wanted: &String| match wanted.as_str() {
            "*" => issue.milestone.is_some(),
            "none" => issue.milestone.is_none(),
            number => issue.milestone.is_some_and(|at| number == (at + 1).to_string()),
        };
        let assignee = |wanted: &String| match wanted.as_str() {
            "*" => !issue.assignees.is_empty(),
            "none" => issue.assignees.is_empty(),
            name => issue.assignees.iter().any(|at| login(*at).eq_ignore_ascii_case(name)),
        };
        let creator =
            |name: &String| issue.user.is_some_and(|at| login(at).eq_ignore_ascii_case(name));
        filter.open.is_none_or(|open| issue.open == open)
            && filter.since.is_none_or(|since| issue.updated >= since)
            && (!filter.pulls_only || issue.pull.is_some())
            && filter.labels.iter().all(has)
            && filter.milestone.as_ref().is_none_or(milestone)
            && filter.assignee.as_ref().is_none_or(assignee)
            && filter.creator.as_ref().is_none_or(creator)
    }
}

impl Filter {
    /// Whether nothing is left to check when `since` has been dealt with.
    fn takes_all(&self, since_done: bool) -> bool {
        self.open.is_none()
            && (self.since.is_none() || since_done)
            && self.labels.is_empty()
            && self.milestone.is_none()
            && self.assignee.is_none()
            && self.creator.is_none()
            && !self.pulls_only
    }
}

fn seal_name(sorting: Sorting) -> String {
    format!("{}-{}", sorting.name, if sorting.descending { "desc" } else { "asc" })
}

fn array(page: &Page, mut write: impl FnMut(&mut String, u64)) -> String {
    let mut out = String::with_capacity(page.items.len() * 3_000 + 2);
    out.push('[');
    list(&mut out, &page.items, |out, place| write(out, place.1));
    out.push(']');
    out
}
