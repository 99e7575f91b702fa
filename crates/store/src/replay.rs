//! From journal bytes to a job: the only way in which a job is read.

use jobctl_core::{Change, Event, Job, JobId};

use crate::record::{Head, VERSION, is_sealed, lines, sealed};

/// What a journal says.
#[derive(Debug)]
pub(crate) struct Replay {
    /// The job, if at least `submitted` can be read.
    pub(crate) job: Option<Job>,
    /// Sequence number of the last good record; 0 for none.
    pub(crate) seq: u64,
    /// Where the last good record ends, in bytes.
    pub(crate) good: usize,
    /// Where the last good record begins, if it is `closed`.
    pub(crate) closed: Option<usize>,
    /// Sequence number of the last record that carried counts; 0 for none.
    pub(crate) counted: u64,
    /// What comes after the last good record.
    pub(crate) rest: Rest,
}

/// What comes after the last good record of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// Bytes that nothing valid follows: an append that a crash or a power cut stopped, or that
    /// is being written right now.
    Torn,
    /// A bad record that valid ones follow, or a valid one that cannot stand where it does.
    Damage(String),
    /// A record that a newer version of this program wrote.
    Newer,
}

impl Replay {
    fn empty() -> Self {
        Self { job: None, seq: 0, good: 0, closed: None, counted: 0, rest: Rest::Nothing }
    }

    /// Takes in one record, or says why it cannot follow.
    fn take(&mut self, id: JobId, head: &Head, event: Event) -> Result<(), String> {
        let place = self.seq + 1;
        if head.seq != place {
            return Err(format!("record {place} says that it is record {}", head.seq));
        }
        let counts = event.counts.is_some();
        let job = match self.job.take() {
            None => Job::submitted(id, event).map_err(|event| {
                format!("record {place} is {} and not submitted", event.change.name())
            })?,
            Some(job) => job.apply(event).map_err(|rejected| {
                let why = format!("record {place}: {rejected}");
                self.job = Some(rejected.job);
                why
            })?,
        };
        self.job = Some(job);
        self.seq = place;
        if counts {
            self.counted = place;
        }
        Ok(())
    }
}

/// Replays a journal as far as it is good.
pub(crate) fn replay(id: JobId, bytes: &[u8]) -> Replay {
    let mut replay = Replay::empty();
    let (lines, end) = lines(bytes);
    for (at, (start, line)) in lines.iter().enumerate() {
        if !is_sealed(line) {
            let later = lines[at + 1..].iter().any(|(_, line)| is_sealed(line))
                || hides_record(line)
                || hides_record(&bytes[end..]);
            replay.rest = if later {
                Rest::Damage(format!("record {} at byte {start} is not readable", replay.seq + 1))
            } else if replay.rest == Rest::Newer {
                Rest::Newer
            } else {
                Rest::Torn
            };
            return replay;
        }
        match take_line(&mut replay, id, line) {
            Ok(Taken { closes, newer }) => {
                replay.good = start + line.len() + 1;
                replay.closed = closes.then_some(*start);
                if newer {
                    replay.rest = Rest::Newer;
                }
            }
            Err(rest) => {
                replay.rest = rest;
                return replay;
            }
        }
    }
    if end < bytes.len() {
        if hides_record(&bytes[end..]) {
            replay.rest =
                Rest::Damage(format!("record {} at byte {end} is not readable", replay.seq + 1));
        } else if replay.rest == Rest::Nothing {
            replay.rest = Rest::Torn;
        }
    }
    replay
}

/// Whether a bad line holds a good record behind bad bytes: it lost a line break. An append that a
/// crash stopped leaves no good record behind a bad byte.
fn hides_record(line: &[u8]) -> bool {
    sealed(line).iter().any(|record| !line.starts_with(record))
}

/// What a record that was taken in tells besides its event.
struct Taken {
    /// It is `closed`.
    closes: bool,
    /// A newer version wrote it, in words that this one knows.
    newer: bool,
}

/// Takes in a line with a right checksum.
fn take_line(replay: &mut Replay, id: JobId, line: &[u8]) -> Result<Taken, Rest> {
    let place = replay.seq + 1;
    let unreadable = |error| Rest::Damage(format!("record {place} is not understood: {error}"));
    let head: Head = serde_json::from_slice(line).map_err(unreadable)?;
    let newer = head.v > VERSION;
    let event: Event = match serde_json::from_slice(line) {
        Ok(event) => event,
        Err(_) if newer => return Err(Rest::Newer),
        Err(error) => return Err(unreadable(error)),
    };
    let closes = matches!(event.change, Change::Closed);
    match replay.take(id, &head, event) {
        Ok(()) => Ok(Taken { closes, newer }),
        Err(_) if newer => Err(Rest::Newer),
        Err(why) => Err(Rest::Damage(why)),
    }
}
