use jobctl_provider::{Chain, IssueOrder, Mark, Marks, Refusal, Task, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::count::Count;
use crate::history::History;
use crate::list::List;
use crate::newest::Newest;
use crate::repositories::Repositories;
use crate::search::Search;
use crate::single::Thread;
use crate::split::Split;
use crate::ties::Ties;

/// The version of [`Ask`]'s shape.
const VERSION: u32 = 1;

/// All questions this provider asks: what is in a task's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Is the repository there, and what is it called?
    Repository { order: IssueOrder },
    /// A page of a list, oldest change first.
    List(List),
    /// The first page of the newer half of a window.
    Split(Split),
    /// A page of the issue list, newest change first.
    Newest(Newest),
    /// A page of one issue's comments.
    Thread(Thread),
    /// One issue.
    One { order: IssueOrder, number: u64 },
    /// An issue answered 404: does its repository answer?
    Absent { number: u64 },
    /// How many rows does the issue list have?
    Count(Count),
    /// The issue list does not say how long it is: which is the highest number? The reading
    /// goes on with it.
    Highest { list: List },
    /// Histories of some issues.
    History(History),
    /// What an issue waits for, or what waits for it.
    Ties(Box<Ties>),
    /// A page of what a search finds.
    Search(Box<Search>),
    /// Whose credential is it?
    Identity,
    /// A page of an owner's repositories.
    Repositories(Repositories),
}

/// The two lists a repository has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Issues,
    Comments,
}

impl What {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Issues => "issues",
            Self::Comments => "comments",
        }
    }
}

impl Ask {
    /// What people see of it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Repository { .. } | Self::Absent { .. } => "repository",
            Self::List(List { what, .. }) | Self::Split(Split { list: List { what, .. }, .. }) => {
                what.name()
            }
            Self::Highest { .. } => "highest number",
            Self::Newest(_) => "newest issues",
            Self::Thread(_) => "comments of one issue",
            Self::One { .. } => "issue",
            Self::Count(_) => "count",
            Self::History(_) => "histories",
            Self::Ties(_) => "links of one issue",
            Self::Search(_) => "search",
            Self::Identity => "account",
            Self::Repositories(_) => "repositories",
        }
    }

    pub(crate) fn task(&self, scope: &str) -> Task {
        Task::new(scope, self.kind(), VERSION, self)
    }

    pub(crate) fn of(task: &Task) -> Result<Self, Refusal> {
        task.question(VERSION)
    }
}

/// A moment as GitHub takes it in `since`: whole seconds.
pub(crate) fn whole_second(at: Time) -> Time {
    Time::from_second(at.as_second()).unwrap_or(at)
}

/// So many seconds later; at the ends of time, the same.
pub(crate) fn later(at: Time, seconds: i64) -> Time {
    Time::from_second(at.as_second().saturating_add(seconds)).unwrap_or(at)
}

/// The chain of a list, and where it was read to. Histories are read with the rows of the issues:
/// a list read without them does not stand for them.
pub(crate) fn begin(
    what: What,
    order: &IssueOrder,
    marks: Option<&Marks>,
) -> (String, Option<Mark>) {
    let history = order.timeline && what == What::Issues;
    let parts = [("+history", history), ("+pulls", order.pulls)];
    let chain = Chain { what: what.name(), parts: &parts, order };
    match marks {
        Some(marks) => chain.begin(marks),
        None => (chain.name(), None),
    }
}

/// A JSON field as text.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}
