//! What an issue waits for, and what waits for it: asked only where its row counts some.
//!
//! The row is taken in with its links and not before: a row that comes without them now and with
//! them later would look changed at each reading. Its sub-issues need no question: each of them
//! names its parent.

use jobctl_provider::{IssueOrder, Item, Link, Refusal, Skipped, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::GitHub;
use crate::ask::{Ask, text};
use crate::link::Links;
use crate::list::PER_PAGE;
use crate::page::array;
use crate::reply::Reply;
use crate::rows;
use crate::scope::Repo;
use crate::single::rest;
use crate::verdict::check;

/// An issue whose links are being read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ties {
    order: IssueOrder,
    number: u64,
    /// The row as GitHub sent it.
    row: Value,
    links: Vec<Link>,
    /// What is asked now, and what after it.
    left: Vec<Relation>,
    next: Option<String>,
}

/// How another issue stands to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Relation {
    BlockedBy,
    Blocking,
}

impl Relation {
    const ALL: [Self; 2] = [Self::BlockedBy, Self::Blocking];

    /// Its name in paths.
    const fn path(self) -> &'static str {
        match self {
            Self::BlockedBy => "blocked_by",
            Self::Blocking => "blocking",
        }
    }

    /// Its name for people.
    const fn words(self) -> &'static str {
        match self {
            Self::BlockedBy => "blocked by",
            Self::Blocking => "blocks",
        }
    }

    /// How many the row counts, open or not.
    fn count(self, row: &Value) -> u64 {
        let count = |field: &str| row.pointer(&format!("/issue_dependencies_summary/{field}"));
        let total = count(&format!("total_{}", self.path()));
        total.or(count(self.path())).and_then(Value::as_u64).unwrap_or_default()
    }
}

/// The row itself, or a sign that it was met and the question that brings it.
pub(crate) fn of(item: Item, order: &IssueOrder, asks: &mut Vec<Ask>) -> Item {
    let Item::Issue(issue) = item else { return item };
    let counts = |relation: &Relation| relation.count(&issue.raw) > 0;
    let left: Vec<Relation> = Relation::ALL.into_iter().filter(counts).collect();
    if left.is_empty() {
        return Item::Issue(issue);
    }
    let (number, order, links) = (issue.number, order.clone(), vec![]);
    asks.push(Ask::Ties(Box::new(Ties { order, number, row: issue.raw, links, left, next: None })));
    Item::Met { key: issue.key }
}

impl Ties {
    pub(crate) fn url(&self, github: &GitHub, repo: Repo<'_>) -> Result<Url, Refusal> {
        if let Some(next) = &self.next {
            return github.stored(next);
        }
        let relation = self.left.first().copied().unwrap_or(Relation::BlockedBy);
        let number = self.number.to_string();
        let path = ["issues", &number, "dependencies", relation.path()];
        let mut url = repo.url(&github.base, &path);
        url.query_pairs_mut().append_pair("per_page", &PER_PAGE.to_string());
        Ok(url)
    }

    /// The note of links that could not be read.
    fn unread(&self, why: &str) -> Skipped {
        let item = format!("links of {}", rows::key(&self.order.scope, self.number));
        Skipped { item, why: why.to_owned() }
    }

    /// The issue with the links that were found.
    fn issue(&self) -> Result<Option<Item>, String> {
        let order = IssueOrder { since: None, ..self.order.clone() };
        let mut item = rows::issue(&self.row, &order)?.item;
        if let Some(Item::Issue(issue)) = &mut item {
            issue.links.extend(self.links.iter().cloned());
            issue.links.sort();
            issue.links.dedup();
        }
        Ok(item)
    }
}

/// Reads a page of such issues.
pub(crate) fn read(
    github: &GitHub,
    task: &Task,
    ties: &Ties,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let mut ties = ties.clone();
    let mut step = rest(reply);
    let relation = ties.left.first().copied().unwrap_or(Relation::BlockedBy);
    match check(reply) {
        Ok(()) => {
            let asked = ties.url(github, Repo::of(task)?)?;
            let page = array(reply)?;
            let connection = rows::connection(&task.scope);
            for other in &page {
                match text(other, "url").and_then(|url| rows::key_of(url, connection)) {
                    Some(target) => {
                        ties.links.push(Link { relation: relation.words().to_owned(), target });
                    }
                    None => step.skipped.push(ties.unread("one of them has no address")),
                }
            }
            ties.next = Links::of(reply, &github.base, &asked)?.next.map(|next| next.to_string());
        }
        // What this token may not see, or is gone meanwhile, must not cost the row itself.
        Err(Refusal::Forbidden { message, .. }) => {
            step.skipped.push(ties.unread(&message));
            ties.next = None;
        }
        Err(refusal) => return Err(refusal),
    }
    if ties.next.is_none() && !ties.left.is_empty() {
        ties.left.remove(0);
    }
    if ties.next.is_some() || !ties.left.is_empty() {
        step.next.push(Ask::Ties(Box::new(ties)).task(&task.scope));
        return Ok(step);
    }
    match ties.issue() {
        Ok(item) => step.items.extend(item),
        Err(why) => {
            step.skipped.push(rows::unreadable_issue(&ties.row, &task.scope, &why).0);
        }
    }
    Ok(step)
}
