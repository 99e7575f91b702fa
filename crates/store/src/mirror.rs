//! `background-jobs.json`: the list for people, `jq` and `SpecWeave`, which writes to it too.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use jiff::SignedDuration;
use jobctl_core::{Job, JobId, Progress, State, Status, Time};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::fs::Open;
use crate::tree::{Keep, Told, Tree};
use crate::{FileError, FileStore, Sighting, Which, Wish, request, snapshot};

/// Not written more often than this.
const PACE: SignedDuration = SignedDuration::from_secs(1);
/// A lock file older than this was left by a process that died (the limit `SpecWeave` uses too).
const STALE: SignedDuration = SignedDuration::from_secs(30);
/// How many ended jobs are listed, and how many jobs in all.
const ENDED: usize = 100;
const MOST: usize = 1000;
/// How many failed items are listed.
const ITEMS: usize = 100;

/// The file: entries of others are kept byte for byte.
#[derive(Default, Serialize, Deserialize)]
struct List {
    #[serde(default)]
    jobs: Vec<Box<RawValue>>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// What must be read of an entry.
#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    status: String,
    /// The status that we wrote last; another writer changes `status` only.
    #[serde(default)]
    jobctl: Option<String>,
}

impl FileStore {
    /// Brings `background-jobs.json` up to date, unless it is younger than a second or another
    /// program is at it.
    ///
    /// Returns the jobs that another program marked as paused there: each has a pause request now,
    /// which survives a power cut, and its worker should be told to look.
    pub fn mirror(&self, now: Time) -> Result<Vec<JobId>, FileError> {
        let path = self.tree.at("background-jobs.json");
        let young = |at| (SignedDuration::ZERO..PACE).contains(&now.duration_since(at));
        if self.own().is_err()
            || self.tree.metadata(&path)?.is_some_and(|meta| young(meta.modified))
        {
            return Ok(Vec::new());
        }
        if !lock(&self.tree, now)? {
            return Ok(Vec::new());
        }
        let mirrored = self.mirror_locked(now);
        unlock(&self.tree)?;
        mirrored
    }

    fn mirror_locked(&self, now: Time) -> Result<Vec<JobId>, FileError> {
        let path = self.tree.at("background-jobs.json");
        let old = self.tree.read(&path)?.unwrap_or_default();
        // What is not a list at all cannot be kept.
        let mut list: List = serde_json::from_slice(&old).unwrap_or_default();
        let seen = self.seen(Which::Recent(ENDED))?;
        let ended = self.index()?.ended_ids();
        let ours: HashSet<String> =
            seen.iter().map(|seen| seen.id).chain(ended).map(|id| id.to_string()).collect();
        let paused = self.put_pauses(&list, &seen, now)?;
        list.jobs.retain(|entry| !read(entry).is_some_and(|entry| ours.contains(&entry.id)));
        let room = MOST.saturating_sub(list.jobs.len());
        let entries = seen.iter().filter_map(entry).take(room);
        list.jobs.splice(0..0, entries);
        let new = serde_json::to_vec_pretty(&list).expect("our own shapes have string keys only");
        if new != old {
            self.tree.replace(&path, &new, Keep::Derived)?;
        }
        Ok(paused)
    }

    /// Puts a pause request to each of our jobs that another program marked as paused.
    fn put_pauses(
        &self,
        list: &List,
        seen: &[Sighting],
        now: Time,
    ) -> Result<Vec<JobId>, FileError> {
        let running: HashMap<String, JobId> = seen
            .iter()
            .filter(|seen| matches!(seen.status(), Some(Status::Running | Status::Pending)))
            .map(|seen| (seen.id.to_string(), seen.id))
            .collect();
        let mut paused = Vec::new();
        for entry in list.jobs.iter().filter_map(|entry| read(entry)) {
            // A pause that we wrote ourselves is old news of a job that went on since.
            let news =
                entry.status == "paused" && entry.jobctl.is_some_and(|ours| ours != "paused");
            let Some(id) = running.get(&entry.id).filter(|_| news) else { continue };
            self.tree.ensure_dir(&self.tree.job(*id))?;
            request::put(&self.tree, *id, Wish::Pause, now)?;
            paused.push(*id);
        }
        Ok(paused)
    }
}

