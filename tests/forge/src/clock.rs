//! The forge's clock: the real one, which tests may put forward.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

/// Wall time plus what was added to it, and a monotonic time for the log.
#[derive(Debug)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
    started: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Clock { ahead_ms: AtomicI64::new(0), started: Instant::now() }
    }

    /// Milliseconds since the epoch, by the forge's reckoning.
    #[expect(clippy::disallowed_methods, reason = "a server dates its replies by itself")]
    pub(crate) fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        millis(since) + self.ahead_ms.load(Ordering::Relaxed)
    }

    /// Seconds since the epoch, by the forge's reckoning.
    pub(crate) fn now(&self) -> i64 {
        self.now_ms().div_euclid(1_000)
    }

    /// Puts the clock forward: windows end, edits are dated later.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_ms.fetch_add(millis(by), Ordering::Relaxed);
    }

    /// Milliseconds since the forge started, untouched by [`Clock::advance`].
    pub(crate) fn uptime_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1_000.0
    }
}

/// Whole milliseconds; three hundred million years fit.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// `2020-01-08T06:35:18Z`, the only form the REST interface writes.
pub(crate) fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Reads what a client may write in `since`: a date, or a time with an offset; seconds.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let midnight = format!("{text}T00:00:00Z");
    midnight.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, for `Date` and `Retry-After`.
pub(crate) fn http_date(ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
}
