//! The end: everything that can end does, is as it should be, and leaves nothing behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::check::{check, imported, repos, sources, text, violation};
use super::ledger::{FINE, Ledger, NOT_ALLOWED, Verb};
use super::stage::Stage;
use super::tally::Tally;
use crate::chore::Failed;

/// How long all jobs may take to end once nothing disturbs them.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long the runner may stay after the last job.
const LEAVING: Duration = Duration::from_secs(20);
/// Damaged jobs do not end, and their list's mark starts no runner.
const ENDED: [&str; 3] = ["completed", "failed", "cancelled"];

/// Lets everything end and looks at what is left.
pub(crate) fn end(stage: &Stage, ledger: &Ledger, tally: &Tally) -> Result<(), Failed> {
    stage.forge.configure(|behaviour| {
        behaviour.delay_ms = 0;
        behaviour.git_delay_ms = 0;
    });
    resume_all(stage, ledger)?;
    check(stage, ledger)?;
    let mut read = BTreeSet::new();
    for job in stage.jobs()? {
        let damaged = !job["damaged"].is_null();
        let status = if damaged { "damaged".to_owned() } else { text(&job["status"]) };
        tally.count("jobs by end", &status);
        if job["kind"] == "import-issues" && status == "completed" {
            read.extend(repos(&sources(&job)));
        }
    }
    for repo in &read {
        imported(stage, repo)?;
        tally.count("compared", "repositories equal to the truth");
    }
    let removed =
        ledger.books().jobs.values().filter(|known| known.was_asked(Verb::Remove)).count();
    (0..removed).for_each(|_| tally.count("jobs by end", "asked to be removed"));
    leave(stage)?;
    leftovers(stage)
}

/// Resumes what stands still until all has ended.
fn resume_all(stage: &Stage, ledger: &Ledger) -> Result<(), Failed> {
    let begun = Instant::now();
    loop {
        stage.ask(&["list"])?;
        let jobs = stage.jobs()?;
        let mut open = jobs.iter().filter(|job| {
            job["damaged"].is_null() && !ENDED[..].contains(&text(&job["status"]).as_str())
                || job["status"] == "failed"
        });
        let Some(first) = open.next() else { return Ok(()) };
        for job in [first].into_iter().chain(open) {
            if job["status"] != "paused" && job["status"] != "failed" {
                continue;
            }
            let id = text(&job["id"]);
            ledger.wish(Verb::Resume, &id, || {
                let told = stage.call(&["resume", &id], None)?;
                match told.code {
                    Some(FINE | NOT_ALLOWED) => Ok(told),
                    _ => Err(told.wrong("nothing disturbs it, and a job cannot be resumed")),
                }
            })?;
        }
        if begun.elapsed() > PATIENCE {
            let job = jobs.iter().find(|job| !ENDED[..].contains(&text(&job["status"]).as_str()));
            let job = job.unwrap_or(&jobs[0]);
            return Err(violation(stage, job, "nothing disturbs it, and it does not end"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// With nothing left to do, every process goes.
fn leave(stage: &Stage) -> Result<(), Failed> {
    let begun = Instant::now();
    loop {
        let left = stage.sandbox.processes();
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > LEAVING {
            return Err(Failed(format!("all jobs have ended, and these are left: {left:?}")));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A runner sweeps when it starts; no temporary file is left then.
fn leftovers(stage: &Stage) -> Result<(), Failed> {
    let jobs = stage.sandbox.jobs();
    stage.ask(&["runner", "--state-dir", &jobs.display().to_string()])?;
    leave(stage)?;
    let mut found = Vec::new();
    search(&jobs, &mut found)?;
    if found.is_empty() {
        return Ok(());
    }
    Err(Failed(format!("after a sweep these are left: {found:#?}")))
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failed> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(".tmp-") || name.starts_with(".gone-") {
            found.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            search(&path, found)?;
        }
    }
    Ok(())
}
