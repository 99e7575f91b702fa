//! How far a job has come, in a line.

use std::fmt::Write as _;

use jobctl_core::{Budget, Job, Kind, Progress, State};
use jobctl_store::Sighting;

use super::{Scene, moments, nouns, reason};
use crate::text;

/// `154/245 (63%)`, or `154` while the total is unknown.
pub(crate) fn fraction(progress: &Progress) -> String {
    let current = text::count(progress.current);
    match (progress.total, progress.percentage()) {
        (Some(total), Some(percent)) => format!("{current}/{} ({percent}%)", text::count(total)),
        (Some(total), None) => format!("{current}/{}", text::count(total)),
        (None, _) => current,
    }
}

/// What a watcher is told while a job runs: `Progress: 154/245 (63%) → name`.
pub(crate) fn line(progress: &Progress) -> String {
    let mut line = format!("Progress: {}", fraction(progress));
    if let Some(item) = &progress.current_item {
        line.push_str(" → ");
        line.push_str(&text::clip(item, 80));
    }
    if progress.failed > 0 {
        let _ = write!(line, " ({} failed)", text::count(progress.failed));
    }
    if let Some(Budget { bucket, remaining, .. }) = &progress.budget {
        let _ = write!(line, " [{}: {} left]", text::clip(bucket, 20), text::count(*remaining));
    }
    line
}

/// What the forge leaves to ask: `4,321 of 5,000 requests left in core (full again in 35 min)`.
pub(crate) fn budget(budget: &Budget, scene: &Scene) -> String {
    let Budget { bucket, remaining, limit, resets_at } = budget;
    let mut words = text::count(*remaining);
    if let Some(limit) = limit {
        let _ = write!(words, " of {}", text::count(*limit));
    }
    let _ = write!(words, " requests left in {}", text::clip(bucket, 40));
    if let Some(at) = resets_at.filter(|at| *at > scene.now) {
        let _ = write!(words, " (full again {})", moments::ahead(at, scene));
    }
    words
}

/// What a watcher is told of a job's state, without its progress.
pub(crate) fn state(seen: &Sighting, scene: &Scene) -> String {
    let job = match (&seen.damage, &seen.job) {
        (None, Some(job)) => job,
        (Some(damage), _) => return format!("Damaged: {}", text::line(damage)),
        (None, None) => return "Damaged".to_owned(),
    };
    match &job.state {
        State::Pending => "Pending: waits for its turn".to_owned(),
        State::Running => "Running".to_owned(),
        State::Paused { reason, resumes_at, .. } => {
            let words = reason::with_resume(reason, *resumes_at, scene);
            if words.starts_with("Paused") { words } else { format!("Paused: {words}") }
        }
        State::Completed { .. } => format!("Completed: {}", outcome(job, &seen.progress)),
        State::Failed { error, .. } => format!("Failed: {}", text::line(error)),
        State::Cancelled { reason, .. } => match reason {
            Some(reason) => format!("Cancelled: {}", text::line(reason)),
            None => "Cancelled".to_owned(),
        },
    }
}

/// What a completed job did.
pub(crate) fn outcome(job: &Job, progress: &Progress) -> String {
    let (_, one, many) = nouns(job.spec.kind);
    // Most commands count nothing.
    let silent = job.spec.kind == Kind::RunCommand && progress.current == 0;
    let mut text = match &job.state {
        State::Completed { summary: Some(summary), .. } => text::line(summary),
        State::Completed { .. } if silent => "done".to_owned(),
        State::Completed { summary: None, .. }
        | State::Pending
        | State::Running
        | State::Paused { .. }
        | State::Failed { .. }
        | State::Cancelled { .. } => text::plural(progress.current, one, many),
    };
    match job.warnings() {
        0 => {}
        1 => text.push_str(", 1 warning"),
        several => {
            let _ = write!(text, ", {several} warnings");
        }
    }
    if let (Some(from), Some(to)) = (job.started_at, job.ended_at()) {
        let seconds = u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0);
        let _ = write!(text, " in {}", moments::length(seconds));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    #[test]
    fn a_line_for_every_state() {
        let scene = samples::scene();
        let lines: Vec<_> = samples::all().iter().map(|seen| state(seen, &scene)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_command_that_counts_nothing_is_simply_done() {
        let command = |current| {
            let mut seen = samples::with_warnings();
            let job = seen.job.as_mut().unwrap();
            (job.spec.kind, job.failures) = (Kind::RunCommand, Vec::new());
            if let State::Completed { warnings, summary, .. } = &mut job.state {
                warnings.clear();
                *summary = None;
            }
            seen.progress = Progress { current, ..Progress::default() };
            state(&seen, &samples::scene())
        };
        assert_eq!(command(0), "Completed: done in 18 min");
        assert_eq!(command(3), "Completed: 3 items in 18 min");
    }

    #[test]
    fn progress_in_a_line() {
        assert_eq!(
            line(&samples::running().progress),
            "Progress: 154/245 (62%) → infrastructure-apo-platform (1 failed)"
        );
        let unknown = Progress { current: 1234, ..Progress::default() };
        assert_eq!(line(&unknown), "Progress: 1,234");
        let empty = Progress { total: Some(0), ..Progress::default() };
        assert_eq!(line(&empty), "Progress: 0/0");
    }
}
