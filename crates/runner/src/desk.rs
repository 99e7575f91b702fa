use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_core::{Cause, Change, Job, Need, Progress, Reason, Time};
use jobctl_store::{LogWriter, TreeLock};
use tokio::sync::watch;

use crate::Value;
use crate::alarm::Alarm;
use crate::recorder::Recorder;

/// The longest wait for a forge that a worker sits out itself; for longer ones it ends, and the
/// runner's timer starts another. To the user both look the same.
const SHORT_WAIT: SignedDuration = SignedDuration::from_secs(60);
/// How long a job waits for room on the disk before it tries again.
pub(crate) const STORAGE_BACKOFF: SignedDuration = SignedDuration::from_secs(30);
/// Timers follow the wall clock, so that a suspended machine wakes up on time.
const RECHECK: Duration = Duration::from_millis(500);

/// One kind of work.
#[async_trait]
pub trait Work: Send {
    /// Does the job, reporting at the desk. Must end soon after [`Desk::stopped`]; what it leaves
    /// undone, the next attempt does.
    async fn perform(&mut self, desk: &Desk) -> Ending;

    /// Whether it mostly waits, so that threads beside the frame's own would cost more than they
    /// bring.
    fn is_light(&self) -> bool {
        false
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All is done.
    Completed {
        /// What a person should know besides the failed items.
        warnings: Vec<String>,
        /// What was done, in a line.
        summary: Option<String>,
    },
    /// It cannot be done.
    Failed {
        /// Why.
        error: String,
    },
    /// It stands still.
    Paused {
        /// Why.
        reason: Reason,
        /// When it may go on by itself.
        resumes_at: Option<Time>,
    },
    /// It was told to stop, or a pause is on record already.
    Stopped,
}

/// Whether to go on after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Go on.
    On,
    /// End the attempt.
    Stop,
}

/// What a job's worker was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Told {
    /// Nothing: work.
    #[default]
    Nothing,
    /// End, for whatever reason.
    Stop,
}

/// Where work reports and is told what to do. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub(crate) job: Arc<Job>,
    pub(crate) epoch: u64,
    pub(crate) recorder: Recorder,
    pub(crate) told: watch::Receiver<Told>,
    pub(crate) go_on: Arc<tokio::sync::Notify>,
    pub(crate) waiting: Arc<AtomicBool>,
    pub(crate) values: Arc<dyn Values>,
    pub(crate) log: LogWriter,
    pub(crate) tree_lock: Arc<TreeLock>,
    pub(crate) grace: Duration,
}

/// Where a worker's credentials come from.
#[async_trait]
pub(crate) trait Values: Send + Sync {
    /// The value for a need, if anybody has it.
    async fn value(&self, need: &Need) -> Option<Value>;

    /// Says that the job has moved on, to whoever keeps the list for people.
    fn moved(&self);
}

impl Desk {
    /// The job, as it was when the attempt began.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The claim's epoch: every write elsewhere on behalf of this attempt carries it.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The wall clock.
    pub fn now(&self) -> Time {
        crate::worker::now()
    }

    /// Shows progress to readers. Coalesced; never fails the work. `pauses` are the waits that the
    /// forge's budget makes certain; rate and ETA are measured here.
    pub fn progress(&self, progress: Progress, pauses: SignedDuration) {
        self.recorder.progress(progress, pauses);
    }

    /// The job's log, for what programs print: written at once, so that a program that prints
    /// faster than the disk takes it has to wait.
    pub const fn log(&self) -> &LogWriter {
        &self.log
    }

    /// The lock that the job's programs hold: taken before the first is started, and inherited by
    /// all of them, it says after this worker's death that they live.
    pub fn tree_lock(&self) -> &TreeLock {
        &self.tree_lock
    }

    /// How long programs get to end when told to.
    pub const fn grace(&self) -> Duration {
        self.grace
    }

    /// Writes a line to the job's log. Never fails the work.
    pub fn say(&self, line: impl Into<String>) {
        self.recorder.say(line.into());
    }

    /// Records that an item failed; durable once this returns.
    pub async fn item_failed(&self, item: &str, error: &str, hint: Option<&str>) {
        let change = Change::ItemFailed {
            item: item.to_owned(),
            error: error.to_owned(),
            hint: hint.map(str::to_owned),
        };
        self.recorder.record(change, Vec::new()).await;
    }

    /// Leaves a mark that the next attempt gets back; durable once this returns.
    pub async fn checkpoint(&self, token: &str) {
        self.recorder.record(Change::Checkpoint { token: token.to_owned() }, Vec::new()).await;
    }

    /// Notes how the job's program ended: it goes on record with the attempt's last event.
    pub fn exited(&self, how: Cause) {
        self.recorder.exited(how);
    }

    /// Returns at a time of day, or soon after: however the clock is set, and however long the
    /// machine sleeps meanwhile.
    pub async fn until(&self, at: Time) {
        let alarm = Alarm::new();
        while self.now() < at {
            match &alarm {
                Ok(alarm) => alarm.ring(Some(at)).await,
                Err(_) => tokio::time::sleep(RECHECK).await,
            }
        }
    }

    /// Whether the work should end.
    pub fn stopping(&self) -> bool {
        *self.told.borrow() == Told::Stop || self.recorder.is_broken()
    }

    /// Returns once the work should end.
    pub async fn stopped(&self) {
        let mut told = self.told.clone();
        // An error means that the frame has gone: that is a stop too.
        let _ = told.wait_for(|told| *told == Told::Stop).await;
    }

    /// The credential for a need, if the runner or the submitting call has it.
    pub async fn credential(&self, need: &Need) -> Option<Value> {
        self.values.value(need).await
    }

    /// Pauses the job until the forge answers again. Short waits are sat out here; otherwise the
    /// work should end with [`Ending::Stopped`], and a timer or a person starts it again.
    pub async fn limited(&self, until: Time, bucket: &str, message: &str) -> Go {
        let resumes_at = self.job.spec.auto_resume.then_some(until);
        let reason =
            Reason::RateLimited { until, bucket: bucket.to_owned(), message: message.to_owned() };
        self.say(format!("paused until {until:.0}: {message}"));
        self.waiting.store(true, Ordering::SeqCst);
        self.recorder.record(Change::Paused { reason, resumes_at }, Vec::new()).await;
        let go = if resumes_at.is_some() && until.duration_since(self.now()) <= SHORT_WAIT {
            self.sit_out(until).await
        } else {
            Go::Stop
        };
        // Whoever clears the flag writes the event: a `resume` may have been answered meanwhile.
        if go == Go::On && self.waiting.swap(false, Ordering::SeqCst) {
            self.recorder.record(Change::Continued, Vec::new()).await;
        }
        go
    }

    /// The end of an attempt for which the disk has no room, or which it fails: the job stands
    /// still, and tries again by itself.
    pub fn no_room(&self, message: String) -> Ending {
        let resumes_at = Some(self.now() + STORAGE_BACKOFF);
        Ending::Paused { reason: Reason::Storage { message }, resumes_at }
    }

    async fn sit_out(&self, until: Time) -> Go {
        loop {
            if self.stopping() {
                return Go::Stop;
            }
            if self.now() >= until {
                return Go::On;
            }
            tokio::select! {
                () = self.stopped() => return Go::Stop,
                () = self.go_on.notified() => return Go::On,
                () = tokio::time::sleep(RECHECK) => {}
            }
        }
    }
}
