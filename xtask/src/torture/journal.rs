//! A journal read by somebody who does not share a line with the program that wrote it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::chore::Failed;

/// The records of a journal that are whole.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) records: Vec<Value>,
    /// Where each begins and ends, in bytes, newline included.
    pub(crate) places: Vec<(usize, usize)>,
    /// A bad record that a good one follows.
    pub(crate) damage: Option<String>,
}

/// Where a job stands, as far as its journal's rules need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Nothing,
    Pending,
    Running,
    Paused,
    Completed { warned: bool },
    Failed,
    Cancelled,
}

impl Journal {
    /// Reads what is there; `None` where nothing is.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Failed> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(Self::of(&bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn of(bytes: &[u8]) -> Self {
        let mut journal = Self { records: Vec::new(), places: Vec::new(), damage: None };
        let mut bad = None;
        let mut start = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let place = (start, start + line.len());
            start = place.1;
            match record(line) {
                Some(record) => {
                    if let Some(bad) = bad {
                        journal.damage = Some(format!("a bad record at byte {bad}"));
                        return journal;
                    }
                    journal.records.push(record);
                    journal.places.push(place);
                }
                None => {
                    bad.get_or_insert(place.0);
                }
            }
        }
        journal
    }

    /// What in it may not be, in the words of the state machine.
    pub(crate) fn wrong(&self) -> Option<String> {
        if self.damage.is_some() {
            return self.damage.clone();
        }
        let mut at = At::Nothing;
        let mut failed_items = false;
        for (place, record) in (1..).zip(&self.records) {
            if record["seq"] != place {
                return Some(format!("record {place} says {}", record["seq"]));
            }
            let event = record["event"].as_str().unwrap_or_default();
            failed_items = event == "item_failed" || (failed_items && event != "resumed");
            let warned =
                failed_items || record["warnings"].as_array().is_some_and(|list| !list.is_empty());
            match next(at, event, &record["reason"]["kind"], warned) {
                Some(next) => at = next,
                None => return Some(format!("record {place} is {event}, after {at:?}")),
            }
        }
        None
    }

    /// How often its workers ended without a word, after the `started` of an attempt.
    pub(crate) fn crashes(&self) -> usize {
        self.records.iter().filter(|record| is_crash(record)).count()
    }
}

fn is_crash(record: &Value) -> bool {
    let reason = &record["reason"];
    let paused = reason["kind"] == "interrupted" && reason["cause"] != "terminated";
    let error = record["error"].as_str().unwrap_or_default();
    paused || (record["event"] == "failed" && error.starts_with("the worker "))
}

fn next(at: At, event: &str, reason: &Value, warned: bool) -> Option<At> {
    let next = match (at, event) {
        (At::Nothing, "submitted")
        | (At::Paused | At::Failed | At::Completed { warned: true }, "resumed") => At::Pending,
        (At::Pending, "started")
        | (At::Paused, "continued")
        | (At::Running, "item_failed" | "checkpoint") => At::Running,
        (At::Pending | At::Running, "paused") => At::Paused,
        (At::Paused, "paused") if reason == "user" => At::Paused,
        (At::Running, "completed") => At::Completed { warned },
        (At::Pending | At::Running, "failed") => At::Failed,
        (At::Pending | At::Running | At::Paused | At::Failed, "cancelled") => At::Cancelled,
        (at, "closed") if at != At::Nothing => at,
        _ => return None,
    };
    Some(next)
}

/// A record whose checksum is right.
fn record(line: &[u8]) -> Option<Value> {
    const MARK: &[u8] = b",\"crc\":\"";
    let line = line.strip_suffix(b"\"}\n")?;
    let at = line.len().checked_sub(8)?;
    let (body, sum) = line.split_at(at);
    let body = body.strip_suffix(MARK)?;
    let right = format!("{:08x}", checksum(body)).as_bytes() == sum;
    let whole = [body, b"}"].concat();
    right.then(|| serde_json::from_slice(&whole).ok()).flatten()
}

/// CRC-32 as everybody else counts it.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBMITTED: &str = r#"{"v":1,"seq":1,"event":"submitted""#;
    const STARTED: &str = r#"{"v":1,"seq":2,"event":"started""#;

    fn line(body: &str) -> Vec<u8> {
        format!("{body},\"crc\":\"{:08x}\"}}\n", checksum(body.as_bytes())).into_bytes()
    }

    #[test]
    fn sums_are_those_of_everybody_else() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_torn_end_is_no_damage_and_a_bad_middle_is() {
        let whole = [line(SUBMITTED), line(STARTED)].concat();
        assert_eq!(Journal::of(&whole).wrong(), None);
        let torn = Journal::of(&whole[..whole.len() - 3]);
        assert_eq!((torn.records.len(), torn.wrong()), (1, None));
        let mut bad = whole;
        bad[20] ^= 1;
        assert!(Journal::of(&bad).wrong().is_some());
    }

    #[test]
    fn nothing_starts_twice_in_a_row() {
        let again = STARTED.replace("\"seq\":2", "\"seq\":3");
        let twice = [line(SUBMITTED), line(STARTED), line(&again)].concat();
        assert!(Journal::of(&twice).wrong().is_some());
    }
}
