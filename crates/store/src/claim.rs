//! The right to write one job.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jobctl_core::{Change, Event, Job, JobId, Progress, Status, Time};

use crate::fit::fit;
use crate::journal::Journal;
use crate::lock::Lock;
use crate::log::LogWriter;
use crate::programs::TreeLock;
use crate::snapshot::{self, Snapshot};
use crate::tree::{Keep, Tree};
use crate::{Claim, FileError, RecordError, Request, RequestId, index, request, same};

/// Progress is written no more often than this.
const PACE: SignedDuration = SignedDuration::from_secs(1);

/// A held claim on a job in a state directory.
pub(crate) struct FileClaim {
    tree: Tree,
    id: JobId,
    /// Empty only within `apply`, which takes the job and gives it back in every case.
    job: Option<Job>,
    journal: Journal,
    /// `submitted`, as long as no record of the job is written.
    first: Option<First>,
    epoch: u64,
    progress: Progress,
    progress_at: Option<Time>,
    progress_written: Option<Time>,
    log: LogWriter,
    boot: String,
    // Last: what is dropped before must not outlive the lock.
    _lock: Lock,
}

/// A job that so far is a line of a submission file.
pub(crate) struct First {
    pub(crate) event: Event,
    /// The submission file, if it holds no other job and so goes once this one is written.
    pub(crate) alone: Option<PathBuf>,
}

/// What a replay under the lock found.
pub(crate) struct Found {
    pub(crate) job: Job,
    pub(crate) journal: Journal,
    pub(crate) first: Option<First>,
}

impl FileClaim {
    pub(crate) fn new(tree: Tree, lock: Lock, boot: &str, found: Found) -> Self {
        let id = found.job.id;
        let seen = snapshot::read(&tree, id);
        let progress = match &seen {
            Some(seen) => seen.progress.clone(),
            None => Progress::from(&found.job.counts),
        };
        Self {
            log: LogWriter::new(tree.log(id), Arc::clone(&tree.fs)),
            id,
            job: Some(found.job),
            journal: found.journal,
            first: found.first,
            epoch: 0,
            progress,
            progress_at: seen.map(|seen| seen.progress_at),
            progress_written: None,
            tree,
            boot: boot.to_owned(),
            _lock: lock,
        }
    }

    /// Applies an event to the job in memory.
    fn apply(&mut self, event: Event) -> Result<(), RecordError> {
        let job = self.job.take().expect("every path below gives the job back");
        match job.apply(event) {
            Ok(job) => {
                self.job = Some(job);
                Ok(())
            }
            Err(rejected) => {
                self.job = Some(rejected.job.clone());
                Err(RecordError::Rejected(rejected))
            }
        }
    }

    /// What must be on disk before the event is, and the event; how many bytes that took of the
    /// journal.
    fn write(&mut self, event: &Event) -> Result<usize, FileError> {
        match event.change {
            Change::Resumed { .. } => {
                index::activate(&self.tree, self.id)?;
                // Lost, it only lets the same be asked for twice.
                let _ = same::note(&self.tree, self.job().spec.identity.as_deref(), self.id);
            }
            Change::Started { pid } => {
                let path = self.tree.job(self.id).join("worker.pid");
                self.tree.replace(&path, format!("{pid}\n").as_bytes(), Keep::Derived)?;
            }
            Change::Submitted { .. }
            | Change::ItemFailed { .. }
            | Change::Checkpoint { .. }
            | Change::Paused { .. }
            | Change::Continued
            | Change::Completed { .. }
            | Change::Failed { .. }
            | Change::Cancelled { .. }
            | Change::Closed => {}
        }
        match &self.first {
            Some(first) => self.journal.append(&[&first.event, event]),
            None => self.journal.append(&[event]),
        }
    }

    /// What follows from an event that took so many bytes of the journal.
    fn follow(&mut self, event: &Event, written: usize) {
        if matches!(event.change, Change::Started { .. }) {
            self.epoch = self.journal.seq();
        }
        if let Some(counts) = &event.counts {
            snapshot::count(&mut self.progress, counts);
            self.progress_at = Some(event.at);
        }
        if self.job().status() != Status::Running {
            self.progress.rate = None;
            self.progress.eta_seconds = None;
        }
        // Everything here is derived, or tidied up later: its failure must not make an event that
        // is safely written look as if it were not.
        let _ = self.derive(event, written);
    }

