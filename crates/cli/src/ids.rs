//! From what was typed to jobs; asks where nothing was and somebody can be asked.

use std::collections::HashSet;

use jobctl_core::{Job, JobId};
use jobctl_store::{LookError, ResolveError, Sighting, Store as _, Which, Worker};

use crate::commands::watch::Last;
use crate::error::Failure;
use crate::session::{Opened, Session};
use crate::text;

/// How many jobs a picker offers.
const OFFERED: usize = 20;

/// The jobs that these texts mean, each once; without texts, the one that is picked.
pub(crate) fn jobs(
    session: &Session,
    texts: &[String],
    verb: &str,
) -> Result<(Opened, Vec<JobId>), Failure> {
    let (opened, ids, failures) = each(session, texts, verb)?;
    failures.into_iter().next().map_or(Ok((opened, ids)), Err)
}

/// As [`jobs`], where a text that means no job does not stand in the way of the others.
pub(crate) fn each(
    session: &Session,
    texts: &[String],
    verb: &str,
) -> Result<(Opened, Vec<JobId>, Vec<Failure>), Failure> {
    let Some(first) = texts.first() else {
        let (opened, ids) = pick(session, verb)?;
        return Ok((opened, ids, Vec::new()));
    };
    let Some(opened) = session.open()? else { return Err(no_such(first)) };
    let (mut ids, mut failures) = (Vec::new(), Vec::new());
    let mut known = HashSet::new();
    for found in opened.store.resolve_all(texts) {
        match found {
            Ok(id) if known.insert(id) => ids.push(id),
            Ok(_) => {}
            Err(error) => failures.push(unresolved(error)),
        }
    }
    Ok((opened, ids, failures))
}

/// Why a text means no job, and what to do about it.
pub(crate) fn unresolved(error: ResolveError) -> Failure {
    match error {
        ResolveError::NoSuch(text) => no_such(&text),
        ResolveError::Ambiguous { text, ids } => {
            let ids: Vec<_> = ids.iter().take(8).map(ToString::to_string).collect();
            Failure::usage(
                format!("{text:?} could be several jobs: {}", ids.join(", ")),
                "write more of the id",
            )
        }
        ResolveError::File(error) => error.into(),
    }
}

/// There is no such job.
pub(crate) fn no_such(text: &str) -> Failure {
    Failure::no_such(format!("no job {}", text::clip(text, 80)), "jobctl list --all shows all jobs")
}

/// What can be seen of a job that was resolved.
pub(crate) fn look(opened: &Opened, id: JobId) -> Result<Sighting, Failure> {
    opened.store.look(id).map_err(unseen)
}

fn unseen(error: LookError) -> Failure {
    match error {
        LookError::NoSuchJob(id) => no_such(&id.to_string()),
        error @ (LookError::Removed { .. } | LookError::File(_)) => error.into(),
    }
}

/// The last that is known of jobs that were resolved, in their order: they may have been removed
/// since they ended.
pub(crate) fn last_of(opened: &Opened, ids: &[JobId]) -> Result<Vec<Last>, Failure> {
    opened.store.last_of(ids)?.into_iter().map(known).collect()
}

/// A job that is there and can be read, and who is at it.
pub(crate) fn readable(last: Last) -> Result<(Job, Worker), Failure> {
    match last {
        Last::Removed(ended) => {
            let (id, status, at) = (ended.id, ended.status, ended.ended_at);
            Err(LookError::Removed { id, status, at }.into())
        }
        Last::Seen(seen) => match *seen {
            Sighting { damage: None, job: Some(job), worker, .. } => Ok((job, worker)),
            Sighting { id, damage, .. } => {
                let what = damage.unwrap_or_else(|| "nothing of it can be read".to_owned());
                Err(Failure::Damaged { id, what })
            }
        },
    }
}

/// Fails where nothing is known of a job.
pub(crate) fn known(last: jobctl_store::Last) -> Result<Last, Failure> {
    match last {
        jobctl_store::Last::Seen(seen) => Ok(Last::Seen(seen)),
        jobctl_store::Last::Removed(ended) => Ok(Last::Removed(ended)),
        jobctl_store::Last::Unknown(id) => Err(no_such(&id.to_string())),
    }
}

fn pick(session: &Session, verb: &str) -> Result<(Opened, Vec<JobId>), Failure> {
    let missing = || {
        Failure::usage(
            format!("which job should be {verb}?"),
            "give an id, the beginning of one, a name, or @last; jobctl list shows them",
        )
    };
    if !session.screen.can_ask() {
        return Err(missing());
    }
    let Some(opened) = session.open()? else { return Err(missing()) };
    let jobs = opened.store.list(Which::Recent(OFFERED))?;
    if jobs.is_empty() {
        return Err(missing());
    }
    for (at, seen) in jobs.iter().take(OFFERED).enumerate() {
        session.screen.note(&format!("{:>3}  {}", at + 1, described(seen)));
    }
    let answer =
        session.screen.ask(&format!("Which job should be {verb}? [1-{}]", jobs.len().min(OFFERED)));
    let number = answer.and_then(|answer| answer.parse::<usize>().ok());
    let seen = number.and_then(|number| jobs.get(number.checked_sub(1)?)).ok_or_else(missing)?;
    Ok((opened, vec![seen.id]))
}

fn described(seen: &Sighting) -> String {
    match &seen.job {
        Some(job) => {
            format!("{}  {:<9}  {}", seen.id, job.status(), text::clip(&job.spec.description, 60))
        }
        None => format!("{}  damaged", seen.id),
    }
}
