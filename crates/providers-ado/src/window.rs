//! Which work items there are: their ids, from the lowest up.
//!
//! A query is bounded by the last id met, so that nothing is counted twice or passed over while
//! items come and go. A range of ids that is too much for one query is cut.

use jobctl_provider::{Fact, Item, Refusal, Step, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ask::{Ask, Reading};
use crate::batch;
use crate::reply::Reply;
use crate::scope::key;
use crate::verdict::check;
use crate::wiql::{MOST, Wiql};

/// Ids are counted with 31 bits.
const HIGHEST: u64 = 2_147_483_647;

/// Ids of a range that has no end yet, once it turned out to be too long: an organisation gives
/// out far fewer than there are.
const SPAN: u64 = 1 << 18;

/// Where the listing of ids stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) aim: Aim,
    /// Ranges of ids that are still to be listed, the next one last: from behind the first to
    /// the second.
    ranges: Vec<(u64, u64)>,
    /// Ids met so far.
    listed: u64,
    /// When the first answer came.
    began: Option<Time>,
}

/// What the ids are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// Their work items.
    Import,
    /// Their number.
    Count,
    /// Their number, for a preview.
    Size,
    /// The number of those with comments, for a preview: each of them costs a request.
    Discussed,
    /// What is gone.
    Sweep,
}

impl Aim {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Import => "ids",
            Self::Count => "count",
            Self::Size | Self::Discussed => "size",
            Self::Sweep => "ids once more",
        }
    }
}

/// Ids of which it is not known whether they belong to the project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) ids: Vec<u64>,
}

impl Window {
    pub(crate) fn new(aim: Aim) -> Self {
        Self { aim, ranges: vec![(0, HIGHEST)], listed: 0, began: None }
    }

    /// The range that is asked for.
    fn range(&self) -> (u64, u64) {
        self.ranges.last().copied().unwrap_or((HIGHEST, HIGHEST))
    }

    pub(crate) fn query(&self, reading: &Reading) -> String {
        let mut wiql = Wiql::of(reading);
        if self.aim == Aim::Discussed {
            wiql.and("[System.CommentCount] > 0");
        }
        let (after, to) = self.range();
        wiql.and(&format!("[System.Id] > {after}"));
        if to < HIGHEST {
            wiql.and(&format!("[System.Id] <= {to}"));
        }
        wiql.ordered("[System.Id]")
    }

    /// The same listing with the range cut in two, if the reply says that it is too much: more
    /// than 20,000 results (VS402337) or half a minute (VS402335).
    fn cut(&self, reply: &Reply<'_>) -> Option<Self> {
        let (after, to) = self.range();
        let too_much = reply.status >= 400 && reply.speaks_of(&["VS402337", "VS402335"]);
        if !too_much || to.saturating_sub(after) < 2 {
            return None;
        }
        let middle = after.midpoint(to).min(after + SPAN);
        let mut ranges = self.ranges.clone();
        ranges.pop();
        ranges.extend([(middle, to), (after, middle)]);
        Some(Self { ranges, ..self.clone() })
    }

    /// What is left after an answer with these ids.
    fn after(mut self, ids: &[u64], now: Time) -> Self {
        let (_, to) = self.range();
        self.ranges.pop();
        // A full answer may have been cut off. Whether a server cuts earlier than it says is
        // found out by those who count: they go on until nothing comes.
        let to_the_end = matches!(self.aim, Aim::Count | Aim::Sweep);
        if let Some(last) = ids.last().filter(|_| to_the_end || ids.len() as u64 >= MOST) {
            self.ranges.push((*last, to));
        }
        self.listed += ids.len() as u64;
        self.began.get_or_insert(now);
        self
    }

    /// What is known at the end, and on the way there.
    fn facts(&self) -> Vec<Fact> {
        let about = |what: &str| Fact::Estimate { what: what.to_owned(), count: self.listed };
        let ended = self.ranges.is_empty();
        match (self.aim, self.began) {
            (Aim::Import, _) => vec![about("issues")],
            (Aim::Size, _) if ended => vec![about("issues")],
            // There are at least so many.
            (Aim::Discussed, _) if ended => vec![about("comments")],
            (Aim::Count, _) if ended => vec![Fact::Total { count: self.listed }],
            (Aim::Sweep, Some(since)) if ended => vec![Fact::Listed { since }],
            (Aim::Size | Aim::Discussed | Aim::Count | Aim::Sweep, _) => vec![],
        }
    }
}