    fn derive(&mut self, event: &Event, written: usize) -> Result<(), FileError> {
        if let Some(first) = self.first.take() {
            snapshot::write_config(&self.tree, self.job())?;
            if let Some(path) = first.alone {
                self.tree.unlink(&path)?;
            }
        }
        request::unlink(&self.tree, self.id, &event.answers)?;
        self.write_snapshot(event.at, snapshot::room(written), Keep::Derived)?;
        if matches!(event.change, Change::Resumed { .. }) {
            snapshot::unlink_result(&self.tree, self.id)?;
        }
        if self.job().status().is_ended() && !matches!(event.change, Change::Closed) {
            snapshot::write_result(&self.tree, self.job())?;
        }
        Ok(())
    }

    fn write_snapshot(&self, now: Time, room: usize, keep: Keep) -> Result<(), FileError> {
        let at = self.progress_at.unwrap_or(now);
        let snapshot = Snapshot::new(self.job(), self.journal.seq(), self.progress.clone(), at);
        snapshot::write(&self.tree, snapshot, room, keep)
    }

    /// Fails once a write of this claim has failed.
    fn usable(&self) -> Result<(), RecordError> {
        if self.journal.is_spent() { Err(RecordError::Spent(self.id)) } else { Ok(()) }
    }
}

impl Claim for FileClaim {
    fn job(&self) -> &Job {
        self.job.as_ref().expect("only `apply` takes it, and gives it back")
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn record(&mut self, event: Event) -> Result<&Job, RecordError> {
        self.usable()?;
        let event = fit(event)
            .map_err(|event| RecordError::TooLong { id: self.id, event: event.change.name() })?;
        self.apply(event.clone())?;
        match self.write(&event) {
            Ok(written) => self.follow(&event, written),
            Err(error) => {
                self.journal.spend();
                return Err(error.into());
            }
        }
        Ok(self.job())
    }

    fn learn(&mut self, progress: &Progress, now: Time) {
        self.progress = progress.clone();
        self.progress_at = Some(now);
    }

    fn progress(&mut self, progress: &Progress, now: Time) -> Result<bool, RecordError> {
        self.usable()?;
        self.learn(progress, now);
        let recent = |at| now.duration_since(at).abs() < PACE;
        // Before the first record a snapshot would look like one whose journal was lost.
        if self.progress_written.is_some_and(recent) || self.first.is_some() {
            return Ok(false);
        }
        self.progress_written = Some(now);
        self.write_snapshot(now, snapshot::ROOM, Keep::Synced)?;
        Ok(true)
    }

    fn requests(&self) -> Result<Vec<Request>, RecordError> {
        let (open, dead) = request::open(&self.tree, self.id, &self.job().answered)?;
        request::unlink(&self.tree, self.id, &dead)?;
        Ok(open)
    }

    fn forget(&mut self, answered: &[RequestId]) -> Result<(), RecordError> {
        let names: Vec<String> = answered.iter().map(|id| id.0.clone()).collect();
        Ok(request::unlink(&self.tree, self.id, &names)?)
    }

    fn log(&mut self, now: Time, line: &str) {
        self.log.write(now, line);
    }

    fn log_writer(&self) -> LogWriter {
        self.log.clone()
    }

    fn tree_lock(&self) -> TreeLock {
        TreeLock::new(&self.tree, self.id, self.boot.clone())
    }

    fn close(mut self: Box<Self>, now: Time) -> Result<(), RecordError> {
        // Whoever wrote it: a killed worker leaves its own behind, and other programs signal
        // whatever pid stands there.
        let unlinked = self.tree.unlink(&self.tree.job(self.id).join("worker.pid"));
        self.usable()?;
        if self.journal.was_written() {
            self.journal.close(&Change::Closed.at(now))?;
            if self.job().status().is_ended() {
                // Now, since the journal has its last byte. What fails here the sweep does later.
                let _ = index::end(&self.tree, self.job(), Keep::Derived);
                let _ = same::forget(&self.tree, self.job());
            }
        }
        Ok(unlinked?)
    }
}
