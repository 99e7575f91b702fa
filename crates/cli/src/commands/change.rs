//! Pause, resume, cancel.

use std::fmt::Write as _;

use std::time::{Duration, Instant};

use jobctl_core::{Job, JobId};
use jobctl_runner::{Answered, ask};
use jobctl_store::{Sighting, Store as _, Wish, Worker};

use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::session::{Opened, Session};
use crate::views::progress;
use crate::{engine, environment, exit, ids, text};

/// How long the original command's views wait for a new worker, so that they can name it.
const WORKER_APPEARS: Duration = Duration::from_secs(2);

/// Stops jobs so that they can go on later.
pub(crate) fn pause(session: &Session, texts: &[String]) -> Result<Code, Failure> {
    change(session, texts, Wish::Pause)
}

/// Lets jobs go on.
pub(crate) fn resume(session: &Session, texts: &[String]) -> Result<Code, Failure> {
    change(session, texts, Wish::Resume)
}

/// Gives jobs up.
pub(crate) fn cancel(session: &Session, texts: &[String]) -> Result<Code, Failure> {
    change(session, texts, Wish::Cancel)
}

/// What a wish is called once it came about.
const fn participle(wish: Wish) -> &'static str {
    match wish {
        Wish::Pause => "paused",
        Wish::Resume => "resumed",
        Wish::Cancel => "cancelled",
    }
}

fn change(session: &Session, texts: &[String], wish: Wish) -> Result<Code, Failure> {
    let (opened, ids) = ids::jobs(session, texts, participle(wish))?;
    opened.must_be_ours()?;
    let mut failures = Vec::new();
    let mut changed = Vec::new();
    for id in ids {
        match bring_about(&opened, id, wish) {
            Ok(answered) => {
                changed.push(id);
                if !session.globals.json {
                    session.screen.say(&told(&opened, id, wish, answered))?;
                }
            }
            Err(failure) => failures.push(failure),
        }
    }
    if wish == Wish::Resume {
        start(session, &opened, &changed);
    }
    engine::mirror(&opened);
    if session.globals.json {
        let seen: Vec<_> = changed.iter().filter_map(|id| opened.store.look(*id).ok()).collect();
        let now = environment::now();
        let shapes = seen.iter().map(|seen| JobShape::of(seen, now)).collect();
        session.screen.say(&json::one_or_many(shapes))?;
    }
    first_failure(session, failures)
}

/// Brings a wish about, whoever holds the job.
pub(crate) fn bring_about(opened: &Opened, id: JobId, wish: Wish) -> Result<Answered, Failure> {
    let seen = ids::look(opened, id)?;
    if let Some(what) = seen.damage {
        return Err(Failure::Damaged { id, what });
    }
    let store = opened.store.as_ref();
    Ok(ask(store, id, wish, opened.settings.stop_grace, &environment::now)?)
}

/// Starts what was resumed: the runner gets what this call has to offer.
fn start(session: &Session, opened: &Opened, ids: &[JobId]) {
    if session.globals.no_start || ids.is_empty() {
        return;
    }
    let jobs: Vec<_> = ids.iter().filter_map(|id| opened.store.look(*id).ok()).collect();
    engine::wake(session, opened, &jobs);
}

fn told(opened: &Opened, id: JobId, wish: Wish, answered: Answered) -> String {
    let seen = opened.store.look(id).ok();
    let status = seen.as_ref().and_then(Sighting::status).map_or("gone", |status| status.name());
    match (answered, wish) {
        (Answered::Already, Wish::Resume) => format!("{id} is {status} already"),
        (Answered::Already, Wish::Pause | Wish::Cancel) => {
            format!("{id} is {} already", participle(wish))
        }
        (Answered::Done, Wish::Pause) => format!("Paused {id}. Resume: jobctl resume {id}"),
        (Answered::Done, Wish::Resume) => format!("Resumed {id}. Watch: jobctl follow {id}"),
        (Answered::Done, Wish::Cancel) => format!("Cancelled {id}"),
    }
}