pub(crate) fn read(reading: &Reading, window: &Window, reply: &Reply<'_>) -> Result<Step, Refusal> {
    if let Some(cut) = window.cut(reply) {
        return Ok(Step { next: vec![reading.task(Ask::Window(cut))], ..reply.step() });
    }
    if window.aim == Aim::Discussed && reply.status == 400 {
        // A server that cannot be asked for this: a preview can do without.
        return Ok(reply.step());
    }
    check(reply)?;
    let (after, to) = window.range();
    let mut ids = ids(reply)?;
    ids.sort_unstable();
    if ids.iter().any(|id| *id <= after || *id > to) {
        let message = format!("ids behind {after} up to {to} were asked for, and others came");
        return Err(Refusal::Malformed { message });
    }
    let rest = window.clone().after(&ids, reply.at);
    let facts = rest.facts();
    let mut items = vec![];
    let mut next = vec![];
    if !rest.ranges.is_empty() {
        next.push(reading.task(Ask::Window(rest)));
    }
    match window.aim {
        Aim::Import => next.extend(batch::tasks(reading, &ids)),
        // What a sweep finds and is not held was missed: so all are read again.
        Aim::Sweep => {
            let scope = &reading.order.scope;
            items.extend(ids.iter().map(|id| Item::Met { key: key(scope, *id) }));
            next.extend(batch::tasks(&reading.items_only(), &ids));
        }
        Aim::Count | Aim::Size | Aim::Discussed => {}
    }
    Ok(Step { items, next, facts, ..reply.step() })
}

/// The ids of the work items that changed last.
pub(crate) fn newest_query(reading: &Reading) -> String {
    Wiql::of(reading).ordered("[System.ChangedDate] DESC")
}

pub(crate) fn read_newest(reading: &Reading, reply: &Reply<'_>) -> Result<Step, Refusal> {
    check(reply)?;
    let ids = ids(reply)?;
    let count = ids.len() as u64;
    let facts = vec![Fact::Estimate { what: "issues".to_owned(), count }];
    Ok(Step { next: batch::tasks(reading, &ids), facts, ..reply.step() })
}

impl Check {
    pub(crate) fn query(&self, reading: &Reading) -> String {
        let ids: Vec<String> = self.ids.iter().map(u64::to_string).collect();
        let mut wiql = Wiql::of_query(&reading.order);
        wiql.and(&format!("[System.Id] IN ({})", ids.join(", ")));
        wiql.ordered("[System.Id]")
    }
}

/// Ids are an organisation's: those that the project does not list are no longer its own, or
/// never were.
pub(crate) fn read_check(
    reading: &Reading,
    asked: &Check,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let found = ids(reply)?;
    let absent = asked.ids.iter().filter(|id| !found.contains(id));
    let facts = match &reading.order.query {
        // It may only be the query that does not find it.
        Some(_) => vec![],
        None => absent.map(|id| Fact::Gone { key: key(&reading.order.scope, *id) }).collect(),
    };
    let wanted: Vec<u64> = asked.ids.iter().copied().filter(|id| found.contains(id)).collect();
    Ok(Step { next: batch::tasks(reading, &wanted), facts, ..reply.step() })
}

fn ids(reply: &Reply<'_>) -> Result<Vec<u64>, Refusal> {
    let (_, rows) = reply.rows("workItems")?;
    let id = |row: &Value| row.get("id").and_then(Value::as_u64);
    let ids: Option<Vec<u64>> = rows.iter().map(id).collect();
    ids.ok_or_else(|| Refusal::Malformed { message: "a listed work item has no id".to_owned() })
}

/// The body of a query.
pub(crate) fn body(query: &str) -> String {
    json!({ "query": query }).to_string()
}
