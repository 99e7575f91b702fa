//! A worker's life: one job, one attempt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jobctl_core::{Cause, Change, Job, JobId, Reason, Status, Time};
use jobctl_store::{Claim, ClaimError, LogWriter, RecordError, RequestId, Store, Wish};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::desk::{STORAGE_BACKOFF, Told, Values};
use crate::leftover::{LeftoverError, Stuck, claim_stopping};
use crate::plan::AFTER_TERMINATED;
use crate::recorder::{Closed, Recorder};
use crate::server::{Custody, Given};
use crate::{Desk, Ending, Offer, Place, Work, ask};

/// How long a spawned worker tries for a claim that its runner may hold for a moment.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);
/// How long after the grace period work may take to kill its programs and see them gone. Less
/// than whoever asks waits before it kills this process.
const AFTER_GRACE: Duration = Duration::from_secs(3);
/// How often requests are looked for without a bell.
const GLANCE: Duration = Duration::from_secs(1);

/// What a worker needs.
pub struct WorkOptions {
    /// Where the job lives.
    pub store: Arc<dyn Store>,
    /// Which job.
    pub id: JobId,
    /// Its claim, where the caller holds it already.
    pub claim: Option<Box<dyn Claim>>,
    /// Where credentials come from.
    pub credentials: Credentials,
    /// Makes the work for a job.
    pub make: Make,
    /// How long the work may take to end when told to.
    pub grace: Duration,
}

/// Makes the work for a job.
pub type Make = Box<dyn FnOnce(&Job) -> Box<dyn Work>>;

/// Where a worker's credentials come from.
pub enum Credentials {
    /// The runner at this place.
    Runner(Place),
    /// The call itself, in the foreground.
    Given(Vec<Offer>),
}

