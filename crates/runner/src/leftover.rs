//! What a dead worker left running. It is stopped before anybody writes to its job: the next
//! attempt would be a second copy of it.

use std::time::Duration;

use jobctl_command::{Mark, Process, Stopping, Tree};
use jobctl_core::{JobId, Time};
use jobctl_store::{Claim, ClaimError, HoldError, Leftover, RecordError, Store};

/// The variable in the environment of a job's programs that says whose they are.
pub const JOB_VARIABLE: &str = "JOBCTL_JOB_ID";

/// Programs of an earlier attempt that live on, whatever is done to them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("programs of an earlier attempt of job {id} cannot be stopped: {}", named(.pids))]
pub struct Stuck {
    /// Whose they are.
    pub id: JobId,
    /// Their numbers; none where they are out of sight.
    pub pids: Vec<u32>,
}

fn named(pids: &[u32]) -> String {
    match pids {
        [] => "who they are does not show".to_owned(),
        pids => format!("processes {pids:?}"),
    }
}

/// Why a job could not be claimed, though what was left of it was to be stopped first.
#[derive(Debug, thiserror::Error)]
pub enum LeftoverError {
    /// For another reason than programs of an earlier attempt.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// That they live on could not be put on record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// They live on.
    #[error(transparent)]
    Stuck(#[from] Stuck),
}

impl From<HoldError> for LeftoverError {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::Claim(error) => Self::Claim(error),
            HoldError::Record(error) => Self::Record(error),
        }
    }
}

/// Claims a job, once what an earlier attempt left running has been stopped: asked first, killed
/// after `grace`. Where that does not help, the job is put on record as standing still for it.
///
/// Takes as long as that takes: not for a thread that others wait for.
pub fn claim_stopping(
    store: &dyn Store,
    id: JobId,
    grace: Duration,
    now: &dyn Fn() -> Time,
) -> Result<Box<dyn Claim>, LeftoverError> {
    let mut left = Vec::new();
    for _ in 0..TRIES {
        match store.claim(id, now()) {
            Ok(claim) => return Ok(claim),
            Err(ClaimError::Leftover(leftover)) => left = stop(store, &leftover, grace),
            Err(error) => return Err(error.into()),
        }
        if !left.is_empty() {
            break;
        }
    }
    let pids: Vec<u32> = left.iter().map(|process| process.pid).collect();
    store.hold_up(id, &pids, now())?;
    Err(Stuck { id, pids }.into())
}

/// How often programs are looked for that hold a lock and are not found: they may have ended
/// between the two looks, or begun.
const TRIES: u32 = 3;

/// Stops them, and gives those that live on.
fn stop(store: &dyn Store, leftover: &Leftover, grace: Duration) -> Vec<Process> {
    let variable = format!("{JOB_VARIABLE}={}", leftover.id);
    let mark = Mark::new(&variable, Some(&leftover.lock));
    // One that it did not begin itself is that of a person's terminal.
    let session = leftover
        .starter
        .as_ref()
        .filter(|starter| starter.boot == store.boot() && starter.session == starter.pid);
    let tree = Tree::left(session.map(|starter| starter.session), mark);
    Stopping::new(grace).run(&tree)
}
