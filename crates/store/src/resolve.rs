//! From what a person typed to a job.

use jobctl_core::{Job, JobId, Status, Time};

use crate::{FileStore, ResolveError, overview, submission};

/// What a job may be called by.
struct Called {
    id: JobId,
    name: Option<String>,
    submitted_at: Option<Time>,
    ended: bool,
}

impl FileStore {
    /// The job that a text means: an id, a job's name (the newest that has not ended, else the
    /// newest), an unambiguous beginning of an id, or `@last` for the job submitted last.
    ///
    /// Removed jobs count for ids and names, so that it can be told how they ended.
    pub fn resolve(&self, text: &str) -> Result<JobId, ResolveError> {
        // A whole id of a job that is there needs no look at all the others.
        if let Ok(id) = text.parse()
            && self.is_kept(id)
        {
            return Ok(id);
        }
        let none = || ResolveError::NoSuch(text.to_owned());
        let names = self.job_names()?;
        if let Some(job) = names.iter().find(|job| job.id.to_string() == text) {
            return Ok(job.id);
        }
        let age = |job: &&Called| (!job.ended, job.submitted_at, job.id);
        if text == "@last" {
            let there = names.iter().filter(|job| !job.ended || self.is_kept(job.id));
            return there
                .max_by_key(|job| (job.submitted_at, job.id))
                .map(|job| job.id)
                .ok_or_else(none);
        }
        let called = names.iter().filter(|job| job.name.as_deref() == Some(text));
        if let Some(job) = called.max_by_key(age) {
            return Ok(job.id);
        }
        let fits = |job: &&Called| !text.is_empty() && job.id.to_string().starts_with(text);
        let ids: Vec<JobId> = names.iter().filter(fits).map(|job| job.id).collect();
        match ids.as_slice() {
            [] => Err(none()),
            [id] => Ok(*id),
            _ => Err(ResolveError::Ambiguous { text: text.to_owned(), ids }),
        }
    }

    fn is_kept(&self, id: JobId) -> bool {
        self.tree.is_dir(&self.tree.job(id)).unwrap_or(false)
    }

    /// Every job once, sorted by id.
    fn job_names(&self) -> Result<Vec<Called>, ResolveError> {
        let submitted = submission::all(&self.tree)?;
        let mut index = self.index()?;
        let open = overview::unended(&self.tree, &submitted, &mut index.active)?;
        let mut names: Vec<Called> = open
            .into_iter()
            .map(|seen| Called {
                id: seen.id,
                ended: seen.status().is_some_and(Status::is_ended),
                submitted_at: seen.job.as_ref().map(|job: &Job| job.submitted_at),
                name: seen.job.and_then(|job| job.spec.name),
            })
            .collect();
        let lines = index.lines(&self.tree, u64::MAX)?;
        names.extend(lines.newest_first().filter_map(|line| line.decode()).map(|ended| Called {
            id: ended.id,
            name: ended.name,
            submitted_at: Some(ended.submitted_at),
            ended: true,
        }));
        // An active job may have ended before; then its first entry, the active one, stays.
        names.sort_by_key(|job| (job.id, job.ended));
        names.dedup_by_key(|job| job.id);
        Ok(names)
    }
}
