//! The runner's loop: looks, plans, acts, and sleeps until rung.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jobctl_core::{
    Cause, Change, JobId, Limits, Need, Reason, ResumedBy, Retention, State, Status, Time,
};
use jobctl_store::{ClaimError, FileError, FileStore, LookError, RecordError, Store, Which};
use tokio::net::UnixListener;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::desk::STORAGE_BACKOFF;
use crate::housekeeping::Housekeeping;
use crate::plan::{Known, Plan, interruption, plan};
use crate::server::{Desktop, serve};
use crate::worker::now;
use crate::{Place, PlaceError, ask};

/// How long the runner sleeps at most: workers of a dead runner are watched by their lock, and
/// timers are wall-clock, re-checked after a suspend.
const GLANCE: Duration = Duration::from_secs(1);
/// How many spawns may leave a job pending before it is given up.
const MAX_SPAWNS: u32 = 3;
/// The exit code of a worker whose disk is full or failing.
pub(crate) const STORAGE_EXIT: i32 = 6;
/// How long after such an end nothing else is tried: a full disk has no room a moment later.
const STORAGE_REST: Duration = Duration::from_secs(2);

/// What a runner needs.
pub struct RunnerOptions {
    /// Whose jobs.
    pub store: Arc<FileStore>,
    /// Where it listens.
    pub place: Place,
    /// How many jobs may run at once.
    pub limits: Limits,
    /// How many ended submissions stay.
    pub retention: Retention,
    /// This very program, even where its file was replaced.
    pub program: PathBuf,
    /// What makes it a worker of a job.
    pub worker_args: Box<dyn Fn(JobId) -> Vec<OsString>>,
}

