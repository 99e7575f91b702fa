//! Jobs that wait for a credential go on with a new one.

use std::path::Path;

use jobctl_core::{Job, Reason, Refused, State};
use jobctl_runner::{Offer, Value};
use jobctl_store::{Store as _, Which, Wish};

use crate::commands::change::bring_about;
use crate::engine;
use crate::error::Failure;
use crate::session::{Opened, Session};

/// Offers a value to all jobs of the user that wait for the connection's credential; says how
/// many there are. What fails is warned of: the credential is kept, and the next call tries again.
pub(super) fn wake(session: &Session, connection: &str, value: &Value) -> u64 {
    let places = match session.registry().and_then(|registry| Ok(registry.all()?)) {
        Ok(places) => places,
        Err(failure) => {
            session.screen.warn(&failure.chain());
            return 0;
        }
    };
    let mut woken = 0;
    for place in places {
        match wake_in(session, &place, connection, value) {
            Ok(count) => woken += count,
            Err(failure) => {
                session.screen.warn(&format!("{}: {}", place.display(), failure.chain()));
            }
        }
    }
    woken
}

fn wake_in(
    session: &Session,
    place: &Path,
    connection: &str,
    value: &Value,
) -> Result<u64, Failure> {
    let Some(opened) = session.open_registered(place)? else { return Ok(0) };
    let seen = opened.store.list(Which::Active)?;
    let waiting: Vec<(&Job, Refused)> = seen
        .iter()
        .filter_map(|seen| seen.job.as_ref())
        .filter_map(|job| Some((job, waits_for(job, connection)?)))
        .collect();
    if waiting.is_empty() || session.globals.no_start {
        return Ok(0);
    }
    offer(session, &opened, &waiting, connection, value)?;
    u64::try_from(waiting.len()).map_or(Ok(u64::MAX), Ok)
}

/// Why a job waits for the connection's credential, if it does.
fn waits_for(job: &Job, connection: &str) -> Option<Refused> {
    match &job.state {
        State::Paused {
            reason: Reason::Unauthorized { connection: own, cause, .. },
            resumes_at: None,
            ..
        } if own == connection => Some(*cause),
        State::Paused { .. }
        | State::Pending
        | State::Running
        | State::Completed { .. }
        | State::Failed { .. }
        | State::Cancelled { .. } => None,
    }
}

/// Under the names that the jobs know it by: the runner continues those that lack it. Where the
/// old one was refused a person has to say so, and by logging in has.
fn offer(
    session: &Session,
    opened: &Opened,
    waiting: &[(&Job, Refused)],
    connection: &str,
    value: &Value,
) -> Result<(), Failure> {
    let needs = waiting.iter().flat_map(|(job, _)| &job.spec.needs);
    let mut needs: Vec<_> = needs.filter(|need| need.connection == connection).collect();
    needs.sort();
    needs.dedup();
    let offers: Vec<_> =
        needs.into_iter().map(|need| Offer { need: need.clone(), value: value.clone() }).collect();
    let mut link = engine::connect(session, opened)?;
    link.offer(&offers)?;
    for (job, cause) in waiting {
        match cause {
            Refused::Missing => {}
            Refused::Refused => drop(bring_about(opened, job.id, Wish::Resume)?),
        }
    }
    Ok(link.ring()?)
}
