use jobctl_provider::{IssueOrder, Refusal, Task, Time};
use serde::{Deserialize, Serialize};

use crate::Edition;
use crate::center::{Newest, Walk};
use crate::fetch::Fetch;
use crate::history::History;
use crate::legend::{Legend, Opening};
use crate::search::{Aim, Search};
use crate::single::Then;
use crate::tally::Tally;
use crate::thread::Thread;

/// The version of [`Ask`]'s shape.
const VERSION: u32 = 1;

/// All questions this provider asks: what is in a task's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Whose credential is it?
    Myself { then: Then },
    /// What are the fields called?
    Legend(Opening),
    /// Where does a browser find the site?
    Site(Opening),
    /// A page of names of issues. Cloud only.
    Search(Search),
    /// Issues by their names, a hundred at once. Cloud only.
    Fetch(Fetch),
    /// A page of issues by key. Data Center only.
    Walk(Walk),
    /// A page of the issues that changed last. Data Center only.
    Newest(Newest),
    /// One issue. Data Center only.
    One { order: IssueOrder, number: u64, legend: Legend },
    /// Issues were not given: does their project answer?
    Absent { numbers: Vec<u64> },
    /// A page of one issue's comments.
    Thread(Thread),
    /// A page of the history of many issues. Cloud only.
    History(History),
    /// How many issues are there?
    Tally(Tally),
}

impl Ask {
    /// What people see of it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Myself { .. } => "account",
            Self::Legend(_) => "fields",
            Self::Site(_) => "site",
            Self::Search(_) => "names of issues",
            Self::Fetch(_) | Self::Walk(_) => "issues",
            Self::Newest(_) => "newest issues",
            Self::One { .. } => "issue",
            Self::Absent { .. } => "project",
            Self::Thread(_) => "comments of one issue",
            Self::History(_) => "history",
            Self::Tally(_) => "count",
        }
    }

    /// Which budget it is charged to: Cloud limits bursts by endpoint.
    pub(crate) const fn bucket(&self) -> &'static str {
        match self {
            Self::Search(_) | Self::Walk(_) | Self::Newest(_) => "search",
            Self::Fetch(_) => "bulkfetch",
            Self::One { .. } | Self::Thread(_) => "issue",
            Self::History(_) => "changelog",
            Self::Myself { .. }
            | Self::Legend(_)
            | Self::Site(_)
            | Self::Absent { .. }
            | Self::Tally(_) => "other",
        }
    }

    pub(crate) fn task(&self, scope: &str) -> Task {
        Task::new(scope, self.kind(), VERSION, self)
    }

    pub(crate) fn of(task: &Task) -> Result<Self, Refusal> {
        task.question(VERSION)
    }

    /// The same question, with the legend that its rows need.
    pub(crate) fn with_legend(mut self, legend: &Legend) -> Self {
        match &mut self {
            Self::Search(search) => search.legend = Some(legend.clone()),
            Self::Walk(Walk { legend: own, .. })
            | Self::Newest(Newest { legend: own, .. })
            | Self::One { legend: own, .. } => own.clone_from(legend),
            // A fetch is made with one; the others show no fields.
            Self::Fetch(_)
            | Self::Myself { .. }
            | Self::Legend(_)
            | Self::Site(_)
            | Self::Absent { .. }
            | Self::Thread(_)
            | Self::History(_)
            | Self::Tally(_) => {}
        }
        self
    }
}

/// The list that reads an order, whichever way the edition lists.
pub(crate) fn listing(edition: Edition, order: &IssueOrder, since: Option<Time>, aim: Aim) -> Ask {
    match (edition, order.limit) {
        (Edition::Cloud, limit) => Ask::Search(Search::new(order, since, aim, limit)),
        (Edition::DataCenter, Some(limit)) => Ask::Newest(Newest::new(order, since, limit)),
        (Edition::DataCenter, None) => Ask::Walk(Walk::new(order, since, aim)),
    }
}
