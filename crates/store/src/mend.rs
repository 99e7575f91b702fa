//! From what is left of a damaged job to a journal that replays. Pure: bytes in, events out.

use std::collections::BTreeSet;

use jobctl_core::{
    Change, Counts, Event, Failure, Job, JobId, Reason, ResumedBy, Spec, State, Status, Time,
};
use serde::Deserialize;

use crate::fit::fit;
use crate::record::{Head, VERSION, encode, sealed};

/// What is left of a job besides its journal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remains {
    /// Its `submitted`, from a submission file or `config.json`.
    pub(crate) submitted: Option<Event>,
    /// How it ended, from `result.json`.
    pub(crate) end: Option<End>,
}

/// How a job ended, as `result.json` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    at: Time,
    change: Change,
    failures: Vec<Failure>,
    counts: Counts,
}

/// A journal made anew from what is left.
#[derive(Debug)]
pub(crate) struct Mended {
    /// The job as the new journal makes it.
    pub(crate) job: Job,
    /// The events of the new journal.
    pub(crate) events: Vec<Event>,
    /// How many records of the old journal stand in it.
    pub(crate) kept: usize,
    /// Numbers of records that could not be read, as far as other records tell.
    pub(crate) lost: Vec<u64>,
    /// Good records that can follow nothing that is left, by number and name.
    pub(crate) dropped: Vec<(u64, &'static str)>,
    /// Events that come from other files, or that must have been between the kept ones.
    pub(crate) added: Vec<&'static str>,
    /// Whether the job was paused, because nobody knows where it stood.
    pub(crate) paused: bool,
}

/// Why no journal can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmendable {
    /// A newer version wrote in it, and knows better what is wrong.
    Newer,
    /// Nothing says what the job was asked to do.
    NoSpec,
}

/// A record with a right checksum, wherever it was found.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    seq: u64,
    event: Event,
}

/// Makes a journal from the good records of a bad one and what else is left.
///
/// The job that it makes has ended, or is paused by the user: nobody knows what the lost records
/// said, so a person decides whether it goes on.
pub(crate) fn mend(
    id: JobId,
    journal: &[u8],
    remains: &Remains,
    now: Time,
) -> Result<Mended, Unmendable> {
    let mut records = records(journal)?;
    let lost = lost(&records, journal.len());
    let first = records.iter().position(|record| is_submitted(&record.event));
    let first = first.map(|at| records.remove(at).event);
    let mut draft = Draft::new(id, first, remains.submitted.clone())?;
    for record in records {
        draft = draft.take(record);
    }
    if let Some(end) = &remains.end {
        draft = draft.end(end);
    }
    Ok(draft.finish(lost, now))
}

impl Mended {
    /// The bytes of the new journal.
    pub(crate) fn journal(&self) -> Vec<u8> {
        (1..).zip(&self.events).flat_map(|(seq, event)| encode(seq, event)).collect()
    }
}

fn is_submitted(event: &Event) -> bool {
    matches!(event.change, Change::Submitted { .. })
}

/// A journal in the making.
#[derive(Clone)]
struct Draft {
    job: Job,
    events: Vec<Event>,
    kept: usize,
    dropped: Vec<(u64, &'static str)>,
    added: Vec<&'static str>,
}

impl Draft {
    fn new(id: JobId, first: Option<Event>, other: Option<Event>) -> Result<Self, Unmendable> {
        let kept = usize::from(first.is_some());
        let added = if first.is_some() { Vec::new() } else { vec!["submitted"] };
        let event = first.or(other).ok_or(Unmendable::NoSpec)?;
        let job = Job::submitted(id, event.clone()).map_err(|_| Unmendable::NoSpec)?;
        Ok(Self { job, events: vec![event], kept, dropped: Vec::new(), added })
    }

    /// Takes a record in where it can stand, and leaves it out where it cannot.
    fn take(self, Record { seq, event }: Record) -> Self {
        let name = event.change.name();
        let (mut draft, stands) = self.place(event);
        if stands {
            draft.kept += 1;
        } else {
            draft.dropped.push((seq, name));
        }
        draft
    }

    /// Puts an event behind the others, if need be after events whose loss alone explains it.
    fn place(mut self, event: Event) -> (Self, bool) {
        match self.job.apply(event.clone()) {
            Ok(job) => {
                self.job = job;
                self.events.push(event);
                (self, true)
            }
            Err(rejected) => {
                self.job = rejected.job;
                self.bridge(event)
            }
        }
    }

    fn bridge(mut self, event: Event) -> (Self, bool) {
        for between in self.bridges() {
            let between: Vec<_> = between.into_iter().map(|change| change.at(event.at)).collect();
            let all = between.iter().chain([&event]).cloned();
            let Ok(job) = all.clone().try_fold(self.job.clone(), Job::apply) else { continue };
            self.job = job;
            self.events.extend(all);
            self.added.extend(between.iter().map(|event| event.change.name()));
            return (self, true);
        }
        match self.doubted() {
            Some(doubted) => match doubted.bridge(event) {
                (draft, true) => (draft, true),
                (_, false) => (self, false),
            },
            None => (self, false),
        }
    }

    /// What may be missing before an event that cannot follow, the most likely first.
    fn bridges(&self) -> Vec<Vec<Change>> {
        let started = || Change::Started { pid: self.job.pid.unwrap_or(0) };
        let resumed = || Change::Resumed { by: ResumedBy::Person };
        match &self.job.state {
            State::Pending => vec![vec![started()], vec![paused()]],
            State::Running => vec![vec![paused()], vec![paused(), resumed()]],
            State::Paused { .. } => {
                vec![vec![Change::Continued], vec![resumed()], vec![resumed(), started()]]
            }
            State::Completed { .. } | State::Failed { .. } => {
                vec![vec![], vec![resumed()], vec![resumed(), started()]]
            }
            State::Cancelled { .. } => Vec::new(),
        }
    }

