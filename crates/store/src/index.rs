//! The index: which jobs have not ended, and a line for each that has. Derived from the journals.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use jobctl_core::{Job, JobId, Kind, State, Status, Time};
use serde::{Deserialize, Serialize};

use crate::FileError;
use crate::fit::clip;
use crate::fs::Open;
use crate::lock::Lock;
use crate::record::{VERSION, is_sealed, lines, seal};
use crate::replay::{Rest, replay};
use crate::tree::{Keep, Told, Tree};

/// The longest text in a line of `ended.jsonl`, in bytes.
const TEXT: usize = 200;

/// How many ended jobs are remembered at least, removed ones among them.
const MOST: usize = 10_000;

/// An ended job, as `ended.jsonl` keeps it. Outlives the job's removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    v: u32,
    /// Its name.
    pub id: JobId,
    /// What sort of work it was.
    pub kind: Kind,
    /// The name chosen by the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One line for people, at most 200 bytes.
    pub description: String,
    /// How it ended.
    pub status: Status,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When it ended.
    pub ended_at: Time,
    /// How many warnings it carried.
    pub warnings: usize,
    /// Items done.
    pub current: u64,
    /// Items in all, where that was known.
    pub total: Option<u64>,
    /// Why it failed or was cancelled, at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Ended {
    /// The line of a job; `None` if it has not ended.
    fn of(job: &Job) -> Option<Self> {
        let ended_at = job.ended_at()?;
        let mut description = job.spec.description.clone();
        clip(&mut description, TEXT);
        let mut error = match &job.state {
            State::Failed { error, .. } => Some(error.clone()),
            State::Cancelled { reason, .. } => reason.clone(),
            State::Completed { .. } | State::Pending | State::Running | State::Paused { .. } => {
                None
            }
        };
        if let Some(error) = &mut error {
            clip(error, TEXT);
        }
        Some(Self {
            v: VERSION,
            id: job.id,
            kind: job.spec.kind,
            name: job.spec.name.clone(),
            description,
            status: job.status(),
            submitted_at: job.submitted_at,
            ended_at,
            warnings: job.warnings(),
            current: job.counts.current,
            total: job.counts.total,
            error,
        })
    }
}

/// Notes that a job may be claimed: before its directory is made, and before it is resumed.
pub(crate) fn activate(tree: &Tree, id: JobId) -> Result<(), FileError> {
    tree.ensure_dir(&tree.active())?;
    tree.touch(&tree.active().join(id.to_string()))
}

/// Notes that a job has ended: first its line, then its mark, so that neither is ever missing.
pub(crate) fn end(tree: &Tree, job: &Job, keep: Keep) -> Result<(), FileError> {
    if let Some(ended) = Ended::of(job) {
        append(tree, &ended, keep)?;
    }
    tree.unlink(&tree.active().join(job.id.to_string()))
}

fn append(tree: &Tree, ended: &Ended, keep: Keep) -> Result<(), FileError> {
    let path = tree.at("ended.jsonl");
    let _lock = lock(tree)?;
    let mut file = tree.open(&path, Open::Any)?;
    let len = file.measure().told("measure", &path)?;
    let last = tree.fs.read_at(&path, len.saturating_sub(1), 1).told("read", &path)?;
    // A line that a dying process did not finish must not spoil this one.
    // Nor must bytes before it that a failed sync has turned into zeros on disk.
    let clean = (last.is_empty() || last == b"\n") && keep == Keep::Derived;
    let start = if clean { "" } else { "\n" };
    let line = [start.as_bytes(), &seal(ended)].concat();
    file.write_at(&line, len).told("append to", &path)?;
    match keep {
        Keep::Synced => {
            file.sync().told("sync", &path)?;
            tree.sync_dir(&tree.root)
        }
        Keep::Derived => Ok(()),
    }
}

/// Keeps appending apart from rebuilding.
fn lock(tree: &Tree) -> Result<Lock, FileError> {
    let path = tree.at("ended.lock");
    Lock::wait(tree.fs.as_ref(), &path).told("lock", &path)
}

/// The last line of each ended job, in the order in which they ended. Bad lines are skipped.
pub(crate) fn ended(tree: &Tree) -> Result<Vec<Ended>, FileError> {
    let bytes = tree.read(&tree.at("ended.jsonl"))?.unwrap_or_default();
    let mut newest = HashMap::new();
    let mut all = Vec::new();
    for (_, line) in lines(&bytes).0 {
        if let Some(ended) = decode(line) {
            newest.insert(ended.id, all.len());
            all.push(ended);
        }
    }
    let mut place = 0;
    all.retain(|ended| {
        place += 1;
        newest[&ended.id] + 1 == place
    });
    Ok(all)
}

