//! Removes ended jobs that have had their time, and what dead processes left, beside the runner's
//! loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jobctl_core::{JobId, Retention, Rule};
use jobctl_store::{FileStore, REMOVED_TOGETHER};

use crate::server::Desktop;
use crate::worker::now;

/// How long after its start, or with nothing left to do, the runner turns to this: not while
/// somebody waits for the prompt.
const CALM: Duration = Duration::from_secs(1);
/// How often it does while there is other work, and jobs end.
const EVERY: Duration = Duration::from_secs(60);

/// Rounds through the ended jobs, one at a time, on a thread of their own.
pub(crate) struct Housekeeping {
    store: Arc<FileStore>,
    retention: Retention,
    desktop: Arc<Desktop>,
    started: Instant,
    last: Option<Round>,
    /// Whether a job has ended since the last round began.
    is_wanted: bool,
    over: Arc<AtomicBool>,
}

struct Round {
    begun: Instant,
    is_done: Arc<AtomicBool>,
}

impl Round {
    fn is_done(&self) -> bool {
        self.is_done.load(Ordering::SeqCst)
    }
}

/// The end of a round, even of one that panics. It is marked before the bell rings: a runner that
/// looks at once must see it, since nothing rings again.
struct End {
    is_done: Arc<AtomicBool>,
    desktop: Arc<Desktop>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.is_done.store(true, Ordering::SeqCst);
        // A runner that waits to leave need not wait longer.
        self.desktop.bell.notify_one();
    }
}

impl Housekeeping {
    pub(crate) fn new(store: Arc<FileStore>, retention: Retention, desktop: Arc<Desktop>) -> Self {
        let started = Instant::now();
        Self {
            store,
            retention,
            desktop,
            started,
            last: None,
            is_wanted: true,
            over: Arc::default(),
        }
    }

    /// Takes note that a job has ended.
    pub(crate) const fn note(&mut self) {
        self.is_wanted = true;
    }

    /// When the next round is due although there is other work.
    pub(crate) fn due(&self) -> Option<Instant> {
        match &self.last {
            Some(round) if !round.is_done() => None,
            Some(round) => self.is_wanted.then(|| round.begun + EVERY),
            None => Some(self.started + CALM),
        }
    }

    /// Begins a round when one is due. Says whether the runner, idle since then, may leave: a
    /// round has begun meanwhile, and has ended.
    pub(crate) fn attend(&mut self, idle_since: Option<Instant>) -> bool {
        if self.last.as_ref().is_some_and(|round| !round.is_done()) {
            return false;
        }
        let begun = self.last.as_ref().map(|round| round.begun);
        let before_leaving = idle_since
            .is_some_and(|since| since.elapsed() > CALM && begun.is_none_or(|begun| begun < since));
        let in_time = self.due().is_some_and(|at| at <= Instant::now());
        if before_leaving || in_time {
            self.is_wanted = false;
            self.last = Some(self.begin());
            return false;
        }
        idle_since.is_some()
    }

    fn begin(&self) -> Round {
        let (store, over) = (self.store.clone(), self.over.clone());
        let rule = Rule::Retention(self.retention);
        let is_done = Arc::<AtomicBool>::default();
        let end = End { is_done: Arc::clone(&is_done), desktop: self.desktop.clone() };
        tokio::task::spawn_blocking(move || {
            let _end = end;
            round(&store, &rule, &over);
        });
        Round { begun: Instant::now(), is_done }
    }
}

impl Drop for Housekeeping {
    fn drop(&mut self) {
        // The runtime waits for a round before it ends: that must not take long.
        self.over.store(true, Ordering::Relaxed);
    }
}

/// What cannot be removed now is met again by the next round, or by the next runner.
fn round(store: &FileStore, rule: &Rule, over: &AtomicBool) {
    let _ = store.sweep(now());
    let Ok(judged) = store.judge(rule, now()) else { return };
    let ids: Vec<JobId> = judged.go.iter().map(|ended| ended.id).collect();
    for some in ids.chunks(REMOVED_TOGETHER) {
        if over.load(Ordering::Relaxed) || store.remove_all(some, now()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use jiff::SignedDuration;
    use jobctl_core::{Change, Kind, Spec};
    use jobctl_store::{Adopt, RealFs, Registry, Store, Which};

    use super::*;

    #[test]
    fn nobody_leaves_before_a_round_that_has_begun_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let (path, registry) = (dir.path().join("state"), Registry::at(dir.path().join("r")));
        let store = FileStore::create(&path, &registry, Arc::new(RealFs), "boot", Adopt::Named);
        let store = Arc::new(store.unwrap());
        let (id, old) = (JobId::from_bits(1), now() - SignedDuration::from_hours(100));
        let spec = Spec::new(Kind::ImportIssues, "import", "/");
        let mut claim = store.submit_held(id, spec, old).unwrap();
        claim.record(Change::Cancelled { reason: None }.at(old)).unwrap();
        claim.close(old).unwrap();

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _inside = runtime.enter();
        let none = Retention { completed: 0, failed: 0 };
        let mut housekeeping = Housekeeping::new(Arc::clone(&store), none, Arc::default());
        assert!(!housekeeping.attend(None), "who has work does not leave");
        // A round cannot end while another process writes to the list of ended jobs.
        let list = File::open(path.join("ended.lock")).unwrap();
        list.lock().unwrap();
        let idle_since = Instant::now().checked_sub(CALM * 2);
        for _ in 0..100 {
            assert!(!housekeeping.attend(idle_since), "a round is due, or begun");
        }
        list.unlock().unwrap();
        while !housekeeping.attend(idle_since) {
            std::thread::yield_now();
        }
        assert!(store.list(Which::All).unwrap().is_empty());
    }
}
