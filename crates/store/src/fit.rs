//! Keeps what a state change writes small: a failing disk must not fail sooner for a long message.

use jobctl_core::{Change, Event, Progress, Reason};

use crate::record::encode;

/// What a state change may write in bytes, as journal line and snapshot together; `submitted` may
/// be longer.
pub(crate) const LIMIT: usize = 1024;

/// The longest journal line, newline included: leaves room for a `closed` mark before it and for
/// the smallest snapshot.
const LINE: usize = 640;

/// Texts that people read are cut to these many bytes, the first wherever room is short, the
/// second before anything is refused.
const SHORT: usize = 200;
const SHORTEST: usize = 16;

/// The same event with texts for people cut, ending in `…`, until its line fits; gives it back if
/// what must not be cut is too long.
pub(crate) fn fit(mut event: Event) -> Result<Event, Box<Event>> {
    if matches!(event.change, Change::Submitted { .. }) {
        return Ok(event);
    }
    loop {
        // The widest sequence number, so that the answer does not depend on it.
        let excess = encode(u64::MAX, &event).len().saturating_sub(LINE);
        if excess == 0 {
            return Ok(event);
        }
        let shrunk = cut_longest(texts(&mut event.change), excess, SHORT)
            || halve_list(&mut event.change)
            || drop_counters(&mut event)
            || cut_longest(texts(&mut event.change), excess, SHORTEST)
            || event.counts.take().is_some()
            || cut_longest(names(&mut event.change), excess, SHORTEST);
        if !shrunk {
            return Err(Box::new(event));
        }
    }
}

/// Makes a progress some bytes shorter: leaves out what is least missed, at best `excess` bytes of
/// it. False when only its counts are left.
pub(crate) fn shorten(progress: &mut Progress, excess: usize) -> bool {
    if !progress.done.is_empty() {
        progress.done.remove(0);
        return true;
    }
    let texts = |progress: &mut Progress| -> bool {
        let both = [&mut progress.last_event, &mut progress.current_item];
        cut_longest(both.into_iter().flatten().collect(), excess, SHORTEST)
    };
    texts(progress)
        || progress.counters.pop_last().is_some()
        || progress.last_event.take().is_some()
        || progress.current_item.take().is_some()
        || progress.eta_seconds.take().is_some()
        || progress.rate.take().is_some()
}

/// Cuts at least some of `excess` bytes off the longest text; false when all are as short as this.
fn cut_longest(texts: Vec<&mut String>, excess: usize, shortest: usize) -> bool {
    let longest = texts.into_iter().max_by_key(|text| text.len());
    let Some(text) = longest.filter(|text| text.len() > shortest) else { return false };
    // Escaped characters take up to six bytes, so cutting `excess` at once could cut too much.
    let target = text.len() - (excess / 6 + 4).min(text.len() - shortest);
    clip(text, target.min(LIMIT));
    true
}

/// Leaves the counters to the snapshot; false when there are none.
fn drop_counters(event: &mut Event) -> bool {
    let counters = event.counts.as_mut().map(|counts| &mut counts.counters);
    counters.is_some_and(|counters| !std::mem::take(counters).is_empty())
}

/// Cuts a text to at most so many bytes, the mark included, at the boundary of a character.
pub(crate) fn clip(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let mark = '…';
    let keep = boundary(text, most.saturating_sub(mark.len_utf8()));
    text.truncate(keep);
    text.push(mark);
}

/// The last boundary of a character at or before `at`.
pub(crate) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Names that others gave, cut where nothing else is left: a job must not end for a long one. An
/// item cut so is not found again by a retry.
fn names(change: &mut Change) -> Vec<&mut String> {
    match change {
        Change::ItemFailed { item, .. } => vec![item],
        Change::Paused { reason, .. } => match reason {
            Reason::RateLimited { bucket, .. } => vec![bucket],
            Reason::Unauthorized { connection, .. } => vec![connection],
            Reason::Approval { phase } => vec![phase],
            Reason::User
            | Reason::Interrupted { .. }
            | Reason::Environment
            | Reason::Storage { .. }
            | Reason::Dependency { .. }
            | Reason::Leftover { .. } => Vec::new(),
        },
        Change::Submitted { .. }
        | Change::Started { .. }
        | Change::Checkpoint { .. }
        | Change::Continued
        | Change::Resumed { .. }
        | Change::Completed { .. }
        | Change::Failed { .. }
        | Change::Cancelled { .. }
        | Change::Closed => Vec::new(),
    }
}

