use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jobctl_http::{Client, StopFlag};
use tokio::sync::mpsc::UnboundedSender;

use crate::one::{Cloned, clone_one, wait};
use crate::{CloneError, CloneEvent, CloneOptions, CloneOutcome, Wanted};

/// The longest wait that a server may ask for without ending the run.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often in a row the last thread is told to wait before the run ends.
const REFUSALS: u32 = 5;

/// One call of `clone_all`: threads that take the next repository until there is none.
pub(crate) struct Run<'a> {
    client: &'a Client,
    options: &'a CloneOptions,
    stop: &'a StopFlag,
    events: &'a UnboundedSender<CloneEvent>,
    state: Mutex<State<'a>>,
}

#[derive(Debug)]
struct State<'a> {
    /// Those that nobody has begun, or that are to be begun again.
    queue: VecDeque<&'a Wanted>,
    /// Threads at work.
    threads: usize,
    /// Nothing is begun before.
    not_before: Option<Instant>,
    /// How often in a row the last thread was told to wait.
    refusals: u32,
    /// Why nothing else is begun.
    end: Option<CloneOutcome>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        client: &'a Client,
        options: &'a CloneOptions,
        wanted: &'a [Wanted],
        stop: &'a StopFlag,
        events: &'a UnboundedSender<CloneEvent>,
    ) -> Self {
        let state = State {
            queue: wanted.iter().collect(),
            threads: options.jobs.clamp(1, wanted.len().max(1)),
            not_before: None,
            refusals: 0,
            end: None,
        };
        Self { client, options, stop, events, state: Mutex::new(state) }
    }

    /// Clones them all, on threads of its own: libgit2's transports find their client by the
    /// thread.
    pub(crate) fn run(self) -> CloneOutcome {
        let threads = self.state().threads;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let thread = std::thread::Builder::new().name("jobctl-clone".into());
                if thread.spawn_scoped(scope, || self.work()).is_err() {
                    // Fewer threads clone just as well, and this one does if there is no other.
                    self.work();
                }
            }
        });
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.end {
            Some(end) => end,
            None if self.stop.is_raised() => CloneOutcome::Stopped,
            None => CloneOutcome::Done,
        }
    }

    fn work(&self) {
        while let Some(one) = self.next() {
            if !self.clone(one) {
                return;
            }
        }
        self.state().threads -= 1;
    }

    /// The next repository, once nothing keeps it from being begun.
    fn next(&self) -> Option<&'a Wanted> {
        loop {
            let pause = {
                let mut state = self.state();
                if state.end.is_some() || self.stop.is_raised() {
                    return None;
                }
                let now = Instant::now();
                match state.not_before.filter(|at| *at > now) {
                    None => return state.queue.pop_front(),
                    Some(at) => at - now,
                }
            };
            wait(pause, self.stop).ok()?;
        }
    }

    /// Clones one repository and tells what became of it; `false` ends the thread.
    fn clone(&self, one: &'a Wanted) -> bool {
        self.tell(CloneEvent::Started { name: one.name.clone() });
        let progress = |event| self.tell(event);
        let event = match clone_one(self.client, self.options, one, self.stop, &progress) {
            Ok(Cloned::New) => CloneEvent::Cloned { name: one.name.clone() },
            Ok(Cloned::Existing) => CloneEvent::Existing { name: one.name.clone() },
            Err(error) => return self.failed(one, error),
        };
        self.state().refusals = 0;
        self.tell(event);
        true
    }

    fn failed(&self, one: &'a Wanted, error: CloneError) -> bool {
        if let CloneError::Throttled { wait: Some(wait), .. } = &error
            && *wait <= PATIENCE
            && let Some(stays) = self.state().postpone(one, *wait)
        {
            return stays;
        }
        match CloneOutcome::of(error) {
            Ok(end) => {
                self.state().end.get_or_insert(end);
            }
            Err(error) => tell_failed(self.events, one.name.clone(), error),
        }
        true
    }

    fn tell(&self, event: CloneEvent) {
        // Nobody listening does not make the clones worse.
        let _ = self.events.send(event);
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> State<'a> {
    /// The server is too busy for so many at once: this one is begun again later, by one thread
    /// fewer. `Some(false)` if that thread is the caller's; `None` if the last thread has been
    /// told so too often.
    fn postpone(&mut self, one: &'a Wanted, wait: Duration) -> Option<bool> {
        let last = self.threads == 1;
        if last {
            self.refusals += 1;
            if self.refusals > REFUSALS {
                return None;
            }
        } else {
            self.threads -= 1;
        }
        self.queue.push_front(one);
        let at = Instant::now() + wait.max(Duration::from_millis(100));
        self.not_before = Some(self.not_before.map_or(at, |known| known.max(at)));
        Some(last)
    }
}

pub(crate) fn tell_failed(events: &UnboundedSender<CloneEvent>, name: String, error: CloneError) {
    let hint = error.hint();
    // As above.
    let _ = events.send(CloneEvent::Failed { name, error, hint });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_gets_fewer_threads_and_patience_ends() {
        let one = Wanted { name: "a/b".into(), url: String::new(), path: "a/b".into() };
        let mut state =
            State { queue: VecDeque::new(), threads: 3, not_before: None, refusals: 0, end: None };
        let mut postpone = || state.postpone(&one, Duration::ZERO);
        assert_eq!([postpone(), postpone()], [Some(false), Some(false)]);
        let last: Vec<_> = (0..6).map(|_| postpone()).collect();
        assert_eq!(last, [Some(true), Some(true), Some(true), Some(true), Some(true), None]);
        assert_eq!((state.threads, state.queue.len()), (1, 7));
    }
}
