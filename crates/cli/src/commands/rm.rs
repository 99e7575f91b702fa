use jobctl_store::Store as _;

use crate::error::Failure;
use crate::exit::Code;
use crate::session::Session;
use crate::{engine, environment, ids};

/// Forgets ended jobs and deletes their files.
pub(crate) fn rm(session: &Session, texts: &[String]) -> Result<Code, Failure> {
    let (opened, ids) = ids::jobs(session, texts, "removed")?;
    opened.must_be_ours()?;
    let mut failures = Vec::new();
    for id in ids {
        match opened.store.remove(id, environment::now()) {
            Ok(()) => session.screen.say(&format!("Removed {id}"))?,
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    engine::mirror(&opened);
    super::change::first_failure(session, failures)
}