/// The texts that people read, and that no program compares or gives back.
fn texts(change: &mut Change) -> Vec<&mut String> {
    match change {
        Change::ItemFailed { error, hint, .. } => hint.iter_mut().chain([error]).collect(),
        Change::Paused { reason, .. } => match reason {
            Reason::RateLimited { message, .. } | Reason::Storage { message } => vec![message],
            Reason::Unauthorized { message, url, .. } => url.iter_mut().chain([message]).collect(),
            Reason::User
            | Reason::Interrupted { .. }
            | Reason::Environment
            | Reason::Approval { .. }
            | Reason::Dependency { .. }
            | Reason::Leftover { .. } => Vec::new(),
        },
        Change::Completed { warnings, summary } => warnings.iter_mut().chain(summary).collect(),
        Change::Failed { error } => vec![error],
        Change::Cancelled { reason } => reason.iter_mut().collect(),
        Change::Submitted { .. }
        | Change::Started { .. }
        | Change::Checkpoint { .. }
        | Change::Continued
        | Change::Resumed { .. }
        | Change::Closed => Vec::new(),
    }
}

/// Drops the later half of a list for people; false when there is none left to halve.
fn halve_list(change: &mut Change) -> bool {
    match change {
        Change::Completed { warnings, .. } if warnings.len() > 1 => {
            warnings.truncate(warnings.len() / 2);
            true
        }
        Change::Paused { reason: Reason::Leftover { pids }, .. } if pids.len() > 1 => {
            pids.truncate(pids.len() / 2);
            true
        }
        Change::Submitted { .. }
        | Change::Started { .. }
        | Change::ItemFailed { .. }
        | Change::Checkpoint { .. }
        | Change::Paused { .. }
        | Change::Continued
        | Change::Resumed { .. }
        | Change::Completed { .. }
        | Change::Failed { .. }
        | Change::Cancelled { .. }
        | Change::Closed => false,
    }
}

#[cfg(test)]
mod tests {
    use jobctl_core::Time;

    use super::*;

    fn at(change: Change) -> Event {
        change.at(Time::UNIX_EPOCH)
    }

    #[test]
    fn a_long_message_is_cut_at_a_character_and_marked() {
        for unit in ["x", "ü", "日", "\u{1}", "\""] {
            let event = fit(at(Change::Failed { error: unit.repeat(5000) })).unwrap();
            let Change::Failed { error } = &event.change else { panic!("{event:?}") };
            assert!(error.ends_with('…') && error.starts_with(unit));
            let length = encode(9, &event).len();
            assert!((LINE / 2..=LINE).contains(&length), "{unit:?} {length}");
        }
    }

    #[test]
    fn a_short_event_is_left_alone() {
        let event = at(Change::Failed { error: "no such repository".into() });
        assert_eq!(fit(event.clone()), Ok(event));
    }

    #[test]
    fn many_warnings_lose_the_later_ones() {
        let warnings = (0..500).map(|n| format!("warning {n} of a long list")).collect();
        let event = fit(at(Change::Completed { warnings, summary: None })).unwrap();
        let Change::Completed { warnings, .. } = event.change else { panic!() };
        assert!(warnings.len() > 5 && warnings[0].starts_with("warning 0"));
    }

    #[test]
    fn what_programs_read_is_refused_rather_than_cut() {
        let token = Change::Checkpoint { token: "t".repeat(LINE) };
        assert!(fit(at(token)).is_err());
    }
}
