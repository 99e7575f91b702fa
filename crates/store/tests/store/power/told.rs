//! What the store was asked and what it answered, and whether that is still true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::double::Double;
use crate::place::{at, spec};
use jobctl_core::{Change, Event, Job, JobId};
use jobctl_store::{FileStore, LookError, Sighting, Standing, Store, Which};
use serde_json::Value;

/// What the store was asked, and what it said had happened.
#[derive(Clone, Default)]
pub(crate) struct Told {
    /// Whether the state directory was made.
    pub(crate) made: bool,
    pub(crate) submissions: Vec<Submission>,
    /// Events tried, in their order.
    pub(crate) tried: BTreeMap<JobId, Vec<Event>>,
    /// How many of them were confirmed.
    pub(crate) confirmed: BTreeMap<JobId, usize>,
    /// Counts of items that were shown as progress.
    pub(crate) shown: BTreeMap<JobId, BTreeSet<u64>>,
    /// Confirmed requests.
    pub(crate) asked: BTreeMap<JobId, Vec<String>>,
    /// Removals tried, and confirmed.
    pub(crate) removing: BTreeSet<JobId>,
    pub(crate) removed: BTreeSet<JobId>,
}

#[derive(Clone)]
pub(crate) struct Submission {
    pub(crate) jobs: Vec<JobId>,
    pub(crate) answer: Answer,
}

/// What a call that was made has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// That it did not happen.
    No,
    /// Nothing yet: it may have happened or not, but not by half.
    None,
    /// That it happened.
    Yes,
}

/// The events in a job's journal, `submitted` and `closed` left out.
pub(crate) fn events(fs: &Double, job: JobId) -> Vec<Event> {
    let path = Path::new("/state/jobs").join(job.to_string()).join("journal.jsonl");
    let bytes = fs.peek(&path).unwrap_or_default();
    // A torn record is none.
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let events = lines.map_while(|line| serde_json::from_slice(line).ok());
    events
        .filter(|event: &Event| !matches!(event.change, Change::Submitted { .. } | Change::Closed))
        .collect()
}

impl Told {
    /// What is known of a job; `None` of one that was never tried.
    fn answer(&self, job: JobId) -> Option<Answer> {
        let named = self.submissions.iter().filter(|submission| submission.jobs.contains(&job));
        named.map(|submission| submission.answer).max()
    }

    /// The job as the first events that were tried make it.
    fn job(&self, job: JobId, count: usize) -> Job {
        let first = Change::Submitted { spec: Box::new(spec()) }.at(at(1));
        let made = Job::submitted(job, first).unwrap();
        let tried = self.tried.get(&job).into_iter().flatten().take(count);
        tried.fold(made, |made, event| made.apply(event.clone()).unwrap())
    }

    /// Everything that was confirmed is there, and nothing that was never tried.
    pub(crate) fn check(&self, store: &FileStore, fs: &Double, what: &str) {
        assert_eq!(store.standing(), &Standing::Ours, "{what}");
        let listed: BTreeMap<JobId, Sighting> =
            store.list(Which::All).unwrap().into_iter().map(|seen| (seen.id, seen)).collect();
        let active: BTreeSet<JobId> =
            store.list(Which::Active).unwrap().into_iter().map(|seen| seen.id).collect();
        for (job, seen) in &listed {
            let known = self.answer(*job).is_some_and(|answer| answer != Answer::No);
            assert!(known && !self.removed.contains(job), "{what}: {job} out of nothing");
            assert_eq!(seen.damage, None, "{what}: {job}");
            let ended = seen.status().unwrap().is_ended();
            assert_eq!(active.contains(job), !ended, "{what}: {job} is {:?}", seen.status());
        }
        for Submission { jobs, .. } in &self.submissions {
            // The same may have been submitted before.
            let answer = self.answer(jobs[0]).unwrap();
            let there = |job: &&JobId| {
                let seen = store.look(**job);
                let gone = matches!(seen, Err(LookError::NoSuchJob(_)));
                !gone || self.removing.contains(job)
            };
            let count = jobs.iter().filter(there).count();
            let right = match answer {
                Answer::None => count == 0 || count == jobs.len(),
                Answer::Yes => count == jobs.len(),
                Answer::No => count == 0,
            };
            assert!(right, "{what}: {count} of {jobs:?}, told {answer:?}");
            for job in jobs.iter().filter(there) {
                self.check_job(store, fs, *job, listed.get(job), what);
            }
        }
    }

    fn check_job(
        &self,
        store: &FileStore,
        fs: &Double,
        job: JobId,
        listed: Option<&Sighting>,
        what: &str,
    ) {
        let what = format!("{what}, job {job}");
        let tried = self.tried.get(&job).map(Vec::as_slice).unwrap_or_default();
        let least = self.confirmed.get(&job).copied().unwrap_or(0);
        let seen = match store.look(job) {
            Ok(seen) => seen,
            Err(LookError::Removed { status, .. }) if self.removing.contains(&job) => {
                let mut may_be = (least..=tried.len()).map(|count| self.job(job, count).status());
                assert!(may_be.any(|may_be| may_be == status), "{what}: removed as {status:?}");
                assert!(listed.is_none(), "{what}: listed and removed");
                return;
            }
            Err(error) => panic!("{what}: {error}"),
        };
        assert!(!self.removed.contains(&job), "{what}: came back");
        assert_eq!(seen.damage, None, "{what}");
        let there = events(fs, job);
        assert!((least..=tried.len()).contains(&there.len()), "{what}: {least} {there:?}");
        assert_eq!(there, tried[..there.len()], "{what}");
        let status = Some(self.job(job, there.len()).status());
        assert_eq!(seen.status(), status, "{what}");
        assert_eq!(listed.map(Sighting::status), Some(status), "{what}");
        let shown = self.shown.get(&job);
        let shown = seen.progress.current == 0
            || shown.is_some_and(|shown| shown.contains(&seen.progress.current));
        assert!(shown, "{what}: {:?} was never shown", seen.progress);
        let answered: BTreeSet<&String> = tried.iter().flat_map(|event| &event.answers).collect();
        for request in self.asked.get(&job).into_iter().flatten() {
            let open = seen.requests.iter().any(|open| open.id.0 == *request);
            assert!(open || answered.contains(request), "{what}: request {request} was lost");
        }
    }
}

/// The list that other programs read names the jobs that the store lists, and is whole.
pub(crate) fn check_mirror(store: &FileStore, fs: &Double, what: &str) {
    let bytes = fs.peek(Path::new("/state/background-jobs.json")).unwrap();
    let list: Value = serde_json::from_slice(&bytes).unwrap();
    let named: BTreeSet<&str> =
        list["jobs"].as_array().unwrap().iter().filter_map(|job| job["id"].as_str()).collect();
    let ids: Vec<String> =
        store.list(Which::All).unwrap().iter().map(|seen| seen.id.to_string()).collect();
    assert_eq!(named, ids.iter().map(String::as_str).collect(), "{what}");
}
