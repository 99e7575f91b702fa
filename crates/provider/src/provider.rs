use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Answer, Mark, Refusal, Request, Step, Task, Time};

/// Speaks one forge's dialect without touching the network. Has no clock and no memory.
pub trait Provider: Send + Sync {
    /// What this forge is and allows.
    fn describe(&self) -> &Descriptor;

    /// The first tasks of an order.
    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported>;

    /// What to send for a task.
    fn request(&self, task: &Task) -> Result<Request, Refusal>;

    /// About how many requests an import of a scope of that size takes, for a preview.
    fn forecast(&self, order: &IssueOrder, size: Size) -> u64;

    /// What an answer to that request gives.
    fn read(&self, task: &Task, answer: &Answer) -> Result<Step, Refusal>;
}

/// What a forge is and allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its name, as sources spell it.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Requests in flight that it stands at most.
    pub max_in_flight: usize,
    /// Its budgets, as documented; corrected by every reply.
    pub buckets: Vec<Bucket>,
    /// The name by which replies call a budget that the requests of all buckets are charged to.
    pub shared: Option<&'static str>,
}

/// A documented budget of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: &'static str,
    /// Requests a minute that never trip a secondary limit.
    pub per_minute: u32,
}

/// About how large a scope is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Issues, and what else their list holds.
    pub issues: u64,
    /// Comments; `None` where the forge does not say.
    pub comments: Option<u64>,
}

/// What is wanted of a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Everything of a scope.
    Import(IssueOrder),
    /// What changed since the marks of an earlier read.
    Sync(IssueOrder, Marks),
    /// All comments of these issues, each on its own.
    Comments {
        /// The scope.
        scope: String,
        /// Numbers of the issues.
        numbers: Vec<u64>,
    },
    /// These items, each on its own.
    Items {
        /// The order they belong to.
        order: IssueOrder,
        /// Their numbers.
        numbers: Vec<u64>,
    },
    /// How many items the scope lists.
    Count(IssueOrder),
    /// Every item of the scope once more, to find gaps and what is gone.
    Sweep(IssueOrder),
    /// About how many items the scope has, for a preview: [`crate::Fact::Estimate`].
    Size(IssueOrder),
    /// Whose credential it is, and what it may do: [`crate::Fact::Identity`].
    Identity,
    /// The scopes that have issues within something larger, such as the projects of an
    /// organisation: [`crate::Item::Scope`].
    Scopes {
        /// The larger thing, such as the name of an organisation.
        of: String,
    },
    /// The repositories of an owner, or the one named.
    Repositories {
        /// Owner, or `owner/name`.
        of: String,
    },
}

/// Which issues of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueOrder {
    /// The scope, such as `github:acme/api`.
    pub scope: String,
    /// Updated at or after this.
    pub since: Option<Time>,
    /// `open`, `closed` or `all`.
    pub state: String,
    /// Carrying all these labels.
    pub labels: Vec<String>,
    /// Pull requests too.
    pub pulls: bool,
    /// Comments too.
    pub comments: bool,
    /// The history of each issue too.
    pub timeline: bool,
    /// Only what this query of the forge's own finds: JQL, WIQL, or words of a search.
    pub query: Option<String>,
    /// The newest so many only.
    pub limit: Option<u64>,
}

impl IssueOrder {
    /// All of a scope, with comments, without pull requests and history.
    pub fn all(scope: &str) -> Self {
        Self {
            scope: scope.to_owned(),
            since: None,
            state: "all".to_owned(),
            labels: Vec::new(),
            pulls: false,
            comments: true,
            timeline: false,
            query: None,
            limit: None,
        }
    }

    /// Whether nothing is left out but pull requests, so that a forge's totals can be compared
    /// and what is not listed is gone.
    pub fn is_full(&self) -> bool {
        self.since.is_none()
            && self.state == "all"
            && self.labels.is_empty()
            && self.query.is_none()
            && self.limit.is_none()
    }
}

/// How far each chain of a scope has been read, by the chain's name.
///
/// The name of a reading that left something out (by age, state or label) has a `?` in it: its
/// mark says where the next sync begins, and not that everything before is known.
pub type Marks = BTreeMap<String, Mark>;

/// An order that this forge cannot carry out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);
