//! Pause, resume, cancel.

mod before;
mod choice;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jobctl_core::{Job, JobId};
use jobctl_runner::{Answered, WishError, ask};
use jobctl_store::{Sighting, Store as _, Wish, Worker};

use crate::args::ChangeArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::json;
use crate::session::{Opened, Session};
use crate::{announce, engine, environment, exit, ids, text};

use super::watch::Last;

pub(crate) use before::{kill, resume_as_before};
pub(crate) use choice::{Chosen, Verb, choose};

/// How many jobs are written to at once: a disk syncs several in about the time of one.
const WRITTEN_AT_ONCE: usize = 8;
/// How many workers are told to stop at once.
const STOPPED_AT_ONCE: usize = 32;
/// How many jobs are named of many that were not.
const NAMED: usize = 10;

/// Stops jobs so that they can go on later.
pub(crate) fn pause(session: &Session, args: &ChangeArgs) -> Result<Code, Failure> {
    change(session, args, Verb::Pause, Wish::Pause)
}

/// Lets jobs go on.
pub(crate) fn resume(session: &Session, args: &ChangeArgs) -> Result<Code, Failure> {
    change(session, args, Verb::Resume, Wish::Resume)
}

/// Gives jobs up.
pub(crate) fn cancel(session: &Session, args: &ChangeArgs) -> Result<Code, Failure> {
    change(session, args, Verb::Cancel, Wish::Cancel)
}

fn change(session: &Session, args: &ChangeArgs, verb: Verb, wish: Wish) -> Result<Code, Failure> {
    let Chosen { opened, ids, named, mut failures } = choose(session, args, verb)?;
    let bell = engine::doorbell(session, &opened);
    let mut done = HashMap::new();
    for (id, result) in bring_all_about(&opened, &ids, verb, wish)? {
        match result {
            Ok(answered) => drop(done.insert(id, answered)),
            // It was chosen by where it stood, and has moved on since.
            Err(Failure::Wish(WishError::Refused { .. })) if !named => {}
            Err(failure) => failures.push(failure),
        }
    }
    let changed: Vec<_> = ids.into_iter().filter(|id| done.contains_key(id)).collect();
    if wish == Wish::Resume {
        start(session, &opened, &changed)?;
    }
    // Now the runner looks; where none runs, the list for other programs is written here.
    drop(bell);
    engine::mirror(&opened);
    let moved: Vec<_> = changed.iter().copied().filter(|id| done[id] == Answered::Done).collect();
    announce::in_place_of_runner(session, &opened, &moved);
    if session.globals.json {
        let shapes = ids::last_of(&opened, &changed)?.iter().map(Last::shape).collect();
        let shapes = if named { json::one_or_many(shapes) } else { json::many(shapes) };
        session.screen.say(&shapes)?;
    } else if named {
        for id in changed {
            session.screen.say(&told(&opened, id, wish, done[&id]))?;
        }
    } else {
        session.screen.say(&summary(verb, &changed))?;
    }
    first_failure(session, failures)
}

/// What became of a wish.
type Wished = (JobId, Result<Answered, Failure>);

/// Brings a wish about for each of these jobs, in an order that serves it; one failure does not
/// stand in the way of the others.
fn bring_all_about(
    opened: &Opened,
    ids: &[JobId],
    verb: Verb,
    wish: Wish,
) -> Result<Vec<Wished>, Failure> {
    let mut done = Vec::new();
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    for (id, last) in ids.iter().copied().zip(opened.store.last_of(ids)?) {
        match ids::known(last).and_then(ids::readable) {
            Ok((job, Worker::Alive(_))) => busy.push(job),
            Ok((job, Worker::Dead | Worker::None)) => quiet.push(job),
            Err(failure) => done.push((id, Err(failure))),
        }
    }
    for jobs in [&mut quiet, &mut busy] {
        choice::sort(verb, jobs);
    }
    let wished = |job: &Job| (job.id, wished(opened, job.id, wish).map_err(Failure::from));
    done.extend(side_by_side(&quiet, WRITTEN_AT_ONCE, wished));
    // A worker may take as long as its command to stop.
    done.extend(side_by_side(&busy, STOPPED_AT_ONCE, wished));
    Ok(done)
}

/// Does something for each of these jobs, begun in their order, so many at once.
fn side_by_side<T: Send>(jobs: &[Job], most: usize, work: impl Fn(&Job) -> T + Sync) -> Vec<T> {
    let next = Mutex::new(jobs.iter());
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || std::iter::from_fn(take).map(&work).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..most.min(jobs.len())).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        // A panic goes on where it would have gone without threads.
        done.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Brings a wish about, whoever holds the job.
pub(crate) fn bring_about(opened: &Opened, id: JobId, wish: Wish) -> Result<Answered, Failure> {
    let seen = ids::look(opened, id)?;
    if let Some(what) = seen.damage {
        return Err(Failure::Damaged { id, what });
    }
    Ok(wished(opened, id, wish)?)
}

fn wished(opened: &Opened, id: JobId, wish: Wish) -> Result<Answered, WishError> {
    ask(opened.store.as_ref(), id, wish, opened.settings.stop_grace, &environment::now)
}

/// Starts what was resumed: the runner gets what this call has to offer.
fn start(session: &Session, opened: &Opened, ids: &[JobId]) -> Result<(), Failure> {
    if ids.is_empty() || session.globals.no_start {
        return Ok(());
    }
    let seen = |last| match last {
        Last::Seen(seen) => Some(*seen),
        Last::Removed(_) => None,
    };
    let jobs: Vec<_> = ids::last_of(opened, ids)?.into_iter().filter_map(seen).collect();
    engine::wake(session, opened, &jobs);
    Ok(())
}

fn told(opened: &Opened, id: JobId, wish: Wish, answered: Answered) -> String {
    match (answered, wish) {
        (Answered::Already, Wish::Resume) => {
            let seen = opened.store.look(id).ok();
            let status = seen.as_ref().and_then(Sighting::status);
            format!("{id} is {} already", status.map_or("gone", |status| status.name()))
        }
        (Answered::Already, Wish::Pause) => format!("{id} is paused already"),
        (Answered::Already, Wish::Cancel) => format!("{id} is cancelled already"),
        (Answered::Done, Wish::Pause) => format!("Paused {id}. Resume: jobctl resume {id}"),
        (Answered::Done, Wish::Resume) => format!("Resumed {id}. Watch: jobctl follow {id}"),
        (Answered::Done, Wish::Cancel) => format!("Cancelled {id}"),
    }
}

/// What was done to jobs that nobody named.
fn summary(verb: Verb, ids: &[JobId]) -> String {
    if ids.is_empty() {
        return format!("No job to {}", verb.name());
    }
    let names: Vec<_> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if ids.len() > NAMED { ", …" } else { "" };
    let jobs = text::plural(ids.len() as u64, "job", "jobs");
    format!("{jobs} {}: {}{more}", verb.participle(), names.join(", "))
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
