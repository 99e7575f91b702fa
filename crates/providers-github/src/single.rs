//! Questions about one thing: a repository, an issue, its comments, a total.

use jobctl_provider::{Fact, IssueOrder, Refusal, Step, Task, Time, line};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::GitHub;
use crate::ask::{Ask, What, text};
use crate::follow;
use crate::list::{PER_PAGE, as_facts};
use crate::page::{Page, object};
use crate::reply::Reply;
use crate::rows;
use crate::scope::Repo;
use crate::verdict::check;

/// Where the reading of one issue's comments stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thread {
    pub(crate) number: u64,
    pub(crate) next: Option<String>,
    /// When the first page came.
    pub(crate) began: Option<Time>,
    /// Whether every comment so far could be read.
    pub(crate) whole: bool,
}

impl Thread {
    pub(crate) const fn new(number: u64) -> Self {
        Self { number, next: None, began: None, whole: true }
    }

    pub(crate) fn url(&self, github: &GitHub, repo: Repo<'_>) -> Result<Url, Refusal> {
        if let Some(next) = &self.next {
            return github.stored(next);
        }
        let mut url = repo.url(&github.base, &["issues", &self.number.to_string(), "comments"]);
        url.query_pairs_mut().append_pair("per_page", &PER_PAGE.to_string());
        Ok(url)
    }
}

/// Reads a page of one issue's comments.
pub(crate) fn read_thread(
    github: &GitHub,
    task: &Task,
    thread: &Thread,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    if let Some(step) = gone(task, thread.number, reply) {
        return Ok(step);
    }
    check(reply)?;
    let asked = thread.url(github, Repo::of(task)?)?;
    // Comments of pull requests are read here when they are asked for, so all rows count.
    let order = everything(&task.scope);
    let page = Page::of_rows(reply, &github.base, &asked, What::Comments, &order)?;
    let began = thread.began.unwrap_or(reply.at);
    let whole = thread.whole && page.skipped.is_empty();
    let issue = rows::key(&task.scope, thread.number);
    let (next, facts) = match &page.links.next {
        Some(next) => {
            let next = Some(next.to_string());
            let thread = Thread { number: thread.number, next, began: Some(began), whole };
            (vec![Ask::Thread(thread).task(&task.scope)], vec![])
        }
        // Without a row that could not be read nothing is known to be gone.
        None if whole => (vec![], vec![Fact::Comments { issue, since: began }]),
        None => (vec![], vec![]),
    };
    Ok(page.into_step(reply, next, facts))
}

/// Reads one issue.
pub(crate) fn read_one(
    task: &Task,
    order: &IssueOrder,
    number: u64,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    if let Some(step) = gone(task, number, reply) {
        return Ok(step);
    }
    check(reply)?;
    let value = object(reply)?;
    if value.get("number").and_then(Value::as_u64).is_some_and(|found| found != number) {
        // The client followed a redirect: the issue was transferred and has another number.
        let key = rows::key(&task.scope, number);
        return Ok(Step { facts: vec![Fact::Gone { key }], ..rest(reply) });
    }
    let repo = Repo::of(task)?.path();
    let home = text(&value, "repository_url").unwrap_or_default();
    if !home.to_lowercase().ends_with(&format!("/{}", repo.to_lowercase())) {
        let what = format!("issue {number} of {repo} now answers from {}", line(home, 200));
        return Ok(Step { facts: as_facts(vec![what]), ..rest(reply) });
    }
    let order = IssueOrder { since: None, ..order.clone() };
    Ok(match rows::issue(&value, &order) {
        Ok(read) => {
            let (items, next) = follow::up(read.item.into_iter().collect(), &order);
            Step { items, next, ..rest(reply) }
        }
        Err(why) => {
            let (note, passed) = rows::unreadable_issue(&value, &task.scope, &why);
            Step { items: passed.into_iter().collect(), skipped: vec![note], ..rest(reply) }
        }
    })
}

/// An issue that is gone, if the reply says so: 410 says it outright; 404 may also mean that
/// the whole repository cannot be seen any more, so that is asked first.
fn gone(task: &Task, number: u64, reply: &Reply<'_>) -> Option<Step> {
    match reply.status {
        410 => {
            let key = rows::key(&task.scope, number);
            Some(Step { facts: vec![Fact::Gone { key }], ..rest(reply) })
        }
        404 => Some(Step { next: vec![Ask::Absent { number }.task(&task.scope)], ..rest(reply) }),
        _ => None,
    }
}

/// The repository answers, so an issue of it that did not is gone.
pub(crate) fn read_absent(task: &Task, number: u64, reply: &Reply<'_>) -> Result<Step, Refusal> {
    check(reply)?;
    object(reply)?;
    let key = rows::key(&task.scope, number);
    Ok(Step { facts: vec![Fact::Gone { key }], ..rest(reply) })
}

/// Reads the repository that an import begins with, and opens its lists.
pub(crate) fn read_repository(
    task: &Task,
    order: &IssueOrder,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let value = object(reply)?;
    let Some(full_name) = text(&value, "full_name") else {
        return Err(Refusal::Malformed { message: "the repository has no full_name".to_owned() });
    };
    let mut facts = vec![];
    let asked = Repo::of(task)?.path();
    if !full_name.eq_ignore_ascii_case(&asked) {
        let connection = rows::connection(&task.scope);
        facts.push(Fact::Moved { to: format!("{connection}:{}", line(full_name, 200)) });
    }
    if value.get("has_issues") == Some(&Value::Bool(false)) {
        facts.push(Fact::Partial { what: format!("issues are turned off in {asked}") });
    }
    let next = GitHub::lists(order, None).iter().map(|ask| ask.task(&task.scope)).collect();
    Ok(Step { next, facts, ..rest(reply) })
}

pub(crate) fn rest(reply: &Reply<'_>) -> Step {
    Step { budget: reply.budget_left(), ..Step::default() }
}

/// An order that leaves nothing out.
fn everything(scope: &str) -> IssueOrder {
    IssueOrder { pulls: true, ..IssueOrder::all(scope) }
}
