//! The runner's loop: looks, plans, acts, and sleeps until rung.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jobctl_core::{
    Blocked, Cause, Change, Condition, JobId, Limits, OnDependencyFailure, Outcome, Reason,
    ResumedBy, Retention, State, Status, Time,
};
use jobctl_store::{ClaimError, FileError, FileStore, RecordError, Store, Watch};
use tokio::net::UnixListener;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::alarm::{Alarm, departure};
use crate::book::{Book, Turn};
use crate::desk::STORAGE_BACKOFF;
use crate::housekeeping::Housekeeping;
use crate::leftover::claim_stopping;
use crate::mirror::Mirror;
use crate::plan::{Known, Plan, interruption, plan};
use crate::server::{Desktop, serve};
use crate::worker::now;
use crate::{Place, PlaceError, ask};

/// How long the runner stays with nothing to do: the next call finds it there.
const LINGER: Duration = Duration::from_secs(1);
/// How long a new runner waits for environments: from the call that started it, and from the
/// workers of the one before.
const PATIENCE: Duration = Duration::from_secs(2);
/// What could not be written, or read, is tried again this much later.
const AGAIN: Duration = Duration::from_secs(1);
/// How many jobs are written to before somebody else gets a turn.
const WRITES: usize = 16;
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
    /// What may run at once: asked at the start, and when somebody says that it has changed.
    pub limits: Box<dyn Fn(Occasion) -> Limits>,
    /// How many ended submissions stay.
    pub retention: Retention,
    /// This very program, even where its file was replaced.
    pub program: PathBuf,
    /// What makes it a worker of a job.
    pub worker_args: Box<dyn Fn(JobId) -> Vec<OsString>>,
    /// What makes it tell people that a job was paused or has ended; `None` where nobody wants to
    /// hear of it.
    pub announcer_args: Box<dyn Fn(JobId, Status, Time) -> Option<Vec<OsString>>>,
    /// How long a worker may take to stop.
    pub grace: Duration,
}

/// When limits are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The runner starts.
    Start,
    /// Somebody has changed them.
    Change,
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
    let result = runtime.block_on(async { Runner::new(options)?.serve().await });
    drop(lock);
    result
}

struct Runner {
    options: RunnerOptions,
    desktop: Arc<Desktop>,
    limits: Limits,
    watch: Watch,
    book: Book,
    workers: JoinSet<(JobId, io::Result<ExitStatus>)>,
    /// Workers that it has not yet reaped.
    spawned: HashSet<JobId>,
    /// Processes that hold claims, and that it is not the parent of.
    strangers: JoinSet<JobId>,
    watched: HashSet<JobId>,
    /// Jobs whose programs outlived their worker, while those are stopped.
    clearing: JoinSet<JobId>,
    cleared: HashSet<JobId>,
    /// Processes that tell people what became of jobs.
    announcers: JoinSet<()>,
    /// How often in a row a job was spawned and stayed pending.
    fruitless: HashMap<JobId, u32>,
    /// How the workers ended that this runner was the parent of, until that is on record.
    causes: HashMap<JobId, ExitStatus>,
    housekeeping: Housekeeping,
    mirror: Mirror,
    alarm: Alarm,
    /// Until when environments may still come.
    patience: Time,
    /// When to try again what failed.
    again: Option<Instant>,
}

