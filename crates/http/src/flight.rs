use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::aimd::Aimd;

/// The requests in flight.
#[derive(Debug)]
pub(crate) struct Flight {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    aimd: Aimd,
    taken: usize,
}

/// A place among the requests in flight; given back on drop.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Flight);

impl Flight {
    pub(crate) fn new(ceiling: usize) -> Self {
        let state = Mutex::new(State { aimd: Aimd::new(ceiling), taken: 0 });
        Self { state, changed: Notify::new() }
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self) -> Place<'_> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Enlisted before looking: a place that frees in between is not missed.
            changed.as_mut().enable();
            if let Some(place) = self.try_enter() {
                return place;
            }
            changed.await;
        }
    }

    fn try_enter(&self) -> Option<Place<'_>> {
        let mut state = self.lock();
        if state.taken >= state.aimd.limit() {
            return None;
        }
        state.taken += 1;
        Some(Place(self))
    }

    pub(crate) fn answered(&self, bucket: &'static str, latency: Duration) {
        self.lock().aimd.answered(bucket, latency);
        self.changed.notify_waiters();
    }

    pub(crate) fn faulted(&self) {
        self.lock().aimd.faulted();
    }

    pub(crate) fn refused(&self) {
        self.lock().aimd.refused();
    }

    pub(crate) fn limit(&self) -> usize {
        self.lock().aimd.limit()
    }

    /// The least time that one request costs now, at the present concurrency.
    pub(crate) fn pace(&self) -> Duration {
        let state = self.lock();
        let places = u32::try_from(state.aimd.limit()).unwrap_or(u32::MAX);
        state.aimd.floor().unwrap_or_default() / places
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().taken -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_given_back_wakes_who_waits() {
        let flight = Flight::new(1);
        let first = flight.enter().await;
        let (second, ()) = tokio::join!(flight.enter(), async {
            tokio::task::yield_now().await;
            assert!(flight.try_enter().is_none());
            drop(first);
        });
        assert!(flight.try_enter().is_none());
        drop(second);
        assert!(flight.try_enter().is_some());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_takes_no_place() {
        let flight = Flight::new(1);
        let first = flight.enter().await;
        tokio::select! {
            biased;
            _ = flight.enter() => panic!("there was no place"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        assert!(flight.try_enter().is_some());
    }
}
