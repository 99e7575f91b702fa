use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_provider::{Answer, Budget, Repeat, Request, Rest, Time, retry_after};
use tokio::time::Instant;

use crate::client::Inner;
use crate::ledger::{Booked, Spent, Wait};
use crate::purse::Grant;
use crate::{Client, Fault, FaultKind, Identity, Left, Reply, Sent, Transport};

/// How often one request is sent in all.
const TRIES: u32 = 5;
/// How often a request that ran into a timeout is sent in all: whoever asked may rather ask
/// for less.
const SLOW_TRIES: u32 = 2;
/// The longest `Retry-After` that is waited for here; a longer one is a pause, which the caller
/// is to know of.
const PATIENCE: Duration = Duration::from_secs(10);

#[async_trait]
impl Transport for Client {
    async fn send(&self, request: &Request) -> Sent {
        let inner = &self.0;
        let mut tries = 0;
        loop {
            let (by, outcome) = match inner.attempt(request).await {
                Ok(attempted) => attempted,
                Err(Spent { until, bucket, message }) => {
                    return Sent::Limited { until, bucket, message: inner.redact(&message) };
                }
            };
            tries += 1;
            let (now, random) = (inner.now(), fastrand::f64());
            match pause_before_repeat(&outcome, &request.repeat, tries, now, random) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Sent::Answer { answer: answer(outcome, now), by },
            }
        }
    }

    fn learn(&self, by: Identity, budget: &Budget) {
        let now = self.0.now();
        self.0.purse().learn(by, budget, now);
    }

    fn hold(
        &self,
        by: Identity,
        until: Option<Time>,
        bucket: Option<&str>,
        message: &str,
        now: Time,
    ) -> Time {
        let random = fastrand::f64();
        let (until, news) = self.0.purse().hold(by, until, (bucket, message), now, random);
        if news {
            self.0.flight.refused();
        }
        until
    }

    fn rest(&self, by: Identity, rest: &Rest, now: Time) {
        let said = (rest.bucket.as_deref(), rest.message.as_str());
        if self.0.purse().rest(by, rest.until, said, now) {
            self.0.flight.refused();
        }
    }

    async fn refused(&self, by: Identity) -> Left {
        self.0.refused(by).await
    }

    fn certain_pause(&self, requests: u64, now: Time) -> SignedDuration {
        let pace = self.0.flight.pace();
        self.0.purse().certain_pause(requests, now, pace)
    }

    fn budgets(&self) -> Vec<Budget> {
        let now = self.0.now();
        self.0.purse().budgets(now)
    }

    fn in_flight_limit(&self) -> usize {
        self.0.flight.limit()
    }

    fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }
}

/// A request's cost in a ledger; given back when the request is over or its future dropped.
struct Booking<'a> {
    inner: &'a Inner,
    by: Identity,
    booked: Option<Booked>,
    answered: Option<Time>,
}

impl Drop for Booking<'_> {
    fn drop(&mut self) {
        if let Some(booked) = self.booked.take() {
            self.inner.purse().settle(self.by, booked, self.answered);
        }
        self.inner.landed.notify_waiters();
    }
}

impl Inner {
    /// Waits for place, budget and pace, and asks once.
    async fn attempt(&self, request: &Request) -> Result<(Identity, Result<Reply, Fault>), Spent> {
        self.renew_early().await;
        // What would have to wait for long takes no place.
        let (cost, now) = (request.cost, self.now());
        if let Err(Wait::Spent(spent)) = self.purse().check(request.bucket, cost, now) {
            return Err(spent);
        }
        let _place = self.flight.enter().await;
        let (grant, mut booking) = self.book(request).await?;
        let (sent_at, begun) = (self.now(), Instant::now());
        let outcome = self.exchange(request, grant.credential.as_ref()).await;
        match &outcome {
            Ok(reply) if reply.status < 400 => {
                booking.answered = Some(sent_at);
                self.flight.answered(request.bucket, begun.elapsed());
            }
            Ok(_) | Err(_) => self.flight.faulted(),
        }
        Ok((grant.by, outcome))
    }

