//! Names of all issues, page after page: five thousand at once, while whole issues come by the
//! hundred. Whoever wants issues fetches them by these names, side by side.
//!
//! Pages follow each other by a token, so only this list is read in sequence. It is sorted as
//! issues were made: edits while it is read move nothing. What is edited meanwhile is read again
//! by the next sync, which begins before this list did.

use jiff::SignedDuration;
use jobctl_provider::{Fact, IssueOrder, Item, Refusal, Skipped, Step, Task, Time, line};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::fetch::{Found, forks};
use crate::jql::{self, Sort};
use crate::legend::{Legend, Opening};
use crate::reply::Reply;
use crate::scope::{Project, split};
use crate::single::doubted;
use crate::tally::Tally;
use crate::verdict::{budget, check};

/// Names a page: the most that Cloud gives.
const PER_PAGE: u64 = 5_000;
/// Pages in a row at most that bring nothing new.
const IDLE: u8 = 3;
/// How often a list begins anew because its token was refused: tokens end after seven days.
pub(crate) const RESTARTS: u8 = 3;
/// What is taken off our own clock where the forge does not tell its time.
const CLOCKS: SignedDuration = SignedDuration::from_mins(15);

/// What a list is read for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// The issues. `estimate`: whether it is of interest how many there are.
    Read { chain: Option<String>, estimate: bool },
    /// What is there still. `whole`: whether every row could be read so far.
    Sweep { whole: bool },
    /// Their exact number; so many were met so far.
    Count(u64),
}

/// When a list began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Began {
    ours: Time,
    /// By the forge's clock.
    theirs: Time,
}

/// Where the reading of a list stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Search {
    order: IssueOrder,
    since: Option<Time>,
    aim: Aim,
    /// Known once there is something to fetch.
    pub(crate) legend: Option<Legend>,
    /// Issues still wanted, where not all are.
    left: Option<u64>,
    token: Option<String>,
    began: Option<Began>,
    /// The highest number and id so far.
    highest: Found,
    /// Pages in a row that brought nothing new.
    idle: u8,
    restarts: u8,
}

impl Began {
    pub(crate) fn of(reply: &Reply<'_>) -> Self {
        let ours = reply.at;
        let theirs = reply.clock().theirs.or_else(|| ours.checked_sub(CLOCKS).ok());
        Self { ours, theirs: theirs.unwrap_or(ours) }
    }
}

impl Aim {
    /// What the end of a list says.
    pub(crate) fn end(&self, began: Began) -> Option<Fact> {
        match self {
            Self::Read { chain, .. } => {
                chain.clone().map(|chain| Fact::Mark { chain, mark: began.theirs.into() })
            }
            Self::Sweep { whole } => whole.then_some(Fact::Listed { since: began.ours }),
            Self::Count(count) => Some(Fact::Total { count: *count }),
        }
    }
}

impl Search {
    pub(crate) fn new(
        order: &IssueOrder,
        since: Option<Time>,
        aim: Aim,
        left: Option<u64>,
    ) -> Self {
        Self {
            order: order.clone(),
            since,
            aim,
            legend: None,
            left,
            token: None,
            began: None,
            highest: Found { number: 0, id: None },
            idle: 0,
            restarts: 0,
        }
    }

    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let sort = if self.left.is_some() { Sort::Newest } else { Sort::Oldest };
        let jql = jql::query(&self.order, self.since, None, sort)
            .map_err(|error| Refusal::Malformed { message: error.to_string() })?;
        let most = self.left.unwrap_or(PER_PAGE).clamp(1, PER_PAGE);
        let mut body = json!({ "jql": jql, "maxResults": most, "fields": ["id", "key"] });
        if let Some(token) = &self.token {
            body["nextPageToken"] = json!(token);
        }
        Ok(body)
    }

    /// The same list from its beginning, after its token was refused.
    fn anew(&self) -> Self {
        let aim = match &self.aim {
            Aim::Count(_) => Aim::Count(0),
            Aim::Sweep { .. } => Aim::Sweep { whole: true },
            read @ Aim::Read { .. } => read.clone(),
        };
        let began = match &aim {
            Aim::Sweep { .. } => None,
            Aim::Read { .. } | Aim::Count(_) => self.began,
        };
        Self {
            token: None,
            aim,
            began,
            highest: Found { number: 0, id: None },
            idle: 0,
            restarts: self.restarts + 1,
            ..self.clone()
        }
    }

    /// Takes a page into account: how many are left, how many there were.
    fn take(&mut self, page: &mut Page) {
        if let Some(left) = &mut self.left {
            page.found.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= page.found.len() as u64;
        }
        match &mut self.aim {
            Aim::Count(count) => *count += page.found.len() as u64,
            Aim::Sweep { whole } => *whole &= page.skipped.is_empty(),
            Aim::Read { .. } => {}
        }
    }

    /// What fetches the issues that were found, if they are wanted, and goes on behind them.
    fn onward(&self, found: Vec<Found>, behind: Option<Self>) -> Vec<Ask> {
        let behind = behind.map(Ask::Search);
        match (&self.aim, &self.legend) {
            (Aim::Read { .. }, Some(legend)) => forks(&self.order, &found, legend, behind),
            // A sync that finds nothing needs no names of fields.
            (Aim::Read { .. }, None) if !found.is_empty() => {
                let next = behind.into_iter().collect();
                vec![Ask::Legend(Opening::new(&self.order, found, next))]
            }
            (Aim::Read { .. } | Aim::Sweep { .. } | Aim::Count(_), _) => {
                behind.into_iter().collect()
            }
        }
    }

    /// The list behind a page, with its token. A list that gives the same page again and again
    /// is refused: it would never end.
    fn behind(&self, page: &Page, token: String) -> Result<Self, Refusal> {
        if self.token.as_ref() == Some(&token) {
            let message = "the list gave the token of the page that was asked as that of the next";
            return Err(Refusal::Malformed { message: message.to_owned() });
        }
        let highest = page.found.iter().fold(self.highest, |highest, found| Found {
            number: highest.number.max(found.number),
            id: highest.id.max(found.id),
        });
        let onward = highest.number > self.highest.number || highest.id > self.highest.id;
        let idle = if onward { 0 } else { self.idle + 1 };
        if self.left.is_none() && idle > IDLE {
            let message = format!("the list does not end: {idle} pages brought nothing new");
            return Err(Refusal::Malformed { message });
        }
        Ok(Self { token: Some(token), highest, idle, ..self.clone() })
    }
}

