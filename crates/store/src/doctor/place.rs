//! What is wrong with a state directory besides its jobs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use jobctl_core::{JobId, Time};

use super::job::{Jobs, Stand};
use super::repair::Action;
use super::{Finding, FindingKind};
use crate::fs::Sort;
use crate::record::is_sealed;
use crate::submission::Submissions;
use crate::sweep::is_abandoned;
use crate::tree::Tree;
use crate::{FileError, FileStore, Standing, environments, index};

/// A `background-jobs.lock` older than this was left by a process that died.
const STALE: SignedDuration = SignedDuration::from_secs(30);

/// Names in a state directory, and what they must be.
const NAMES: [(&str, Sort); 14] = [
    ("new", Sort::Dir),
    ("active", Sort::Dir),
    ("same", Sort::Dir),
    ("environments", Sort::Dir),
    ("jobs", Sort::Dir),
    ("boot", Sort::File),
    ("ended.jsonl", Sort::File),
    ("ended.lock", Sort::File),
    ("runner.lock", Sort::File),
    ("runner.pid", Sort::File),
    ("settings.lock", Sort::File),
    ("background-jobs.json", Sort::File),
    ("background-jobs.lock", Sort::File),
    ("set-aside", Sort::Dir),
];

/// Whose the directory is, and what it lies on.
pub(super) fn standing(store: &FileStore) -> Vec<Finding> {
    let mut found = Vec::new();
    let root = store.root();
    if let Standing::Foreign { why } = store.standing() {
        let message = format!(
            "This is not a state directory of yours: {why}. Nothing in it is started, changed or \
             repaired."
        );
        found.push(Finding::new(FindingKind::Foreign, root, message));
    }
    if let Ok(Some(kind)) = store.network() {
        let message = format!(
            "It is on {kind}, where locks and syncs may not mean what they mean on a local disk. \
             Jobs are safe on a local disk only."
        );
        found.push(Finding::new(FindingKind::Network, root, message));
    }
    found
}

/// What is not what its name says, and what is open to others.
pub(super) fn names(tree: &Tree) -> Result<Vec<Finding>, FileError> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    for (name, sort) in NAMES {
        let path = tree.at(name);
        let Some(meta) = tree.metadata(&path)? else { continue };
        if meta.sort != sort {
            found.push(misplaced(name, &path, sort));
        } else if is_open(sort, meta.mode) {
            open.push(path);
        }
    }
    let environments = environments::folder(tree);
    for name in tree.names(&environments).unwrap_or_default() {
        let path = environments.join(name);
        if tree.metadata(&path)?.is_some_and(|meta| is_open(meta.sort, meta.mode)) {
            open.push(path);
        }
    }
    let Ok(ids) = tree.ids(&tree.jobs()) else { return Ok(found) };
    for id in ids {
        open.extend(open_in_job(tree, id)?);
    }
    if let Some(first) = open.first() {
        let message = format!(
            "Others may read or change what only you should: {}{}.",
            first.display(),
            if open.len() > 1 { format!(" and {} more", open.len() - 1) } else { String::new() }
        );
        let finding = Finding::new(FindingKind::Open, first, message);
        found.push(finding.repaired_by(Action::Close(open), "take these permissions away"));
    }
    Ok(found)
}

fn misplaced(name: &str, path: &Path, sort: Sort) -> Finding {
    let what = if sort == Sort::Dir { "directory" } else { "file" };
    let finding = |means: &str| {
        let message = format!("{} is not a {what}: {means}.", path.display());
        Finding::new(FindingKind::Misplaced, path, message)
    };
    match name {
        // What is there instead may lead to the jobs, and only its owner knows.
        "jobs" | "new" => finding(
            "no job can be read or submitted. Links are not followed; put the directory itself \
             in its place",
        ),
        _ => {
            let words = "move it to set-aside; it is made again";
            finding("jobctl cannot keep what belongs there")
                .repaired_by(Action::Aside(path.to_owned()), words)
        }
    }
}

/// Whether others than the owner have permissions that they should not.
fn is_open(sort: Sort, mode: u32) -> bool {
    match sort {
        Sort::File => mode & 0o077 != 0,
        // A directory that was there before may be one that others read.
        Sort::Dir => mode & 0o022 != 0,
        Sort::Other => false,
    }
}

/// What is open to others among what this program writes for a job.
fn open_in_job(tree: &Tree, id: JobId) -> Result<Vec<PathBuf>, FileError> {
    let dir = tree.job(id);
    let is_ours = tree.exists(&tree.claim_lock(id))?;
    if !is_ours || !tree.is_dir(&dir)? {
        return Ok(Vec::new());
    }
    let names = tree.names(&dir)?.into_iter().map(|name| dir.join(name));
    let mut open = Vec::new();
    for path in [dir.clone()].into_iter().chain(names) {
        if tree.metadata(&path)?.is_some_and(|meta| is_open(meta.sort, meta.mode)) {
            open.push(path);
        }
    }
    Ok(open)
}

/// Submission files with lines that cannot be read, a finding each.
pub(super) fn submissions(
    tree: &Tree,
    submissions: &Submissions,
) -> Result<Vec<Finding>, FileError> {
    let mut found = Vec::new();
    for line in &submissions.unread {
        let begun = match line.id {
            Some(id) => tree.metadata(&tree.journal(id))?.is_some_and(|meta| meta.len > 0),
            None => false,
        };
        let job = line.id.map_or_else(|| "A job".to_owned(), |id| format!("Job {id}"));
        let finding = |kind, means: String| {
            let message = format!("A submission cannot be read whole: {}. {means}", line.what);
            let finding = Finding::new(kind, &line.path, message);
            Finding { id: line.id, ..finding }
        };
        if line.newer {
            let means = format!("{job} waits for that version to start it.");
            found.push(finding(FindingKind::Newer, means));
            continue;
        }
        let means = if begun {
            format!("{job} has begun and has a journal, so nothing is lost.")
        } else {
            format!("{job} had not begun, and cannot be started any more: submit it again.")
        };
        let words = "keep the lines that can be read, and a copy of the file in set-aside";
        let action = Action::Submission(line.path.clone());
        found.push(finding(FindingKind::Submission, means).repaired_by(action, words));
    }
    Ok(found)
}

