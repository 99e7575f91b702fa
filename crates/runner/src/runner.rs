//! The runner's loop: looks, plans, acts, and sleeps until rung.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jobctl_core::{Change, JobId, Kind, Limits, Need, ResumedBy, Time};
use jobctl_store::{ClaimError, RecordError, RunnerLock, Store, Watch, Worker};
use tokio::net::UnixListener;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::alarm::{Alarm, departure};
use crate::book::{Book, Turn};
use crate::deed::{Deed, Standing, is_storage};
use crate::housekeeping::Housekeeping;
use crate::leftover::claim_stopping;
use crate::link::THRIFT;
use crate::mirror::Mirror;
use crate::options::{Occasion, RunError, RunnerOptions};
use crate::plan::{Known, Plan, plan};
use crate::server::{Desktop, Free, serve};
use crate::worker::now;
use crate::{Offer, Value, ask};

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
/// How long after such an end nothing else is tried: a full disk has no room a moment later.
const STORAGE_REST: Duration = Duration::from_secs(2);

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
    runtime.block_on(async { Runner::new(options, lock)?.serve().await })
}

struct Runner {
    options: RunnerOptions,
    lock: RunnerLock,
    desktop: Arc<Desktop>,
    limits: Limits,
    watch: Watch,
    book: Book,
    workers: JoinSet<(u32, io::Result<ExitStatus>)>,
    /// Jobs that its workers have, each with the process; one that became free is no longer here.
    spawned: HashMap<JobId, u32>,
    /// Workers that wait for another job.
    free: Vec<Free>,
    /// Workers that have gone since the last look.
    reaped: Vec<(JobId, Option<ExitStatus>)>,
    /// Processes that hold claims, and that it is not the parent of.
    strangers: JoinSet<JobId>,
    watched: HashSet<JobId>,
    /// Jobs whose programs outlived their worker, while those are stopped.
    clearing: JoinSet<JobId>,
    cleared: HashSet<JobId>,
    /// How often in a row a job was spawned and stayed pending.
    fruitless: HashMap<JobId, u32>,
    /// How the workers ended that this runner was the parent of, until that is on record.
    causes: HashMap<JobId, ExitStatus>,
    housekeeping: Housekeeping,
    mirror: Mirror,
    alarm: Alarm,
    /// Until when environments may still come.
    patience: Time,
    /// Environments that were looked for on disk, by their hashes.
    sought: HashSet<String>,
    /// When to try again what failed.
    again: Option<Instant>,
}

impl Runner {
    /// Must be called inside the runtime.
    fn new(options: RunnerOptions, lock: RunnerLock) -> Result<Self, RunError> {
        let desktop = Arc::default();
        let (store, retention) = (Arc::clone(&options.store), options.retention);
        Ok(Self {
            limits: (options.limits)(Occasion::Start),
            watch: store.watch(),
            mirror: Mirror::new(Arc::clone(&store)),
            housekeeping: Housekeeping::new(store, retention, Arc::clone(&desktop)),
            options,
            lock,
            desktop,
            book: Book::default(),
            workers: JoinSet::new(),
            spawned: HashMap::new(),
            free: Vec::new(),
            reaped: Vec::new(),
            strangers: JoinSet::new(),
            watched: HashSet::new(),
            clearing: JoinSet::new(),
            cleared: HashSet::new(),
            fruitless: HashMap::new(),
            causes: HashMap::new(),
            alarm: Alarm::new().map_err(RunError::Runtime)?,
            patience: now() + PATIENCE,
            sought: HashSet::new(),
            again: None,
        })
    }

