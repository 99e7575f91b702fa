use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{JobId, Time};

/// Why a job is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// A person said so.
    User,
    /// A forge asked for less.
    RateLimited {
        /// When the forge will answer again.
        until: Time,
        /// Which of its budgets is spent.
        bucket: String,
        /// What it said.
        message: String,
    },
    /// The worker ended before its work did.
    Interrupted {
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        cause: Cause,
    },
    /// A credential is missing or was refused.
    Unauthorized {
        /// Whose credential.
        connection: String,
        /// Missing or refused.
        cause: Refused,
        /// What the forge or `jobctl` said.
        message: String,
        /// Where it was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// The environment of the call that submitted the job is gone.
    Environment,
    /// A phase waits for a person's word.
    Approval {
        /// Which phase.
        phase: String,
    },
    /// The disk is full or failing.
    Storage {
        /// What it said.
        message: String,
    },
    /// A dependency ended otherwise than asked.
    Dependency {
        /// Which job.
        on: JobId,
    },
    /// Programs of an earlier attempt could not be stopped.
    Leftover {
        /// Their process ids.
        pids: Vec<u32>,
    },
}

/// How a worker, or the program that it ran, ended before the work did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It exited with this code.
    Exited(i32),
    /// It was killed by this signal.
    Signalled(i32),
    /// It was asked to stop and did.
    Terminated,
    /// It took longer than it may, and was stopped.
    TimedOut,
    /// Nobody saw how: its parent had gone too.
    Unknown,
}

/// In words that follow what ended, such as "attempt 1".
impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(out, "exited with code {code}"),
            Self::Signalled(signal) => write!(out, "was killed by signal {signal}"),
            Self::Terminated => out.write_str("was told to stop"),
            Self::TimedOut => out.write_str("took longer than it may"),
            Self::Unknown => out.write_str("died, nobody saw how"),
        }
    }
}

/// Why a credential did not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// Nobody offered one; a matching offer continues the job.
    Missing,
    /// The forge said no; a person must act.
    Refused,
}

impl Reason {
    /// The name that JSON uses.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::User => "user",
            Self::RateLimited { .. } => "rate_limited",
            Self::Interrupted { .. } => "interrupted",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Environment => "environment",
            Self::Approval { .. } => "approval",
            Self::Storage { .. } => "storage",
            Self::Dependency { .. } => "dependency",
            Self::Leftover { .. } => "leftover",
        }
    }

    /// Whether the job goes on once somebody offers what it lacks.
    pub const fn is_lacking(&self) -> bool {
        match self {
            Self::Unauthorized { cause: Refused::Missing, .. } | Self::Environment => true,
            Self::Unauthorized { cause: Refused::Refused, .. }
            | Self::User
            | Self::RateLimited { .. }
            | Self::Interrupted { .. }
            | Self::Approval { .. }
            | Self::Storage { .. }
            | Self::Dependency { .. }
            | Self::Leftover { .. } => false,
        }
    }

    /// Whether this counts against a job's `max_attempts`: dying does, being told to stop does not.
    pub const fn is_crash(&self) -> bool {
        match self {
            Self::Interrupted { cause, .. } => match cause {
                Cause::Exited(_) | Cause::Signalled(_) | Cause::TimedOut | Cause::Unknown => true,
                Cause::Terminated => false,
            },
            Self::User
            | Self::RateLimited { .. }
            | Self::Unauthorized { .. }
            | Self::Environment
            | Self::Approval { .. }
            | Self::Storage { .. }
            | Self::Dependency { .. }
            | Self::Leftover { .. } => false,
        }
    }
}
