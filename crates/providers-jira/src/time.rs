use jiff::Timestamp;
use jobctl_provider::Time;
use serde_json::Value;

/// A moment as Jira writes it: `2024-11-29T10:44:51.887-0800`, whose offset has no colon, or
/// RFC 3339, or a count of milliseconds (or of seconds) since the epoch.
pub(crate) fn moment(value: &Value) -> Option<Time> {
    match value {
        Value::String(text) => {
            text.parse().or_else(|_| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text)).ok()
        }
        Value::Number(count) => {
            let count = count.as_i64()?;
            // Seconds reach this number in the year 5138.
            if count.abs() < 100_000_000_000 {
                Time::from_second(count).ok()
            } else {
                Time::from_millisecond(count).ok()
            }
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form() {
        let wanted: Time = "2024-11-29T18:44:51.887Z".parse().unwrap();
        for form in [
            json!("2024-11-29T10:44:51.887-0800"),
            json!("2024-11-29T10:44:51.887-08:00"),
            json!("2024-11-29T18:44:51.887Z"),
            json!(1_732_905_891_887_i64),
        ] {
            assert_eq!(moment(&form), Some(wanted), "{form}");
        }
        let second: Time = "2017-04-13T08:20:29Z".parse().unwrap();
        assert_eq!(moment(&json!("2017-04-13T10:20:29+0200")), Some(second));
        assert_eq!(moment(&json!(1_492_071_629)), Some(second));
        for form in [json!("yesterday"), json!(""), json!(null), json!(1.5), json!({}), json!(true)]
        {
            assert_eq!(moment(&form), None, "{form}");
        }
    }
}
