//! What is wrong with single jobs.

use std::collections::BTreeMap;
use std::path::Path;

use jobctl_core::{JobId, Status};

use super::repair::{Action, Mending, summary};
use super::{Finding, FindingKind};
use crate::fs::Sort;
use crate::lock::{Probe, probe};
use crate::mend::{self, Remains, mend};
use crate::replay::{Replay, Rest, replay};
use crate::submission::Submissions;
use crate::tree::{Told, Tree};
use crate::{FileError, look, request};

/// The files that a job's directory may hold; the journal is looked at on its own.
const FILES: [&str; 8] = [
    "worker.lock",
    "tree.lock",
    "status.json",
    "config.json",
    "result.json",
    "worker.pid",
    "worker.log",
    "worker.log.1",
];

/// Where a job stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stand {
    /// As its journal says.
    Known(Status),
    /// It waits in a submission, and has a directory already.
    Waiting,
    /// Its journal is damaged.
    Damaged,
}

/// Where each job stands that has a directory.
pub(super) type Jobs = BTreeMap<JobId, Stand>;

/// Looks at every job that has a directory.
pub(super) fn examine(
    tree: &Tree,
    submissions: &Submissions,
    findings: &mut Vec<Finding>,
) -> Result<Jobs, FileError> {
    let mut jobs = Jobs::new();
    let Ok(ids) = tree.ids(&tree.jobs()) else { return Ok(jobs) };
    for id in ids {
        if !tree.is_dir(&tree.job(id))? {
            continue;
        }
        let before = findings.len();
        if let Some(stand) = examine_one(tree, id, submissions, findings)? {
            jobs.insert(id, stand);
        } else {
            // Another program's directory: what it holds is its own affair.
            findings.truncate(before);
        }
    }
    Ok(jobs)
}

/// Looks at one directory; `None` if it is no job's.
fn examine_one(
    tree: &Tree,
    id: JobId,
    submissions: &Submissions,
    findings: &mut Vec<Finding>,
) -> Result<Option<Stand>, FileError> {
    findings.extend(misplaced(tree, id)?);
    let found = Found::of(tree, id)?;
    let is_submitted = submissions.jobs.iter().any(|job| job.id == id);
    let Some(state) = found.state(tree, id, is_submitted)? else { return Ok(None) };
    let worker = probe(tree.fs.as_ref(), &tree.claim_lock(id));
    let free = worker.told("look at", &tree.claim_lock(id)).is_ok_and(|probe| probe == Probe::Free);
    findings.extend(journal(tree, id, &state, submissions, free)?);
    let stand = match state {
        State::Good(replay) => {
            let answered = replay.job.as_ref().map_or(&[][..], |job| &job.answered);
            findings.extend(requests(tree, id, answered, free)?);
            replay.job.map_or(Stand::Waiting, |job| Stand::Known(job.status()))
        }
        State::Bad { .. } | State::Lost | State::NotAFile => Stand::Damaged,
    };
    if let (true, Stand::Known(Status::Running)) = (free, stand) {
        let message = format!("Job {id} is running and nobody works on it: its worker died.");
        let finding = Finding::new(FindingKind::NoWorker, tree.job(id), message);
        findings.push(with_hint(finding.of_job(id), "The next jobctl command continues it."));
    }
    findings.extend(kept_aside(tree, id)?);
    if free {
        findings.extend(unfinished(tree, id)?);
    }
    Ok(Some(stand))
}

fn with_hint(finding: Finding, hint: &str) -> Finding {
    let message = format!("{} {hint}", finding.message);
    Finding { message, ..finding }
}

/// What is at the place of a journal.
enum Found {
    NotAFile,
    Bytes(Vec<u8>),
}

/// What a journal comes to.
enum State {
    Good(Box<Replay>),
    Bad { what: String, bytes: Vec<u8> },
    Lost,
    NotAFile,
}

impl Found {
    fn of(tree: &Tree, id: JobId) -> Result<Self, FileError> {
        let path = tree.journal(id);
        match tree.metadata(&path)? {
            None => Ok(Self::Bytes(Vec::new())),
            Some(meta) if meta.sort == Sort::File => match tree.read(&path) {
                Ok(bytes) => Ok(Self::Bytes(bytes.unwrap_or_default())),
                Err(error) if error.is_storage() => Err(error),
                Err(_) => Ok(Self::NotAFile),
            },
            Some(_) => Ok(Self::NotAFile),
        }
    }

