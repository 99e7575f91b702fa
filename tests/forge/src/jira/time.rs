//! Times as Jira writes and reads them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const HOUR: i64 = 3_600_000;

/// A fixed distance from Greenwich: the account's time zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone(Offset);

impl Zone {
    pub(crate) fn new(minutes: i16) -> Self {
        Zone(Offset::from_seconds(i32::from(minutes) * 60).unwrap_or(Offset::UTC))
    }

    fn local(self, ms: i64) -> DateTime {
        self.0.to_datetime(Timestamp::from_millisecond(ms).unwrap_or_default())
    }

    /// `2024-11-29T10:44:51.887+1000`: the offset has no colon.
    pub(crate) fn show(self, ms: i64) -> String {
        let at = self.local(ms);
        let offset = self.0.seconds() / 60;
        let sign = if offset < 0 { '-' } else { '+' };
        let offset = offset.abs();
        format!(
            "{}.{:03}{sign}{:02}{:02}",
            at.strftime("%Y-%m-%dT%H:%M:%S"),
            ms.rem_euclid(1_000),
            offset / 60,
            offset % 60
        )
    }

    /// `2024-11-29`.
    pub(crate) fn date(self, ms: i64) -> String {
        self.local(ms).date().to_string()
    }

    /// The beginning of the day this falls in.
    pub(crate) fn day_start(self, ms: i64) -> i64 {
        self.instant(self.local(ms).date().at(0, 0, 0, 0))
    }

    /// Reads `yyyy/MM/dd HH:mm`, `yyyy-MM-dd HH:mm`, and both without the time of day.
    pub(crate) fn read(self, text: &str) -> Option<i64> {
        let text = text.trim().replace('/', "-");
        let (date, clock) = text.split_once(' ').unwrap_or((&text, "00:00"));
        let mut date = date.split('-');
        let mut part = || date.next().filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let (year, month, day) =
            (part()?.parse().ok()?, part()?.parse().ok()?, part()?.parse().ok()?);
        let (hour, minute) = clock.split_once(':')?;
        if minute.len() != 2 {
            return None;
        }
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        Some(self.instant(DateTime::new(year, month, day, hour, minute, 0, 0).ok()?))
    }

    fn instant(self, at: DateTime) -> i64 {
        self.0.to_timestamp(at).map_or(0, Timestamp::as_millisecond)
    }
}

/// `2026-01-01T01:01:01Z`, for `X-RateLimit-Reset`.
pub(crate) fn iso(ms: i64) -> String {
    let second = ms.div_euclid(1_000) + i64::from(ms.rem_euclid(1_000) > 0);
    Timestamp::from_second(second).unwrap_or_default().to_string()
}

/// `2026-03-26T16:00Z`: the next whole minute, without seconds.
pub(crate) fn iso_minutes(ms: i64) -> String {
    let minute = ms.div_euclid(60_000) + i64::from(ms.rem_euclid(60_000) > 0);
    let text = Timestamp::from_second(minute * 60).unwrap_or_default().to_string();
    text.replace(":00Z", "Z")
}

/// The next top of the hour.
pub(crate) fn next_hour(ms: i64) -> i64 {
    (ms.div_euclid(HOUR) + 1) * HOUR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_and_read_in_the_zone() {
        let zone = Zone::new(-480);
        let at = "2024-11-29T18:44:51.887Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(zone.show(at), "2024-11-29T10:44:51.887-0800");
        assert_eq!(zone.read("2024/11/29 10:44"), Some(at - 51_887));
        assert_eq!(zone.read("2024-11-29"), Some(zone.day_start(at)));
        for wrong in ["2024/11", "2024-11-29T10:44", "2024-13-01", "2024-11-29 10:4", "soon"] {
            assert_eq!(zone.read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reset_times_round_up() {
        let at = "2026-03-26T15:59:01.5Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(iso(at), "2026-03-26T15:59:02Z");
        assert_eq!(iso_minutes(at), "2026-03-26T16:00Z");
        assert_eq!(iso(next_hour(at)), "2026-03-26T16:00:00Z");
    }
}
