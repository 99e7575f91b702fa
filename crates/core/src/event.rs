use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Cause, Reason, Spec, Time};

/// A fact that changed a job, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: Time,
    /// What happened.
    #[serde(flatten)]
    pub change: Change,
    /// The requests that this event answers, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// How far the work had come; for display only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// How the job's program ended, where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Cause>,
}

/// How far the work had come when an event was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Items done.
    pub current: u64,
    /// Items in all, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Items failed.
    #[serde(default)]
    pub failed: u64,
    /// Further counts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
}

/// What happened to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Change {
    /// The job came to be.
    Submitted {
        /// What it was asked to do.
        spec: Box<Spec>,
    },
    /// A worker began an attempt.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// One item failed for good in this attempt; the others go on.
    ItemFailed {
        /// Which item.
        item: String,
        /// Why.
        error: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// The work left a mark that the next attempt gets back.
    Checkpoint {
        /// The mark; only the work reads it.
        token: String,
    },
    /// The work stands still.
    Paused {
        /// Why.
        reason: Reason,
        /// When it goes on by itself, if ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumes_at: Option<Time>,
    },
    /// The same attempt goes on, by the worker that held the claim all along.
    Continued,
    /// A new attempt is wanted.
    Resumed {
        /// Who wanted it.
        by: ResumedBy,
    },
    /// The work is done.
    Completed {
        /// What a person should know besides the failed items.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// What was done, in a line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// The work cannot be done.
    Failed {
        /// Why.
        error: String,
    },
    /// A person gave the job up.
    Cancelled {
        /// Why, where it was not simply asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The holder let the claim go with every byte synced.
    Closed,
}

/// Who wanted a new attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumedBy {
    /// Somebody typed `resume`; the count of crashes begins anew.
    Person,
    /// The pause had a time, and it came.
    Timer,
    /// What was missing has been offered.
    Offer,
}

impl Change {
    /// The name that the journal uses.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "submitted",
            Self::Started { .. } => "started",
            Self::ItemFailed { .. } => "item_failed",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Paused { .. } => "paused",
            Self::Continued => "continued",
            Self::Resumed { .. } => "resumed",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Closed => "closed",
        }
    }

    /// This change at a time, answering nothing.
    pub const fn at(self, at: Time) -> Event {
        Event { at, change: self, answers: Vec::new(), counts: None, exit: None }
    }
}