    /// `None` if this is no job's directory.
    fn state(self, tree: &Tree, id: JobId, submitted: bool) -> Result<Option<State>, FileError> {
        let bytes = match self {
            Self::NotAFile => return Ok(Some(State::NotAFile)),
            Self::Bytes(bytes) => bytes,
        };
        let replay = replay(id, &bytes);
        Ok(match &replay.rest {
            Rest::Damage(what) => Some(State::Bad { what: what.clone(), bytes }),
            Rest::Torn if replay.job.is_none() && !submitted => {
                Some(State::Bad { what: "it holds no whole record".to_owned(), bytes })
            }
            Rest::Nothing if replay.job.is_none() && !submitted => {
                look::had_journal(tree, id)?.then_some(State::Lost)
            }
            Rest::Nothing | Rest::Torn | Rest::Newer => Some(State::Good(Box::new(replay))),
        })
    }
}

/// What else is left of a job whose journal is bad.
pub(super) fn remains(
    tree: &Tree,
    id: JobId,
    submissions: &Submissions,
) -> Result<Remains, FileError> {
    let read = |name: &str| match tree.read(&tree.job(id).join(name)) {
        Ok(bytes) => Ok(bytes.unwrap_or_default()),
        Err(error) if error.is_storage() => Err(error),
        Err(_) => Ok(Vec::new()),
    };
    let line = submissions.jobs.iter().find(|job| job.id == id).map(|job| job.event.clone());
    let submitted = match line {
        Some(event) => Some(event),
        None => mend::config(id, &read("config.json")?),
    };
    Ok(Remains { submitted, end: mend::result(id, &read("result.json")?) })
}

/// Whether a job's journal has to be mended, and from which bytes.
pub(super) fn to_mend(
    tree: &Tree,
    id: JobId,
    submissions: &Submissions,
) -> Result<Option<Mending>, FileError> {
    let is_submitted = submissions.jobs.iter().any(|job| job.id == id);
    Ok(match Found::of(tree, id)?.state(tree, id, is_submitted)? {
        None | Some(State::Good(_)) => None,
        Some(State::Bad { bytes, .. }) => Some(Mending::Records(bytes)),
        Some(State::Lost) => Some(Mending::Nothing),
        Some(State::NotAFile) => Some(Mending::Misplaced),
    })
}

fn journal(
    tree: &Tree,
    id: JobId,
    state: &State,
    submissions: &Submissions,
    free: bool,
) -> Result<Option<Finding>, FileError> {
    let path = tree.journal(id);
    let (kind, what, bytes) = match state {
        State::Good(replay) => return torn_or_newer(tree, id, replay, free),
        State::Bad { what, bytes } => (FindingKind::Journal, what.clone(), bytes.as_slice()),
        State::Lost => (FindingKind::LostJournal, "it is missing or empty".to_owned(), &[][..]),
        State::NotAFile => {
            (FindingKind::Journal, "it is not a file that can be read".to_owned(), &[][..])
        }
    };
    let message = format!(
        "The journal of job {id} is damaged: {what}. The disk or another program changed it. \
         The job stands still until it is repaired."
    );
    let finding = Finding::new(kind, &path, message).of_job(id);
    let remains = remains(tree, id, submissions)?;
    let now = jobctl_core::Time::UNIX_EPOCH;
    Ok(Some(match mend(id, bytes, &remains, now) {
        Ok(mended) => {
            let words = format!("write it anew ({}), {}", summary(&mended), then(&mended));
            finding.repaired_by(Action::Journal(id), words)
        }
        Err(mend::Unmendable::NoSpec) => finding.repaired_by(
            Action::Journal(id),
            "move the job's directory to set-aside: nothing is left that says what it was to do",
        ),
        Err(mend::Unmendable::Newer) => with_hint(
            Finding { kind: FindingKind::Newer, ..finding },
            "A newer jobctl wrote it: use that one.",
        ),
    }))
}

fn then(mended: &mend::Mended) -> String {
    let old = "keeping the old one beside it";
    if mended.paused {
        format!("{old}, and pause the job, so that you decide whether it goes on")
    } else {
        format!("{old}; the job is {} then", mended.job.status())
    }
}

