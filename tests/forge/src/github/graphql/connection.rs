//! Pages of a list.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::object::{Field, Object, Out};
use super::run::{Args, Run};
use crate::clock::parse_time;
use crate::world::repo::{Issue, Repo};
use crate::world::timeline::{Event, Happened};

/// A page of a list, with what is around it.
#[derive(Debug, Clone)]
pub(crate) struct Connection<'a> {
    pub(crate) type_name: &'static str,
    nodes: Vec<Object<'a>>,
    total: usize,
    start: usize,
}

impl<'a> Connection<'a> {
    pub(crate) fn field(&self, name: &str) -> Option<Field<'a>> {
        Some(Ok(match name {
            "totalCount" | "filteredCount" => Out::Leaf(self.total.into()),
            "nodes" => Out::Many(self.nodes.clone()),
            "pageInfo" => Out::One(Object::PageInfo(Box::new(self.clone()))),
            _ => return None,
        }))
    }

    pub(crate) fn page_info(&self, name: &str) -> Option<Field<'a>> {
        let end = self.start + self.nodes.len();
        let place = |at: usize| (!self.nodes.is_empty()).then(|| cursor(at));
        Some(Ok(Out::Leaf(match name {
            "hasNextPage" => Value::from(end < self.total),
            "hasPreviousPage" => Value::from(self.start > 0),
            "endCursor" => place(end).into(),
            "startCursor" => place(self.start + 1).into(),
            _ => return None,
        })))
    }
}

/// The cursor behind so many nodes.
fn cursor(behind: usize) -> String {
    STANDARD.encode(format!("cursor:v2:{behind}"))
}

fn behind(cursor: &str) -> Option<usize> {
    let plain = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    plain.strip_prefix("cursor:v2:")?.parse().ok()
}

/// The page that the arguments ask for.
pub(crate) fn pages<'a>(type_name: &'static str, all: Vec<Object<'a>>, args: &Args) -> Field<'a> {
    let total = all.len();
    let size = |name| args.number(name).and_then(|count| usize::try_from(count).ok());
    let start = match args.text("after") {
        Some(text) => behind(text).ok_or_else(|| {
            ("INVALID_CURSOR_ARGUMENTS", format!("`{text}` does not appear to be a valid cursor."))
        })?,
        None if size("first").is_none() => total.saturating_sub(size("last").unwrap_or_default()),
        None => 0,
    };
    let size = size("first").or(size("last")).unwrap_or_default();
    let nodes = all.into_iter().skip(start).take(size).collect();
    let page = Connection { type_name, nodes, total, start: start.min(total) };
    Ok(Out::One(Object::Connection(Box::new(page))))
}

/// Issues or pull requests of a repository.
pub(crate) fn issues<'a>(repo: &'a Repo, args: &Args, pulls: bool) -> Field<'a> {
    let order = args.get("orderBy");
    let asked = |name: &str| order.and_then(|order| order[name].as_str());
    let by_change = asked("field") == Some("UPDATED_AT");
    let sorted = if by_change { &repo.orders.issues_updated } else { &repo.orders.issues_created };
    let filter = args.get("filterBy");
    let since = filter.and_then(|filter| parse_time(filter["since"].as_str()?));
    let states = args.get("states").and_then(Value::as_array);
    let mut found: Vec<Object<'a>> = sorted
        .all()
        .iter()
        .filter_map(|(_, number)| repo.issues.get(number))
        .filter(|issue| issue.pull.is_some() == pulls && (repo.has_issues || pulls))
        .filter(|issue| since.is_none_or(|since| issue.updated >= since))
        .filter(|issue| states.is_none_or(|states| states.contains(&Value::from(state(issue)))))
        .map(|issue| Object::Item(repo, issue))
        .collect();
    if asked("direction") == Some("DESC") {
        found.reverse();
    }
    pages(if pulls { "PullRequestConnection" } else { "IssueConnection" }, found, args)
}

fn state(issue: &Issue) -> &'static str {
    match (issue.open, &issue.pull) {
        (true, _) => "OPEN",
        (false, Some(pull)) if pull.merged.is_some() => "MERGED",
        (false, _) => "CLOSED",
    }
}

/// The history of an issue or pull request.
pub(crate) fn events<'a>(
    run: &mut Run<'a>,
    repo: &'a Repo,
    issue: &'a Issue,
    args: &Args,
) -> Field<'a> {
    run.spend(args.number("first").unwrap_or_default())?;
    let types = args.get("itemTypes").and_then(Value::as_array);
    let since = args.text("since").and_then(parse_time);
    let wanted = |event: &Event| {
        let name = Value::from(event.what.item_type());
        types.is_none_or(|types| types.contains(&name))
            && since.is_none_or(|since| event.at >= since)
    };
    let object = |event: Event| {
        if let Happened::Commented(id) = event.what {
            return repo.comments.get(&id).map(Object::Comment);
        }
        Some(Object::Event(repo, Box::new(event)))
    };
    let found = repo.timeline(issue).into_iter().filter(wanted).filter_map(object).collect();
    let pull = issue.pull.is_some();
    let name =
        if pull { "PullRequestTimelineItemsConnection" } else { "IssueTimelineItemsConnection" };
    pages(name, found, args)
}
