//! `ended.jsonl`: a line for each ended job, which outlives the job's removal. Derived from the
//! journals.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use jobctl_core::{Cause, Job, JobId, Kind, Outcome, State, Status, Time};
use serde::{Deserialize, Serialize};

use crate::FileError;
use crate::fit::clip;
use crate::fs::{Meta, Open, Sort};
use crate::lock::Lock;
use crate::record::{VERSION, is_sealed, seal};
use crate::tree::{JOURNAL, Keep, Told, Tree};

/// The longest text in a line, in bytes.
const TEXT: usize = 200;

/// An ended job in short, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    v: u32,
    // Second, so that a line's job is known without reading all of it.
    /// Its name.
    pub id: JobId,
    /// What sort of work it was.
    pub kind: Kind,
    /// The name chosen by the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One line for people, at most 200 bytes.
    pub description: String,
    /// What was read, as the user wrote it, at most 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sources: String,
    /// The directory that it belonged to.
    #[serde(default)]
    pub project: PathBuf,
    /// How it ended.
    pub status: Status,
    // Times as numbers: of all in a line they took longest to read.
    /// When it was submitted.
    #[serde(with = "jiff::fmt::serde::timestamp::nanosecond::required")]
    pub submitted_at: Time,
    /// When it ended.
    #[serde(with = "jiff::fmt::serde::timestamp::nanosecond::required")]
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
    /// What to do about the first item that failed, at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How its program ended, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Cause>,
    /// The job that it repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_from: Option<JobId>,
    /// The submission that it came with, where it did not come alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Whether only a person may remove it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// The journal that this line was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    journal: Option<Stamp>,
}

/// What tells a file that was changed from one that was not, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Length in bytes.
    len: u64,
    /// When its bytes last changed, in nanoseconds since 1970.
    modified: i64,
}

impl Stamp {
    /// The stamp of a job's journal as it is now; `None` where there is none.
    pub(crate) fn of(tree: &Tree, id: JobId) -> Result<Option<Self>, FileError> {
        Ok(tree.metadata(&tree.journal(id))?.map(Self::from))
    }

    /// The same for many; `None` also where it cannot be looked at.
    pub(crate) fn of_all(tree: &Tree, ids: &[JobId]) -> Vec<Option<Self>> {
        Self::of_files(tree, ids, JOURNAL)
    }

    /// The same of another file of each job.
    pub(crate) fn of_files(tree: &Tree, ids: &[JobId], name: &str) -> Vec<Option<Self>> {
        let paths: Vec<String> = ids.iter().map(|id| format!("{id}/{name}")).collect();
        let found = tree.fs.glance(&tree.jobs(), &paths);
        found.into_iter().map(|meta| meta.map(Self::from)).collect()
    }
}

impl From<Meta> for Stamp {
    fn from(meta: Meta) -> Self {
        let modified = i64::try_from(meta.modified.as_nanosecond()).unwrap_or_default();
        Self { len: meta.len, modified }
    }
}

impl Ended {
    /// How it ended, as far as those that depend on it care.
    pub fn outcome(&self) -> Option<Outcome> {
        Outcome::of(self.status, self.warnings == 0)
    }

    /// The line of a job; `None` if it has not ended.
    pub fn of(job: &Job) -> Option<Self> {
        let ended_at = job.ended_at()?;
        let short = |text: &str| {
            let mut text = text.to_owned();
            clip(&mut text, TEXT);
            text
        };
        let error = match &job.state {
            State::Failed { error, .. } => Some(error.as_str()),
            State::Cancelled { reason, .. } => reason.as_deref(),
            State::Completed { .. } | State::Pending | State::Running | State::Paused { .. } => {
                None
            }
        };
        let hint = job.failures.iter().find_map(|failure| failure.hint.as_deref());
        Some(Self {
            v: VERSION,
            id: job.id,
            kind: job.spec.kind,
            name: job.spec.name.clone(),
            description: short(&job.spec.description),
            sources: short(&job.spec.sources.join(" ")),
            project: job.spec.project.clone(),
            status: job.status(),
            submitted_at: job.submitted_at,
            ended_at,
            warnings: job.warnings(),
            current: job.counts.current,
            total: job.counts.total,
            error: error.map(short),
            hint: hint.map(short),
            exit: job.exit,
            restarted_from: job.spec.restarted_from,
            batch: job.spec.batch.clone(),
            keep: job.spec.keep,
            journal: None,
        })
    }

    /// This line, with the journal that it was made from.
    pub(crate) fn made_from(self, journal: Option<Stamp>) -> Self {
        Self { journal, ..self }
    }

    /// Whether a journal is the one that this line was made from.
    pub(crate) fn is_of(&self, journal: Option<Stamp>) -> bool {
        journal.is_some() && self.journal == journal
    }
}

/// Keeps appending apart from rebuilding.
pub(crate) fn lock(tree: &Tree) -> Result<Lock, FileError> {
    let path = tree.at("ended.lock");
    Lock::wait(tree.fs.as_ref(), &path).told("lock", &path)
}

/// Appends a line for each of these jobs.
pub(crate) fn append(tree: &Tree, ended: &[Ended], keep: Keep) -> Result<(), FileError> {
    let path = tree.at("ended.jsonl");
    let _lock = lock(tree)?;
    let mut file = tree.open(&path, Open::Any)?;
    let len = file.measure().told("measure", &path)?;
    let last = tree.fs.read_at(&path, len.saturating_sub(1), 1).told("read", &path)?;
    // A line that a dying process did not finish must not spoil this one.
    // Nor must bytes before it that a failed sync has turned into zeros on disk.
    let clean = (last.is_empty() || last == b"\n") && keep == Keep::Derived;
    let start = if clean { "" } else { "\n" };
    let mut lines = start.as_bytes().to_vec();
    for ended in ended {
        lines.extend_from_slice(&seal(ended));
    }
    file.write_at(&lines, len).told("append to", &path)?;
    match keep {
        Keep::Synced => {
            file.sync().told("sync", &path)?;
            tree.sync_dir(&tree.root)
        }
        Keep::Derived => Ok(()),
    }
}

