//! The comments of one issue, page after page.
//!
//! Pages are counted from the beginning, so a comment that is deleted meanwhile moves all behind
//! it. Each page therefore begins with the last comment of the page before; where that is
//! another one, or the number of all has changed, the reading begins anew.

use jobctl_provider::{Fact, Refusal, Step, Task, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ask::Ask;
use crate::page::Page;
use crate::reply::Reply;
use crate::scope::Project;
use crate::verdict::{budget, check};

/// Comments a page: the most that every edition gives.
const PER_PAGE: u64 = 100;
/// Readings at most before an issue counts as never still; the counts tell in the end.
const READINGS: u8 = 4;

/// Where the reading of one issue's comments stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thread {
    number: u64,
    start: u64,
    /// The last comment of the page before, and how many there were then.
    last: Option<(String, u64)>,
    /// When the first page came.
    began: Option<Time>,
    /// Whether every comment so far could be read.
    whole: bool,
    reading: u8,
}

impl Thread {
    pub(crate) const fn new(number: u64) -> Self {
        Self { number, start: 0, last: None, began: None, whole: true, reading: 1 }
    }

    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn query(&self) -> [(&'static str, String); 3] {
        [
            ("startAt", self.start.to_string()),
            ("maxResults", PER_PAGE.to_string()),
            ("orderBy", "created".to_owned()),
        ]
    }

    /// Whether the page goes on where the one before ended.
    fn fits(&self, comments: &[Value], total: u64) -> bool {
        self.last.as_ref().is_none_or(|(last, count)| {
            *count == total && comments.first().and_then(id) == Some(last)
        })
    }
}

/// Reads a page of one issue's comments.
pub(crate) fn read(task: &Task, thread: &Thread, reply: &Reply<'_>) -> Result<Step, Refusal> {
    if reply.status == 404 {
        // The issue is gone, or the project is out of sight: that is another question.
        let ask = Ask::Absent { numbers: vec![thread.number] };
        return Ok(Step { next: vec![ask.task(&task.scope)], ..Step::default() });
    }
    check(reply)?;
    let (body, comments) = reply.list("comments")?;
    let Some(total) = body.get("total").and_then(Value::as_u64) else {
        return Err(Refusal::Malformed { message: "the comments are not counted".to_owned() });
    };
    let issue = Project::of(task)?.issue(thread.number);
    let began = thread.began.unwrap_or(reply.at);
    let mut page = Page::default();
    let whole = page.add_each_comment(&comments, &issue) && thread.whole;
    if thread.fits(&comments, total) {
        let end = thread.start + comments.len() as u64;
        let last = comments.last().and_then(id).map(|last| (last.to_owned(), total));
        if end >= total {
            page.facts.extend(whole.then_some(Fact::Comments { issue, since: began }));
        } else if end > thread.start + u64::from(thread.last.is_some()) {
            let next = Thread { start: end - 1, last, began: Some(began), whole, ..thread.clone() };
            page.next.push(Ask::Thread(next));
        }
        // A page with nothing on it although there is more: the counts tell.
    } else if thread.reading < READINGS {
        page.next.push(Ask::Thread(Thread {
            reading: thread.reading + 1,
            ..Thread::new(thread.number)
        }));
    }
    Ok(page.into_step(task, budget(reply)))
}

fn id(comment: &Value) -> Option<&str> {
    comment.get("id").and_then(Value::as_str)
}