    async fn serve(mut self) -> Result<(), RunError> {
        // A stray SIGTERM must not end the watch; it only makes the runner look.
        let mut bell = signal(SignalKind::terminate()).map_err(RunError::Runtime)?;
        loop {
            let listener = self.listen()?;
            let listening = tokio::spawn(serve(listener, Arc::clone(&self.desktop)));
            self.watch(&mut bell).await;
            // Nobody new can call any more; whoever did in time is served by one more look.
            self.options.place.withdraw();
            listening.abort();
            let _ = listening.await;
            if self.must_go() || (!self.desktop.is_visited() && self.tick().idle) {
                self.workers.detach_all();
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
            if (is_tidy && lingered) || self.must_go() {
                return;
            }
            let linger = idle_since.map(|since| since + LINGER).filter(|_| !lingered);
            let times = [linger, self.again, self.mirror.due(), self.housekeeping.due()];
            tokio::select! {
                () = self.desktop.bell.notified() => {}
                Some(Ok((pid, status))) = self.workers.join_next() => { self.reap(pid, status.ok()); }
                Some(Ok(id)) = self.strangers.join_next() => drop(self.watched.remove(&id)),
                Some(Ok(id)) = self.clearing.join_next() => self.has_cleared(id),
                asked = self.mirror.written() => self.asked_elsewhere(&asked),
                _ = bell.recv() => {}
                () = self.alarm.ring(plan.wake_at) => {}
                () = sleep_until(times.into_iter().flatten().min()) => {}
            }
        }
    }

    /// Whether a newer `jobctl` takes over, or the state directory is another one now.
    fn must_go(&self) -> bool {
        self.desktop.is_retiring() || !self.lock.is_at_its_path()
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
        self.take_free();
        self.look();
        let needs = self.book.all_needs();
        self.desktop.keep_only(needs.clone(), seen);
        self.find_kept(&needs);
        let known = Known {
            values: self.desktop.values().into_iter().collect(),
            patience: Some(self.patience),
        };
        self.desktop.lack(self.book.lacking(&needs, &known.values));
        self.desktop.looked();
        let plan = plan(&self.book, &known, &self.room(), now());
        self.act(&plan);
        plan
    }

    /// The limits, less what is used by workers whose job has ended: they are about to go, or to
    /// say that they are free.
    fn room(&self) -> Limits {
        let done = self.spawned.keys().filter(|id| !self.book.jobs.contains_key(id)).count();
        let max_parallel = self.limits.max_parallel.saturating_sub(done);
        Limits { max_parallel, ..self.limits.clone() }
    }

    /// Takes environments that were kept on disk for jobs here.
    fn find_kept(&mut self, needs: &BTreeSet<Need>) {
        for need in needs.iter().filter(|need| need.is_environment()) {
            // Once: one that is kept later is handed over as well.
            if !self.sought.insert(need.origin.clone()) || self.desktop.holds(need) {
                continue;
            }
            if let Ok(Some(text)) = self.options.store.kept_environment(&need.origin) {
                self.desktop.put(Offer { need: need.clone(), value: Value::new(text) });
            }
        }
    }

    /// Brings the book up to date.
    fn look(&mut self) {
        let mut turns = Vec::new();
        let looked = self.watch.look(&mut |news| turns.extend(self.book.learn(news)));
        if looked.is_err() {
            // What cannot be read shows in every call too; the jobs known so far go on.
            self.retry();
        }
        for (id, status) in std::mem::take(&mut self.reaped) {
            self.conclude(id, status);
        }
        self.book.look_back(&self.options.store);
        self.book.mark_busy(self.spawned.keys().chain(&self.cleared).copied());
        if self.book.take_news() | self.desktop.take_moved() {
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
            if let Worker::Alive(holder) = &begun.worker
                && !self.spawned.contains_key(id)
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

    fn announce(&mut self, turn: Turn) {
        if turn.status.is_ended() {
            self.housekeeping.note();
        }
        (self.options.announce)(turn.id, turn.status, turn.at);
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
        // There is nothing for the others: they go.
        self.free.clear();
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

    fn has_cleared(&mut self, id: JobId) {
        self.cleared.remove(&id);
        self.book.mark_free(id);
        self.watch.again(id);
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
        if self.hand_on(id) {
            return;
        }
        match self.run((self.options.worker_args)(id)) {
            Ok(mut child) => {
                let pid = child.id().unwrap_or_default();
                self.spawned.insert(id, pid);
                self.book.mark_busy([id]);
                self.workers.spawn(async move {
                    let status = child.wait().await;
                    if is_storage(status.as_ref().ok()) {
                        tokio::time::sleep(STORAGE_REST).await;
                    }
                    (pid, status)
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
        self.write(id, |state| state.is_pending().then_some(Change::Failed { error }))
    }

    fn run(&self, args: Vec<OsString>) -> io::Result<Child> {
        let mut command = std::process::Command::new(&self.options.program);
        // A worker lives shortly and may use much.
        for (name, _) in THRIFT {
            command.env_remove(name);
        }
        command
            .arg0("jobctl")
            .args(args)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Command::from(command).kill_on_drop(false).spawn()
    }

    /// Takes the job of a child that has gone, or is free, out of its hands; says whether it had one.
    fn reap(&mut self, pid: u32, status: Option<ExitStatus>) -> bool {
        let job = self.spawned.iter().find(|(_, worker)| **worker == pid);
        let Some(id) = job.map(|(id, _)| *id) else { return false };
        self.spawned.remove(&id);
        self.watch.again(id);
        self.reaped.push((id, status));
        true
    }

    /// Hears which workers have become free.
    fn take_free(&mut self) {
        for free in self.desktop.take_free() {
            // The end of a worker of the runner before would go unseen: it gets no other job.
            if self.reap(free.pid, None) {
                self.free.push(free);
            }
        }
    }

    /// Gives a job to a worker that is free, if there is one for its kind.
    fn hand_on(&mut self, id: JobId) -> bool {
        if self.book.jobs.get(&id).is_none_or(|job| job.kind != Kind::RunCommand) {
            return false;
        }
        while let Some(Free { pid, give }) = self.free.pop() {
            // One that has gone meanwhile takes nothing.
            if give.send(id).is_ok() {
                self.spawned.insert(id, pid);
                self.book.mark_busy([id]);
                return true;
            }
        }
        false
    }

    /// What a worker's end means, with the book up to date.
    fn conclude(&mut self, id: JobId, status: Option<ExitStatus>) {
        self.book.mark_free(id);
        // A full disk is no reason to give a job up that could not begin.
        if !self.book.is_pending(id) || is_storage(status.as_ref()) {
            self.fruitless.remove(&id);
        }
        if let Some(status) = status.filter(|_| self.book.is_running(id)) {
            self.causes.insert(id, status);
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
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
