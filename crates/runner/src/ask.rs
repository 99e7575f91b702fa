use std::time::{Duration, Instant};

use jobctl_core::{Cause, Change, Event, Job, JobId, Reason, ResumedBy, State, Status, Time};
use jobctl_store::{
    AskError, Claim, ClaimError, LookError, RecordError, RequestId, Sighting, Store, Wish, Worker,
};
use rustix::process::Signal;

use crate::leftover::{LeftoverError, Stuck, claim_stopping};
use crate::process;

/// How long after the grace period a holder that does not answer is killed.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// How often a held claim is tried again.
const STEP: Duration = Duration::from_millis(10);

/// How a wish came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// An event brought it about.
    Done,
    /// The job was there already.
    Already,
}

/// Why a wish did not come about.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// The job's state does not allow it.
    #[error("job {id} is {status} and cannot be {what}")]
    Refused {
        /// Which job.
        id: JobId,
        /// Where it stands.
        status: Status,
        /// What was wanted, as a participle.
        what: &'static str,
    },
    /// The job could not be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The request could not be written.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The job could not be looked at.
    #[error(transparent)]
    Look(#[from] LookError),
    /// The event could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Programs that an earlier attempt left could not be stopped.
    #[error(transparent)]
    Leftover(#[from] Stuck),
    /// The holder could neither be rung nor killed.
    #[error("job {id} is held by {}, which does not answer", named(*.pid))]
    Stuck {
        /// Which job.
        id: JobId,
        /// Whoever holds it.
        pid: Option<u32>,
    },
}

fn named(pid: Option<u32>) -> String {
    pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"))
}

/// Brings a wish about, whoever holds the job's claim; returns once an event has answered.
///
/// With the claim free, the event is written here. Held, a durable request is put and its holder
/// rung until it answers; after `grace` and 5 s more the holder is killed and the event written
/// here, as are programs that a dead holder left. So a pause typed by a person is never lost, whoever is killed in between.
pub fn ask(
    store: &dyn Store,
    id: JobId,
    wish: Wish,
    grace: Duration,
    now: &dyn Fn() -> Time,
) -> Result<Answered, WishError> {
    let begun = Instant::now();
    let mut put: Option<RequestId> = None;
    let mut rung: Option<Instant> = None;
    loop {
        match claim_stopping(store, id, grace, now) {
            Ok(claim) => return settle(claim, wish, put.as_ref(), now),
            Err(LeftoverError::Claim(ClaimError::Held(_))) => {}
            Err(LeftoverError::Claim(error)) => return Err(error.into()),
            Err(LeftoverError::Record(error)) => return Err(error.into()),
            Err(LeftoverError::Stuck(stuck)) => return Err(stuck.into()),
        }
        let seen = store.look(id)?;
        let request = match &put {
            Some(request) => match &seen.job {
                Some(job) if !is_open(&seen, request) => return verdict(job, wish, request),
                Some(_) | None => request.clone(),
            },
            None if wish == Wish::Resume && seen.status() == Some(Status::Running) => {
                return Ok(Answered::Already);
            }
            None => store.ask(id, wish, now())?,
        };
        put = Some(request);
        if rung.is_none_or(|at| at.elapsed() > Duration::from_millis(500)) {
            ring(&seen, store.boot(), begun, grace)?;
            rung = Some(Instant::now());
        }
        std::thread::sleep(STEP);
    }
}

/// Applies every open request of a job that nobody holds; the runner's and any call's duty.
pub(crate) fn answer_open(
    claim: &mut dyn Claim,
    now: &dyn Fn() -> Time,
) -> Result<(), RecordError> {
    for request in claim.requests()? {
        // Otherwise the state it asks for is there, or can no longer be had: nothing to write.
        if let Ok(Some(change)) = change(claim.job(), request.wish) {
            let event = Event { answers: vec![request.id.0.clone()], ..change.at(now()) };
            claim.record(event)?;
        }
        claim.forget(&[request.id])?;
    }
    Ok(())
}

/// Answers with the claim in hand: what is open first, then this wish where it is not among it.
fn settle(
    mut claim: Box<dyn Claim>,
    wish: Wish,
    put: Option<&RequestId>,
    now: &dyn Fn() -> Time,
) -> Result<Answered, WishError> {
    if wish == Wish::Resume && claim.job().status() == Status::Running {
        // With the claim in hand, its worker has gone without a word: it goes on from there.
        let reason = Reason::Interrupted { attempt: claim.job().attempts, cause: Cause::Unknown };
        claim.record(Change::Paused { reason, resumes_at: None }.at(now()))?;
    }
    answer_open(claim.as_mut(), now)?;
    let result = match put {
        // The holder answered before it went, or the line above did.
        Some(put) => verdict(claim.job(), wish, put),
        None => match change(claim.job(), wish) {
            Ok(Some(change)) => {
                claim.record(change.at(now())).map(|_| Answered::Done).map_err(WishError::from)
            }
            Ok(None) => Ok(Answered::Already),
            Err(error) => Err(error),
        },
    };
    claim.close(now())?;
    result
}

/// The event that a wish asks for: `None` where the job is there already.
pub(crate) fn change(job: &Job, wish: Wish) -> Result<Option<Change>, WishError> {
    let status = job.status();
    let refused = |what| WishError::Refused { id: job.id, status, what };
    match wish {
        Wish::Pause => match &job.state {
            State::Paused { reason: Reason::User, .. } => Ok(None),
            State::Pending | State::Running | State::Paused { .. } => {
                Ok(Some(Change::Paused { reason: Reason::User, resumes_at: None }))
            }
            State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => {
                Err(refused("paused"))
            }
        },
        Wish::Cancel => match &job.state {
            State::Cancelled { .. } => Ok(None),
            State::Pending | State::Running | State::Paused { .. } | State::Failed { .. } => {
                Ok(Some(Change::Cancelled { reason: None }))
            }
            State::Completed { .. } => Err(refused("cancelled")),
        },
        Wish::Resume => match &job.state {
            State::Pending | State::Running => Ok(None),
            State::Paused { .. } | State::Failed { .. } => Ok(Some(resumed())),
            State::Completed { .. } if job.warnings() > 0 => Ok(Some(resumed())),
            State::Completed { .. } | State::Cancelled { .. } => Err(refused("resumed")),
        },
    }
}

const fn resumed() -> Change {
    Change::Resumed { by: ResumedBy::Person }
}

/// What became of a wish that is no longer open: an event answered it, or it needed none, or the
/// job's state refused it.
fn verdict(job: &Job, wish: Wish, put: &RequestId) -> Result<Answered, WishError> {
    if job.answered.contains(&put.0) {
        return Ok(Answered::Done);
    }
    change(job, wish).map(|_| Answered::Already)
}

fn is_open(seen: &Sighting, request: &RequestId) -> bool {
    seen.requests.iter().any(|open| open.id == *request)
}

/// Rings the worker's bell; kills it once its time is up.
fn ring(seen: &Sighting, boot: &str, begun: Instant, grace: Duration) -> Result<(), WishError> {
    let holder = match &seen.worker {
        Worker::Alive(holder) => holder.as_ref(),
        Worker::Dead | Worker::None => None,
    };
    let stuck = || WishError::Stuck { id: seen.id, pid: holder.map(|holder| holder.pid) };
    if begun.elapsed() > grace + LAST_PATIENCE * 2 {
        return Err(stuck());
    }
    // Whoever else holds the claim does so for milliseconds, and knows no bell.
    let worker = seen.job.as_ref().and_then(|job| job.pid);
    let Some(holder) = holder.filter(|holder| worker == Some(holder.pid)) else { return Ok(()) };
    let overdue = begun.elapsed() > grace + LAST_PATIENCE;
    let signal = if overdue { Signal::KILL } else { Signal::TERM };
    // Gone is as good as rung: the next round takes the claim.
    process::signal(holder, boot, signal).map(drop).map_err(|_| stuck())
}
