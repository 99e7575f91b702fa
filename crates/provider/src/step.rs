use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Comment, Entry, Issue, Passed, Repository, Time};

/// All that is needed to ask once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What it belongs to, such as `github:acme/api`.
    pub scope: String,
    /// What sort of question, in the provider's words; shown to people.
    pub kind: String,
    /// The provider's own; nobody else reads it.
    pub state: Value,
    /// The version of `state`'s shape: a provider reads its older ones too.
    pub version: u32,
}

impl Task {
    /// A question in the provider's own words.
    ///
    /// # Panics
    ///
    /// If the question has keys that are no strings, which is the provider's fault.
    pub fn new(scope: &str, kind: &str, version: u32, question: &impl Serialize) -> Self {
        let state = serde_json::to_value(question).expect("a question has only string keys");
        Self { scope: scope.to_owned(), kind: kind.to_owned(), state, version }
    }

    /// The question again, if it was stored in this version.
    pub fn question<Q: DeserializeOwned>(&self, version: u32) -> Result<Q, Refusal> {
        let unknown = |why: String| Refusal::Malformed {
            message: format!(
                "the stored task {:?} of {} cannot be read: {why}",
                self.kind, self.scope
            ),
        };
        if self.version != version {
            return Err(unknown(format!("version {} is not known", self.version)));
        }
        Q::deserialize(&self.state).map_err(|error| unknown(error.to_string()))
    }
}

/// What one answer gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// Rows.
    pub items: Vec<Item>,
    /// Rows that could not be read, each with its reason; the others of the page are kept.
    pub skipped: Vec<Skipped>,
    /// What to ask next.
    pub next: Vec<Task>,
    /// What was learnt besides rows.
    pub facts: Vec<Fact>,
    /// What the forge said of its budget.
    pub budget: Option<Budget>,
    /// The answer is good, and the forge wants a rest before the next request.
    pub rest: Option<Rest>,
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An issue or pull request.
    Issue(Box<Issue>),
    /// A comment.
    Comment(Box<Comment>),
    /// An entry of an issue's history.
    Entry(Box<Entry>),
    /// A repository.
    Repository(Repository),
    /// A scope that has issues, such as `ado:contoso/Shop`.
    Scope(String),
    /// Something that the order leaves out.
    Passed(Passed),
    /// Something listed by its name alone, in a sweep: where it is held, it is there still; where
    /// it is not, it is missing, and totals tell.
    Met {
        /// Its key.
        key: String,
    },
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which, as far as it can be told.
    pub item: String,
    /// Why.
    pub why: String,
}

/// What an answer said besides its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// About how many items a scope has; for progress.
    Estimate {
        /// What is counted: `issues` or `comments`.
        what: String,
        /// How many.
        count: u64,
    },
    /// Exactly how many items a listing of the scope has, those left out included.
    Total {
        /// How many.
        count: u64,
    },
    /// Everything of a chain up to here has been read: the next sync begins here.
    Mark {
        /// Which chain.
        chain: String,
        /// How far.
        mark: Mark,
    },
    /// Whose credential it is that was asked with.
    Identity {
        /// The account's name.
        name: String,
        /// What it may do, in the forge's words, where the forge says so.
        scopes: Vec<String>,
        /// When the credential ends, where the forge says so.
        expires_at: Option<Time>,
    },
    /// All comments of an issue were listed: those of its comments not met at or after `since`
    /// are gone.
    Comments {
        /// The issue's key.
        issue: String,
        /// When the listing began.
        since: Time,
    },
    /// Every item of the scope was listed, without a gap: those not met at or after `since` are gone.
    Listed {
        /// When the listing began.
        since: Time,
    },
    /// An item is gone for good.
    Gone {
        /// Its key.
        key: String,
    },
    /// The scope has a new name; the old one leads there.
    Moved {
        /// The new scope.
        to: String,
    },
    /// A part could not be listed, in words for people; the gap check must cover it.
    Partial {
        /// Which part, and why.
        what: String,
    },
}

/// What a forge said of its budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Which.
    pub bucket: String,
    /// How many requests a window allows.
    pub limit: Option<u64>,
    /// How many are left.
    pub remaining: u64,
    /// When it is full again.
    pub resets_at: Option<Time>,
}

/// How far a chain has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Everything updated before this was seen.
    pub at: Time,
    /// The forge's own word for that place, where it has one.
    pub token: Option<String>,
}

impl From<Time> for Mark {
    fn from(at: Time) -> Self {
        Self { at, token: None }
    }
}

/// A rest that a forge wants although it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Until when.
    pub until: Time,
    /// Which budget is short; `None` stands for everything.
    pub bucket: Option<String>,
    /// What the forge said.
    pub message: String,
}

/// An answer that is no step. What to do differs by variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Asked too much: the task stays, and is asked again later.
    #[error("{message}")]
    Throttled {
        /// When; `None` where the forge does not say, so that the client backs off by itself.
        until: Option<Time>,
        /// Which budget is spent; `None` stands for a secondary limit on everything.
        bucket: Option<String>,
        /// What the forge said.
        message: String,
    },
    /// The credential was refused.
    #[error("{message}")]
    Unauthorized {
        /// What the forge said.
        message: String,
    },
    /// The credential is fine and not enough, or the thing is not there.
    #[error("{message}")]
    Forbidden {
        /// What the forge said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Worth trying again soon.
    #[error("{message}")]
    Transient {
        /// What went wrong.
        message: String,
    },
    /// Not what this forge answers.
    #[error("{message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
}