/// A page of names.
struct Page {
    found: Vec<Found>,
    skipped: Vec<Skipped>,
}

impl Page {
    fn read(project: Project<'_>, scope: &str, rows: &[Value]) -> Result<Self, Refusal> {
        let mut page = Self { found: vec![], skipped: vec![] };
        let mut elsewhere = None;
        for row in rows {
            let key = row.get("key").and_then(Value::as_str).unwrap_or_default();
            if let Some(number) = project.number(key) {
                let id = row.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
                page.found.push(Found { number, id });
            } else if let Some((now, _)) = split(key) {
                elsewhere = Some(now);
            } else {
                let item = format!("an issue of {scope}");
                page.skipped.push(Skipped { item, why: "its key cannot be read".to_owned() });
            }
        }
        match elsewhere {
            Some(now) if page.found.is_empty() => Err(renamed(project, now)),
            // Among others of the project: it was moved, and the index does not know yet.
            Some(_) | None => Ok(page),
        }
    }
}

/// A project goes on answering to an old key; its issues show the new one.
pub(crate) fn renamed(project: Project<'_>, now: &str) -> Refusal {
    let now = line(now, 40);
    Refusal::Forbidden {
        message: format!("the project {} is now called {now}", project.key),
        hint: Some(format!("use the key {now}")),
    }
}

/// Reads a page of names.
pub(crate) fn read(task: &Task, search: &Search, reply: &Reply<'_>) -> Result<Step, Refusal> {
    if reply.status == 400 && search.token.is_some() && search.restarts < RESTARTS {
        return Ok(Step {
            next: vec![Ask::Search(search.anew()).task(&task.scope)],
            ..Step::default()
        });
    }
    check(reply)?;
    let (body, rows) = reply.list("issues")?;
    let mut page = Page::read(Project::of(task)?, &task.scope, &rows)?;
    let first = search.token.is_none();
    let mut search = search.clone();
    let began = *search.began.get_or_insert_with(|| Began::of(reply));
    search.take(&mut page);
    let token = token(&body)?.filter(|_| search.left != Some(0));
    let behind = token.map(|token| search.behind(&page, token)).transpose()?;
    let mut step = Step { budget: budget(reply), ..Step::default() };
    match (&behind, &search.aim) {
        (Some(_), Aim::Read { estimate: true, .. }) if first => {
            step.next.push(Ask::Tally(Tally::progress(&search.order)).task(&task.scope));
        }
        (Some(_), _) => {}
        (None, aim) => {
            step.facts.extend(aim.end(began));
            let told = first && matches!(aim, Aim::Read { estimate: true, .. });
            step.facts.extend(told.then(|| about(page.found.len() as u64)));
        }
    }
    if let Aim::Sweep { .. } = search.aim {
        let project = Project::of(task)?;
        let met = |found: &Found| Item::Met { key: project.issue(found.number) };
        step.items = page.found.iter().map(met).collect();
    }
    step.skipped = page.skipped;
    let asks = search.onward(page.found, behind);
    step.next.extend(asks.iter().map(|ask| ask.task(&task.scope)));
    Ok(if first && rows.is_empty() { doubted(task, step) } else { step })
}

/// About how many issues there are.
pub(crate) fn about(count: u64) -> Fact {
    Fact::Estimate { what: "issues".to_owned(), count }
}

/// The token of the next page; `None` behind the last.
fn token(body: &Value) -> Result<Option<String>, Refusal> {
    let token = body.get("nextPageToken").and_then(Value::as_str).filter(|token| !token.is_empty());
    let is_last = body.get("isLast").and_then(Value::as_bool);
    match (token, is_last) {
        (_, Some(true)) | (None, None) => Ok(None),
        (Some(token), Some(false) | None) => Ok(Some(token.to_owned())),
        (None, Some(false)) => Err(Refusal::Malformed {
            message: "the list says that it goes on, and not where".to_owned(),
        }),
    }
}
