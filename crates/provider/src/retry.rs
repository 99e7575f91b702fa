use jiff::SignedDuration;

use crate::Time;

/// When a `Retry-After` header wants the next request, if it says anything.
///
/// Takes seconds (whole or with a fraction, a negative count meaning now) and HTTP dates in all
/// three forms of RFC 9110, section 5.6.7; a date in the past means now. Anything else, and a
/// count so large that no calendar holds it, is `None`: the caller then backs off by itself.
pub fn retry_after(value: &str, now: Time) -> Option<Time> {
    let value = value.trim();
    if let Some(wait) = seconds(value) {
        return now.checked_add(wait).ok();
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Time::try_from(date).ok().map(|at| at.max(now))
}

/// A count of seconds in plain digits; exponents, infinities and the like are not counts.
fn seconds(value: &str) -> Option<SignedDuration> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !plain || !digits.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: f64 = value.parse().ok()?;
    SignedDuration::try_from_secs_f64(count.max(0.0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn wait(value: &str) -> Option<f64> {
        retry_after(value, now()).map(|at| at.duration_since(now()).as_secs_f64())
    }

    #[test]
    fn counts_of_seconds() {
        assert_eq!(wait("60"), Some(60.0));
        assert_eq!(wait(" 1.5 "), Some(1.5));
        assert_eq!(wait(".5"), Some(0.5));
        assert_eq!(wait("0"), Some(0.0));
        assert_eq!(wait("-7"), Some(0.0));
    }

    #[test]
    fn dates_in_every_form_of_the_rfc() {
        assert_eq!(wait("Sat, 21 Nov 2026 10:02:00 GMT"), Some(120.0));
        assert_eq!(wait("Saturday, 21-Nov-26 10:02:00 GMT"), Some(120.0));
        assert_eq!(wait("Sat Nov 21 10:02:00 2026"), Some(120.0));
        assert_eq!(wait("Sat, 21 Nov 2026 09:00:00 GMT"), Some(0.0), "a past date means now");
    }

    #[test]
    fn garbage_says_nothing() {
        for bad in
            ["", "soon", "1e3", "inf", "NaN", "--5", ".", "1.2.3", "60s", "9".repeat(400).as_str()]
        {
            assert_eq!(wait(bad), None, "{bad}");
        }
    }
}
