//! Which ended jobs have had their time.

use jobctl_core::{Because, Fate, JobId, Past, Rule, Ties, Time, fates};

use crate::look::has_journal;
use crate::submission::Submissions;
use crate::{Ended, FileError, FileStore, Overview, Which, submission};

/// How many jobs [`FileStore::remove_all`] takes well at once.
pub const REMOVED_TOGETHER: usize = 100;

/// What becomes of the jobs of a state directory under a rule.
#[derive(Debug, Default)]
pub struct Judged {
    /// To be removed, the oldest first.
    pub go: Vec<Ended>,
    /// Ended, and not to be removed.
    pub stay: Vec<(Ended, Because)>,
    /// Damaged: no rule takes these.
    pub damaged: Vec<JobId>,
}

impl From<&Ended> for Past {
    fn from(ended: &Ended) -> Self {
        Self {
            id: ended.id,
            status: ended.status,
            ended_at: ended.ended_at,
            batch: ended.batch.clone(),
            keep: ended.keep,
        }
    }
}

impl FileStore {
    /// All ended jobs, and the ties of those that have not ended. Of ten thousand that wait only a
    /// few are in memory at a time: a runner does this now and then.
    fn tied(&self) -> Result<(Overview, Ties), FileError> {
        let mut ties = Ties::default();
        let mut are_read = true;
        for path in submission::files(&self.tree)? {
            are_read &= submission::each(&self.tree, &path, &mut |job| {
                // Those that have begun, or ended, tie no others than they did.
                if !has_journal(&self.tree, job.id).unwrap_or(false)
                    && let Some(job) = job.job()
                {
                    ties.add(&job.spec);
                }
                true
            })?;
        }
        // What a submission holds that cannot be read is told with the damaged jobs.
        let submitted =
            if are_read { Submissions::default() } else { submission::all(&self.tree)? };
        let seen = Overview::of(&self.tree, &submitted, &self.index()?, Which::All)?;
        for job in seen.open.iter().filter_map(|seen| seen.job.as_ref()) {
            ties.add(&job.spec);
        }
        Ok((seen, ties))
    }

    /// Says what a rule makes of the ended jobs; removes none.
    pub fn judge(&self, rule: &Rule, now: Time) -> Result<Judged, FileError> {
        let (seen, ties) = self.tied()?;
        let pasts: Vec<Past> = seen.ended.iter().map(Past::from).collect();
        let damaged = seen.open.iter().filter(|seen| seen.damage.is_some()).map(|seen| seen.id);
        let mut judged = Judged { damaged: damaged.collect(), ..Judged::default() };
        let fates = fates(&pasts, &ties, rule, now);
        for (ended, fate) in seen.ended.into_iter().zip(fates).rev() {
            match fate {
                Fate::Goes => judged.go.push(ended),
                Fate::Stays(because) => judged.stay.push((ended, because)),
            }
        }
        Ok(judged)
    }
}
