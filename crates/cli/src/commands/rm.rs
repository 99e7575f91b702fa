use std::time::{Duration, Instant};

use jobctl_core::{JobId, Ties};
use jobctl_store::{
    ClaimError, FileError, REMOVED_TOGETHER, RemoveError, Removed, Store as _, Which,
};

use crate::error::Failure;
use crate::exit::Code;
use crate::session::{Opened, Session};
use crate::{engine, environment, ids, json};

use super::change::first_failure;
use super::watch::Last;

/// How long another call may hold a job that has ended, and how often it is tried again.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(10);

/// What `rm --json` prints.
#[derive(serde::Serialize)]
struct Shape {
    schema: u32,
    removed: Vec<JobId>,
}

/// Where a job stood that was to be removed.
enum Found {
    Ended,
    Removed,
}

/// Forgets ended jobs and deletes their files.
pub(crate) fn rm(session: &Session, texts: &[String]) -> Result<Code, Failure> {
    let (opened, ids, mut failures) = ids::each(session, texts, "removed")?;
    opened.must_be_ours()?;
    let open = opened.store.list(Which::Active)?;
    let ties = Ties::of(open.iter().filter_map(|seen| seen.job.as_ref()).map(|job| &job.spec));
    let (mut ended, mut removed) = (Vec::new(), Vec::new());
    for (id, last) in ids.iter().copied().zip(opened.store.last_of(&ids)?) {
        match ids::known(last).and_then(|last| look(&ties, id, last)) {
            Ok(Found::Ended) => ended.push(id),
            Ok(Found::Removed) => removed.push((id, Found::Removed)),
            Err(failure) => failures.push(failure),
        }
    }
    for some in ended.chunks(REMOVED_TOGETHER) {
        match remove(&opened, some) {
            Ok(done) => {
                removed.extend(done.gone.into_iter().map(|id| (id, Found::Ended)));
                failures.extend(done.left.into_iter().map(|(_, error)| Failure::from(error)));
            }
            Err(error) => failures.push(error.into()),
        }
    }
    engine::mirror(&opened);
    if session.globals.json {
        let removed = removed.into_iter().map(|(id, _)| id).collect();
        session.screen.say(&json::text(&Shape { schema: json::SCHEMA, removed }))?;
    } else {
        for (id, found) in removed {
            session.screen.say(&match found {
                Found::Ended => format!("Removed {id}"),
                Found::Removed => format!("{id} was removed already"),
            })?;
        }
    }
    first_failure(session, failures)
}

/// Removes ended jobs; one that another call holds for the moment of its own writes is tried again.
fn remove(opened: &Opened, ids: &[JobId]) -> Result<Removed, FileError> {
    let begun = Instant::now();
    let mut done = opened.store.remove_all(ids, environment::now())?;
    loop {
        let is_held =
            |error: &RemoveError| matches!(error, RemoveError::Claim(ClaimError::Held(_)));
        let (held, left): (Vec<_>, Vec<_>) =
            done.left.into_iter().partition(|(_, error)| is_held(error));
        done.left = left;
        if held.is_empty() {
            return Ok(done);
        }
        if begun.elapsed() > PATIENCE {
            done.left.extend(held);
            return Ok(done);
        }
        std::thread::sleep(STEP);
        let held: Vec<JobId> = held.into_iter().map(|(id, _)| id).collect();
        let again = opened.store.remove_all(&held, environment::now())?;
        done.gone.extend(again.gone);
        done.left.extend(again.left);
    }
}

/// Fails where a job must not be removed now, and says what would have to happen first.
fn look(ties: &Ties, id: JobId, last: Last) -> Result<Found, Failure> {
    if matches!(last, Last::Removed(_)) {
        return Ok(Found::Removed);
    }
    let (job, _) = ids::readable(last)?;
    if !job.status().is_ended() {
        return Err(Failure::not_allowed(
            format!("job {id} is {}", job.status()),
            format!("give it up first: jobctl cancel {id}"),
        ));
    }
    if ties.wait_for(id) {
        return Err(Failure::not_allowed(
            format!("job {id} is waited for by a job that has not ended"),
            "let that job end, or cancel it: jobctl list --active",
        ));
    }
    if job.spec.batch.is_some_and(|batch| ties.are_in(&batch)) {
        return Err(Failure::not_allowed(
            format!("job {id} came together with a job that has not ended"),
            "let that job end, or cancel it: jobctl list --active",
        ));
    }
    Ok(Found::Ended)
}
