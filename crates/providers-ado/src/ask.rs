use jobctl_provider::{Chain, IssueOrder, Mark, Marks, Refusal, Task, Time};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::history::History;
use crate::listing::{Repositories, Scopes};
use crate::reply::Reply;
use crate::states::States;
use crate::stream::Stream;
use crate::thread::Thread;
use crate::window::{Check, Window};

/// The version of [`Question`]'s shape.
const VERSION: u32 = 1;

/// What is in a task's state: the reading that it belongs to, and what is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) reading: Reading,
    pub(crate) ask: Ask,
}

/// What all questions of one reading share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) order: IssueOrder,
    /// The newest version of the interface that the server is known to take.
    pub(crate) version: Version,
    /// What the project's states mean, once that is known.
    pub(crate) states: Option<States>,
}

/// All questions this provider asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Is the project there, and may this token see it?
    Project,
    /// What do the states of its types mean? Then these are asked.
    States { then: Vec<Ask> },
    /// The ids of a window of work items.
    Window(Window),
    /// The ids of the work items that changed last.
    Newest { limit: u64 },
    /// Which of these ids belong to the project?
    Check(Check),
    /// These work items, whole.
    Batch(Batch),
    /// What changed since a place in the reporting stream?
    Stream(Stream),
    /// A page of one work item's comments.
    Thread(Thread),
    /// A page of one work item's history.
    History(History),
    /// Whose credential is it?
    Identity,
    /// A page of an organisation's projects.
    Scopes(Scopes),
    /// The repositories of an organisation or project, or one.
    Repositories(Repositories),
}

impl Ask {
    /// What people see of it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::States { .. } => "states",
            Self::Window(window) => window.aim.kind(),
            Self::Newest { .. } => "newest work items",
            Self::Check(_) => "ids",
            Self::Batch(_) => "work items",
            Self::Stream(_) => "changes",
            Self::Thread(_) => "comments of one work item",
            Self::History(_) => "history of one work item",
            Self::Identity => "identity",
            Self::Scopes(_) => "projects",
            Self::Repositories(_) => "repositories",
        }
    }
}

impl Reading {
    pub(crate) fn new(order: &IssueOrder) -> Self {
        Self { order: order.clone(), version: Version::V7_1, states: None }
    }

    /// The same reading of the items alone.
    pub(crate) fn items_only(&self) -> Self {
        let order = IssueOrder { comments: false, timeline: false, ..self.order.clone() };
        Self { order, ..self.clone() }
    }

    /// The same reading for what hangs on one item: there may be many such tasks, and what
    /// states mean does not matter to them.
    pub(crate) fn details(&self) -> Self {
        Self { states: None, ..self.clone() }
    }

    pub(crate) fn task(&self, ask: Ask) -> Task {
        let kind = ask.kind();
        let question = Question { reading: self.clone(), ask };
        Task::new(&self.order.scope, kind, VERSION, &question)
    }
}

impl Question {
    pub(crate) fn of(task: &Task) -> Result<Self, Refusal> {
        task.question(VERSION)
    }

    /// The same question in an older version of the interface, if the reply says that the
    /// server does not know this one.
    pub(crate) fn in_older_version(&self, reply: &Reply<'_>) -> Option<Task> {
        let version = self.reading.version.after(reply)?;
        Some(Reading { version, ..self.reading.clone() }.task(self.ask.clone()))
    }
}

/// Versions of the interface: Azure DevOps Services and Server 2022 know the first, Server 2020
/// 6.0, Server 2019 5.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Version {
    #[serde(rename = "7.1")]
    V7_1,
    #[serde(rename = "7.0")]
    V7_0,
    #[serde(rename = "6.0")]
    V6_0,
    #[serde(rename = "5.0")]
    V5_0,
}

impl Version {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V7_1 => "7.1",
            Self::V7_0 => "7.0",
            Self::V6_0 => "6.0",
            Self::V5_0 => "5.0",
        }
    }

    /// Comments never left the preview.
    pub(crate) const fn of_comments(self) -> &'static str {
        match self {
            Self::V7_1 => "7.1-preview.4",
            Self::V7_0 => "7.0-preview.3",
            Self::V6_0 => "6.0-preview.3",
            Self::V5_0 => "5.0-preview.2",
        }
    }

    /// Neither did the question for the identity.
    pub(crate) const fn of_connection(self) -> &'static str {
        match self {
            Self::V7_1 => "7.1-preview.1",
            Self::V7_0 => "7.0-preview.1",
            Self::V6_0 => "6.0-preview.1",
            Self::V5_0 => "5.0-preview.1",
        }
    }

    const fn older(self) -> Option<Self> {
        match self {
            Self::V7_1 => Some(Self::V7_0),
            Self::V7_0 => Some(Self::V6_0),
            Self::V6_0 => Some(Self::V5_0),
            Self::V5_0 => None,
        }
    }

    /// The version to try after a server said that this one is out of its range.
    fn after(self, reply: &Reply<'_>) -> Option<Self> {
        let refused = reply.status == 400
            && reply.speaks_of(&["VssVersionOutOfRangeException", "out of range for this server"]);
        if refused { self.older() } else { None }
    }
}

/// So many seconds earlier; at the beginning of time, the same.
pub(crate) fn earlier(at: Time, seconds: i64) -> Time {
    Time::from_second(at.as_second().saturating_sub(seconds)).unwrap_or(at)
}

/// The chain of a reading, and where it goes on. Comments and histories are read with their work
/// items: a reading without them has read none up to its mark.
pub(crate) fn begin(order: &IssueOrder, marks: Option<&Marks>) -> (String, Option<Mark>) {
    let parts = [("+comments", order.comments), ("+history", order.timeline)];
    let chain = Chain { what: "work items", parts: &parts, order };
    match marks {
        Some(marks) => chain.begin(marks),
        None => (chain.name(), None),
    }
}
