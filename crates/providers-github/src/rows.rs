use std::collections::BTreeMap;

use jobctl_provider::{
    Category, Comment, Issue, IssueKind, IssueOrder, Item, Passed, Repository, Skipped, Time,
    acceptance_criteria, line,
};
use serde::Deserialize;
use serde_json::Value;

use crate::attachments::attachments;

/// The provider's name, as every row carries it.
pub(crate) const NAME: &str = "github";

/// An issue or pull request as the REST interface shows it: what we name, and nothing else.
#[derive(Deserialize)]
#[serde(expecting = "an issue")]
struct RawIssue {
    number: u64,
    title: String,
    body: Option<String>,
    state: String,
    user: Option<User>,
    #[serde(default)]
    assignees: Option<Vec<Option<User>>>,
    #[serde(default)]
    labels: Vec<Label>,
    milestone: Option<Milestone>,
    html_url: String,
    created_at: Time,
    updated_at: Time,
    closed_at: Option<Time>,
    comments: Option<u64>,
    parent_issue_url: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Named>,
    reactions: Option<BTreeMap<String, Value>>,
}

/// Something of which only the name counts.
#[derive(Deserialize)]
#[serde(expecting = "something with a name")]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(expecting = "a user")]
struct User {
    login: String,
}

/// The published schema allows a bare name, and objects whose name is null.
#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Name(String),
    Object { name: Option<String> },
}

#[derive(Deserialize)]
#[serde(expecting = "a milestone")]
struct Milestone {
    title: String,
}

#[derive(Deserialize)]
#[serde(expecting = "a comment")]
struct RawComment {
    id: u64,
    user: Option<User>,
    body: Option<String>,
    created_at: Time,
    updated_at: Time,
    issue_url: String,
    html_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "a repository")]
struct RawRepository {
    full_name: String,
    clone_url: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    fork: bool,
    #[serde(default)]
    disabled: bool,
    size: Option<u64>,
    default_branch: Option<String>,
}

/// The key of an issue, such as `github:acme/api#12`.
pub(crate) fn key(scope: &str, number: u64) -> String {
    format!("{scope}#{number}")
}

/// The number at the end of an issue's address.
pub(crate) fn number_of(issue_url: &str) -> Option<u64> {
    issue_url.rsplit('/').next()?.parse().ok()
}

/// Where a row stands in a list sorted by `updated`: its id there, and when it changed.
pub(crate) type Place = (u64, Time);

/// A row of an issue list: the item, if the order wants one, and its place.
pub(crate) struct Read {
    pub(crate) item: Option<Item>,
    pub(crate) place: Place,
}

/// Reads an issue or pull request.
pub(crate) fn issue(value: &Value, order: &IssueOrder) -> Result<Read, String> {
    let raw = RawIssue::deserialize(value).map_err(|error| error.to_string())?;
    let place = (raw.number, raw.updated_at);
    let is_pull = is_pull(value);
    let item = if order.since.is_some_and(|since| raw.updated_at < since) {
        None
    } else if is_pull && !order.pulls {
        Some(passed(&order.scope, raw.number))
    } else {
        Some(Item::Issue(Box::new(full(raw, is_pull, value, &order.scope))))
    };
    Ok(Read { item, place })
}

/// The key `pull_request` is all that tells the two apart; newer versions leave a null.
pub(crate) fn is_pull(value: &Value) -> bool {
    value.get("pull_request").is_some_and(|pull| !pull.is_null())
}

