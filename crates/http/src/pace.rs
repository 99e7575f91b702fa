use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use jobctl_provider::Bucket;

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Keeps each bucket under the rate that its forge documents.
///
/// A governor limiter lets a burst pass and refills it steadily, so within any minute it lets
/// through the burst and a minute's refill. Two thirds and one third of the documented rate
/// make exactly that rate the most that any minute sees, while a short run is not slowed at all.
#[derive(Debug)]
pub(crate) struct Pace<C: Clock = TokioClock> {
    clock: C,
    limiters: HashMap<&'static str, Limiter<C>>,
}

/// The clock by which the runtime sleeps: virtual where that one's is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokioClock;

impl Clock for TokioClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Pace {
    pub(crate) fn new(buckets: &[Bucket]) -> Self {
        Self::with_clock(buckets, TokioClock)
    }
}

impl<C: Clock + Clone> Pace<C> {
    fn with_clock(buckets: &[Bucket], clock: C) -> Self {
        let limiters = buckets
            .iter()
            .filter_map(|bucket| {
                let limiter =
                    RateLimiter::direct_with_clock(quota(bucket.per_minute)?, clock.clone());
                Some((bucket.name, limiter))
            })
            .collect();
        Self { clock, limiters }
    }

    /// Takes `cost` of the bucket's pace, or says how long to wait before trying again. Buckets
    /// that the descriptor does not name have no pace.
    pub(crate) fn take(&self, bucket: &str, cost: u32) -> Result<(), Duration> {
        let Some(limiter) = self.limiters.get(bucket) else { return Ok(()) };
        let Some(cost) = NonZeroU32::new(cost) else { return Ok(()) };
        match limiter.check_n(cost) {
            // A single request dearer than a whole burst: it passes, or nothing ever would.
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(early)) => Err(early.wait_time_from(self.clock.now())),
        }
    }
}

/// `None` for a rate of nothing, which stands for "not documented".
fn quota(per_minute: u32) -> Option<Quota> {
    NonZeroU32::new(per_minute)?;
    let one = NonZeroU32::MIN;
    let refill = NonZeroU32::new(per_minute / 3).unwrap_or(one);
    let burst = NonZeroU32::new(per_minute - per_minute / 3).unwrap_or(one);
    Some(Quota::per_minute(refill).allow_burst(burst))
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace(per_minute: u32) -> (Pace<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let pace = Pace::with_clock(&[Bucket { name: "core", per_minute }], clock.clone());
        (pace, clock)
    }

    #[test]
    fn no_minute_sees_more_than_documented() {
        let (pace, clock) = pace(900);
        let mut passed = Vec::new();
        for _ in 0..300 {
            let mut now = 0;
            while pace.take("core", 1).is_ok() {
                now += 1;
            }
            passed.push(now);
            clock.advance(SECOND);
        }
        assert_eq!(passed[0], 600, "a short run is not slowed");
        let worst = passed.windows(60).map(|minute| minute.iter().sum::<u32>()).max();
        assert!(worst <= Some(900), "{worst:?}");
        assert!(passed.iter().sum::<u32>() > 600 + 299 * 4, "it refills");
    }

    #[test]
    fn a_wait_is_as_long_as_said() {
        let (pace, clock) = pace(3);
        assert_eq!(pace.take("core", 2), Ok(()));
        let wait = pace.take("core", 1).unwrap_err();
        clock.advance(wait);
        assert_eq!(pace.take("core", 1), Ok(()));
    }

    #[test]
    fn unknown_buckets_and_dear_requests_pass() {
        let (pace, _) = pace(1);
        assert_eq!(pace.take("other", 1), Ok(()));
        assert_eq!(pace.take("core", 1_000), Ok(()));
        assert_eq!(pace.take("core", 0), Ok(()));
    }
}