/// Whose a line of the list of ended jobs is.
#[derive(serde::Deserialize)]
struct Named {
    id: JobId,
}

/// Whether the index names what the journals do.
pub(super) fn index(tree: &Tree, jobs: &Jobs) -> Result<Option<Finding>, FileError> {
    let path = tree.at("ended.jsonl");
    if tree.metadata(&path)?.is_some_and(|meta| meta.sort != Sort::File) {
        // Said already where its name was looked at.
        return Ok(None);
    }
    let bytes = tree.read(&path)?.unwrap_or_default();
    let whole = |line: &&[u8]| is_sealed(line);
    let (good, bad): (Vec<&[u8]>, Vec<&[u8]>) =
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).partition(whole);
    let id = |line: &&[u8]| serde_json::from_slice::<Named>(line).ok().map(|named| named.id);
    let listed: HashSet<JobId> = good.iter().filter_map(id).collect();
    let bad = bad.len();
    let mut lost = Vec::new();
    for (id, stand) in jobs {
        let may_be_listed = match stand {
            Stand::Known(status) => status.is_ended(),
            Stand::Damaged => true,
            // Its submission names it.
            Stand::Waiting => continue,
        };
        let is_listed = may_be_listed && listed.contains(id);
        if !is_listed && !index::is_active(tree, *id)? {
            lost.push(id.to_string());
        }
    }
    if bad == 0 && lost.is_empty() {
        return Ok(None);
    }
    let bad = (bad > 0).then(|| format!("lines of ended.jsonl that cannot be read: {bad}"));
    let lost = (!lost.is_empty()).then(|| format!("jobs not listed: {}", lost.join(", ")));
    let what: Vec<_> = bad.into_iter().chain(lost).collect();
    let message = format!(
        "The lists of active and ended jobs are not as the journals say ({}). They are derived: \
         no job is lost, but lists may show too few.",
        what.join("; ")
    );
    let finding = Finding::new(FindingKind::Index, path, message);
    Ok(Some(finding.repaired_by(Action::Index, "make them again from the journals")))
}

/// What dead processes left.
pub(super) fn leftovers(tree: &Tree, now: Time) -> Result<Vec<Finding>, FileError> {
    let mut found = Vec::new();
    let mut left = |path: PathBuf, message: &str| {
        let finding = Finding::new(FindingKind::Leftover, &path, message);
        found.push(finding.repaired_by(Action::Clear(path), "remove it"));
    };
    let jobs = tree.ids(&tree.jobs()).unwrap_or_default();
    let requests = jobs.into_iter().map(|id| tree.requests(id));
    for dir in [tree.root.clone(), tree.submissions()].into_iter().chain(requests) {
        for name in tree.names(&dir).unwrap_or_default() {
            if is_abandoned(&name) {
                left(dir.join(name), "A dead process did not finish writing this. Harmless.");
            }
        }
    }
    for name in tree.names(&tree.jobs()).unwrap_or_default() {
        if name.starts_with(".gone-") {
            left(tree.jobs().join(name), "The files of a removed job are not all deleted yet.");
        }
    }
    let lock = tree.at("background-jobs.lock");
    let old = |at: Time| now.duration_since(at).abs() > STALE;
    if tree.metadata(&lock)?.is_some_and(|meta| meta.sort == Sort::File && old(meta.modified)) {
        left(lock, "A process died while it wrote background-jobs.json.");
    }
    found.extend(mirror(tree)?);
    found.extend(aside(tree)?);
    Ok(found)
}

fn mirror(tree: &Tree) -> Result<Option<Finding>, FileError> {
    let path = tree.at("background-jobs.json");
    if tree.metadata(&path)?.is_none_or(|meta| meta.sort != Sort::File) {
        return Ok(None);
    }
    let bytes = tree.read(&path)?.unwrap_or_default();
    if serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).is_ok() {
        return Ok(None);
    }
    let message = "background-jobs.json is no list. It is derived, and written again with the next \
                   change; entries that other programs made in it cannot be read any more.";
    let finding = Finding::new(FindingKind::Mirror, &path, message);
    Ok(Some(finding.repaired_by(Action::Aside(path), "move it to set-aside")))
}

/// What earlier repairs set aside.
fn aside(tree: &Tree) -> Result<Option<Finding>, FileError> {
    let dir = tree.at("set-aside");
    if !tree.is_dir(&dir)? {
        return Ok(None);
    }
    let count = tree.names(&dir)?.len();
    let message = format!(
        "What repairs have set aside lies here ({count}). Nothing reads it; delete it once you miss \
         nothing."
    );
    Ok((count > 0).then(|| Finding::new(FindingKind::Aside, dir, message)))
}

/// What lies among the jobs and is none.
pub(super) fn strays(store: &FileStore) -> Result<Vec<Finding>, FileError> {
    let strays = match store.strays() {
        Ok(strays) => strays,
        Err(error) if error.is_storage() => return Err(error),
        // Said already where the directory itself was looked at.
        Err(_) => Vec::new(),
    };
    let what = |path: &Path| {
        let message = "This lies among the jobs and is none. jobctl leaves it alone.";
        Finding::new(FindingKind::Stray, path, message)
    };
    Ok(strays.iter().map(|path| what(path)).collect())
}