/// Why a runner could not serve.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The lock file failed.
    #[error("could not become the runner")]
    Lock(#[source] FileError),
    /// The socket's directory cannot be used.
    #[error("could not become the runner")]
    Place(#[from] PlaceError),
    /// The socket could not be made.
    #[error("could not listen at {}", .path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The asynchronous runtime could not be built.
    #[error("could not start the runner's runtime")]
    Runtime(#[source] io::Error),
}

/// Starts and watches jobs until nothing is left to wait for. Returns at once where another
/// runner serves this state directory.
pub fn run(options: RunnerOptions) -> Result<(), RunError> {
    let Some(lock) = options.store.run_lock().map_err(RunError::Lock)? else { return Ok(()) };
    // Of its own session, so that the caller's terminal takes nothing with it.
    let _ = rustix::process::setsid();
    // A thread beside the loop answers calls: they must not wait while it looks at many jobs.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    let result = runtime.block_on(Runner::new(options).serve());
    drop(lock);
    result
}

struct Runner {
    options: RunnerOptions,
    desktop: Arc<Desktop>,
    workers: JoinSet<(JobId, io::Result<ExitStatus>)>,
    /// Workers that it has not yet reaped.
    spawned: HashSet<JobId>,
    /// How often in a row a job was spawned and stayed pending.
    fruitless: HashMap<JobId, u32>,
    /// How the workers ended that this runner was the parent of, until that is on record.
    causes: HashMap<JobId, ExitStatus>,
    housekeeping: Housekeeping,
}

impl Runner {
    fn new(options: RunnerOptions) -> Self {
        let desktop = Arc::default();
        let (store, retention) = (Arc::clone(&options.store), options.retention);
        Self {
            housekeeping: Housekeeping::new(store, retention, Arc::clone(&desktop)),
            options,
            desktop,
            workers: JoinSet::new(),
            spawned: HashSet::new(),
            fruitless: HashMap::new(),
            causes: HashMap::new(),
        }
    }

    async fn serve(mut self) -> Result<(), RunError> {
        // A stray SIGTERM must not end the watch; it only makes the runner look.
        let mut bell = signal(SignalKind::terminate()).map_err(RunError::Runtime)?;
        loop {
            let listener = self.listen()?;
            // Before anybody is answered: the answer says what unended jobs need.
            self.tick();
            let listening = tokio::spawn(serve(listener, Arc::clone(&self.desktop)));
            self.watch(&mut bell).await;
            // Nobody new can call any more; whoever did in time is served by one more look.
            self.options.place.withdraw();
            listening.abort();
            let _ = listening.await;
            if self.desktop.is_retiring() || (!self.desktop.is_visited() && self.tick().idle) {
                self.workers.detach_all();
                return Ok(());
            }
        }
    }

    /// Acts and sleeps by turns, until there is nothing left to wait for.
    async fn watch(&mut self, bell: &mut Signal) {
        let mut idle_since: Option<Instant> = None;
        loop {
            let plan = self.tick();
            let idle = plan.idle && !self.desktop.is_visited();
            idle_since = idle.then(|| idle_since.unwrap_or_else(Instant::now));
            // The last look comes a second late, so that the list for people shows the end.
            let is_tidy = self.housekeeping.attend(idle_since);
            let leaving = is_tidy && idle_since.is_some_and(|since| since.elapsed() > GLANCE);
            if leaving || self.desktop.is_retiring() {
                return;
            }
            tokio::select! {
                () = self.desktop.bell.notified() => {}
                Some(reaped) = self.workers.join_next(), if !self.workers.is_empty() => {
                    self.reap(reaped);
                }
                _ = bell.recv() => {}
                () = tokio::time::sleep(nap(plan.wake_at, now())) => {}
            }
        }
    }

    fn listen(&self) -> Result<UnixListener, RunError> {
        self.options.place.prepare()?;
        let path = self.options.place.socket();
        // The lock says that no other runner lives: what lies there is a dead one's.
        let wrap = |source| RunError::Listen { path: path.clone(), source };
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(wrap(error)),
        }
        let listener = UnixListener::bind(&path).map_err(wrap)?;
        self.options.place.close().map_err(wrap)?;
        // A file system without links loses only shells with another temporary directory.
        let _ = self.options.place.announce();
        Ok(listener)
    }

    /// Looks at all that has not ended and does what is to be done.
    fn tick(&mut self) -> Plan {
        self.mirror();
        let seen = self.desktop.moves();
        let jobs = self.options.store.list(Which::Active).unwrap_or_default();
        let needs: BTreeSet<Need> = jobs
            .iter()
            .filter_map(|seen| seen.job.as_ref())
            .flat_map(|job| job.spec.needs.iter().cloned())
            .collect();
        self.desktop.keep_only(needs, seen);
        let known = Known {
            spawned: self.spawned.clone(),
            values: self.desktop.values().into_iter().collect(),
        };
        let plan = plan(&jobs, &known, &self.options.limits, now());
        self.act(&plan);
        plan
    }

    /// The list for people and other programs. Before the timers: a pause that another program
    /// wrote there after it stopped the worker must not be overtaken by one.
    fn mirror(&self) {
        // Derived, for display: the jobs themselves do not suffer if it cannot be written.
        for (id, _) in self.options.store.mirror(now()).unwrap_or_default() {
            // A worker that holds the claim looks within a second.
            let _ = self.write(id, |_| None);
        }
    }

    /// A job that cannot be written to now is met again at the next look; what went wrong shows
    /// in its own files, so nothing is lost by going on with the others.
    fn act(&mut self, plan: &Plan) {
        let mut wrote = false;
        for id in &plan.asked {
            wrote |= self.write(*id, |_| None).is_ok();
        }
        for id in &plan.interrupted {
            let cause = self.causes.get(id).copied();
            if self.write(*id, |state| state.interrupted(cause)).is_ok() {
                self.causes.remove(id);
                wrote = true;
            }
        }
        for &(id, by) in &plan.resume {
            wrote |= self.write(id, |state| state.resumed(by)).is_ok();
        }
        if wrote {
            // What was just written may start jobs: look again at once. What could not be written
            // would fail again: it has time until the next look.
            self.desktop.bell.notify_one();
        }
        for id in &plan.start {
            self.start(*id);
        }
    }

    /// Claims a job, answers what is asked of it, and records what `decide` makes of it then.
    fn write(
        &self,
        id: JobId,
        decide: impl FnOnce(&Standing<'_>) -> Option<Change>,
    ) -> Result<(), WriteError> {
        let mut claim = self.options.store.claim(id, now())?;
        ask::answer_open(claim.as_mut(), &now)?;
        if let Some(change) = decide(&Standing { job: claim.job(), now: now() }) {
            claim.record(change.at(now()))?;
        }
        claim.close(now())?;
        Ok(())
    }

    fn start(&mut self, id: JobId) {
        let tries = self.fruitless.entry(id).or_default();
        if *tries >= MAX_SPAWNS {
            let error = format!("its worker ended {MAX_SPAWNS} times before it began");
            // Where not even this can be written, another worker would end as the others did.
            if self.give_up(id, error).is_ok() {
                self.fruitless.remove(&id);
            }
            return;
        }
        *tries += 1;
        self.causes.remove(&id);
        match self.spawn(id) {
            Ok(mut child) => {
                self.spawned.insert(id);
                self.workers.spawn(async move {
                    let status = child.wait().await;
                    if is_storage(status.as_ref().ok()) {
                        tokio::time::sleep(STORAGE_REST).await;
                    }
                    (id, status)
                });
            }
            Err(error) => {
                // What cannot be written now is tried again at the next look.
                let _ = self.give_up(id, format!("its worker could not be started: {error}"));
            }
        }
    }

    /// Fails a job that cannot even begin; one that has begun meanwhile is left alone.
    fn give_up(&self, id: JobId, error: String) -> Result<(), WriteError> {
        self.write(id, |state| {
            (state.job.status() == Status::Pending).then_some(Change::Failed { error })
        })
    }

    fn spawn(&self, id: JobId) -> io::Result<Child> {
        let mut command = std::process::Command::new(&self.options.program);
        command
            .arg0("jobctl")
            .args((self.options.worker_args)(id))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Command::from(command).kill_on_drop(false).spawn()
    }

    fn reap(&mut self, reaped: Result<(JobId, io::Result<ExitStatus>), tokio::task::JoinError>) {
        let Ok((id, status)) = reaped else { return };
        self.spawned.remove(&id);
        let begun = match self.options.store.look(id) {
            Ok(seen) => seen.status() != Some(Status::Pending),
            Err(LookError::NoSuchJob(_) | LookError::Removed { .. } | LookError::File(_)) => true,
        };
        // A full disk is no reason to give a job up that could not begin.
        if begun || is_storage(status.as_ref().ok()) {
            self.fruitless.remove(&id);
        }
        if let Ok(status) = status {
            self.causes.insert(id, status);
        }
    }
}

/// A job in hand, and the time.
struct Standing<'a> {
    job: &'a jobctl_core::Job,
    now: Time,
}

impl Standing<'_> {
    fn interrupted(&self, status: Option<ExitStatus>) -> Option<Change> {
        if self.job.status() != Status::Running {
            return None;
        }
        if is_storage(status.as_ref()) {
            let message = "the disk is full or failing".to_owned();
            let resumes_at = self.job.spec.auto_resume.then(|| self.now + STORAGE_BACKOFF);
            return Some(Change::Paused { reason: Reason::Storage { message }, resumes_at });
        }
        Some(interruption(self.job, cause(status), self.now))
    }

    fn resumed(&self, by: ResumedBy) -> Option<Change> {
        match &self.job.state {
            State::Paused { resumes_at, .. } => {
                let due = match by {
                    ResumedBy::Timer => resumes_at.is_some_and(|at| at <= self.now),
                    ResumedBy::Offer | ResumedBy::Person => true,
                };
                due.then_some(Change::Resumed { by })
            }
            State::Pending
            | State::Running
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => None,
        }
    }
}

fn is_storage(status: Option<&ExitStatus>) -> bool {
    status.and_then(ExitStatus::code) == Some(STORAGE_EXIT)
}

fn cause(status: Option<ExitStatus>) -> Cause {
    match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Cause::Exited(code),
            (None, Some(signal)) => Cause::Signalled(signal),
            (None, None) => Cause::Unknown,
        },
        None => Cause::Unknown,
    }
}

fn nap(wake_at: Option<Time>, now: Time) -> Duration {
    let until = wake_at
        .map_or(GLANCE, |at| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO));
    until.clamp(Duration::from_millis(1), GLANCE)
}

/// Why the runner could not write to a job now.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Record(#[from] RecordError),
}