/// Lines of ended jobs.
pub(crate) enum Lines<'a> {
    /// The list, or so many of its last bytes.
    Read {
        bytes: Vec<u8>,
        /// Whether nothing comes before them.
        all: bool,
    },
    /// What the lines would say, the newest last.
    Made(&'a [Ended]),
}

/// The list; where it is longer than `length` bytes, its end.
pub(crate) fn read(tree: &Tree, length: u64) -> Result<Lines<'static>, FileError> {
    let path = tree.at("ended.jsonl");
    let before = match tree.metadata(&path)? {
        Some(meta) if meta.sort == Sort::File => meta.len.saturating_sub(length),
        // What has its name and is none is moved out of the way by a repair.
        Some(_) | None => return Ok(Lines::Read { bytes: Vec::new(), all: true }),
    };
    if before == 0 {
        return Ok(Lines::Read { bytes: tree.read(&path)?.unwrap_or_default(), all: true });
    }
    let most = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = tree.fs.read_at(&path, before, most).told("read", &path)?;
    // The first line may have begun earlier.
    let begun = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
    bytes.drain(..begun);
    Ok(Lines::Read { bytes, all: false })
}

/// How long the list is, in bytes.
pub(crate) fn length(tree: &Tree) -> Result<u64, FileError> {
    let found = tree.metadata(&tree.at("ended.jsonl"))?;
    Ok(found.filter(|meta| meta.sort == Sort::File).map_or(0, |meta| meta.len))
}

/// At most `most` bytes of the list before its byte `end`.
pub(crate) fn part(tree: &Tree, end: u64, most: u64) -> Result<Vec<u8>, FileError> {
    let path = tree.at("ended.jsonl");
    let from = end.saturating_sub(most);
    let wanted = usize::try_from(end - from).unwrap_or(usize::MAX);
    if wanted == 0 {
        return Ok(Vec::new());
    }
    tree.fs.read_at(&path, from, wanted).told("read", &path)
}

/// The lines in these bytes that can be understood, in their order.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = Ended> + '_ {
    bytes.split(|byte| *byte == b'\n').filter_map(|text| Line::of(text)?.decode())
}

impl Lines<'_> {
    /// Whether these are all that there are.
    pub(crate) fn is_all(&self) -> bool {
        match self {
            Self::Read { all, .. } => *all,
            Self::Made(_) => true,
        }
    }

    /// The last line of each job, the newest first. Bad lines are skipped.
    pub(crate) fn newest_first(&self) -> Box<dyn Iterator<Item = Line<'_>> + '_> {
        match self {
            Self::Read { bytes, .. } => Box::new(newest_first(bytes)),
            Self::Made(ended) => Box::new(
                ended.iter().rev().map(|ended| Line { id: ended.id, text: Text::Made(ended) }),
            ),
        }
    }
}

fn newest_first(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut known = HashSet::new();
    let starts = memchr::memrchr_iter(b'\n', bytes).map(|at| at + 1).chain([0]);
    let mut end = bytes.len();
    starts.filter_map(move |start| {
        let line = bytes.get(start..end).unwrap_or_default();
        end = start.saturating_sub(1);
        let line = Line::of(line)?;
        known.insert(line.id).then_some(line)
    })
}

/// The last line of one job.
pub(crate) fn find(tree: &Tree, id: JobId) -> Result<Option<Ended>, FileError> {
    let lines = read(tree, u64::MAX)?;
    Ok(lines.newest_first().find(|line| line.id == id).and_then(|line| line.decode()))
}

/// The last lines of these jobs, in one look at the list.
pub(crate) fn find_all(
    tree: &Tree,
    ids: &HashSet<JobId>,
) -> Result<HashMap<JobId, Ended>, FileError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let lines = read(tree, u64::MAX)?;
    let wanted = lines.newest_first().filter(|line| ids.contains(&line.id));
    Ok(wanted.filter_map(|line| Some((line.id, line.decode()?))).collect())
}

/// A line that is whole, and whose it is.
pub(crate) struct Line<'a> {
    pub(crate) id: JobId,
    text: Text<'a>,
}

enum Text<'a> {
    Sealed(&'a [u8]),
    Made(&'a Ended),
}

impl<'a> Line<'a> {
    fn of(text: &'a [u8]) -> Option<Self> {
        if !is_sealed(text) {
            return None;
        }
        let id = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
        // The usual form is known by its first bytes; any other is read whole.
        let usual = text.strip_prefix(br#"{"v":1,"id":""#).and_then(|rest| id(rest.get(..8)?));
        let id = usual.or_else(|| Some(serde_json::from_slice::<Ended>(text).ok()?.id))?;
        Some(Self { id, text: Text::Sealed(text) })
    }

    /// What the line says; `None` where a newer version wrote it in words that this one lacks.
    pub(crate) fn decode(&self) -> Option<Ended> {
        match self.text {
            // One look at all the bytes is cheaper than one at each text in them.
            Text::Sealed(text) => serde_json::from_str(std::str::from_utf8(text).ok()?).ok(),
            Text::Made(ended) => Some(ended.clone()),
        }
    }
}
