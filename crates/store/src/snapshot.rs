//! Derived files of one job, for readers in a hurry and for people. None of them is ever needed.

use jobctl_core::{Counts, Job, JobId, Progress, State, Status, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::FileError;
use crate::fit::{LIMIT, shorten};
use crate::record::VERSION;
use crate::tree::{Keep, Tree};

/// What every snapshot fits in once all is left out that can be.
const LEAST: usize = 272;

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

/// How many bytes a snapshot may have that is written without a journal line.
pub(crate) const ROOM: usize = LIMIT;

/// How many bytes a snapshot may have beside so many bytes written to the journal.
///
/// Together they stay within a kilobyte, but for the line that brings `submitted`.
pub(crate) const fn room(written: usize) -> usize {
    let left = ROOM.saturating_sub(written);
    if left < LEAST { LEAST } else { left }
}

/// Replaces the snapshot by one of at most so many bytes.
pub(crate) fn write(
    tree: &Tree,
    snapshot: Snapshot,
    room: usize,
    keep: Keep,
) -> Result<(), FileError> {
    let path = tree.status(snapshot.id);
    tree.replace(&path, &encode(snapshot, room), keep).map(drop)
}

/// The bytes of a snapshot; what is least missed is left out until there are few enough of them.
fn encode(mut snapshot: Snapshot, room: usize) -> Vec<u8> {
    loop {
        let bytes = serde_json::to_vec(&snapshot).expect("our own shapes have string keys only");
        let excess = bytes.len().saturating_sub(room);
        if excess == 0 || !shorten(&mut snapshot.progress, excess) {
            return bytes;
        }
    }
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
    // A long line has no room for them; then the progress knows more.
    if !counts.counters.is_empty() {
        progress.counters.clone_from(&counts.counters);
    }
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
    json!({
        "type": job.spec.kind.name(),
        "provider": job.spec.sources.first().and_then(|source| provider(source)),
        "projectPath": job.spec.project.to_string_lossy(),
        "repositories": job.spec.sources,
    })
}

/// The provider that a source names; none for an address.
fn provider(source: &str) -> Option<&str> {
    let (name, rest) = source.split_once(':')?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    (is_name && !rest.starts_with("//")).then_some(name)
}

/// Removes `result.json` of a job that goes on.
pub(crate) fn unlink_result(tree: &Tree, id: JobId) -> Result<(), FileError> {
    tree.unlink(&tree.job(id).join("result.json"))
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
        // Two names for `SpecWeave`, which prints them without asking whether they are there.
        "totalCount": job.counts.current,
        "completedAt": job.ended_at(),
        "error": error,
        "warnings": warnings,
        "summary": summary,
        "failures": job.failures,
        "counts": job.counts,
    });
    let path = tree.job(job.id).join("result.json");
    tree.replace(&path, result.to_string().as_bytes(), Keep::Derived).map(drop)
}