/// The first of several failures decides the exit code; all are told.
pub(crate) fn first_failure(session: &Session, failures: Vec<Failure>) -> Result<Code, Failure> {
    let mut failures = failures.into_iter();
    let Some(first) = failures.next() else { return Ok(Code::Fine) };
    let rest: Vec<_> = failures.collect();
    if rest.is_empty() {
        return Err(first);
    }
    let code = exit::code(&first);
    session.screen.fail(&first);
    for failure in &rest {
        session.screen.fail(failure);
    }
    Ok(code)
}

/// `--kill ID`: stops a job and leaves it paused, in the original command's words.
pub(crate) fn kill(session: &Session, text: &str) -> Result<Code, Failure> {
    let (opened, id, seen) = as_before(session, text)?;
    let answered = bring_about(&opened, id, Wish::Pause)?;
    engine::mirror(&opened);
    if session.globals.json {
        return print_one(session, &opened, id);
    }
    let mut out = format!("Killing job {id}...\n\n{}", identity(&seen));
    if let (Worker::Alive(_), Some(pid)) = (&seen.worker, pid(&seen)) {
        let _ = writeln!(out, "PID: {pid}");
    }
    let _ = writeln!(out, "Progress: {}\n", progress::fraction(&seen.progress));
    out.push_str(match answered {
        Answered::Done => "Job killed. Status changed to 'paused'.\n",
        Answered::Already => "The job was paused already.\n",
    });
    let _ = writeln!(out, "Resume later: jobctl resume {id}");
    session.screen.say(&out)?;
    Ok(Code::Fine)
}

/// `--resume ID`: lets a job go on, in the original command's words.
pub(crate) fn resume_as_before(session: &Session, text: &str) -> Result<Code, Failure> {
    let (opened, id, seen) = as_before(session, text)?;
    let answered = bring_about(&opened, id, Wish::Resume)?;
    start(session, &opened, &[id]);
    if session.globals.json {
        return print_one(session, &opened, id);
    }
    let mut out = format!("Resuming job {id}...\n\n{}", identity(&seen));
    if let Some(total) = seen.progress.total.filter(|total| *total > seen.progress.current) {
        let next = text::count(seen.progress.current + 1);
        let _ = writeln!(out, "Resuming from: item {next} of {}", text::count(total));
    }
    out.push('\n');
    if let Some(pid) = appeared(&opened, id).filter(|_| !session.globals.no_start) {
        let _ = writeln!(out, "Spawning background worker...\nNew PID: {pid}\n");
    }
    out.push_str(match answered {
        Answered::Done => "Job resumed in background.\n",
        Answered::Already => "The job was not paused; it goes on.\n",
    });
    let _ = writeln!(out, "Check progress: jobctl follow {id}");
    session.screen.say(&out)?;
    Ok(Code::Fine)
}

fn as_before(session: &Session, text: &str) -> Result<(Opened, JobId, Sighting), Failure> {
    let (opened, ids) = ids::jobs(session, &[text.to_owned()], "changed")?;
    opened.must_be_ours()?;
    let id = ids[0];
    let seen = ids::look(&opened, id)?;
    Ok((opened, id, seen))
}

fn print_one(session: &Session, opened: &Opened, id: JobId) -> Result<Code, Failure> {
    let shape = JobShape::of(&ids::look(opened, id)?, environment::now());
    session.screen.say(&json::one_or_many(vec![shape]))?;
    Ok(Code::Fine)
}

fn identity(seen: &Sighting) -> String {
    seen.job.as_ref().map_or_else(String::new, |job: &Job| format!("Type: {}\n", job.spec.kind))
}

fn pid(seen: &Sighting) -> Option<u32> {
    json::pid(&seen.worker, seen.job.as_ref()?)
}

/// The pid of the job's next worker, if it begins soon.
fn appeared(opened: &Opened, id: JobId) -> Option<u32> {
    let begun = Instant::now();
    while begun.elapsed() < WORKER_APPEARS {
        let seen = opened.store.look(id).ok()?;
        match seen.worker {
            Worker::Alive(_) => return pid(&seen),
            Worker::Dead | Worker::None if seen.status()?.is_ended() => return None,
            Worker::Dead | Worker::None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    None
}