fn read(entry: &RawValue) -> Option<Entry> {
    serde_json::from_str(entry.get()).ok()
}

/// Takes the lock that `SpecWeave` takes: a file that is made exclusively, holding process id and
/// milliseconds since 1970, and removed afterwards. False while somebody else holds it.
fn lock(tree: &Tree, now: Time) -> Result<bool, FileError> {
    let path = tree.at("background-jobs.lock");
    for _ in 0..2 {
        match tree.fs.write(&path, Open::New) {
            Ok(mut file) => {
                let text = format!("{}\n{}", std::process::id(), now.as_millisecond());
                file.write_at(text.as_bytes(), 0).told("write", &path)?;
                return Ok(true);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).told("make", &path),
        }
        let stale = |at| now.duration_since(at) > STALE;
        if !tree.metadata(&path)?.is_some_and(|meta| stale(meta.modified)) {
            return Ok(false);
        }
        tree.unlink(&path)?;
    }
    Ok(false)
}

fn unlock(tree: &Tree) -> Result<(), FileError> {
    tree.unlink(&tree.at("background-jobs.lock"))
}

/// The entry of a job, under the names that `SpecWeave` reads; none for one that cannot be read.
fn entry(seen: &Sighting) -> Option<Box<RawValue>> {
    let job = seen.job.as_ref()?;
    let (status, error) = status(job);
    let updated = seen.progress_at.map_or(job.updated_at, |at| at.max(job.updated_at));
    let mut value = json!({
        "id": job.id,
        "type": job.spec.kind.name(),
        "status": status,
        "jobctl": status,
        "progress": progress(&seen.progress, job),
        // Before the first attempt it would show a time that is not a number.
        "startedAt": job.started_at.unwrap_or(job.submitted_at),
        "updatedAt": updated,
        "config": snapshot::config(job),
    });
    if let Some(at) = job.ended_at() {
        value["completedAt"] = json!(at);
    }
    if let Some(error) = error {
        value["error"] = json!(error);
    }
    serde_json::value::to_raw_value(&value).ok()
}

/// A status that `SpecWeave` knows, and what it shows beside it.
fn status(job: &Job) -> (&'static str, Option<String>) {
    match &job.state {
        State::Completed { warnings, .. } if job.warnings() > 0 => {
            let failed =
                job.failures.iter().map(|failed| format!("{}: {}", failed.item, failed.error));
            let all: Vec<String> = warnings.iter().cloned().chain(failed).take(3).collect();
            ("completed_with_warnings", Some(all.join("; ")))
        }
        State::Failed { error, .. } => ("failed", Some(error.clone())),
        State::Cancelled { .. } => ("failed", Some("Cancelled".to_owned())),
        State::Pending | State::Running | State::Paused { .. } | State::Completed { .. } => {
            (job.status().name(), None)
        }
    }
}

fn progress(progress: &Progress, job: &Job) -> Value {
    let failed = job.failures.iter().rev().take(ITEMS).rev().map(|failed| &failed.item);
    let mut value = json!({
        "current": progress.current,
        "total": progress.total.unwrap_or(0),
        "percentage": progress.percentage().unwrap_or(0),
        "itemsCompleted": [],
        "itemsFailed": failed.collect::<Vec<_>>(),
    });
    if let Some(item) = &progress.current_item {
        value["currentItem"] = json!(item);
    }
    if let Some(rate) = progress.rate {
        value["rate"] = json!(rate);
    }
    if let Some(eta) = progress.eta_seconds {
        value["eta"] = json!(eta);
    }
    value
}
