//! Derived files of one job, for readers in a hurry and for people. None of them is ever needed.

use jobctl_core::{Counts, Job, JobId, Progress, State, Status, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::FileError;
use crate::record::VERSION;
use crate::tree::{Keep, Tree};

/// `status.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) v: u32,
    pub(crate) id: JobId,
    /// Sequence number of the last record when this was written.
    pub(crate) seq: u64,
    pub(crate) status: Status,
    pub(crate) progress: Progress,
    pub(crate) progress_at: Time,
    pub(crate) updated_at: Time,
}

/// The newest snapshot, if it can be read.
pub(crate) fn read(tree: &Tree, id: JobId) -> Option<Snapshot> {
    let bytes = tree.read(&tree.status(id)).ok()??;
    serde_json::from_slice(&bytes).ok()
}

/// Replaces the snapshot.
pub(crate) fn write(tree: &Tree, snapshot: &Snapshot, keep: Keep) -> Result<(), FileError> {
    let bytes = serde_json::to_vec(snapshot).expect("our own shapes have string keys only");
    tree.replace(&tree.status(snapshot.id), &bytes, keep).map(drop)
}

impl Snapshot {
    pub(crate) fn new(job: &Job, seq: u64, progress: Progress, progress_at: Time) -> Self {
        Self {
            v: VERSION,
            id: job.id,
            seq,
            status: job.status(),
            progress,
            progress_at,
            updated_at: job.updated_at,
        }
    }
}

/// Sets the counts of a progress and leaves what only a progress knows.
pub(crate) fn count(progress: &mut Progress, counts: &Counts) {
    progress.current = counts.current;
    progress.total = counts.total;
    progress.failed = counts.failed;
    progress.counters.clone_from(&counts.counters);
}

/// Writes `config.json`: the spec, and the names that `SpecWeave` reads.
pub(crate) fn write_config(tree: &Tree, job: &Job) -> Result<(), FileError> {
    let mut config = config(job);
    config["id"] = json!(job.id);
    config["submittedAt"] = json!(job.submitted_at);
    config["spec"] = json!(job.spec);
    let path = tree.job(job.id).join("config.json");
    tree.replace(&path, config.to_string().as_bytes(), Keep::Derived).map(drop)
}

/// The part of a job's spec under the names that `SpecWeave` reads.
pub(crate) fn config(job: &Job) -> Value {
    let provider = job.spec.sources.first().and_then(|source| source.split_once(':'));
    json!({
        "type": job.spec.kind.name(),
        "provider": provider.map(|(provider, _)| provider),
        "projectPath": job.spec.project.to_string_lossy(),
        "repositories": job.spec.sources,
    })
}

/// Writes `result.json`: how the job ended.
pub(crate) fn write_result(tree: &Tree, job: &Job) -> Result<(), FileError> {
    let (error, warnings, summary) = match &job.state {
        State::Completed { warnings, summary, .. } => (None, warnings.as_slice(), summary.as_ref()),
        State::Failed { error, .. } => (Some(error), [].as_slice(), None),
        State::Cancelled { reason, .. } => (reason.as_ref(), [].as_slice(), None),
        State::Pending | State::Running | State::Paused { .. } => (None, [].as_slice(), None),
    };
    let result = json!({
        "v": VERSION,
        "id": job.id,
        "status": job.status(),
        "endedAt": job.ended_at(),
        "error": error,
        "warnings": warnings,
        "summary": summary,
        "failures": job.failures,
        "counts": job.counts,
    });
    let path = tree.job(job.id).join("result.json");
    tree.replace(&path, result.to_string().as_bytes(), Keep::Derived).map(drop)
}