    /// The same with a warning on its last `completed`: what follows proves that there was one.
    fn doubted(&self) -> Option<Self> {
        if !matches!(self.job.state, State::Completed { .. }) || self.job.warnings() > 0 {
            return None;
        }
        let mut draft = self.clone();
        let is_completed = |event: &Event| matches!(event.change, Change::Completed { .. });
        let last = draft.events.iter().rposition(is_completed)?;
        let warnings = vec!["what failed is not known: a record of it was lost".to_owned()];
        draft.events[last].change = Change::Completed { warnings, summary: None };
        let (first, rest) = draft.events.split_first()?;
        let job = Job::submitted(draft.job.id, first.clone()).ok()?;
        draft.job = rest.iter().cloned().try_fold(job, Job::apply).ok()?;
        Some(draft)
    }

    /// Ends the job as `result.json` says, unless it has ended or something happened since.
    fn end(self, end: &End) -> Self {
        let newest = self.events.iter().rfind(|event| event.change != Change::Closed);
        if self.job.status().is_ended() || newest.is_some_and(|event| event.at > end.at) {
            return self;
        }
        let before = self.clone();
        let known: BTreeSet<String> =
            self.job.failures.iter().map(|failure| failure.item.clone()).collect();
        let unknown = end.failures.iter().filter(|failure| !known.contains(&failure.item));
        let failed = unknown.cloned().map(|Failure { item, error, hint }| {
            Change::ItemFailed { item, error, hint }.at(end.at)
        });
        let ended = Event { counts: Some(end.counts.clone()), ..end.change.clone().at(end.at) };
        let Ok(ended) = fit(ended) else { return self };
        let mut draft = self;
        for event in failed.chain([ended]) {
            let name = event.change.name();
            let (next, stands) = draft.place(event);
            if !stands {
                return before;
            }
            draft = next;
            draft.added.push(name);
        }
        draft
    }

    /// Pauses the job unless it has ended, and marks the journal as synced to its end.
    fn finish(mut self, lost: Vec<u64>, now: Time) -> Mended {
        let rests = match &self.job.state {
            State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => true,
            State::Paused { reason, resumes_at, .. } => {
                *reason == Reason::User && resumes_at.is_none()
            }
            State::Pending | State::Running => false,
        };
        if !rests {
            (self, _) = self.place(paused().at(now));
        }
        if self.events.last().is_none_or(|event| event.change != Change::Closed) {
            (self, _) = self.place(Change::Closed.at(now));
        }
        let Self { job, events, kept, dropped, added } = self;
        let paused = !job.status().is_ended();
        Mended { job, events, kept, lost, dropped, added, paused }
    }
}

/// A pause that only a person ends.
fn paused() -> Change {
    Change::Paused { reason: Reason::User, resumes_at: None }
}

/// The good records of a journal, in their order, each once.
fn records(journal: &[u8]) -> Result<Vec<Record>, Unmendable> {
    let mut records: Vec<Record> = Vec::new();
    for line in journal.split(|byte| *byte == b'\n').flat_map(sealed) {
        let Ok(head) = serde_json::from_slice::<Head>(line) else { continue };
        if head.v > VERSION {
            return Err(Unmendable::Newer);
        }
        let Ok(event) = serde_json::from_slice(line) else { continue };
        let record = Record { seq: head.seq, event };
        // Written twice, by a disk that moved a block or a person who pasted one.
        if records.iter().rev().take_while(|known| known.seq >= record.seq).all(|k| *k != record) {
            records.push(record);
        }
    }
    Ok(records)
}

/// The numbers that are missing below the highest. There are fewer records than bytes.
fn lost(records: &[Record], bytes: usize) -> Vec<u64> {
    let known: BTreeSet<u64> = records.iter().map(|record| record.seq).collect();
    let highest = known.last().copied().unwrap_or(0);
    (1..=highest.min(bytes as u64)).filter(|seq| !known.contains(seq)).collect()
}

/// The `submitted` of a job, as its `config.json` tells it.
pub(crate) fn config(id: JobId, bytes: &[u8]) -> Option<Event> {
    #[derive(Deserialize)]
    struct Config {
        id: JobId,
        #[serde(rename = "submittedAt")]
        submitted_at: Time,
        spec: Spec,
    }
    let config: Config = serde_json::from_slice(bytes).ok()?;
    let spec = Box::new(config.spec);
    (config.id == id).then(|| Change::Submitted { spec }.at(config.submitted_at))
}

/// How a job ended, as its `result.json` tells it.
pub(crate) fn result(id: JobId, bytes: &[u8]) -> Option<End> {
    #[derive(Deserialize)]
    struct Told {
        id: JobId,
        status: Status,
        #[serde(rename = "endedAt")]
        at: Time,
        error: Option<String>,
        #[serde(default)]
        warnings: Vec<String>,
        summary: Option<String>,
        #[serde(default)]
        failures: Vec<Failure>,
        #[serde(default)]
        counts: Counts,
    }
    let Told { id: named, status, at, error, warnings, summary, failures, counts } =
        serde_json::from_slice(bytes).ok()?;
    let change = match status {
        Status::Completed => Change::Completed { warnings, summary },
        Status::Failed => Change::Failed { error: error.unwrap_or_default() },
        Status::Cancelled => Change::Cancelled { reason: error },
        Status::Pending | Status::Running | Status::Paused => return None,
    };
    (named == id).then_some(End { at, change, failures, counts })
}

#[cfg(test)]
mod tests;