impl Runner {
    /// Must be called inside the runtime.
    fn new(options: RunnerOptions) -> Result<Self, RunError> {
        let desktop = Arc::default();
        let (store, retention) = (Arc::clone(&options.store), options.retention);
        Ok(Self {
            limits: (options.limits)(Occasion::Start),
            watch: store.watch(),
            mirror: Mirror::new(Arc::clone(&store)),
            housekeeping: Housekeeping::new(store, retention, Arc::clone(&desktop)),
            options,
            desktop,
            book: Book::default(),
            workers: JoinSet::new(),
            spawned: HashSet::new(),
            strangers: JoinSet::new(),
            watched: HashSet::new(),
            clearing: JoinSet::new(),
            cleared: HashSet::new(),
            announcers: JoinSet::new(),
            fruitless: HashMap::new(),
            causes: HashMap::new(),
            alarm: Alarm::new().map_err(RunError::Runtime)?,
            patience: now() + PATIENCE,
            again: None,
        })
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
                self.announcers.detach_all();
                return Ok(());
            }
        }
    }

    /// Acts and sleeps by turns, until there is nothing left to wait for.
    async fn watch(&mut self, bell: &mut Signal) {
        let mut idle_since: Option<Instant> = None;
        loop {
            if self.desktop.take_changed() {
                self.limits = (self.options.limits)(Occasion::Change);
            }
            let plan = self.tick();
            let idle = plan.idle && !self.desktop.is_visited();
            idle_since = idle.then(|| idle_since.unwrap_or_else(Instant::now));
            self.mirror.attend();
            let is_tidy = self.housekeeping.attend(idle_since) && self.mirror.is_written();
            let lingered = idle_since.is_some_and(|since| since.elapsed() >= LINGER);
            if (is_tidy && lingered) || self.desktop.is_retiring() {
                return;
            }
            let linger = idle_since.map(|since| since + LINGER).filter(|_| !lingered);
            let times = [linger, self.again, self.mirror.due(), self.housekeeping.due()];
            tokio::select! {
                () = self.desktop.bell.notified() => {}
                Some(reaped) = self.workers.join_next() => self.reap(reaped),
                Some(gone) = self.strangers.join_next() => self.departed(gone),
                Some(cleared) = self.clearing.join_next() => self.has_cleared(cleared),
                Some(_) = self.announcers.join_next() => {}
                asked = self.mirror.written() => self.asked_elsewhere(&asked),
                _ = bell.recv() => {}
                () = self.alarm.ring(plan.wake_at) => {}
                () = sleep_until(times.into_iter().flatten().min()) => {}
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

    /// Looks at all that has changed and does what is to be done.
    fn tick(&mut self) -> Plan {
        let seen = self.desktop.moves();
        self.again = None;
        self.look();
        self.desktop.keep_only(self.book.all_needs(), seen);
        let known = Known {
            values: self.desktop.values().into_iter().collect(),
            patience: Some(self.patience),
        };
        self.desktop.lack(self.book.lacking(&known.values));
        let plan = plan(&self.book, &known, &self.limits, now());
        self.act(&plan);
        plan
    }

    /// Brings the book up to date.
    fn look(&mut self) {
        let mut turns = Vec::new();
        let mut is_news = self.desktop.take_moved();
        let looked = self.watch.look(&mut |news| {
            is_news = true;
            turns.extend(self.book.learn(news));
        });
        if looked.is_err() {
            // What cannot be read shows in every call too; the jobs known so far go on.
            self.retry();
        }
        for id in self.book.take_unknown() {
            self.book.recall(id, outcome(&self.options.store, id));
        }
        self.book.mark_busy(self.spawned.iter().chain(&self.cleared).copied());
        if is_news {
            self.mirror.note();
        }
        for turn in turns {
            self.announce(turn);
        }
        self.watch_strangers();
    }

    /// Whoever else holds a claim is no child: its end is seen, and not told.
    fn watch_strangers(&mut self) {
        for (id, begun) in &self.book.begun {
            if let Some(holder) = &begun.held
                && !self.spawned.contains(id)
                && self.watched.insert(*id)
            {
                let (id, holder) = (*id, holder.clone());
                self.strangers.spawn(async move {
                    departure(holder).await;
                    id
                });
            }
        }
    }

    fn departed(&mut self, gone: Result<JobId, tokio::task::JoinError>) {
        if let Ok(id) = gone {
            self.watched.remove(&id);
        }
    }

    fn announce(&mut self, turn: Turn) {
        if turn.status.is_ended() {
            self.housekeeping.note();
        }
        let Some(args) = (self.options.announcer_args)(turn.id, turn.status, turn.at) else {
            return;
        };
        // Whether it can be told never matters to the job.
        if let Ok(mut child) = self.run(args) {
            self.announcers.spawn(async move { drop(child.wait().await) });
        }
    }

    /// What other programs asked for in the list for people.
    fn asked_elsewhere(&mut self, asked: &[JobId]) {
        for id in asked {
            // A worker that holds the claim looks within a second.
            let _ = self.write(*id, |_| None);
            self.watch.again(*id);
        }
    }

    /// A job that cannot be written to now is met again at the next look; what went wrong shows
    /// in its own files, so nothing is lost by going on with the others.
    fn act(&mut self, plan: &Plan) {
        let mut deeds = Deed::all(plan);
        if plan.resume.iter().any(|(_, by)| *by == ResumedBy::Timer) && self.mirror.is_touched() {
            // A pause that another program wrote after it stopped the worker must not be
            // overtaken by the timer.
            self.mirror.note();
            deeds.retain(|(_, deed)| !matches!(deed, Deed::Resume(ResumedBy::Timer)));
            self.retry();
        }
        let more = deeds.len() > WRITES;
        let mut wrote = false;
        for (id, deed) in deeds.into_iter().take(WRITES) {
            let cause = self.causes.get(&id).copied();
            match self.write(id, |state| state.change(deed, cause)) {
                Ok(()) => {
                    self.causes.remove(&id);
                    wrote = true;
                }
                Err(WriteError::Claim(ClaimError::Leftover(_))) => self.clear(id),
                Err(_) => self.retry(),
            }
            self.watch.again(id);
        }
        if wrote || more {
            // What was just written may start jobs: look again at once. What could not be written
            // would fail again: it has time until the next look.
            self.desktop.bell.notify_one();
        }
        for id in &plan.start {
            self.start(*id);
        }
    }

    fn retry(&mut self) {
        self.again.get_or_insert(Instant::now() + AGAIN);
    }

    /// Stops the programs of a job that outlived their worker, beside the loop: that takes a while.
    fn clear(&mut self, id: JobId) {
        if !self.cleared.insert(id) {
            return;
        }
        let (store, grace) = (Arc::clone(&self.options.store), self.options.grace);
        self.clearing.spawn_blocking(move || {
            // What cannot be stopped is on record now; what cannot be recorded is met again.
            if let Ok(claim) = claim_stopping(store.as_ref(), id, grace, &now) {
                let _ = claim.close(now());
            }
            id
        });
    }

    fn has_cleared(&mut self, cleared: Result<JobId, tokio::task::JoinError>) {
        if let Ok(id) = cleared {
            self.cleared.remove(&id);
            self.book.mark_free(id);
            self.watch.again(id);
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
            self.retry();
            return;
        }
        *tries += 1;
        self.causes.remove(&id);
        match self.run((self.options.worker_args)(id)) {
            Ok(mut child) => {
                self.spawned.insert(id);
                self.book.mark_busy([id]);
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
                self.retry();
            }
        }
    }

    /// Fails a job that cannot even begin; one that has begun meanwhile is left alone.
    fn give_up(&self, id: JobId, error: String) -> Result<(), WriteError> {
        self.write(id, |state| {
            (state.job.status() == Status::Pending).then_some(Change::Failed { error })
        })
    }

    fn run(&self, args: Vec<OsString>) -> io::Result<Child> {
        let mut command = std::process::Command::new(&self.options.program);
        command
            .arg0("jobctl")
            .args(args)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Command::from(command).kill_on_drop(false).spawn()
    }

    fn reap(&mut self, reaped: Result<(JobId, io::Result<ExitStatus>), tokio::task::JoinError>) {
        let Ok((id, status)) = reaped else { return };
        self.spawned.remove(&id);
        self.watch.again(id);
        self.look();
        self.book.mark_free(id);
        // A full disk is no reason to give a job up that could not begin.
        if !self.book.is_pending(id) || is_storage(status.as_ref().ok()) {
            self.fruitless.remove(&id);
        }
        if let Ok(status) = status
            && self.book.is_running(id)
        {
            self.causes.insert(id, status);
        }
    }
}

/// How a job ended that others depend on; `None` where it is gone, or cannot be read.
fn outcome(store: &FileStore, id: JobId) -> Option<Outcome> {
    match store.look(id) {
        Ok(seen) => {
            let job = seen.job.filter(|_| seen.damage.is_none())?;
            Outcome::of(job.status(), job.warnings() == 0)
        }
        Err(_) => {
            let ended = store.ended(id).ok()??;
            Outcome::of(ended.status, ended.warnings == 0)
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// What the runner writes to a job that nobody holds.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Answers to requests, and nothing else.
    Answer,
    /// That its worker has gone without a word.
    Interrupted,
    /// That its pause is over.
    Resume(ResumedBy),
    /// That nobody has its environment.
    Homeless,
    /// That its dependency can no longer be met.
    Blocked(Blocked),
}

impl Deed {
    fn all(plan: &Plan) -> Vec<(JobId, Self)> {
        let asked = plan.asked.iter().map(|id| (*id, Self::Answer));
        let interrupted = plan.interrupted.iter().map(|id| (*id, Self::Interrupted));
        let resume = plan.resume.iter().map(|(id, by)| (*id, Self::Resume(*by)));
        let blocked = plan.blocked.iter().map(|blocked| (blocked.id, Self::Blocked(*blocked)));
        let homeless = plan.homeless.iter().map(|id| (*id, Self::Homeless));
        asked.chain(interrupted).chain(resume).chain(blocked).chain(homeless).collect()
    }
}

/// A job in hand, and the time.
struct Standing<'a> {
    job: &'a jobctl_core::Job,
    now: Time,
}

impl Standing<'_> {
    fn change(&self, deed: Deed, status: Option<ExitStatus>) -> Option<Change> {
        match deed {
            Deed::Answer => None,
            Deed::Interrupted => self.interrupted(status),
            Deed::Resume(by) => self.resumed(by),
            Deed::Homeless => self
                .is_pending()
                .then_some(Change::Paused { reason: Reason::Environment, resumes_at: None }),
            Deed::Blocked(blocked) => self.blocked(blocked),
        }
    }

    fn is_pending(&self) -> bool {
        self.job.status() == Status::Pending
    }

    fn blocked(&self, Blocked { on, then, .. }: Blocked) -> Option<Change> {
        let is_so = self.is_pending() && !self.job.waived && self.job.spec.after.contains(&on);
        is_so.then(|| match then {
            OnDependencyFailure::Hold => {
                Change::Paused { reason: Reason::Dependency { on: on.on }, resumes_at: None }
            }
            OnDependencyFailure::Cancel => Change::Cancelled {
                reason: Some(format!("job {} {}", on.on, in_vain(on.condition))),
            },
        })
    }

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

/// What a job did not do that another waited for.
const fn in_vain(condition: Condition) -> &'static str {
    match condition {
        Condition::Success => "did not succeed",
        Condition::Clean => "did not succeed without warnings",
        Condition::Failure => "did not fail",
        Condition::Ended => "is gone",
    }
}

/// Why the runner could not write to a job now.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Record(#[from] RecordError),
}
