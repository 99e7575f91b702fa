use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Cause, Change, Counts, Event, JobId, Outcome, Reason, ResumedBy, Spec, Time};

/// A durable unit of work, as its events made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// What it was asked to do.
    pub spec: Spec,
    /// Where it stands.
    pub state: State,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When its first attempt began.
    pub started_at: Option<Time>,
    /// When its last event happened.
    pub updated_at: Time,
    /// How often a worker began.
    pub attempts: u32,
    /// How often a worker died since a person last resumed the job.
    pub crashes: u32,
    /// Items that failed in the last attempt.
    pub failures: Vec<Failure>,
    /// Items that the next attempt is limited to; empty means all.
    pub retry: Vec<String>,
    /// The work's last mark.
    pub checkpoint: Option<String>,
    /// The process id of the last attempt's worker.
    pub pid: Option<u32>,
    /// Ids of the requests that events answered.
    pub answered: Vec<String>,
    /// How its program ended, in the last attempt.
    pub exit: Option<Cause>,
    /// Whether a person let it go on although a dependency ended otherwise than asked.
    pub waived: bool,
    /// The newest counts that an event carried.
    pub counts: Counts,
    /// Where in `failures` an item is, so that ten thousand of them cost no more each than ten.
    places: HashMap<String, usize>,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn.
    Pending,
    /// A worker is at it, or was and died without a word.
    Running,
    /// It stands still.
    Paused {
        /// Why.
        reason: Reason,
        /// When it goes on by itself, if ever.
        resumes_at: Option<Time>,
        /// Whether a worker still waits within its attempt.
        waiting: bool,
    },
    /// It is done.
    Completed {
        /// What a person should know besides the failed items.
        warnings: Vec<String>,
        /// What was done, in a line.
        summary: Option<String>,
        /// When.
        at: Time,
    },
    /// It could not be done.
    Failed {
        /// Why.
        error: String,
        /// When.
        at: Time,
    },
    /// A person gave it up.
    Cancelled {
        /// Why, where it was not simply asked for.
        reason: Option<String>,
        /// When.
        at: Time,
    },
}

/// The name of a state, without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for its turn.
    Pending,
    /// A worker is at it.
    Running,
    /// It stands still.
    Paused,
    /// It is done.
    Completed,
    /// It could not be done.
    Failed,
    /// A person gave it up.
    Cancelled,
}

/// An item that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which.
    pub item: String,
    /// Why.
    pub error: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// An event that the job's state does not allow; gives back what it took.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {} is {} and cannot be {}", .job.id, .job.status(), .event.change.name())]
pub struct Rejected {
    /// The job, unchanged.
    pub job: Job,
    /// The event.
    pub event: Event,
}

impl Job {
    /// The job that a `submitted` event makes; gives any other event back.
    pub fn submitted(id: JobId, event: Event) -> Result<Self, Box<Event>> {
        match event.change {
            Change::Submitted { spec } => Ok(Self {
                id,
                spec: *spec,
                state: State::Pending,
                submitted_at: event.at,
                started_at: None,
                updated_at: event.at,
                attempts: 0,
                crashes: 0,
                failures: Vec::new(),
                retry: Vec::new(),
                checkpoint: None,
                pid: None,
                answered: event.answers,
                exit: None,
                waived: false,
                counts: Counts::default(),
                places: HashMap::new(),
            }),
            change @ (Change::Started { .. }
            | Change::ItemFailed { .. }
            | Change::Checkpoint { .. }
            | Change::Paused { .. }
            | Change::Continued
            | Change::Resumed { .. }
            | Change::Completed { .. }
            | Change::Failed { .. }
            | Change::Cancelled { .. }
            | Change::Closed) => Err(Box::new(Event { change, ..event })),
        }
    }

    /// Returns the job after `event`, or gives both back unchanged.
    pub fn apply(mut self, event: Event) -> Result<Self, Box<Rejected>> {
        let Some(state) = self.next(&event) else {
            return Err(Box::new(Rejected { job: self, event }));
        };
        self.remember(&event);
        self.state = state;
        self.updated_at = event.at;
        self.answered.extend(event.answers);
        self.exit = event.exit.or(self.exit);
        if let Some(counts) = event.counts {
            self.counts = counts;
        }
        Ok(self)
    }

