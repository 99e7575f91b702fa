use jiff::SignedDuration;

use crate::{Headers, Time, retry_after};

/// The clock of a server, as its answer shows it, beside ours.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// When the answer came, by our clock.
    pub ours: Time,
    /// When it was sent, by the server's, if it says so.
    pub theirs: Option<Time>,
}

impl Clock {
    /// The clock of the server that sent these headers with an answer that came then.
    pub fn of(headers: &Headers, received_at: Time) -> Self {
        let date = headers.get("date").and_then(|date| httpdate::parse_http_date(date).ok());
        Self { ours: received_at, theirs: date.and_then(|date| Time::try_from(date).ok()) }
    }

    /// A moment of the server's clock in ours. `Date` has whole seconds, less exact than a
    /// synchronised clock, so small distances are none.
    pub fn convert(&self, theirs: Time) -> Time {
        let Some(date) = self.theirs else { return theirs };
        let apart = self.ours.duration_since(date);
        if apart.abs() <= SignedDuration::from_secs(2) {
            return theirs;
        }
        theirs.checked_add(apart).unwrap_or(theirs)
    }

    /// When a `Retry-After` of this answer wants the next request, by our clock: a date is a
    /// moment of the server's, a count of seconds needs no clock.
    pub fn retry_after(&self, value: &str) -> Option<Time> {
        match httpdate::parse_http_date(value.trim()) {
            Ok(date) => Some(self.convert(Time::try_from(date).ok()?).max(self.ours)),
            Err(_) => retry_after(value, self.ours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a `Retry-After` of a server with this clock means at 10:00:00 of ours.
    fn check(date: &str, value: &str, wanted: &str) {
        let headers: Headers = [("date", date)].into_iter().collect();
        let clock = Clock::of(&headers, "2026-11-21T10:00:00Z".parse().unwrap());
        assert_eq!(clock.retry_after(value), Some(wanted.parse().unwrap()), "{date} {value}");
    }

    #[test]
    fn a_date_is_read_by_the_servers_clock_and_a_count_by_ours() {
        let at = "Sat, 21 Nov 2026 10:05:00 GMT";
        check("Sat, 21 Nov 2026 10:00:01 GMT", at, "2026-11-21T10:05:00Z");
        check("Sat, 21 Nov 2026 10:04:00 GMT", at, "2026-11-21T10:01:00Z");
        check("Sat, 21 Nov 2026 11:00:00 GMT", at, "2026-11-21T10:00:00Z");
        check("no date", at, "2026-11-21T10:05:00Z");
        check("Sat, 21 Nov 2026 11:00:00 GMT", "60", "2026-11-21T10:01:00Z");
    }
}
