//! The shape of what a pending job waits for.

use jobctl_core::{Time, Wait};
use serde::Serialize;

use super::condition;

/// What a pending job waits for; `in_use` of `limit` units or jobs.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum WaitShape {
    Job {
        id: String,
        condition: &'static str,
        status: Option<&'static str>,
    },
    Time {
        at: Time,
    },
    Drain,
    Slot {
        in_use: usize,
        limit: usize,
    },
    Kind {
        name: &'static str,
        in_use: usize,
        limit: usize,
    },
    Resource {
        name: String,
        wanted: u32,
        in_use: u32,
        limit: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        kept_for: Option<String>,
    },
}

impl From<&Wait<'_>> for WaitShape {
    fn from(wait: &Wait<'_>) -> Self {
        match *wait {
            Wait::Job { on, status } => Self::Job {
                id: on.on.to_string(),
                condition: condition(on.condition),
                status: status.map(jobctl_core::Status::name),
            },
            Wait::Until(at) => Self::Time { at },
            Wait::Drain => Self::Drain,
            Wait::Slot { used, of } => Self::Slot { in_use: used, limit: of },
            Wait::Kind { kind, used, of } => {
                Self::Kind { name: kind.name(), in_use: used, limit: of }
            }
            Wait::Resource { name, wanted, used, of, kept_for } => Self::Resource {
                name: name.to_owned(),
                wanted,
                in_use: used,
                limit: of,
                kept_for: kept_for.map(|job| job.to_string()),
            },
        }
    }
}
