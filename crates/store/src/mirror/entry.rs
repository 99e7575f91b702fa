//! One job in the list, under the names that `SpecWeave` reads.

use jobctl_core::{Job, JobId, Progress, Reason, State, Time};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::tree::Tree;
use crate::{FileError, Sighting, Wish, snapshot};

/// How many failed items are listed.
const ITEMS: usize = 100;
/// How many warnings and failures make up the text beside a completed job.
const WARNINGS: usize = 3;

/// What is read of an entry. Any text or number may stand anywhere: others write here too.
#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    status: Value,
    #[serde(default, rename = "updatedAt")]
    updated_at: Value,
    #[serde(default)]
    jobctl: Value,
}

/// What we wrote, in a field that other programs carry along.
#[derive(Serialize, Deserialize)]
struct Mark {
    status: String,
    #[serde(rename = "updatedAt")]
    updated_at: String,
}

impl Entry {
    /// An entry that we made; `None` for those of others.
    pub(super) fn ours(raw: &RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok().filter(|entry: &Self| !entry.jobctl.is_null())
    }

    pub(super) fn id(&self) -> Option<JobId> {
        self.id.as_str()?.parse().ok()
    }

    fn mark(&self) -> Option<Mark> {
        Mark::deserialize(&self.jobctl).ok()
    }

    /// Whether another program changed it. The time tells where the status does not: a pause may
    /// be written over a pause.
    pub(super) fn is_changed(&self) -> bool {
        self.mark().is_some_and(|mark| {
            self.status != mark.status.as_str() || self.updated_at != mark.updated_at.as_str()
        })
    }

    /// Whether it is as we wrote it, last at this moment.
    pub(super) fn is_of(&self, updated_at: &str) -> bool {
        !self.is_changed() && self.mark().is_some_and(|mark| mark.updated_at == updated_at)
    }

    /// What the other program's change asks for: its `--kill` marks a job as paused, its
    /// `--resume` as running. It means nothing by other changes.
    pub(super) fn wish(&self) -> Option<Wish> {
        match self.status.as_str() {
            Some("paused") if self.is_changed() => Some(Wish::Pause),
            Some("running") if self.is_changed() => Some(Wish::Resume),
            Some(_) | None => None,
        }
    }
}

/// A time in the one form that JavaScript prints.
pub(super) fn moment(at: Time) -> String {
    format!("{at:.3}")
}

/// An entry as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shape<'a> {
    id: JobId,
    r#type: &'a str,
    status: &'a str,
    progress: Counts<'a>,
    started_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    config: Value,
    jobctl: Mark,
}

/// Every count must be there, and none may exceed the total: the bar that is drawn of them throws
/// on what is more than whole.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts<'a> {
    current: u64,
    total: u64,
    percentage: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_item: Option<&'a str>,
    items_completed: &'a [String],
    items_failed: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta: Option<u64>,
}

/// The entry of a job; none for one that has gone.
pub(super) fn of(tree: &Tree, seen: &Sighting) -> Result<Option<Box<RawValue>>, FileError> {
    let (status, error) = status(seen);
    let (started, updated) = match &seen.job {
        Some(job) => {
            // Before the first attempt it would show a time that is not a number.
            let started = job.started_at.unwrap_or(job.submitted_at);
            let updated = job.ended_at().unwrap_or_else(|| {
                seen.progress_at.map_or(job.updated_at, |at| at.max(job.updated_at))
            });
            (started, updated)
        }
        None => match tree.metadata(&tree.job(seen.id))? {
            Some(meta) => (meta.modified, meta.modified),
            None => return Ok(None),
        },
    };
    let updated_at = moment(updated);
    let shape = Shape {
        id: seen.id,
        r#type: seen.job.as_ref().map_or("unknown", |job| job.spec.kind.name()),
        status,
        progress: counts(seen),
        started_at: moment(started),
        updated_at: updated_at.clone(),
        completed_at: seen.job.as_ref().and_then(Job::ended_at).map(moment),
        error,
        // It is read without asking whether it is there.
        config: seen.job.as_ref().map_or_else(|| Value::Object(Map::default()), snapshot::config),
        jobctl: Mark { status: status.to_owned(), updated_at },
    };
    let raw =
        serde_json::value::to_raw_value(&shape).expect("our own shapes have string keys only");
    Ok(Some(raw))
}

/// A status that `SpecWeave` knows (it lists no other), and what it shows beside it.
fn status(seen: &Sighting) -> (&'static str, Option<String>) {
    if let Some(what) = &seen.damage {
        return ("failed", Some(format!("Damaged: {what}")));
    }
    let Some(job) = &seen.job else { return ("failed", None) };
    match &job.state {
        State::Completed { warnings, .. } if job.warnings() > 0 => {
            let failed =
                job.failures.iter().map(|failed| format!("{}: {}", failed.item, failed.error));
            let all: Vec<String> = warnings.iter().cloned().chain(failed).take(WARNINGS).collect();
            ("completed_with_warnings", Some(all.join("; ")))
        }
        State::Failed { error, .. } => ("failed", Some(error.clone())),
        State::Cancelled { .. } => ("failed", Some("Cancelled".to_owned())),
        State::Paused { reason, resumes_at, .. } => ("paused", why(reason, *resumes_at)),
        State::Pending | State::Running | State::Completed { .. } => (job.status().name(), None),
    }
}

/// Why a job stands still; nothing where somebody wanted it so.
fn why(reason: &Reason, resumes_at: Option<Time>) -> Option<String> {
    let why = match reason {
        Reason::User => return None,
        Reason::RateLimited { message, .. } => format!("the forge asked for less: {message}"),
        Reason::Interrupted { .. } => "the worker ended before its work".to_owned(),
        Reason::Unauthorized { connection, message, .. } => {
            format!("needs a credential for {connection}: {message}")
        }
        Reason::Environment => "needs the environment that it was submitted with".to_owned(),
        Reason::Approval { phase } => format!("phase {phase} waits for approval"),
        Reason::Storage { message } => message.clone(),
        Reason::Dependency { on } => format!("job {on} did not end as it had to"),
        Reason::Leftover { pids } => format!("programs of an earlier attempt still run: {pids:?}"),
    };
    Some(match resumes_at {
        Some(at) => format!("{why} (goes on by itself at {at:.0})"),
        None => why,
    })
}

fn counts(seen: &Sighting) -> Counts<'_> {
    let Some(job) = &seen.job else { return Counts::default() };
    let Progress { current, total, current_item, done, rate, eta_seconds, .. } = &seen.progress;
    let failed = job.failures.iter().rev().take(ITEMS).rev();
    Counts {
        current: *current,
        total: total.map_or(0, |total| total.max(*current)),
        percentage: seen.progress.percentage().unwrap_or(0),
        current_item: current_item.as_deref().filter(|_| !job.status().is_ended()),
        items_completed: done,
        items_failed: failed.map(|failed| failed.item.as_str()).collect(),
        rate: rate.map(|rate| (rate * 10.0).round() / 10.0),
        eta: *eta_seconds,
    }
}
