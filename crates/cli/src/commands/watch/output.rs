use std::collections::BTreeMap;

use jobctl_core::{JobId, Kind};
use jobctl_store::Sighting;

use super::Origin;
use crate::commands::logs::{Line, Log};
use crate::error::Failure;

/// How many of the last lines of a job are told that was running already.
const RECENT: usize = 10;

/// What commands print, as it comes.
pub(super) struct Output {
    /// How much of what was printed before is told.
    tail: usize,
    logs: BTreeMap<JobId, Heard>,
}

/// A log, and its lines that have not been told.
struct Heard {
    log: Log,
    untold: Vec<String>,
}

impl Output {
    pub(super) const fn new(origin: Origin) -> Self {
        let tail = match origin {
            Origin::Made => usize::MAX,
            Origin::Named => RECENT,
        };
        Self { tail, logs: BTreeMap::new() }
    }

    /// Listens to those of these jobs that are commands, from now on.
    pub(super) fn begin<'a>(
        &mut self,
        jobs: impl Iterator<Item = &'a Sighting>,
    ) -> Result<(), Failure> {
        for seen in jobs {
            let has_begun = seen
                .job
                .as_ref()
                .is_some_and(|job| job.spec.kind == Kind::RunCommand && job.started_at.is_some());
            if has_begun && !self.logs.contains_key(&seen.id) {
                let mut log = Log::new(seen.id, seen.log.clone());
                let untold = log.tail(self.tail)?.into();
                self.logs.insert(seen.id, Heard { log, untold });
            }
        }
        Ok(())
    }

    /// What was said since the last call, and by which job.
    pub(super) fn more(&mut self) -> Result<Vec<(JobId, Vec<Line>)>, Failure> {
        let mut said = Vec::new();
        for (id, heard) in &mut self.logs {
            heard.untold.extend(heard.log.more()?);
            let lines = heard.untold.drain(..).map(|line| Line::parse(&line));
            let lines: Vec<_> = lines.filter(Line::is_for_watchers).collect();
            if !lines.is_empty() {
                said.push((*id, lines));
            }
        }
        Ok(said)
    }

    /// Listens no more to jobs that are done.
    pub(super) fn leave(&mut self, done: impl Fn(JobId) -> bool) {
        self.logs.retain(|id, _| !done(*id));
    }
}
