//! Which ended jobs have had their time.

use jobctl_core::{Because, Fate, JobId, Past, Rule, Ties, Time, fates};

use crate::{Ended, FileError, FileStore, Which};

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
    /// Says what a rule makes of the ended jobs; removes none.
    pub fn judge(&self, rule: &Rule, now: Time) -> Result<Judged, FileError> {
        let seen = self.overview(Which::All)?;
        let specs = seen.open.iter().filter_map(|seen| seen.job.as_ref()).map(|job| &job.spec);
        let ties = Ties::of(specs);
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
