use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;

/// An issue as every forge has it; what only one forge has stays in `raw`. The default is empty:
/// providers fill in what their forge has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its name across forges, such as `github:acme/api#12`.
    pub key: String,
    /// The scope it was read from, such as `github:acme/api`.
    pub source: String,
    /// The provider's name.
    pub provider: String,
    /// Its number within the source.
    pub number: u64,
    /// What sort of work it is.
    pub kind: IssueKind,
    /// The forge's own word for its sort, such as `User Story`; `None` where it has none.
    pub type_name: Option<String>,
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
    /// The title of its milestone, sprint or iteration.
    pub milestone: Option<String>,
    /// The key of its parent.
    pub parent: Option<String>,
    /// How it is tied to others, its parent apart.
    pub links: Vec<Link>,
    /// Its custom fields, by the names that people see; empty ones are left out.
    pub fields: BTreeMap<String, Value>,
    /// What must hold for it to be done, where a field or its text says so.
    pub acceptance_criteria: Option<String>,
    /// Files that hang on it; their contents are not read.
    pub attachments: Vec<Attachment>,
    /// How often people reacted, by the reaction's name, such as `+1`.
    pub reactions: BTreeMap<String, u64>,
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

/// A tie from one issue to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// What the other is to this one, in the forge's words and small letters, such as `blocks`.
    pub relation: String,
    /// The other's key, or its address where it has no key.
    pub target: String,
}

/// A file that hangs on an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Where it is downloaded from.
    pub url: String,
}

/// What sort of work an issue is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueKind {
    /// An issue of no further sort.
    #[default]
    Issue,
    /// A pull or merge request.
    PullRequest,
    /// Much work with one aim.
    Epic,
    /// A part of an epic that users see.
    Feature,
    /// What a user wants.
    Story,
    /// Something to do.
    Task,
    /// A part of another issue.
    Subtask,
    /// Something that is wrong.
    Bug,
}

impl IssueKind {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Issue,
        Self::PullRequest,
        Self::Epic,
        Self::Feature,
        Self::Story,
        Self::Task,
        Self::Subtask,
        Self::Bug,
    ];

    /// Its name in JSON and in the warehouse.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::PullRequest => "pull_request",
            Self::Epic => "epic",
            Self::Feature => "feature",
            Self::Story => "story",
            Self::Task => "task",
            Self::Subtask => "subtask",
            Self::Bug => "bug",
        }
    }

    /// The sort that a forge's word for it means; what is not known is an issue.
    pub fn named(word: &str) -> Self {
        match word.trim().to_lowercase().as_str() {
            "epic" | "initiative" | "theme" => Self::Epic,
            "feature" | "new feature" | "feature request" => Self::Feature,
            "story" | "user story" | "product backlog item" | "requirement" => Self::Story,
            "task" => Self::Task,
            "sub-task" | "subtask" => Self::Subtask,
            "bug" | "defect" => Self::Bug,
            _ => Self::Issue,
        }
    }
}

/// What a forge's state means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Nobody has begun.
    #[default]
    Open,
    /// Somebody is at it.
    InProgress,
    /// It is over.
    Done,
}

impl Category {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Open, Self::InProgress, Self::Done];

    /// Its name in JSON and in the warehouse.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Done => "done",
        }
    }
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

/// One entry of an issue's history: who changed what, and when. It may arrive before its issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The key of its issue.
    pub issue: String,
    /// Its id within the forge and the issue; entries of one change have different ones.
    pub id: String,
    /// What happened, in the forge's words, such as `labeled`, or the field that was changed.
    pub what: String,
    /// Who did it; `None` for deleted accounts and automatic changes.
    pub author: Option<String>,
    /// When.
    pub at: Time,
    /// What was there before, where that makes sense.
    pub from: Option<String>,
    /// What is there now: a new value, a label, the issue that mentions this one.
    pub to: Option<String>,
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