fn full(raw: RawIssue, is_pull: bool, value: &Value, scope: &str) -> Issue {
    let labels = raw.labels.into_iter().filter_map(|label| match label {
        Label::Name(name) => Some(name),
        Label::Object { name } => name,
    });
    let assignees = raw.assignees.unwrap_or_default().into_iter().flatten();
    let type_name = raw.kind.map(|kind| kind.name);
    let kind = match &type_name {
        _ if is_pull => IssueKind::PullRequest,
        Some(name) => IssueKind::named(name),
        None => IssueKind::Issue,
    };
    let body = raw.body.as_deref().unwrap_or_default();
    Issue {
        key: key(scope, raw.number),
        source: scope.to_owned(),
        provider: NAME.to_owned(),
        number: raw.number,
        kind,
        type_name,
        title: raw.title,
        acceptance_criteria: acceptance_criteria(body),
        attachments: attachments(body),
        reactions: reactions(raw.reactions),
        body: raw.body,
        state_category: if raw.state == "closed" { Category::Done } else { Category::Open },
        state: raw.state,
        author: raw.user.map(|user| user.login),
        assignees: assignees.map(|user| user.login).collect(),
        labels: labels.collect(),
        milestone: raw.milestone.map(|milestone| milestone.title),
        parent: raw.parent_issue_url.and_then(|url| key_of(&url, connection(scope))),
        url: raw.html_url,
        created_at: raw.created_at,
        updated_at: raw.updated_at,
        closed_at: raw.closed_at,
        comments: raw.comments,
        raw: value.clone(),
        ..Issue::default()
    }
}

/// The name before the colon of a scope.
pub(crate) fn connection(scope: &str) -> &str {
    scope.split_once(':').map_or(NAME, |(connection, _)| connection)
}

/// How often people reacted, by the reaction's name; the total and an address stand beside them.
fn reactions(raw: Option<BTreeMap<String, Value>>) -> BTreeMap<String, u64> {
    let counted =
        raw.into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_u64()?)));
    counted.filter(|(name, count)| name != "total_count" && *count > 0).collect()
}

/// `https://…/repos/acme/api/issues/5` as `github:acme/api#5`: another issue may live in another
/// repository.
pub(crate) fn key_of(url: &str, connection: &str) -> Option<String> {
    let mut parts = url.rsplit('/');
    let number: u64 = parts.next()?.parse().ok()?;
    let (_, name, owner) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{connection}:{owner}/{name}#{number}"))
}

fn passed(scope: &str, number: u64) -> Item {
    Item::Passed(Passed { key: key(scope, number), number, source: scope.to_owned() })
}

/// Reads a comment of a repository's list. Comments of pull requests count only if wanted.
pub(crate) fn comment(value: &Value, scope: &str, pulls: bool) -> Result<Read, String> {
    let raw = RawComment::deserialize(value).map_err(|error| error.to_string())?;
    let place = (raw.id, raw.updated_at);
    if !pulls && raw.html_url.as_deref().is_some_and(|url| url.contains("/pull/")) {
        return Ok(Read { item: None, place });
    }
    let Some(number) = number_of(&raw.issue_url) else {
        return Err("its issue_url names no issue".to_owned());
    };
    let comment = Comment {
        issue: key(scope, number),
        id: raw.id.to_string(),
        author: raw.user.map(|user| user.login),
        body: raw.body,
        created_at: raw.created_at,
        updated_at: raw.updated_at,
        raw: value.clone(),
    };
    Ok(Read { item: Some(Item::Comment(Box::new(comment))), place })
}

/// Reads a repository.
pub(crate) fn repository(value: &Value) -> Result<Item, String> {
    let raw = RawRepository::deserialize(value).map_err(|error| error.to_string())?;
    Ok(Item::Repository(Repository {
        full_name: raw.full_name,
        clone_url: raw.clone_url,
        archived: raw.archived,
        fork: raw.fork,
        disabled: raw.disabled,
        size: raw.size,
        default_branch: raw.default_branch,
    }))
}

/// The note of an issue that could not be read. Where its number can, the row is passed as well,
/// so that it does not look like a gap.
pub(crate) fn unreadable_issue(value: &Value, scope: &str, why: &str) -> (Skipped, Option<Item>) {
    let number = value.get("number").and_then(Value::as_u64);
    let item = number.map_or_else(|| format!("an issue of {scope}"), |number| key(scope, number));
    (Skipped { item, why: line(why, 200) }, number.map(|number| passed(scope, number)))
}

/// The note of a comment or repository that could not be read.
pub(crate) fn unreadable(value: &Value, what: &str, scope: &str, why: &str) -> Skipped {
    let name = ["id", "full_name"].iter().find_map(|field| match value.get(*field) {
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::String(name)) => Some(line(name, 100)),
        Some(_) | None => None,
    });
    let name = name.unwrap_or_else(|| "without a name".to_owned());
    Skipped { item: format!("{what} {name} of {scope}"), why: line(why, 200) }
}