    /// The whole state machine: where `event` leads, or `None` where it is not allowed.
    fn next(&self, event: &Event) -> Option<State> {
        use Change as C;
        let at = event.at;
        let cancelled = |reason: &Option<String>| State::Cancelled { reason: reason.clone(), at };
        let failed = |error: &String| State::Failed { error: error.clone(), at };
        match (&self.state, &event.change) {
            (state, C::Closed) => Some(state.clone().unattended()),

            (State::Pending, C::Started { .. })
            | (State::Running, C::ItemFailed { .. } | C::Checkpoint { .. })
            | (State::Paused { waiting: true, .. }, C::Continued) => Some(State::Running),

            (State::Pending, C::Paused { reason, resumes_at }) => {
                Some(paused(reason, *resumes_at, false))
            }
            (State::Running, C::Paused { reason, resumes_at }) => {
                Some(paused(reason, *resumes_at, true))
            }
            (
                State::Paused { waiting, .. },
                C::Paused { reason: reason @ Reason::User, resumes_at },
            ) => Some(paused(reason, *resumes_at, *waiting)),

            (State::Paused { .. } | State::Failed { .. }, C::Resumed { .. }) => {
                Some(State::Pending)
            }
            (State::Completed { .. }, C::Resumed { .. }) if self.warnings() > 0 => {
                Some(State::Pending)
            }

            (State::Running, C::Completed { warnings, summary }) => {
                Some(State::Completed { warnings: warnings.clone(), summary: summary.clone(), at })
            }
            (State::Pending | State::Running, C::Failed { error }) => Some(failed(error)),
            (
                State::Pending | State::Running | State::Paused { .. } | State::Failed { .. },
                C::Cancelled { reason },
            ) => Some(cancelled(reason)),

            // What is not allowed above is refused; a new event must be placed here to compile.
            (
                _,
                C::Submitted { .. }
                | C::Started { .. }
                | C::ItemFailed { .. }
                | C::Checkpoint { .. }
                | C::Paused { .. }
                | C::Continued
                | C::Resumed { .. }
                | C::Completed { .. }
                | C::Failed { .. }
                | C::Cancelled { .. },
            ) => None,
        }
    }

    /// What an allowed event leaves behind besides the new state.
    fn remember(&mut self, event: &Event) {
        match &event.change {
            Change::Started { pid } => {
                self.pid = Some(*pid);
                self.attempts += 1;
                self.exit = None;
                self.started_at.get_or_insert(event.at);
            }
            Change::ItemFailed { item, error, hint } => {
                let failure =
                    Failure { item: item.clone(), error: error.clone(), hint: hint.clone() };
                match self.places.entry(item.clone()) {
                    Entry::Occupied(place) => self.failures[*place.get()] = failure,
                    Entry::Vacant(place) => {
                        place.insert(self.failures.len());
                        self.failures.push(failure);
                    }
                }
            }
            Change::Checkpoint { token } => self.checkpoint = Some(token.clone()),
            Change::Paused { reason, .. } => self.crashes += u32::from(reason.is_crash()),
            Change::Resumed { by } => {
                match by {
                    ResumedBy::Person => {
                        self.crashes = 0;
                        self.waived |= self.is_held_by_dependency();
                    }
                    ResumedBy::Timer | ResumedBy::Offer => {}
                }
                let failed = std::mem::take(&mut self.failures);
                self.places.clear();
                if self.status().is_ended() {
                    self.retry = failed.into_iter().map(|failure| failure.item).collect();
                }
            }
            Change::Completed { .. } => self.retry.clear(),
            Change::Submitted { .. }
            | Change::Continued
            | Change::Failed { .. }
            | Change::Cancelled { .. }
            | Change::Closed => {}
        }
    }

    fn is_held_by_dependency(&self) -> bool {
        matches!(self.state, State::Paused { reason: Reason::Dependency { .. }, .. })
    }

    /// How many warnings a completed job carries: its failed items and what else was noted.
    pub fn warnings(&self) -> usize {
        match &self.state {
            State::Completed { warnings, .. } => warnings.len() + self.failures.len(),
            State::Pending
            | State::Running
            | State::Paused { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => 0,
        }
    }

    /// How it ended, as far as those that depend on it care; `None` if it has not.
    pub fn outcome(&self) -> Option<Outcome> {
        Outcome::of(self.status(), self.warnings() == 0)
    }

    /// The name of the job's state.
    pub const fn status(&self) -> Status {
        match self.state {
            State::Pending => Status::Pending,
            State::Running => Status::Running,
            State::Paused { .. } => Status::Paused,
            State::Completed { .. } => Status::Completed,
            State::Failed { .. } => Status::Failed,
            State::Cancelled { .. } => Status::Cancelled,
        }
    }

    /// When the job ended, if it has.
    pub const fn ended_at(&self) -> Option<Time> {
        match self.state {
            State::Completed { at, .. }
            | State::Failed { at, .. }
            | State::Cancelled { at, .. } => Some(at),
            State::Pending | State::Running | State::Paused { .. } => None,
        }
    }
}

fn paused(reason: &Reason, resumes_at: Option<Time>, waiting: bool) -> State {
    State::Paused { reason: reason.clone(), resumes_at, waiting }
}

impl State {
    /// This state once no worker holds the claim any more.
    fn unattended(self) -> Self {
        match self {
            Self::Paused { reason, resumes_at, .. } => {
                Self::Paused { reason, resumes_at, waiting: false }
            }
            state @ (Self::Pending
            | Self::Running
            | Self::Completed { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }) => state,
        }
    }
}

impl Status {
    /// Every status, in the order in which lists show them.
    pub const ALL: [Self; 6] = [
        Self::Running,
        Self::Paused,
        Self::Pending,
        Self::Failed,
        Self::Completed,
        Self::Cancelled,
    ];

    /// Whether nothing more happens by itself.
    pub const fn is_ended(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled => true,
            Self::Pending | Self::Running | Self::Paused => false,
        }
    }

    /// The name that JSON uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Status {
    type Err = String;

    /// Gives unknown text back.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or_else(|| text.to_owned())
    }
}