fn torn_or_newer(
    tree: &Tree,
    id: JobId,
    replay: &Replay,
    free: bool,
) -> Result<Option<Finding>, FileError> {
    let path = tree.journal(id);
    match replay.rest {
        Rest::Torn if free => {
            let len = tree.metadata(&path)?.map_or(0, |meta| meta.len);
            let torn = len.saturating_sub(replay.good as u64);
            let message = format!(
                "The last {torn} bytes of the journal of job {id} are an append that a crash \
                 stopped. Nothing that was acknowledged is lost; the next change cuts them off \
                 and keeps them aside."
            );
            Ok(Some(Finding::new(FindingKind::Torn, path, message).of_job(id)))
        }
        Rest::Newer => {
            let message = format!(
                "A newer jobctl wrote in the journal of job {id}. This one only reads it: use the \
                 newer one to change the job."
            );
            Ok(Some(Finding::new(FindingKind::Newer, path, message).of_job(id)))
        }
        Rest::Nothing | Rest::Torn | Rest::Damage(_) => Ok(None),
    }
}

/// What is not what its name says.
fn misplaced(tree: &Tree, id: JobId) -> Result<Vec<Finding>, FileError> {
    let mut found = Vec::new();
    let expected =
        FILES.map(|name| (name, Sort::File)).into_iter().chain([("requests", Sort::Dir)]);
    for (name, sort) in expected {
        let path = tree.job(id).join(name);
        if tree.metadata(&path)?.is_some_and(|meta| meta.sort != sort) {
            let what = if sort == Sort::Dir { "directory" } else { "file" };
            let message = format!("{name} of job {id} is not a {what}, so the job cannot go on.");
            let finding = Finding::new(FindingKind::Misplaced, &path, message).of_job(id);
            found.push(finding.repaired_by(Action::Aside(path), "move it to set-aside"));
        }
    }
    Ok(found)
}

/// Requests that cannot be read, and those that wait although nobody holds the job.
fn requests(
    tree: &Tree,
    id: JobId,
    answered: &[String],
    free: bool,
) -> Result<Vec<Finding>, FileError> {
    let dir = tree.requests(id);
    let mut found = Vec::new();
    if !tree.is_dir(&dir)? {
        return Ok(found);
    }
    for path in request::unreadable(tree, id)? {
        let message = format!(
            "A request to job {id} cannot be read: a pause, resume or cancel that somebody typed \
             is lost. Type it again."
        );
        let finding = Finding::new(FindingKind::Request, &path, message).of_job(id);
        found.push(finding.repaired_by(Action::Aside(path), "move it to set-aside"));
    }
    let (open, _) = request::open(tree, id, answered)?;
    for request in open.into_iter().filter(|_| free) {
        let path = dir.join(format!("{}.json", request.id));
        let message = format!(
            "A request to job {id} of {} is not answered yet. The job's next worker, or the next \
             pause, resume or cancel, answers it.",
            request.at
        );
        found.push(Finding::new(FindingKind::Unanswered, path, message).of_job(id));
    }
    Ok(found)
}

/// Copies that this program made rather than lose a byte.
fn kept_aside(tree: &Tree, id: JobId) -> Result<Option<Finding>, FileError> {
    let dir = tree.job(id);
    let is_copy =
        |name: &String| name.starts_with("journal.torn-") || name.starts_with("journal.damaged-");
    let names: Vec<_> = tree.names(&dir)?.into_iter().filter(is_copy).collect();
    let Some(first) = names.first() else { return Ok(None) };
    let message = format!(
        "Job {id} keeps {} aside: what a crash or damage left of earlier journals. Harmless; goes \
         with the job.",
        names.join(", ")
    );
    Ok(Some(Finding::new(FindingKind::Aside, dir.join(first), message).of_job(id)))
}

/// Files that a dead process did not finish writing.
fn unfinished(tree: &Tree, id: JobId) -> Result<Vec<Finding>, FileError> {
    let dir = tree.job(id);
    let is_ours = |name: &str| {
        let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
        inner.is_some_and(|inner| inner.starts_with("journal.") || FILES.contains(&inner))
    };
    let found = |path: &Path| {
        let message = format!("A dead process of job {id} did not finish writing this. Harmless.");
        let finding = Finding::new(FindingKind::Leftover, path, message).of_job(id);
        finding.repaired_by(Action::ClearInJob(id, path.to_owned()), "remove it")
    };
    let names = tree.names(&dir)?;
    Ok(names.iter().filter(|name| is_ours(name)).map(|name| found(&dir.join(name))).collect())
}
