use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;

/// An issue as every forge has it; what only one forge has stays in `raw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its name across forges, such as `github:acme/api#12`.
    pub key: String,
    /// The scope it was read from, such as `github:acme/api`.
    pub source: String,
    /// The provider's name.
    pub provider: String,
    /// Its number within the source.
    pub number: u64,
    /// Issue or pull request.
    pub kind: IssueKind,
    /// Title.
    pub title: String,
    /// Body, where there is one.
    pub body: Option<String>,
    /// The forge's own word for its state, such as `open`.
    pub state: String,
    /// What that word means.
    pub state_category: Category,
    /// Who wrote it; `None` for deleted accounts.
    pub author: Option<String>,
    /// Who is to do it.
    pub assignees: Vec<String>,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// Its priority, where the forge has such a thing.
    pub priority: Option<String>,
    /// The title of its milestone.
    pub milestone: Option<String>,
    /// The key of its parent.
    pub parent: Option<String>,
    /// Where a browser shows it.
    pub url: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed; a row is replaced only by the same or a newer one.
    pub updated_at: Time,
    /// When it was closed.
    pub closed_at: Option<Time>,
    /// How many comments the forge says it has, where it says so.
    pub comments: Option<u64>,
    /// The forge's own reply for it.
    pub raw: Value,
}

/// Issue or pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueKind {
    /// An issue.
    Issue,
    /// A pull or merge request.
    PullRequest,
}

/// What a forge's state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Nobody has begun.
    Open,
    /// Somebody is at it.
    InProgress,
    /// It is over.
    Done,
}

/// A comment. It may arrive before its issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// The key of its issue.
    pub issue: String,
    /// Its id within the forge.
    pub id: String,
    /// Who wrote it; `None` for deleted accounts.
    pub author: Option<String>,
    /// Text.
    pub body: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// The forge's own reply for it.
    pub raw: Value,
}

/// Something listed that the order leaves out, such as a pull request: kept by key alone, so
/// that totals can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Its key.
    pub key: String,
    /// Its number within the source.
    pub number: u64,
    /// The scope it was listed in.
    pub source: String,
}

/// A repository that can be cloned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Owner and name with a slash between, such as `acme/api`.
    pub full_name: String,
    /// Where it is cloned from. Carries no credential.
    pub clone_url: String,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether the forge has disabled it.
    pub disabled: bool,
    /// Kilobytes, as the forge says.
    pub size: Option<u64>,
    /// The branch that is checked out.
    pub default_branch: Option<String>,
}
