//! Spans and dates as people type them: `3mo`, `2025-01-31`, `90s`.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use jobctl_core::Time;

/// Text that is no span or date, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTime {
    /// `m` reads as minutes to some and as months to others.
    #[error("{0:?} could mean minutes or months: write `mo` for months")]
    Minutes(String),
    /// Anything else.
    #[error("not a span or date: {0:?} (30d, 6w, 3mo, 1y, 2026-01-31 or an RFC 3339 time)")]
    Unknown(String),
    /// Farther back than the calendar reaches.
    #[error("{0:?} reaches back too far")]
    TooFar(String),
    /// Not passed yet.
    #[error("{0:?} is in the future")]
    Future(String),
    /// Not a moment to start at.
    #[error("not a time: {0:?} (09:00, 2026-01-31 09:00 or an RFC 3339 time)")]
    NotATime(String),
    /// Passed already.
    #[error("{0:?} is in the past")]
    Past(String),
    /// Not a span of time.
    #[error("not a span of time: {0:?} (90s, 15min, 2h or 1d)")]
    NotASpan(String),
}

/// The moment that `--since` names. A plain date begins at midnight in `zone`.
pub(crate) fn since(text: &str, now: Time, zone: &TimeZone) -> Result<Time, BadTime> {
    let text = text.trim();
    let time = match split(text) {
        Some((number, unit)) => back(number, unit, text, &now.to_zoned(zone.clone()))?,
        None => date(text, zone).ok_or_else(|| BadTime::Unknown(text.to_owned()))?,
    };
    if time > now { Err(BadTime::Future(text.to_owned())) } else { Ok(time) }
}

fn back(number: i64, unit: &str, text: &str, now: &Zoned) -> Result<Time, BadTime> {
    let span = match unit {
        "d" | "day" | "days" => Span::new().try_days(number),
        "w" | "week" | "weeks" => Span::new().try_weeks(number),
        "mo" | "month" | "months" => Span::new().try_months(number),
        "y" | "year" | "years" => Span::new().try_years(number),
        "m" => return Err(BadTime::Minutes(text.to_owned())),
        _ => return Err(BadTime::Unknown(text.to_owned())),
    };
    let too_far = |_| BadTime::TooFar(text.to_owned());
    Ok(now.checked_sub(span.map_err(too_far)?).map_err(too_far)?.timestamp())
}

fn date(text: &str, zone: &TimeZone) -> Option<Time> {
    if let Ok(time) = text.parse::<Time>() {
        return Some(time);
    }
    let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from));
    Some(zone.to_zoned(civil.ok()?).ok()?.timestamp())
}

/// The moment that `--at` names: a time of day is the next one in `zone`. Where the clocks skip
/// it, it is as much later as they skip; where they show it twice, it is the first time.
pub(crate) fn moment(text: &str, now: Time, zone: &TimeZone) -> Result<Time, BadTime> {
    let text = text.trim();
    if let Some(time) = time_of_day(text) {
        let today = now.to_zoned(zone.clone()).date();
        // A day without this time of day still has a later one.
        let next = today.series(Span::new().days(1)).take(3).find_map(|day| {
            let at = zone.to_zoned(day.to_datetime(time)).ok()?.timestamp();
            (at > now).then_some(at)
        });
        return next.ok_or_else(|| BadTime::NotATime(text.to_owned()));
    }
    let time = date(text, zone).ok_or_else(|| BadTime::NotATime(text.to_owned()))?;
    if time < now { Err(BadTime::Past(text.to_owned())) } else { Ok(time) }
}

/// `9:00`, `09:00` or `09:00:30`.
fn time_of_day(text: &str) -> Option<jiff::civil::Time> {
    let hour = text.split_once(':')?.0;
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let padded = if hour.len() == 1 { format!("0{text}") } else { text.to_owned() };
    plain.then(|| padded.parse().ok())?
}

