//! The thread that owns a worker's claim: the store is synchronous, the work is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use jobctl_core::{Cause, Change, Event, Progress, Window};
use jobctl_store::{Claim, RecordError, Request, RequestId};
use tokio::sync::oneshot;

use crate::worker::now;

/// How often progress reaches the disk at most.
const EVERY: Duration = Duration::from_secs(1);

/// A line to the thread that owns the claim. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    orders: Sender<Order>,
    broken: Arc<AtomicBool>,
}

enum Order {
    Record { change: Change, answers: Vec<RequestId>, done: oneshot::Sender<()> },
    Progress { progress: Progress, pauses: SignedDuration },
    Say(String),
    Exited(Cause),
    Requests(oneshot::Sender<Vec<Request>>),
    Forget(RequestId),
    Close,
}

/// How the thread ended.
pub(crate) struct Closed {
    /// What went wrong with the disk, if anything.
    pub(crate) error: Option<RecordError>,
}

impl Recorder {
    /// Takes the claim into a thread of its own; `moved` is called when readers see something new
    /// that does not end the attempt.
    pub(crate) fn start(
        claim: Box<dyn Claim>,
        moved: Box<dyn Fn() + Send>,
    ) -> (Self, std::thread::JoinHandle<Closed>) {
        let (orders, inbox) = channel();
        let broken = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&broken);
        let thread = std::thread::spawn(move || {
            let keeper = Keeper {
                claim,
                moved,
                window: Window::default(),
                shown: None,
                fresh: false,
                written: None,
                exit: None,
                error: None,
            };
            keeper.serve(&inbox, &flag)
        });
        (Self { orders, broken }, thread)
    }

    /// Records an event; durable once this returns, unless the recorder is broken.
    pub(crate) async fn record(&self, change: Change, answers: Vec<RequestId>) {
        let (done, recorded) = oneshot::channel();
        let _ = self.orders.send(Order::Record { change, answers, done });
        let _ = recorded.await;
    }

    pub(crate) fn progress(&self, progress: Progress, pauses: SignedDuration) {
        let _ = self.orders.send(Order::Progress { progress, pauses });
    }

    pub(crate) fn say(&self, line: String) {
        let _ = self.orders.send(Order::Say(line));
    }

    pub(crate) fn exited(&self, how: Cause) {
        let _ = self.orders.send(Order::Exited(how));
    }

    /// What others ask of the job now.
    pub(crate) async fn requests(&self) -> Vec<Request> {
        let (reply, requests) = oneshot::channel();
        let _ = self.orders.send(Order::Requests(reply));
        requests.await.unwrap_or_default()
    }

    /// Drops a request that needs no event.
    pub(crate) fn forget(&self, request: RequestId) {
        let _ = self.orders.send(Order::Forget(request));
    }

    /// Writes the last words and lets the claim go.
    pub(crate) fn close(&self) {
        let _ = self.orders.send(Order::Close);
    }

    /// Whether a write has failed: nothing more is recorded, and the work should end.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

/// The thread's own.
struct Keeper {
    claim: Box<dyn Claim>,
    moved: Box<dyn Fn() + Send>,
    window: Window,
    shown: Option<Progress>,
    /// Whether readers have not seen it yet.
    fresh: bool,
    written: Option<Instant>,
    /// How the job's program ended.
    exit: Option<Cause>,
    error: Option<RecordError>,
}

impl Keeper {
    fn serve(mut self, inbox: &Receiver<Order>, broken: &AtomicBool) -> Closed {
        loop {
            match inbox.recv_timeout(EVERY) {
                Ok(Order::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.show();
            broken.store(self.error.is_some(), Ordering::SeqCst);
        }
        let error = match self.error {
            None => self.claim.close(now()).err(),
            error @ Some(_) => error,
        };
        Closed { error }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Record { change, answers, done } => {
                self.record(change, &answers);
                let _ = done.send(());
            }
            Order::Progress { mut progress, pauses } => {
                let at = now();
                self.window.sample(at, progress.current);
                progress.rate = self.window.rate(at);
                progress.eta_seconds =
                    progress.total.and_then(|total| self.window.eta(at, total, pauses));
                self.fresh = true;
                self.shown = Some(progress);
            }
            Order::Say(line) => self.claim.log(now(), &line),
            Order::Exited(how) => self.exit = Some(how),
            Order::Requests(reply) => {
                let requests = self.claim.requests();
                let _ = reply.send(self.checked(requests).unwrap_or_default());
            }
            Order::Forget(request) => {
                let done = self.claim.forget(&[request]);
                self.checked(done);
            }
            Order::Close => {}
        }
    }

    fn record(&mut self, change: Change, answers: &[RequestId]) {
        if self.error.is_some() {
            return;
        }
        // A rate across a standstill would be a lie.
        let stands = matches!(change, Change::Paused { .. } | Change::Continued);
        if stands {
            self.window.clear();
        }
        let mut event: Event = change.at(now());
        event.exit = self.exit;
        event.answers = answers.iter().map(|id| id.0.clone()).collect();
        if let Some(progress) = &self.shown {
            event.counts = Some(progress.counts());
            self.claim.learn(progress, event.at);
            self.fresh = false;
        }
        let done = self.claim.record(event).map(drop);
        if stands {
            (self.moved)();
        }
        if self.checked(done).is_some() && !answers.is_empty() {
            let done = self.claim.forget(answers);
            self.checked(done);
        }
    }

    /// Writes progress that is newer than what readers see, once a second.
    fn show(&mut self) {
        let due = self.fresh && self.written.is_none_or(|at| at.elapsed() >= EVERY);
        if let Some(progress) = self.shown.as_ref().filter(|_| due && self.error.is_none()) {
            self.written = Some(Instant::now());
            match self.claim.progress(progress, now()) {
                Ok(true) => {
                    self.fresh = false;
                    (self.moved)();
                }
                Ok(false) => {}
                // Progress is a hint: a failed write of it must not end the work.
                Err(error) => self.claim.log(now(), &format!("could not show progress: {error}")),
            }
        }
    }

    fn checked<T>(&mut self, result: Result<T, RecordError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.claim.log(now(), &format!("could not write: {error}"));
                self.error.get_or_insert(error);
                None
            }
        }
    }
}
