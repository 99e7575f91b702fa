//! What the fields of each object are.

use serde_json::{Value, json};

use super::connection::{Connection, events, issues, pages};
use super::run::{Args, Run};
use crate::clock::rfc3339;
use crate::github::access::Access;
use crate::world::people::AccountKind;
use crate::world::repo::{Comment, Issue, Label, Repo};
use crate::world::timeline::{Event, Happened};
use crate::world::{Found, World};

/// Something whose fields can be asked.
#[derive(Debug, Clone)]
pub(crate) enum Object<'a> {
    Query,
    RateLimit,
    Repository(&'a Repo),
    /// An issue or a pull request.
    Item(&'a Repo, &'a Issue),
    Connection(Box<Connection<'a>>),
    PageInfo(Box<Connection<'a>>),
    Event(&'a Repo, Box<Event>),
    Comment(&'a Comment),
    Account(usize),
    Label(&'a Label),
    Summary(&'a Repo, &'a Issue),
}

/// What a field is.
pub(crate) enum Out<'a> {
    Leaf(Value),
    One(Object<'a>),
    Many(Vec<Object<'a>>),
    Nothing,
}

/// A field, or the sort of error and what is said.
pub(crate) type Field<'a> = Result<Out<'a>, (&'static str, String)>;

#[expect(clippy::unnecessary_wraps, reason = "every field answers in the same way")]
fn one(object: Option<Object<'_>>) -> Field<'_> {
    Ok(object.map_or(Out::Nothing, Out::One))
}

#[expect(clippy::unnecessary_wraps, reason = "every field answers in the same way")]
fn leaf<'a>(value: impl Into<Value>) -> Field<'a> {
    Ok(Out::Leaf(value.into()))
}

fn not_found<'a>(what: &str) -> Field<'a> {
    Err(("NOT_FOUND", format!("Could not resolve to {what}")))
}

impl<'a> Object<'a> {
    pub(crate) fn type_name(&self, world: &World) -> &'static str {
        match self {
            Object::Query => "Query",
            Object::RateLimit => "RateLimit",
            Object::Repository(_) => "Repository",
            Object::Item(_, issue) if issue.pull.is_some() => "PullRequest",
            Object::Item(..) => "Issue",
            Object::Connection(connection) => connection.type_name,
            Object::PageInfo(_) => "PageInfo",
            Object::Event(_, event) => event.what.type_name(),
            Object::Comment(_) => "IssueComment",
            Object::Account(at) => match world.people.get(*at).kind {
                AccountKind::User => "User",
                AccountKind::Bot => "Bot",
                AccountKind::Organization => "Organization",
            },
            Object::Label(_) => "Label",
            Object::Summary(..) => "SubIssuesSummary",
        }
    }

    /// The field of this name, which the schema is known to have.
    pub(crate) fn field(&self, run: &mut Run<'a>, name: &str, args: &Args) -> Field<'a> {
        let found = match self {
            Object::Query => query(run, name, args),
            Object::RateLimit => rate_limit(run, name),
            Object::Repository(repo) => repository(run, repo, name, args),
            Object::Item(repo, issue) => item(run, repo, issue, name, args),
            Object::Connection(connection) => connection.field(name),
            Object::PageInfo(connection) => connection.page_info(name),
            Object::Event(repo, event) => entry(run, repo, event, name),
            Object::Comment(comment) => remark(comment, name),
            Object::Account(at) => account(run.world, *at, name),
            Object::Label(label) => match name {
                "name" => Some(leaf(label.name.as_str())),
                "color" => Some(leaf(label.color)),
                _ => None,
            },
            Object::Summary(repo, issue) => match name {
                "total" => Some(leaf(repo.children_of(issue.number).len())),
                _ => None,
            },
        };
        found.unwrap_or_else(|| {
            let of = self.type_name(run.world);
            Err(("NOT_SIMULATED", format!("the simulated forge has no {of}.{name}")))
        })
    }
}

fn query<'a>(run: &mut Run<'a>, name: &str, args: &Args) -> Option<Field<'a>> {
    match name {
        "rateLimit" => Some(one(run.primary.map(|_| Object::RateLimit))),
        "viewer" => {
            let login = run.caller.token.as_ref().map(|token| token.login.as_str());
            Some(one(login.and_then(|login| run.world.people.find(login)).map(Object::Account)))
        }
        "repository" => {
            let owner = args.text("owner").unwrap_or_default();
            let name = args.text("name").unwrap_or_default();
            // A former name leads on without a word.
            let repo = match run.world.find(owner, name) {
                Found::Here(repo) | Found::Renamed(repo) => Some(repo),
                Found::Nowhere => None,
            };
            let visible = repo.map(|repo| (repo, run.caller.access(run.world, repo)));
            Some(match visible {
                Some((repo, Access::Granted)) => one(Some(Object::Repository(repo))),
                Some((_, Access::Sso)) => Err((
                    "FORBIDDEN",
                    "Resource protected by organization SAML enforcement. You must grant your \
                     OAuth token access to this organization."
                        .to_owned(),
                )),
                Some((_, Access::Hidden)) | None => {
                    not_found(&format!("a Repository with the name '{owner}/{name}'."))
                }
            })
        }
        _ => None,
    }
}

fn rate_limit<'a>(run: &Run<'a>, name: &str) -> Option<Field<'a>> {
    let primary = run.primary?;
    Some(match name {
        "cost" => leaf(run.cost),
        "limit" => leaf(primary.limit),
        "remaining" => leaf(primary.remaining()),
        "used" => leaf(primary.used),
        "resetAt" => leaf(rfc3339(primary.reset)),
        "nodeCount" => leaf(0),
        _ => return None,
    })
}

fn repository<'a>(run: &Run<'a>, repo: &'a Repo, name: &str, args: &Args) -> Option<Field<'a>> {
    let numbered = |fits: fn(&Issue) -> bool, what: &str| {
        let number = args.number("number").unwrap_or_default();
        match repo.issues.get(&number).filter(|issue| fits(issue)) {
            Some(issue) => one(Some(Object::Item(repo, issue))),
            None => not_found(&format!("{what} with the number of {number}.")),
        }
    };
    Some(match name {
        "databaseId" => leaf(repo.id),
        "name" => leaf(repo.name.as_str()),
        "nameWithOwner" => leaf(run.world.full_name(repo)),
        "isPrivate" => leaf(repo.private),
        "hasIssuesEnabled" => leaf(repo.has_issues),
        "owner" => one(Some(Object::Account(repo.owner))),
        "issue" => numbered(|issue| issue.pull.is_none(), "an Issue"),
        "pullRequest" => numbered(|issue| issue.pull.is_some(), "a PullRequest"),
        "issueOrPullRequest" => numbered(|_| true, "an issue or pull request"),
        "issues" => issues(repo, args, false),
        "pullRequests" => issues(repo, args, true),
        _ => return None,
    })
}

fn item<'a>(
    run: &mut Run<'a>,
    repo: &'a Repo,
    issue: &'a Issue,
    name: &str,
    args: &Args,
) -> Option<Field<'a>> {
    let child = |number: u64| repo.issues.get(&number).map(|other| Object::Item(repo, other));
    Some(match name {
        "databaseId" => leaf(issue.id),
        "number" => leaf(issue.number),
        "title" => leaf(issue.title.as_str()),
        "body" => leaf(issue.body.clone().unwrap_or_default()),
        "state" => leaf(if issue.open { "OPEN" } else { "CLOSED" }),
        "closed" => leaf(!issue.open),
        "locked" => leaf(issue.locked),
        "createdAt" => leaf(rfc3339(issue.created)),
        "updatedAt" => leaf(rfc3339(issue.updated)),
        "closedAt" => leaf(issue.closed.map(rfc3339)),
        "repository" => one(Some(Object::Repository(repo))),
        "author" => one(issue.user.map(Object::Account)),
        "parent" => one(repo.parent_of(issue.number).and_then(child)),
        "subIssuesSummary" => one(Some(Object::Summary(repo, issue))),
        "subIssues" => {
            let children = repo.children_of(issue.number);
            pages("IssueConnection", children.into_iter().filter_map(child).collect(), args)
        }
        "labels" => {
            let labels = issue.labels.iter().map(|at| Object::Label(&repo.labels[*at]));
            pages("LabelConnection", labels.collect(), args)
        }
        "assignees" => {
            let people = issue.assignees.iter().map(|at| Object::Account(*at));
            pages("UserConnection", people.collect(), args)
        }
        "comments" => {
            let comments = issue.comment_ids.iter().filter_map(|id| repo.comments.get(id));
            pages("IssueCommentConnection", comments.map(Object::Comment).collect(), args)
        }
        "timelineItems" => return Some(events(run, repo, issue, args)),
        _ => return None,
    })
}

fn entry<'a>(run: &Run<'a>, repo: &'a Repo, event: &Event, name: &str) -> Option<Field<'a>> {
    let item = |number: u64| repo.issues.get(&number).map(|issue| Object::Item(repo, issue));
    match name {
        "id" => return Some(leaf(event_id(event))),
        "createdAt" => return Some(leaf(rfc3339(event.at))),
        "actor" => return Some(one(event.actor.map(Object::Account))),
        _ => {}
    }
    Some(match (name, &event.what) {
        ("label", Happened::Labeled(at) | Happened::Unlabeled(at)) => {
            one(Some(Object::Label(&repo.labels[*at])))
        }
        ("assignee", Happened::Assigned(at)) => {
            let known = *at < run.world.people.len();
            one(known.then_some(Object::Account(*at)))
        }
        ("milestoneTitle", Happened::Milestoned(at)) => leaf(repo.milestones[*at].title.as_str()),
        ("previousTitle", Happened::Renamed { from, .. }) => leaf(from.as_str()),
        ("currentTitle", Happened::Renamed { to, .. }) => leaf(to.as_str()),
        ("stateReason", Happened::Closed) => leaf("COMPLETED"),
        ("stateReason", Happened::Reopened) => leaf(Value::Null),
        ("lockReason", Happened::Locked) => leaf("RESOLVED"),
        ("closer", Happened::Closed) => Ok(Out::Nothing),
        ("willCloseTarget" | "isCrossRepository", Happened::CrossReferenced(_)) => leaf(false),
        ("source", Happened::CrossReferenced(number))
        | ("subIssue", Happened::SubIssueAdded(number))
        | ("parent", Happened::ParentAdded(number)) => one(item(*number)),
        _ => return None,
    })
}

/// The id of an entry, as GraphQL and the truth have it.
pub(crate) fn event_id(event: &Event) -> String {
    format!("EV_kwDO{:x}", event.id)
}

fn remark<'a>(comment: &'a Comment, name: &str) -> Option<Field<'a>> {
    Some(match name {
        "databaseId" => leaf(comment.id),
        "id" => leaf(format!("IC_kwDO{:x}", comment.id)),
        "body" => leaf(comment.body.as_str()),
        "author" => one(comment.user.map(Object::Account)),
        "createdAt" => leaf(rfc3339(comment.created)),
        "updatedAt" => leaf(rfc3339(comment.updated)),
        _ => return None,
    })
}

fn account<'a>(world: &World, at: usize, name: &str) -> Option<Field<'a>> {
    let account = world.people.get(at);
    Some(match name {
        // Bots go without the ending that they have in REST.
        "login" => leaf(json!(account.login.trim_end_matches("[bot]"))),
        "databaseId" => leaf(account.id),
        _ => return None,
    })
}