/// A length of time: `500ms`, `90s`, `15min`, `2h`, `1d`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, BadTime> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let wrong = || BadTime::NotASpan(text.to_owned());
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let number = u64::try_from(number).map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// `3 mo` as (3, "mo").
fn split(text: &str) -> Option<(i64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let is_word = !unit.is_empty() && unit.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_word.then_some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let now: Time = "2026-03-31T12:00:00Z".parse().unwrap();
        since(text, now, &TimeZone::UTC).map(|time| time.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn spans_and_dates() {
        for (text, time) in [
            ("1d", "2026-03-30T12:00:00Z"),
            ("2w", "2026-03-17T12:00:00Z"),
            ("1mo", "2026-02-28T12:00:00Z"),
            ("3 months", "2025-12-31T12:00:00Z"),
            ("1y", "2025-03-31T12:00:00Z"),
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T10:30", "2026-01-31T10:30:00Z"),
            ("2026-01-31T10:30:00+02:00", "2026-01-31T08:30:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(time), "{text}");
        }
    }

    #[test]
    fn what_is_refused_says_why() {
        assert!(at("3m").unwrap_err().contains("minutes or months"));
        for text in ["", "mo", "3q", "yesterday", "-1d", "3mo2d", "2026-02-30"] {
            assert!(at(text).unwrap_err().contains("not a span or date"), "{text}");
        }
        assert!(at("2027-01-01").unwrap_err().contains("future"));
        assert!(at("99999999999d").unwrap_err().contains("too far"));
    }

    #[test]
    fn moments_are_the_next_ones_of_the_zone() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at = |now: &str, text: &str| {
            moment(text, now.parse().unwrap(), &zone).map(|time| time.to_string())
        };
        for (now, text, time) in [
            ("2026-11-21T07:59:59Z", "09:00", "2026-11-21T08:00:00Z"),
            ("2026-11-21T08:00:00Z", "9:00", "2026-11-22T08:00:00Z"),
            ("2026-11-21T08:00:00Z", "23:59:30", "2026-11-21T22:59:30Z"),
            ("2026-12-31T23:30:00Z", "00:10", "2027-01-01T23:10:00Z"),
            ("2026-11-21T08:00:00Z", "2026-11-22 09:00", "2026-11-22T08:00:00Z"),
            ("2026-11-21T08:00:00Z", "2026-11-22T09:00", "2026-11-22T08:00:00Z"),
            ("2026-11-21T08:00:00Z", "2026-11-22", "2026-11-21T23:00:00Z"),
            ("2026-11-21T08:00:00Z", "2026-11-22T09:00:00+05:00", "2026-11-22T04:00:00Z"),
            // The clocks go from 2 to 3 in the night to the 29th of March.
            ("2026-03-28T20:00:00Z", "02:30", "2026-03-29T01:30:00Z"),
            ("2026-03-28T20:00:00Z", "03:30", "2026-03-29T01:30:00Z"),
            ("2026-03-28T20:00:00Z", "2026-03-29 02:30", "2026-03-29T01:30:00Z"),
            // And from 3 to 2 in the night to the 25th of October.
            ("2026-10-24T20:00:00Z", "02:30", "2026-10-25T00:30:00Z"),
            ("2026-10-25T00:31:00Z", "02:30", "2026-10-26T01:30:00Z"),
        ] {
            assert_eq!(at(now, text).as_deref(), Ok(time), "{text} at {now}");
        }
        let now = "2026-11-21T08:00:00Z";
        for text in ["", "9", "24:00", "09:60", "soon", "2026-13-01", "1:2", "-1:00"] {
            assert_eq!(at(now, text), Err(BadTime::NotATime(text.to_owned())), "{text}");
        }
        for text in ["2026-11-20", "2026-11-21 08:59", "2026-11-21T07:59:59Z"] {
            assert_eq!(at(now, text), Err(BadTime::Past(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15min", 900), ("2h", 7_200), ("1d", 86_400)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "x", "1y", "-3s", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