/// Why an attempt could not be made or recorded.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The job could not be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Programs of an earlier attempt could not be stopped.
    #[error(transparent)]
    Leftover(#[from] Stuck),
    /// An event could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The asynchronous runtime could not be built.
    #[error("could not start the worker's runtime")]
    Runtime(#[source] std::io::Error),
}

impl From<LeftoverError> for WorkError {
    fn from(error: LeftoverError) -> Self {
        match error {
            LeftoverError::Claim(error) => Self::Claim(error),
            LeftoverError::Record(error) => Self::Record(error),
            LeftoverError::Stuck(stuck) => Self::Leftover(stuck),
        }
    }
}

impl WorkError {
    /// Whether the disk is full or failing.
    pub fn is_storage(&self) -> bool {
        match self {
            Self::Record(RecordError::File(error))
            | Self::Claim(ClaimError::File { source: error, .. }) => error.is_storage(),
            Self::Record(
                RecordError::Rejected(_) | RecordError::TooLong { .. } | RecordError::Spent(_),
            )
            | Self::Claim(
                ClaimError::Held(_)
                | ClaimError::Leftover(_)
                | ClaimError::NoSuchJob(_)
                | ClaimError::Damaged { .. }
                | ClaimError::Foreign { .. },
            )
            | Self::Leftover(_)
            | Self::Runtime(_) => false,
        }
    }
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the worker stamps its events")]
pub(crate) fn now() -> Time {
    Time::now()
}

/// Does one job: claims it, answers open requests, records the attempt, performs the work and
/// records how it ended. A job that is not pending is left alone without a word.
///
/// Says whether this process may do another job: the work was light, and all went well.
pub fn work(options: WorkOptions) -> Result<bool, WorkError> {
    let mut runtime = runtime(0)?;
    // Before the claim names this process: a bell that rings from then on must not kill it.
    let mut bells = Bells::hang(&runtime)?;
    let claim = match options.claim {
        Some(claim) => Some(claim),
        None => claim(options.store.as_ref(), options.id, options.grace)?,
    };
    let Some(mut claim) = claim else { return Ok(false) };
    ask::answer_open(claim.as_mut(), &now)?;
    if claim.job().status() != Status::Pending {
        claim.close(now())?;
        return Ok(false);
    }
    claim.record(Change::Started { pid: std::process::id() }.at(now()))?;
    let job = claim.job().clone();
    claim.log(now(), &format!("worker started for job {}, attempt {}", job.id, job.attempts));
    log_panics(claim.as_ref());
    let work = (options.make)(&job);
    let is_light = work.is_light();
    if !is_light {
        runtime = self::runtime(THREADS)?;
        // One that rang for the old ones rings again, and requests are looked for without a bell.
        bells = Bells::hang(&runtime)?;
    }
    let of = job.clone();
    let (credentials, grace) = (options.credentials, options.grace);
    let attempt = attempt(claim, job, work, credentials, grace, bells);
    let (completed, thread) = runtime.block_on(attempt);
    // Blocking leftovers of the work must not keep the process alive.
    runtime.shutdown_background();
    match closed(thread) {
        Err(error) if error.is_storage() => {
            leave_reason(options.store.as_ref(), &error, &of, grace).map(|()| false)
        }
        done => done.map(|()| completed && is_light),
    }
}

/// Threads of work that is more than waiting.
const THREADS: usize = 2;

/// A runtime with so many threads beside this one.
fn runtime(threads: usize) -> Result<Runtime, WorkError> {
    let mut builder = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads.max(1)).enable_all().build().map_err(WorkError::Runtime)
}

/// The claim that the disk failed is spent; with a new one the reason may still be written. Where
/// that fails too, the runner writes one once there is room.
fn leave_reason(
    store: &dyn Store,
    error: &WorkError,
    of: &Job,
    grace: Duration,
) -> Result<(), WorkError> {
    let Some(mut claim) = claim(store, of.id, grace)? else { return Ok(()) };
    ask::answer_open(claim.as_mut(), &now)?;
    if claim.job().status() == Status::Running {
        let reason = Reason::Storage { message: with_causes(error) };
        let resumes_at = of.spec.auto_resume.then(|| now() + STORAGE_BACKOFF);
        claim.record(Change::Paused { reason, resumes_at }.at(now()))?;
    }
    Ok(claim.close(now())?)
}

/// An error and its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}

fn claim(
    store: &dyn Store,
    id: JobId,
    grace: Duration,
) -> Result<Option<Box<dyn Claim>>, LeftoverError> {
    let begun = Instant::now();
    loop {
        match claim_stopping(store, id, grace, &now) {
            Ok(claim) => return Ok(Some(claim)),
            Err(LeftoverError::Claim(ClaimError::Held(_))) if begun.elapsed() < CLAIM_PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Another worker is at it.
            Err(LeftoverError::Claim(ClaimError::Held(_))) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// A detached worker has no terminal: its last words go to the log of the job that it is at.
fn log_panics(claim: &dyn Claim) {
    static LOG: Mutex<Option<LogWriter>> = Mutex::new(None);
    let set = |log| LOG.lock().unwrap_or_else(PoisonError::into_inner).replace(log);
    if set(claim.log_writer()).is_some() {
        return;
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(log) = LOG.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            log.write(now(), &format!("the worker panicked: {panic}"));
        }
        usual(panic);
    }));
}

async fn attempt(
    claim: Box<dyn Claim>,
    job: Job,
    mut work: Box<dyn Work>,
    credentials: Credentials,
    grace: Duration,
    bells: Bells,
) -> (bool, JoinHandle<Closed>) {
    let foreground = matches!(credentials, Credentials::Given(_));
    let epoch = claim.epoch();
    let attempts = job.attempts;
    let auto_resume = job.spec.auto_resume;
    let goes_on = job.spec.goes_on();
    let (log, tree_lock) = (claim.log_writer(), Arc::new(claim.tree_lock()));
    let values = values(credentials);
    let moved = Arc::clone(&values);
    let (recorder, thread) = Recorder::start(claim, Box::new(move || moved.moved()));
    let (told, listen) = watch::channel(Told::Nothing);
    let desk = Desk {
        epoch,
        recorder: recorder.clone(),
        told: listen,
        go_on: Arc::default(),
        waiting: Arc::new(AtomicBool::new(false)),
        values,
        log,
        tree_lock,
        grace,
        job: Arc::new(job),
    };
    let mut orders = Orders { desk: desk.clone(), told, foreground, bells };
    let (ending, stop) = {
        let performing = work.perform(&desk);
        tokio::pin!(performing);
        tokio::select! {
            ending = &mut performing => (Some(ending), None),
            stop = orders.listen() => {
                // Told to stop: the work gets its grace, then its future is dropped.
                (tokio::time::timeout(grace + AFTER_GRACE, performing).await.ok(), Some(stop))
            }
        }
    };
    let completed = matches!(ending, Some(Ending::Completed { .. }));
    let last = Last { ending, stop, attempts, auto_resume, goes_on };
    last.record(&recorder, desk.waiting.load(Ordering::SeqCst)).await;
    recorder.close();
    (completed, thread)
}

/// Waits until the last event is written and the claim let go.
fn closed(thread: JoinHandle<Closed>) -> Result<(), WorkError> {
    match thread.join() {
        Ok(Closed { error: Some(error) }) => Err(error.into()),
        Ok(Closed { error: None }) => Ok(()),
        // The thread's panic was logged by the hook; the journal says running, and the runner
        // records the interruption.
        Err(_) => std::process::exit(101),
    }
}

fn values(credentials: Credentials) -> Arc<dyn Values> {
    match credentials {
        Credentials::Given(offers) => Arc::new(Given::new(offers)),
        Credentials::Runner(place) => Arc::new(Custody::keep(place)),
    }
}

/// Why the work was told to stop.
enum Stop {
    /// A person's request.
    Asked(Wish, RequestId),
    /// A signal without a request.
    Terminated,
    /// Ctrl-C in the foreground.
    CtrlC,
    /// The disk.
    Broken,
}

/// What others want of this worker.
struct Orders {
    desk: Desk,
    told: watch::Sender<Told>,
    foreground: bool,
    bells: Bells,
}

/// The signals that make a worker look up.
struct Bells {
    /// SIGTERM: somebody asks for something.
    asked: Signal,
    /// SIGINT: Ctrl-C, in the foreground.
    ctrl_c: Signal,
}

impl Bells {
    fn hang(runtime: &Runtime) -> Result<Self, WorkError> {
        let _entered = runtime.enter();
        let hung = |kind| signal(kind).map_err(WorkError::Runtime);
        Ok(Self { asked: hung(SignalKind::terminate())?, ctrl_c: hung(SignalKind::interrupt())? })
    }
}

impl Orders {
    /// Returns once the work has been told to stop, and why.
    async fn listen(&mut self) -> Stop {
        let stop = self.next_stop().await;
        let _ = self.told.send(Told::Stop);
        stop
    }

    async fn next_stop(&mut self) -> Stop {
        loop {
            let rung = tokio::select! {
                _ = self.bells.asked.recv() => true,
                _ = self.bells.ctrl_c.recv(), if self.foreground => return Stop::CtrlC,
                () = tokio::time::sleep(GLANCE) => false,
            };
            if self.desk.recorder.is_broken() {
                return Stop::Broken;
            }
            let requests = self.desk.recorder.requests().await;
            let asked = !requests.is_empty();
            for request in requests {
                match request.wish {
                    wish @ (Wish::Pause | Wish::Cancel) => return Stop::Asked(wish, request.id),
                    Wish::Resume => self.go_on(request.id).await,
                }
            }
            if rung && !asked {
                return Stop::Terminated;
            }
        }
    }

    /// Answers `resume`: a worker that waits goes on, one that works does so already.
    async fn go_on(&self, request: RequestId) {
        if self.desk.waiting.swap(false, Ordering::SeqCst) {
            self.desk.recorder.record(Change::Continued, vec![request]).await;
            self.desk.go_on.notify_one();
        } else {
            self.desk.recorder.forget(request);
        }
    }
}

/// All that decides a job's last event in this attempt.
struct Last {
    ending: Option<Ending>,
    stop: Option<Stop>,
    attempts: u32,
    auto_resume: bool,
    /// Whether an interrupted attempt is made anew without a person.
    goes_on: bool,
}

impl Last {
    async fn record(self, recorder: &Recorder, waiting: bool) {
        if let Some((change, answers)) = self.change(waiting) {
            recorder.record(change, answers).await;
        }
    }

    /// `waiting`: a pause for the forge is on record already.
    fn change(self, waiting: bool) -> Option<(Change, Vec<RequestId>)> {
        let unanswered = |change| Some((change, Vec::new()));
        match (self.ending, self.stop) {
            // What is done is done, whatever was asked meanwhile.
            (Some(Ending::Completed { warnings, summary }), _) => {
                unanswered(Change::Completed { warnings, summary })
            }
            // Nothing else is true while its programs live.
            (Some(Ending::Paused { reason: reason @ Reason::Leftover { .. }, .. }), _) => {
                unanswered(Change::Paused { reason, resumes_at: None })
            }
            (_, Some(Stop::Asked(Wish::Cancel, request))) => {
                Some((Change::Cancelled { reason: None }, vec![request]))
            }
            (_, Some(Stop::Asked(Wish::Pause | Wish::Resume, request))) => {
                Some((paused_by_user(), vec![request]))
            }
            (_, Some(Stop::CtrlC)) => unanswered(paused_by_user()),
            (_, Some(Stop::Broken)) => None,
            (Some(Ending::Failed { error }), None) => unanswered(Change::Failed { error }),
            (Some(Ending::Paused { reason, resumes_at }), None) => {
                let resumes_at = resumes_at.filter(|_| self.auto_resume);
                unanswered(Change::Paused { reason, resumes_at })
            }
            _ if waiting => None,
            (_, Some(Stop::Terminated)) => {
                let resumes_at = self.goes_on.then(|| now() + AFTER_TERMINATED);
                let reason =
                    Reason::Interrupted { attempt: self.attempts, cause: Cause::Terminated };
                unanswered(Change::Paused { reason, resumes_at })
            }
            (Some(Ending::Stopped) | None, None) => {
                unanswered(Change::Failed { error: "the work ended without a word".to_owned() })
            }
        }
    }
}

const fn paused_by_user() -> Change {
    Change::Paused { reason: Reason::User, resumes_at: None }
}
