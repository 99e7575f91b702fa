use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_provider::{Answer, Budget, Request, Rest, Time};

use crate::{Identity, Left};

/// Asks a forge, at a pace that it stands. The seam between an import and the network.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Waits for its turn and a place among the requests in flight, then asks, as the identity
    /// with the most left of its budget.
    ///
    /// Transient faults (5xx, resets, timeouts) are tried again with jitter, at most five times
    /// in all, and only where the request may be repeated; a short `Retry-After` is honoured.
    /// Nothing is sent while a budget is known to be spent; what is left of it is not promised
    /// twice. Dropping the future gives the place back.
    async fn send(&self, request: &Request) -> Sent;

    /// Takes note of what a reply said of its budget.
    fn learn(&self, by: Identity, budget: &Budget);

    /// The forge refused: holds everything of that bucket, or of all with `None`, and halves
    /// the concurrency. Returns when asking may go on.
    ///
    /// Without `until`, 60 seconds, doubling with each consecutive refusal up to 30 minutes,
    /// with jitter. Refusals of requests that were already in flight count once.
    fn hold(
        &self,
        by: Identity,
        until: Option<Time>,
        bucket: Option<&str>,
        message: &str,
        now: Time,
    ) -> Time;

    /// The forge answered, and wants a rest: one of up to ten seconds is waited for by whatever
    /// is sent next, a longer one is a hold. Halves the concurrency.
    fn rest(&self, by: Identity, rest: &Rest, now: Time);

    /// The forge refused the credential of an identity: has it renewed, or sets it aside.
    async fn refused(&self, by: Identity) -> Left;

    /// How long the present budgets make standing still certain if so many more requests are
    /// wanted; for an ETA.
    fn certain_pause(&self, requests: u64, now: Time) -> SignedDuration;

    /// What is known of the budgets, those of all identities together.
    fn budgets(&self) -> Vec<Budget>;

    /// How many requests it would have in flight at once now.
    fn in_flight_limit(&self) -> usize;

    /// Requests sent so far, repeats included.
    fn sent(&self) -> u64;
}

/// What became of a request.
#[derive(Debug, Clone)]
pub enum Sent {
    /// It was asked, and this came back.
    Answer {
        /// What came.
        answer: Answer,
        /// Who asked.
        by: Identity,
    },
    /// It was not sent: nothing is left of its budget, whoever asks.
    Limited {
        /// When asking may go on.
        until: Time,
        /// Which budget.
        bucket: String,
        /// What the forge said, or what is known of the budget.
        message: String,
    },
}
