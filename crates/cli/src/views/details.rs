//! All about one job.

use std::fmt::Write as _;

use jobctl_core::{Job, State, Wait};
use jobctl_store::{Ended, Sighting, Worker};

use super::list::{counters, failed_at, failures};
use super::progress::{budget, fraction};
use super::{Scene, moments, nouns, reason, waiting};
use crate::{json, text};

/// How many failed items and warnings are shown in full.
const SHOWN: usize = 20;

/// The details of a job, as `show` prints them, and what it waits for.
pub(crate) fn render(seen: &Sighting, wait: Option<Wait<'_>>, scene: &Scene) -> String {
    let mut parts = vec![format!("{}\n", scene.paint.bold(&format!("Job Details: {}", seen.id)))];
    if let Some(damage) = &seen.damage {
        let title = scene.paint.red("Damaged:");
        parts.push(format!(
            "{title} {}\nNothing was changed or deleted. Explain and mend it: jobctl doctor\n",
            text::line(damage)
        ));
    }
    if let Some(job) = &seen.job {
        parts.push(identity(seen, job));
        parts.push(times(seen, job, scene));
        parts.push(queue(job, wait, scene));
        parts.push(work(seen, job, scene));
        parts.push(state(seen, job, scene));
        parts.push(warnings(job));
    }
    parts.push(files(seen));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// What is left of a job that was removed after it ended.
pub(crate) fn removed(ended: &Ended, scene: &Scene) -> String {
    let mut out = format!("{}\n", scene.paint.bold(&format!("Job Details: {}", ended.id)));
    let _ = writeln!(out, "\nType: {}", ended.kind);
    if let Some(name) = &ended.name {
        let _ = writeln!(out, "Name: {}", text::line(name));
    }
    let _ = writeln!(out, "What: {}", text::line(&ended.description));
    let _ = writeln!(out, "Status: {}", ended.status);
    let _ = writeln!(out, "\nSubmitted: {}", moments::local(ended.submitted_at, scene));
    let _ = writeln!(out, "Ended: {}", moments::local(ended.ended_at, scene));
    let (done, one, many) = nouns(ended.kind);
    let _ = writeln!(out, "\n{done}: {}", text::plural(ended.current, one, many));
    if ended.warnings > 0 {
        let _ = writeln!(out, "Warnings: {}", text::count(ended.warnings as u64));
    }
    if let Some(error) = &ended.error {
        let _ = writeln!(out, "Error: {}", text::line(error));
    }
    out.push_str("\nIts files and its log were removed; this is what is still known.\n");
    out
}

fn identity(seen: &Sighting, job: &Job) -> String {
    let mut out = format!("Type: {}\n", job.spec.kind);
    if let Some(name) = &job.spec.name {
        let _ = writeln!(out, "Name: {}", text::line(name));
    }
    let _ = writeln!(out, "What: {}", text::line(&job.spec.description));
    if !job.spec.sources.is_empty() {
        let sources: Vec<_> = job.spec.sources.iter().map(|source| text::line(source)).collect();
        let _ = writeln!(out, "Sources: {}", text::clip(&sources.join(" "), 400));
    }
    let _ = writeln!(out, "Project: {}", text::line(&job.spec.project.to_string_lossy()));
    let known = if seen.damage.is_some() { " (as far as it can be read)" } else { "" };
    let _ = writeln!(out, "Status: {}{known}", job.status());
    match (&seen.worker, json::pid(&seen.worker, job)) {
        (Worker::Alive(_), Some(pid)) => {
            let _ = writeln!(out, "PID: {pid} (alive)");
        }
        (Worker::Alive(_), None) => out.push_str("PID: unknown (alive)\n"),
        (Worker::Dead, Some(pid)) => {
            let _ = writeln!(out, "PID: {pid} (dead)");
        }
        (Worker::Dead, None) => out.push_str("PID: unknown (dead)\n"),
        (Worker::None, _) => {}
    }
    out
}

fn times(seen: &Sighting, job: &Job, scene: &Scene) -> String {
    let mut out = format!("Submitted: {}\n", moments::local(job.submitted_at, scene));
    if let Some(at) = job.started_at {
        let _ = writeln!(out, "Started: {}", moments::local(at, scene));
    }
    let updated = seen.progress_at.map_or(job.updated_at, |at| at.max(job.updated_at));
    let (local, ago) = (moments::local(updated, scene), moments::ago(updated, scene));
    let _ = writeln!(out, "Updated: {local} ({ago})");
    if let Some(at) = job.ended_at() {
        let _ = writeln!(out, "Ended: {}", moments::local(at, scene));
    }
    if job.attempts > 1 {
        let _ = writeln!(out, "Attempts: {}", job.attempts);
    }
    out
}

/// What was asked of the queue, and what the job waits for.
fn queue(job: &Job, wait: Option<Wait<'_>>, scene: &Scene) -> String {
    let spec = &job.spec;
    let mut out = String::new();
    if spec.priority != 0 {
        let _ = writeln!(out, "Priority: {}", spec.priority);
    }
    if !spec.after.is_empty() {
        let after = spec.after.iter();
        let after: Vec<_> = after
            .map(|after| format!("{} ({})", after.on, json::condition(after.condition)))
            .collect();
        let _ = writeln!(out, "After: {}", after.join(", "));
    }
    if !spec.resources.is_empty() {
        let takes = spec.resources.iter();
        let takes: Vec<_> =
            takes.map(|(name, units)| format!("{units} {}", text::clip(name, 40))).collect();
        let _ = writeln!(out, "Takes: {}", takes.join(", "));
    }
    if matches!(job.state, State::Pending) {
        let _ = writeln!(out, "Next: {}", waiting::words(wait, scene));
    }
    out
}

fn work(seen: &Sighting, job: &Job, scene: &Scene) -> String {
    let progress = &seen.progress;
    if job.attempts == 0 {
        return String::new();
    }
    let mut out = format!("Progress: {}\n", fraction(progress));
    if let (State::Running, Some(item)) = (&job.state, &progress.current_item) {
        let _ = writeln!(out, "Current: {}", text::clip(item, 100));
    }
    if matches!(job.state, State::Running) {
        if progress.rate.is_some() {
            let _ = writeln!(out, "Rate: {}", moments::rate(progress.rate));
        }
        if progress.eta_seconds.is_some() {
            let _ = writeln!(out, "ETA: {}", moments::eta(progress.eta_seconds));
        }
        if let Some(event) = &progress.last_event {
            let _ = writeln!(out, "Last: {}", text::clip(event, 100));
        }
    }
    let (done, one, many) = nouns(job.spec.kind);
    let _ = writeln!(out, "{done}: {}", text::plural(progress.current, one, many));
    for line in counters(seen).into_iter().chain(failures(seen, job)) {
        out.push_str(&line);
        out.push('\n');
    }
    if let (State::Running | State::Paused { .. }, Some(left)) = (&job.state, &progress.budget) {
        let _ = writeln!(out, "Budget: {}", budget(left, scene));
    }
    out
}

fn state(seen: &Sighting, job: &Job, scene: &Scene) -> String {
    match &job.state {
        State::Paused { reason, resumes_at, .. } => {
            let (label, advice) = reason::advice(job, reason, *resumes_at);
            let words = reason::with_resume(reason, *resumes_at, scene);
            format!("Reason: {words}\n{label}: {advice}\n")
        }
        State::Failed { error, .. } => {
            let place = failed_at(seen.progress.current, seen.progress.total)
                .map_or_else(String::new, |at| format!("Failed at: {at}\n"));
            format!("Error: {}\n{place}Retry: jobctl resume {}\n", text::line(error), job.id)
        }
        State::Completed { summary: Some(summary), .. } => {
            format!("Summary: {}\n", text::line(summary))
        }
        State::Cancelled { reason: Some(reason), .. } => {
            format!("Reason: {}\n", text::line(reason))
        }
        State::Running if seen.worker == Worker::Dead => {
            format!("The worker has died. Resume: jobctl resume {}\n", job.id)
        }
        State::Completed { summary: None, .. }
        | State::Cancelled { reason: None, .. }
        | State::Pending
        | State::Running => String::new(),
    }
}

/// Failed items with what to do about them, and what else was noted.
fn warnings(job: &Job) -> String {
    let mut lines = Vec::new();
    for failure in &job.failures {
        lines.push(format!(
            "  {}: {}\n",
            text::clip(&failure.item, 100),
            text::line(&failure.error)
        ));
        if let Some(hint) = &failure.hint {
            lines.push(format!("    {}\n", text::line(hint)));
        }
    }
    for warning in json::warnings(job).iter().skip(job.failures.len()) {
        lines.push(format!("  {}\n", text::line(warning)));
    }
    if lines.is_empty() {
        return String::new();
    }
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    let mut out = format!("Warnings:\n{}", lines.concat());
    if more > 0 {
        let _ = writeln!(out, "  … and {more} more lines: jobctl show {} --json", job.id);
    }
    if !job.failures.is_empty() && job.status().is_ended() {
        let _ = writeln!(out, "Retry what failed: jobctl resume {}", job.id);
    }
    out
}

fn files(seen: &Sighting) -> String {
    let mut out = "Files:\n".to_owned();
    let Some(directory) = seen.log.parent() else { return String::new() };
    let path = |name: &str| text::line(&directory.join(name).to_string_lossy());
    let _ = writeln!(out, "  Config: {}", path("config.json"));
    let _ = writeln!(out, "  Logs: {}", text::line(&seen.log.to_string_lossy()));
    if seen.worker != Worker::None {
        let _ = writeln!(out, "  PID: {}", path("worker.pid"));
    }
    if seen.status().is_some_and(jobctl_core::Status::is_ended) {
        let _ = writeln!(out, "  Result: {}", path("result.json"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    #[test]
    fn a_removed_job() {
        let ended = samples::overview(samples::all()).ended;
        let views: Vec<_> = ended.iter().map(|ended| removed(ended, &samples::scene())).collect();
        insta::assert_snapshot!(views.join("\n================\n\n"));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_negative_times() {
        let scene = Scene { now: jobctl_core::Time::UNIX_EPOCH, ..samples::scene() };
        for seen in samples::all() {
            let view = render(&seen, None, &scene);
            assert!(!view.contains("(-") && !view.contains("~-"), "{view}");
            let shape = serde_json::to_value(json::JobShape::of(&seen, scene.now)).unwrap();
            let elapsed = &shape["elapsed_seconds"];
            assert!(elapsed.is_null() || elapsed.is_u64(), "{shape}");
        }
    }

    #[test]
    fn every_state() {
        let scene = samples::scene();
        let views: Vec<_> = samples::all().iter().map(|seen| render(seen, None, &scene)).collect();
        insta::assert_snapshot!(views.join("\n================\n\n"));
    }
}