    /// Waits until some identity may ask.
    async fn book(&self, request: &Request) -> Result<(Grant, Booking<'_>), Spent> {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            // Enlisted before looking: what lands in between is not missed.
            landed.as_mut().enable();
            let now = self.now();
            let booked = self.purse().book(request.bucket, request.cost, now);
            match booked {
                Ok(mut grant) => {
                    let booked = grant.booked.take();
                    let booking = Booking { inner: self, by: grant.by, booked, answered: None };
                    match grant.pace.take(request.bucket, request.cost) {
                        Ok(()) => return Ok((grant, booking)),
                        Err(wait) => {
                            // Another may have more left by then.
                            drop(booking);
                            tokio::time::sleep(wait).await;
                        }
                    }
                }
                Err(Wait::Spent(spent)) => return Err(spent),
                Err(Wait::Landing) => landed.await,
                Err(Wait::Pace(until)) => {
                    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

fn answer(outcome: Result<Reply, Fault>, now: Time) -> Answer {
    match outcome {
        Ok(Reply { status, headers, body }) => {
            Answer::Reply { status, headers, body, received_at: now }
        }
        Err(Fault { kind: _, message }) => Answer::Fault { message, at: now },
    }
}

/// How long to wait before asking the same again; `None` if that is not for us to do. `random`
/// is from 0 to 1.
fn pause_before_repeat(
    outcome: &Result<Reply, Fault>,
    repeat: &Repeat,
    tries: u32,
    now: Time,
    random: f64,
) -> Option<Duration> {
    let safe = matches!(repeat, Repeat::Safe);
    let (again, named) = match outcome {
        Ok(reply) if (500..600).contains(&reply.status) => (safe, named_wait(reply, now)),
        Ok(_) => (false, None),
        Err(fault) => match fault.kind {
            FaultKind::Unreachable => (true, None),
            FaultKind::Broken => (safe, None),
            FaultKind::Timeout => (safe && tries < SLOW_TRIES, None),
            FaultKind::Barred => (false, None),
        },
    };
    let pause = named.unwrap_or_default().max(back_off(tries, random));
    (again && tries < TRIES && named.is_none_or(|wait| wait <= PATIENCE)).then_some(pause)
}

fn named_wait(reply: &Reply, now: Time) -> Option<Duration> {
    let at = retry_after(reply.headers.get("retry-after")?, now)?;
    Duration::try_from(at.duration_since(now)).ok()
}

/// 0.5, 1, 2, 4 seconds, half of it by chance.
fn back_off(tries: u32, random: f64) -> Duration {
    let whole = Duration::from_millis(250).saturating_mul(1 << tries.min(8));
    whole.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use jobctl_provider::Task;

    use super::*;

    fn at() -> Time {
        Time::from_second(1_790_000_000).unwrap()
    }

    fn reply(status: u16, headers: &[(&str, &str)]) -> Reply {
        let headers = headers.iter().map(|(name, value)| (*name, *value)).collect();
        Reply { status, headers, body: Vec::new() }
    }

    fn fault(kind: FaultKind) -> Result<Reply, Fault> {
        Err(Fault { kind, message: String::new() })
    }

    fn pause(outcome: &Result<Reply, Fault>, repeat: &Repeat, tries: u32) -> Option<u128> {
        pause_before_repeat(outcome, repeat, tries, at(), 1.0).map(|pause| pause.as_millis())
    }

    fn ask_first() -> Repeat {
        let state = serde_json::Value::Null;
        let probe = Task { scope: String::new(), kind: String::new(), state, version: 1 };
        Repeat::AskFirst { probe: Box::new(probe) }
    }

    #[test]
    fn transient_replies_are_repeated_five_times_in_all() {
        let gone = Ok(reply(503, &[]));
        let pauses: Vec<_> = (1..=5).map(|tries| pause(&gone, &Repeat::Safe, tries)).collect();
        assert_eq!(pauses, [Some(500), Some(1_000), Some(2_000), Some(4_000), None]);
    }

    #[test]
    fn refusals_are_the_callers_to_read() {
        for status in [200, 304, 401, 403, 404, 422, 429] {
            assert_eq!(pause(&Ok(reply(status, &[("retry-after", "1")])), &Repeat::Safe, 1), None);
        }
    }

    #[test]
    fn a_short_named_wait_is_kept_and_a_long_one_handed_on() {
        assert_eq!(pause(&Ok(reply(503, &[("retry-after", "7")])), &Repeat::Safe, 1), Some(7_000));
        assert_eq!(pause(&Ok(reply(503, &[("retry-after", "0")])), &Repeat::Safe, 1), Some(500));
        assert_eq!(pause(&Ok(reply(503, &[("retry-after", "11")])), &Repeat::Safe, 1), None);
    }

    #[test]
    fn what_must_not_be_sent_twice_is_repeated_only_if_it_never_left() {
        let once = ask_first();
        assert_eq!(pause(&fault(FaultKind::Unreachable), &once, 1), Some(500));
        assert_eq!(pause(&fault(FaultKind::Broken), &once, 1), None);
        assert_eq!(pause(&fault(FaultKind::Timeout), &once, 1), None);
        assert_eq!(pause(&Ok(reply(502, &[])), &once, 1), None);
    }

    #[test]
    fn a_timeout_is_repeated_once_and_what_is_barred_never() {
        assert_eq!(pause(&fault(FaultKind::Timeout), &Repeat::Safe, 1), Some(500));
        assert_eq!(pause(&fault(FaultKind::Timeout), &Repeat::Safe, 2), None);
        assert_eq!(pause(&fault(FaultKind::Barred), &Repeat::Safe, 1), None);
    }
}