/// The last line of one job.
pub(crate) fn find_ended(tree: &Tree, id: JobId) -> Result<Option<Ended>, FileError> {
    let bytes = tree.read(&tree.at("ended.jsonl"))?.unwrap_or_default();
    let needle = format!("\"id\":\"{id}\"");
    let named = |line: &[u8]| line.windows(needle.len()).any(|part| part == needle.as_bytes());
    let (lines, _) = lines(&bytes);
    Ok(lines
        .into_iter()
        .rev()
        .filter(|(_, line)| named(line))
        .filter_map(|(_, line)| decode(line))
        .find(|ended| ended.id == id))
}

fn decode(line: &[u8]) -> Option<Ended> {
    if is_sealed(line) { serde_json::from_slice(line).ok() } else { None }
}

/// Which jobs there are, without those that wait in `new/`.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Claimed and not ended; may name too many, never too few.
    pub(crate) active: BTreeSet<JobId>,
    /// Ended, the newest last; may name jobs that are active again, or removed.
    pub(crate) ended: Vec<Ended>,
}

/// Whether both parts of the index are there.
pub(crate) fn is_there(tree: &Tree) -> Result<bool, FileError> {
    Ok(tree.is_dir(&tree.active())? && tree.exists(&tree.at("ended.jsonl"))?)
}

/// The index as it is on disk.
pub(crate) fn read(tree: &Tree) -> Result<Index, FileError> {
    // The order matters: a job that ends in between is then seen twice rather than never.
    let active = tree.ids(&tree.active())?;
    Ok(Index { active, ended: ended(tree)? })
}

/// The index as the journals would make it, written nowhere.
pub(crate) fn scan(tree: &Tree) -> Result<Index, FileError> {
    let mut active = BTreeSet::new();
    let mut over: HashMap<JobId, Ended> =
        ended(tree)?.into_iter().map(|ended| (ended.id, ended)).collect();
    for id in tree.ids(&tree.jobs())? {
        if let Some(ended) = ended_by_journal(tree, id) {
            over.insert(id, ended);
        } else if is_job(tree, id) {
            active.insert(id);
        }
    }
    let mut ended: Vec<Ended> = over.into_values().collect();
    ended.sort_by_key(|ended| (ended.ended_at, ended.id));
    Ok(Index { active, ended })
}

/// Whether a directory among the jobs shows signs of one of ours, as opposed to another program's.
fn is_job(tree: &Tree, id: JobId) -> bool {
    // What cannot be looked at is listed, so that somebody hears of it.
    let there = |path: PathBuf| tree.exists(&path).unwrap_or(true);
    there(tree.journal(id)) || there(tree.status(id)) || there(tree.requests(id))
}

/// The line that a job's journal makes. A journal that cannot be read, or not to its end, makes
/// none: the job counts as not ended, so that its damage is shown.
fn ended_by_journal(tree: &Tree, id: JobId) -> Option<Ended> {
    let bytes = tree.read(&tree.journal(id)).ok()??;
    let replay = replay(id, &bytes);
    match replay.rest {
        Rest::Nothing | Rest::Torn | Rest::Newer => Ended::of(&replay.job?),
        Rest::Damage(_) => None,
    }
}

/// Whether the index is there, and was kept in this boot: it is never synced.
pub(crate) fn is_fresh(tree: &Tree, boot: &str) -> Result<bool, FileError> {
    let known = tree.read(&tree.at("boot"))?.unwrap_or_default();
    Ok(known == boot.as_bytes() && is_there(tree)?)
}

/// Writes the index anew from the journals, keeping the lines of removed jobs.
pub(crate) fn rebuild(tree: &Tree, boot: &str) -> Result<(), FileError> {
    tree.ensure_dir(&tree.active())?;
    let _lock = lock(tree)?;
    if is_fresh(tree, boot)? {
        // Another process did it while this one waited.
        return Ok(());
    }
    let mut index = scan(tree)?;
    forget_oldest(tree, &mut index.ended)?;
    for id in &index.active {
        activate(tree, *id)?;
    }
    // Marks of ended jobs stay: without its claim nobody knows that a job is not being resumed.
    let lines: Vec<u8> = index.ended.iter().flat_map(seal).collect();
    tree.replace(&tree.at("ended.jsonl"), &lines, Keep::Derived)?;
    tree.replace(&tree.at("boot"), boot.as_bytes(), Keep::Derived).map(drop)
}

/// Drops the oldest lines of removed jobs, so that the file does not grow for ever.
fn forget_oldest(tree: &Tree, ended: &mut Vec<Ended>) -> Result<(), FileError> {
    let mut excess = ended.len().saturating_sub(MOST);
    let kept = if excess > 0 { tree.ids(&tree.jobs())? } else { BTreeSet::new() };
    ended.retain(|ended| {
        let forgotten = excess > 0 && !kept.contains(&ended.id);
        excess -= usize::from(forgotten);
        !forgotten
    });
    Ok(())
}
