//! The documented JSON: which fields are there, and of which type.

use serde_json::Value;

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A text.
    Text,
    /// A text or null.
    MaybeText,
    /// A whole number from 0.
    Count,
    /// A whole number from 0, or null.
    MaybeCount,
    /// A whole number.
    Whole,
    /// A whole number or null.
    MaybeWhole,
    /// Any number, or null.
    MaybeNumber,
    /// true or false.
    Truth,
    /// RFC 3339 in UTC.
    Time,
    /// RFC 3339 in UTC, or null.
    MaybeTime,
    /// A list of texts.
    Texts,
    /// A list of objects.
    Objects,
    /// An object.
    Object,
}

/// A job.
pub const JOB: &[(&str, Of)] = &[
    ("id", Of::Text),
    ("kind", Of::Text),
    ("name", Of::MaybeText),
    ("description", Of::Text),
    ("project", Of::Text),
    ("status", Of::Text),
    ("progress", Of::Object),
    ("counters", Of::Object),
    ("last_event", Of::MaybeText),
    ("attempts", Of::Count),
    ("pid", Of::MaybeCount),
    ("worker", Of::Text),
    ("created_at", Of::Time),
    ("started_at", Of::MaybeTime),
    ("updated_at", Of::Time),
    ("finished_at", Of::MaybeTime),
    ("elapsed_seconds", Of::MaybeCount),
    ("error", Of::MaybeText),
    ("warnings", Of::Texts),
    ("failures", Of::Objects),
    ("summary", Of::MaybeText),
    ("exit_code", Of::MaybeWhole),
    ("signal", Of::MaybeWhole),
    ("priority", Of::Whole),
    ("depends_on", Of::Objects),
    ("restarted_from", Of::MaybeText),
    ("sources", Of::Texts),
    ("log", Of::MaybeText),
];

/// A job's progress.
pub const PROGRESS: &[(&str, Of)] = &[
    ("current", Of::Count),
    ("total", Of::MaybeCount),
    ("percentage", Of::MaybeNumber),
    ("current_item", Of::MaybeText),
    ("failed", Of::Count),
    ("rate", Of::MaybeNumber),
    ("eta_seconds", Of::MaybeCount),
];

/// A failed item.
pub const FAILURE: &[(&str, Of)] =
    &[("item", Of::Text), ("error", Of::Text), ("hint", Of::MaybeText)];

/// An issue, as `issues` lists it.
pub const ISSUE: &[(&str, Of)] = &[
    ("source", Of::Text),
    ("provider", Of::Text),
    ("key", Of::Text),
    ("number", Of::Count),
    ("kind", Of::Text),
    ("title", Of::Text),
    ("body", Of::MaybeText),
    ("state", Of::Text),
    ("state_category", Of::Text),
    ("author", Of::MaybeText),
    ("assignees", Of::Texts),
    ("labels", Of::Texts),
    ("priority", Of::MaybeText),
    ("milestone", Of::MaybeText),
    ("parent", Of::MaybeText),
    ("url", Of::Text),
    ("created_at", Of::Time),
    ("updated_at", Of::Time),
    ("closed_at", Of::MaybeTime),
    ("deleted", Of::Truth),
];

/// A comment of an exported issue.
pub const COMMENT: &[(&str, Of)] = &[
    ("id", Of::Text),
    ("author", Of::MaybeText),
    ("body", Of::MaybeText),
    ("created_at", Of::Time),
    ("updated_at", Of::Time),
];

/// Panics unless an object has all these fields, each of its type.
pub fn assert_shape(object: &Value, fields: &[(&str, Of)]) {
    for (name, of) in fields {
        let value = object.get(name).unwrap_or_else(|| panic!("{name} is missing: {object:#}"));
        assert!(fits(value, *of), "{name} is {value}, should be {of:?}");
    }
}

/// Panics unless this is a job of the documented shape.
pub fn assert_job(job: &Value) {
    assert_shape(job, JOB);
    assert_shape(&job["progress"], PROGRESS);
    for failure in job["failures"].as_array().into_iter().flatten() {
        assert_shape(failure, FAILURE);
    }
    let status = job["status"].as_str().unwrap_or_default();
    let known = ["pending", "running", "paused", "completed", "failed", "cancelled"];
    assert!(known.contains(&status), "status {status}");
    let worker = job["worker"].as_str().unwrap_or_default();
    assert!(["alive", "dead", "none"].contains(&worker), "worker {worker}");
    assert_eq!(job.get("reason").is_some(), status == "paused", "a reason if and only if paused");
    let id = job["id"].as_str().unwrap_or_default();
    assert!(id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()), "id {id}");
}

fn fits(value: &Value, of: Of) -> bool {
    let is_null = value.is_null();
    match of {
        Of::Text => value.is_string(),
        Of::MaybeText => is_null || value.is_string(),
        Of::Count => value.is_u64(),
        Of::MaybeCount => is_null || value.is_u64(),
        Of::Whole => value.is_i64() || value.is_u64(),
        Of::MaybeWhole => is_null || value.is_i64() || value.is_u64(),
        Of::MaybeNumber => is_null || value.is_number(),
        Of::Truth => value.is_boolean(),
        Of::Time => value.as_str().is_some_and(is_time),
        Of::MaybeTime => is_null || value.as_str().is_some_and(is_time),
        Of::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        Of::Objects => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
        Of::Object => value.is_object(),
    }
}

/// `2020-01-08T06:35:18Z`, parts of seconds allowed.
fn is_time(text: &str) -> bool {
    let pattern = "0000-00-00T00:00:00";
    let (Some(head), Some(rest)) = (text.get(..pattern.len()), text.get(pattern.len()..)) else {
        return false;
    };
    let same = |(byte, pattern): (u8, u8)| {
        if pattern == b'0' { byte.is_ascii_digit() } else { byte == pattern }
    };
    let fraction = rest.strip_suffix('Z').map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    head.bytes().zip(pattern.bytes()).all(same)
        && fraction.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        for text in ["2020-01-08T06:35:18Z", "2020-01-08T06:35:18.123456789Z"] {
            assert!(is_time(text), "{text}");
        }
        for text in ["2020-01-08T06:35:18", "2020-01-08 06:35:18Z", "2020-01-08T06:35:18+01:00"] {
            assert!(!is_time(text), "{text}");
        }
    }
}
