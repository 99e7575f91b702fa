//! Clearing away what dead processes left. Nothing here is needed for anything to be right.

use std::path::Path;

use jiff::SignedDuration;
use jobctl_core::{JobId, Time};
use rustix::process::{Pid, test_kill_process};

use crate::tree::{Keep, Tree};
use crate::{
    Claim, ClaimError, FileError, FileStore, ended, environments, index, remove, submission,
};

/// What is younger than this may belong to a process that is still at it.
const OLD: SignedDuration = SignedDuration::from_hours(1);

impl FileStore {
    /// Removes temporary files of dead writers, submissions whose jobs have all begun, what is
    /// left of removed jobs, marks of ended jobs, and environments that no job asks for any more.
    /// Does nothing where nothing may be written.
    pub fn sweep(&self, now: Time) -> Result<(), FileError> {
        if self.own().is_err() {
            return Ok(());
        }
        let tree = &self.tree;
        for path in submission::files(tree)? {
            remove::retire(tree, &path)?;
        }
        let active = tree.ids(&tree.active())?;
        let requests = active.iter().map(|id| tree.requests(*id));
        let others =
            [tree.root.clone(), tree.submissions(), tree.at("same"), environments::folder(tree)];
        for dir in others.into_iter().chain(requests) {
            clear_temporaries(tree, &dir)?;
        }
        for name in tree.names(&tree.jobs())? {
            if name.starts_with(".gone-") {
                remove::clear(tree, &tree.jobs().join(name))?;
            }
        }
        self.sweep_environments()?;
        active.into_iter().try_for_each(|id| self.sweep_mark(id, now))
    }

    /// Removes the mark of a job that has ended, or that never came to be.
    fn sweep_mark(&self, id: JobId, now: Time) -> Result<(), FileError> {
        let mark = self.tree.active().join(id.to_string());
        let old = |path: &Path| -> Result<bool, FileError> {
            let meta = self.tree.metadata(path)?;
            // A clock that was set back makes marks of the future, which would stay for ever.
            Ok(meta.is_some_and(|meta| now.duration_since(meta.modified).abs() > OLD))
        };
        if !crate::look::may_have_ended(&self.tree, id) && !old(&mark)? {
            return Ok(());
        }
        match self.take(id, now) {
            Ok(claim) if claim.job().status().is_ended() => {
                let known = ended::find(&self.tree, id)?;
                if known.map(|ended| ended.ended_at) == claim.job().ended_at() {
                    return self.tree.unlink(&mark);
                }
                index::end(&self.tree, claim.job(), Keep::Derived)
            }
            // A claimer makes the mark first, so only an old one means that nobody comes.
            Err(ClaimError::NoSuchJob(_)) if old(&mark)? => self.tree.unlink(&mark),
            Err(ClaimError::File { source, .. }) => Err(source),
            Ok(_)
            | Err(
                ClaimError::NoSuchJob(_)
                | ClaimError::Held(_)
                | ClaimError::Leftover(_)
                | ClaimError::Damaged { .. }
                | ClaimError::Foreign { .. },
            ) => Ok(()),
        }
    }
}

/// Removes files named `.tmp-PID-…` whose process is gone.
fn clear_temporaries(tree: &Tree, dir: &Path) -> Result<(), FileError> {
    for name in tree.names(dir)? {
        if is_abandoned(&name) {
            tree.unlink(&dir.join(name))?;
        }
    }
    Ok(())
}

/// Whether this is the name of a temporary file whose writer is gone. A pid that was given away
/// again keeps it until it is free.
pub(crate) fn is_abandoned(name: &str) -> bool {
    let pid = name.strip_prefix(".tmp-").and_then(|rest| rest.split('-').next());
    let pid = pid.and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}
