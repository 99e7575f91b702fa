//! Every promise, held against what the program shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jobctl_tests::compare::{Wanted, differences};
use serde_json::Value;

use super::journal::Journal;
use super::ledger::{Books, Known, Ledger, Verb, Want};
use super::stage::Stage;
use crate::chore::Failed;

/// How long the runner may take to see that a worker has gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// Crashes in a row after which a job is given up.
const MAX_ATTEMPTS: usize = 5;
/// Workers killed before they began, after which a job is given up.
const MAX_SPAWNS: usize = 3;

/// One more call, and then no job may be called running without a worker.
pub(crate) fn settle(stage: &Stage) -> Result<(), Failed> {
    let begun = Instant::now();
    loop {
        stage.ask(&["list"])?;
        let jobs = stage.jobs()?;
        let orphan = jobs
            .iter()
            .find(|job| job["status"] == "running" && job["worker"] != "alive" && sound(job));
        let Some(orphan) = orphan else { return Ok(()) };
        if begun.elapsed() > PATIENCE {
            return Err(violation(stage, orphan, "it is called running and has no worker"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn sound(job: &Value) -> bool {
    job["damaged"].is_null()
}

/// Holds every job against the ledger.
pub(crate) fn check(stage: &Stage, ledger: &Ledger) -> Result<(), Failed> {
    let jobs = stage.jobs()?;
    let mut books = ledger.books();
    let mut seen = BTreeSet::new();
    for job in &jobs {
        let id = text(&job["id"]);
        if !seen.insert(id.clone()) {
            return Err(violation(stage, job, "it is listed twice"));
        }
        recognise(stage, &mut books, job)?;
        let filled = books.filled;
        let Some(known) = books.jobs.get_mut(&id) else { continue };
        if known.broken == sound(job) {
            let what = if known.broken { "its damage is not shown" } else { "it is damaged" };
            return Err(violation(stage, job, what));
        }
        if known.broken {
            continue;
        }
        if let Some(wrong) = history(stage, known, &id)? {
            return Err(violation(stage, job, &wrong));
        }
        if let Some(wrong) = standing(known, job, filled) {
            return Err(violation(stage, job, &wrong));
        }
        if job["status"] == "completed" && !known.proven {
            prove(stage, job, &jobs)?;
            known.proven = true;
        }
    }
    missing(stage, &books, &seen)
}

/// Every job was asked for by somebody.
fn recognise(stage: &Stage, books: &mut Books, job: &Value) -> Result<(), Failed> {
    let id = text(&job["id"]);
    if books.jobs.get(&id).is_some_and(|known| !known.is_early()) {
        return Ok(());
    }
    let kind = ["clone-repos", "import-issues"].into_iter().find(|kind| job["kind"] == *kind);
    let want = Want { kind: kind.unwrap_or_default(), sources: sources(job) };
    if books.adopt(&id, &want) {
        return Ok(());
    }
    Err(violation(stage, job, "nobody was told of it, and no call that was killed asked for it"))
}

/// Every job that somebody was told of is there, or was removed and is remembered.
fn missing(stage: &Stage, books: &Books, seen: &BTreeSet<String>) -> Result<(), Failed> {
    let ended = fs::read_to_string(stage.sandbox.jobs().join("ended.jsonl")).unwrap_or_default();
    for (id, known) in &books.jobs {
        let is_gone = known.must_be(Verb::Remove, &[]);
        match seen.contains(id) {
            true if is_gone => {
                return Err(Failed(format!("{id} was removed and is there: {known:?}")));
            }
            false if known.is_early() => {
                return Err(Failed(format!("{id} had a worker and is gone: {known:?}")));
            }
            false if !known.was_asked(Verb::Remove) => {
                return Err(Failed(format!("{id} is lost: {known:?}")));
            }
            false if !ended.contains(&format!("\"id\":\"{id}\"")) => {
                return Err(Failed(format!("{id} was removed and forgotten: {known:?}")));
            }
            true | false => {}
        }
    }
    Ok(())
}

/// What its journal says that may not be.
fn history(stage: &Stage, known: &Known, id: &str) -> Result<Option<String>, Failed> {
    let path = stage.job_directory(id).join("journal.jsonl");
    let Some(journal) = Journal::read(&path)? else { return Ok(None) };
    let crashes = journal.crashes();
    Ok(journal.wrong().or_else(|| {
        (crashes > known.blows)
            .then(|| format!("{crashes} crashes, and we are to blame for {}", known.blows))
    }))
}

/// Whether where it stands follows from what was asked.
fn standing(known: &Known, job: &Value, filled: bool) -> Option<String> {
    let (status, reason) = (text(&job["status"]), text(&job["reason"]["kind"]));
    let by_user = status == "paused" && reason == "user";
    let cancelled = known.must_be(Verb::Cancel, &[]);
    if cancelled && status != "cancelled" {
        return Some(format!("it is {status}, and a cancel was acknowledged"));
    }
    let undo = [Verb::Resume, Verb::Cancel];
    if known.must_be(Verb::Pause, &undo) && !by_user {
        return Some(format!("it is {status} {reason}, and a pause was acknowledged last"));
    }
    let undo = [Verb::Pause, Verb::Cancel];
    if known.must_be(Verb::Resume, &undo) && by_user {
        return Some("it is paused by a person, and a resume was acknowledged last".to_owned());
    }
    let explained = match (status.as_str(), reason.as_str()) {
        // A pause may come from being told to stop, from a kill, or from lacking what only a
        // killed runner had.
        ("pending" | "running" | "completed", _) | ("paused", "interrupted" | "unauthorized") => {
            true
        }
        ("paused", "user") => known.was_asked(Verb::Pause),
        ("paused", "storage") => filled,
        ("cancelled", _) => known.was_asked(Verb::Cancel),
        ("failed", _) => return gave_up(known, job),
        _ => false,
    };
    if !explained {
        return Some(format!("nothing explains {status} {reason}"));
    }
    let warnings = job["warnings"].as_array().is_some_and(|list| !list.is_empty());
    (warnings || job["progress"]["failed"] != 0).then(|| "something in it failed".to_owned())
}

/// A job may fail only because its workers were killed often enough.
fn gave_up(known: &Known, job: &Value) -> Option<String> {
    let error = text(&job["error"]);
    let enough = if error.contains("before it began") { MAX_SPAWNS } else { MAX_ATTEMPTS };
    let crashed = error.starts_with("the worker ") || error.contains("before it began");
    (!crashed || known.blows < enough).then(|| format!("nothing explains that it failed: {error}"))
}

/// A completed job has brought all that there is.
fn prove(stage: &Stage, job: &Value, all: &[Value]) -> Result<(), Failed> {
    let repos = repos(&sources(job));
    if job["kind"] == "clone-repos" {
        return clones(stage, job, &repos);
    }
    let mut issues = 0;
    for repo in &repos {
        issues += imported(stage, repo)? as u64;
    }
    // An issue that two imports meet by turns counts again for the one that meets it twice.
    let beside = all.iter().any(|other| is_beside(job, other));
    let counted = job["progress"]["current"].as_u64().unwrap_or_default();
    if counted == issues || (counted > issues && beside) {
        return Ok(());
    }
    Err(violation(stage, job, &format!("it should have brought {issues} issues")))
}

/// Whether another import of the same things was under way at the same time.
fn is_beside(job: &Value, other: &Value) -> bool {
    let same = repos(&sources(job)).iter().any(|repo| repos(&sources(other)).contains(repo));
    let before = |one: &Value, two: &Value| {
        !one["finished_at"].is_null() && text(&one["finished_at"]) < text(&two["created_at"])
    };
    job["id"] != other["id"] && same && !before(job, other) && !before(other, job)
}

/// What a job reads.
pub(crate) fn sources(job: &Value) -> Vec<String> {
    job["sources"].as_array().into_iter().flatten().map(text).collect()
}

/// The repositories that sources name.
pub(crate) fn repos(sources: &[String]) -> Vec<String> {
    let all = (1..=super::stage::REPOS).map(|number| format!("acme/repo-{number:03}"));
    let all: Vec<String> = ["acme/api".to_owned()].into_iter().chain(all).collect();
    if sources.iter().any(|source| source == "github:acme") {
        return all;
    }
    let is_named = |repo: &String| sources.iter().any(|source| source.ends_with(repo.as_str()));
    all.into_iter().filter(is_named).collect()
}

/// Holds the warehouse against the truth; returns how many issues it must hold.
pub(crate) fn imported(stage: &Stage, repo: &str) -> Result<usize, Failed> {
    let source = format!("github:{repo}");
    let told = stage.ask(&["export", "is:any", "--source", &source])?;
    let rows: Result<Vec<Value>, _> = told.stdout.lines().map(serde_json::from_str).collect();
    let rows = rows.map_err(|error| told.wrong(&error.to_string()))?;
    let truth = stage.forge.truth(repo).ok_or_else(|| Failed(format!("no truth of {repo}")))?;
    let found = differences(&rows, &truth, Wanted::Issues);
    if found.is_empty() {
        return Ok(rows.len());
    }
    let shown = found.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    Err(Failed(format!("{repo}: {} differences from the truth:\n{shown}", found.len())))
}

/// Every clone is there and whole.
fn clones(stage: &Stage, job: &Value, repos: &[String]) -> Result<(), Failed> {
    let path = stage.job_directory(&text(&job["id"])).join("journal.jsonl");
    let journal = Journal::read(&path)?;
    let spec = journal.as_ref().and_then(|journal| journal.records.first());
    let into = spec.map(|record| text(&record["spec"]["options"]["into"])).unwrap_or_default();
    for repo in repos {
        let name = repo.trim_start_matches("acme/");
        let clone = stage.sandbox.work().join(&into).join(name);
        if !is_whole(&clone) {
            let what = format!("{} is no whole clone", clone.display());
            return Err(violation(stage, job, &what));
        }
    }
    Ok(())
}

fn is_whole(clone: &Path) -> bool {
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git").arg("-C").arg(clone).args(args).output();
        output.ok().filter(|output| output.status.success()).map(|output| output.stdout)
    };
    // The second names every file that differs from the commit.
    git(&["rev-parse", "--verify", "HEAD"]).is_some()
        && git(&["status", "--porcelain"]).is_some_and(|changed| changed.is_empty())
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A broken promise, with all that may explain it.
pub(crate) fn violation(stage: &Stage, job: &Value, what: &str) -> Failed {
    let id = text(&job["id"]);
    let read = |name: &str| {
        fs::read(stage.job_directory(&id).join(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    };
    let (journal, log) = (read("journal.jsonl"), read("worker.log"));
    Failed(format!("VIOLATION: job {id}: {what}\n{job:#}\n--- journal\n{journal}--- log\n{log}"))
}
