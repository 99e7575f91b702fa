//! From what a person typed to a job.

use std::cell::OnceCell;

use jobctl_core::{Job, JobId, Status, Time};

use crate::{FileStore, ResolveError, overview, submission};

/// What a job may be called by.
struct Called {
    id: JobId,
    name: Option<String>,
    submitted_at: Option<Time>,
    ended: bool,
}

/// Every job once, sorted by id.
struct Names(Vec<Called>);

impl FileStore {
    /// The job that a text means: an id, a job's name (the newest that has not ended, else the
    /// newest), an unambiguous beginning of an id, or `@last` for the job submitted last.
    ///
    /// Removed jobs count for ids and names, so that it can be told how they ended.
    pub fn resolve(&self, text: &str) -> Result<JobId, ResolveError> {
        self.resolved(text, &OnceCell::new())
    }

    /// The same for many, where all jobs are read at most once.
    pub fn resolve_all(&self, texts: &[String]) -> Vec<Result<JobId, ResolveError>> {
        let names = OnceCell::new();
        texts.iter().map(|text| self.resolved(text, &names)).collect()
    }

    /// The job that a text means; `names` are read where they are needed first.
    fn resolved(&self, text: &str, names: &OnceCell<Names>) -> Result<JobId, ResolveError> {
        let id = text.parse().ok();
        // A whole id of a job that is there needs no look at all the others.
        if let Some(id) = id
            && self.is_kept(id)
        {
            return Ok(id);
        }
        if names.get().is_none() {
            // Nobody else has set it meanwhile.
            let _ = names.set(self.job_names()?);
        }
        let names = names.get().map_or(&[][..], |names| &names.0);
        if let Some(id) = id
            && names.binary_search_by_key(&id, |job| job.id).is_ok()
        {
            return Ok(id);
        }
        let none = || ResolveError::NoSuch(text.to_owned());
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
        match beginning_with(names, text) {
            [] => Err(none()),
            [job] => Ok(job.id),
            several => Err(ResolveError::Ambiguous {
                text: text.to_owned(),
                ids: several.iter().map(|job| job.id).collect(),
            }),
        }
    }

    fn is_kept(&self, id: JobId) -> bool {
        self.tree.is_dir(&self.tree.job(id)).unwrap_or(false)
    }

    /// Every job once, sorted by id.
    fn job_names(&self) -> Result<Names, ResolveError> {
        let submitted = submission::all(&self.tree)?;
        let index = self.index()?;
        let open = overview::unended(&self.tree, &submitted, &index.active)?;
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
        Ok(Names(names))
    }
}

/// The jobs whose ids begin so.
fn beginning_with<'a>(names: &'a [Called], text: &str) -> &'a [Called] {
    let end = |digit: char| {
        let missing = 8_usize.checked_sub(text.len()).filter(|missing| *missing < 8)?;
        let digits: String = std::iter::repeat_n(digit, missing).collect();
        format!("{text}{digits}").parse::<JobId>().ok()
    };
    let (Some(first), Some(last)) = (end('0'), end('f')) else { return &[] };
    let from = names.partition_point(|job| job.id < first);
    let to = names.partition_point(|job| job.id <= last);
    &names[from..to]
}
