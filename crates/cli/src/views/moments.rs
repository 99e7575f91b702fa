//! Times and lengths of time as people say them.

use jobctl_core::Time;

use super::Scene;

/// `45s`, `15 min`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn length(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 if minutes % 60 == 0 => format!("{hours} h"),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ if hours % 24 == 0 || days >= 7 => format!("{days} d"),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// `45s ago`, `~23 min ago`.
pub(crate) fn ago(at: Time, scene: &Scene) -> String {
    match seconds_between(at, scene.now) {
        0 => "just now".to_owned(),
        seconds @ 1..60 => format!("{seconds}s ago"),
        seconds => format!("~{} ago", length(seconds)),
    }
}

/// `in 45s`, or `now` where the time has come.
pub(crate) fn ahead(at: Time, scene: &Scene) -> String {
    match seconds_between(scene.now, at) {
        0 => "now".to_owned(),
        seconds => format!("in {}", length(seconds)),
    }
}

/// `at 14:05`, with seconds where they count and the date where it is another day.
pub(crate) fn appointed(at: Time, scene: &Scene) -> String {
    let zone = (scene.zone)();
    let (at, now) = (at.to_zoned(zone.clone()), scene.now.to_zoned(zone));
    let day = if at.date() == now.date() { "" } else { "%Y-%m-%d " };
    let seconds = if at.second() == 0 { "" } else { ":%S" };
    at.strftime(&format!("at {day}%H:%M{seconds}")).to_string()
}

/// Date and time of day where the reader is.
pub(crate) fn local(at: Time, scene: &Scene) -> String {
    at.to_zoned((scene.zone)()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Time of day where the reader is.
pub(crate) fn clock(at: Time, scene: &Scene) -> String {
    at.to_zoned((scene.zone)()).strftime("%H:%M:%S").to_string()
}

/// Whole seconds, rounded up, from one time to another; 0 where it is past already.
fn seconds_between(from: Time, to: Time) -> u64 {
    let span = to.duration_since(from);
    let seconds = span.as_secs() + i64::from(span.subsec_millis() >= 500);
    u64::try_from(seconds).unwrap_or(0)
}

/// `~15 min` until a job is done.
pub(crate) fn eta(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("~{}", length(seconds)))
}

/// `0.1/s`, `12/s`, `1,234/s`; slow ones by the minute or hour.
pub(crate) fn rate(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(rate) if rate >= 10.0 => format!("{rate:.0}/s"),
        Some(rate) if rate >= 0.1 => format!("{rate:.1}/s"),
        Some(rate) if rate * 60.0 >= 0.1 => format!("{:.1}/min", rate * 60.0),
        Some(_) => "0/s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    #[test]
    fn lengths() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (7_500, "2 h 5 min"),
            (86_400, "1 d"),
            (273_600, "3 d 4 h"),
            (7 * 86_400 + 7_200, "7 d"),
        ] {
            assert_eq!(length(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn past_and_future() {
        let scene = samples::scene();
        let at = |seconds: i64| scene.now + jiff::SignedDuration::from_secs(seconds);
        assert_eq!(ago(at(0), &scene), "just now");
        assert_eq!(ago(at(-30), &scene), "30s ago");
        assert_eq!(ago(at(-1_400), &scene), "~23 min ago");
        assert_eq!(ago(at(5), &scene), "just now");
        assert_eq!(ahead(at(45), &scene), "in 45s");
        assert_eq!(ahead(at(-1), &scene), "now");
    }

    #[test]
    fn rates() {
        for (value, text) in [
            (None, "-"),
            (Some(0.12), "0.1/s"),
            (Some(41.6), "42/s"),
            (Some(0.05), "3.0/min"),
            (Some(0.0), "0/s"),
        ] {
            assert_eq!(rate(value), text);
        }
    }
}
