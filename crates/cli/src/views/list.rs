//! Many jobs, grouped by where they stand.

use std::fmt::Write as _;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jobctl_core::{Cause, Change, Job, JobId, Kind, State, Status};
use jobctl_runner::interruption;
use jobctl_store::{Ended, Overview, Sighting, Worker};

use super::progress::fraction;
use super::projects::Projects;
use super::table::{Column, Table};
use super::{Scene, moments, nouns, reason, waiting};
use crate::queue::Waits;
use crate::text;

/// How far jobs had come at the last look.
pub(crate) type LastLook = BTreeMap<JobId, u64>;

/// A job whose journal can be read.
type Seen<'a> = (&'a Sighting, &'a Job);

/// The grouped view; empty where there are no jobs.
pub(crate) fn render(
    jobs: &Overview,
    waits: &Waits<'_>,
    projects: &Projects,
    last: &LastLook,
    scene: &Scene,
) -> String {
    let mut sections = Vec::new();
    for status in Status::ALL {
        let (count, body) = section(status, jobs, waits, projects, last, scene);
        if count > 0 {
            sections.push(format!("{}\n\n{body}", heading(status, count, scene)));
        }
    }
    let damaged: Vec<_> = jobs.open.iter().filter(|seen| seen.damage.is_some()).collect();
    if !damaged.is_empty() {
        let title = scene.paint.red(&format!("Damaged ({}):", damaged.len()));
        sections.push(format!("{title}\n\n{}", damaged_jobs(&damaged)));
    }
    sections.join("\n")
}

/// The jobs of one status: how many, and their lines.
fn section(
    status: Status,
    jobs: &Overview,
    waits: &Waits<'_>,
    projects: &Projects,
    last: &LastLook,
    scene: &Scene,
) -> (usize, String) {
    let open: Vec<Seen<'_>> = jobs
        .open
        .iter()
        .filter(|seen| seen.damage.is_none())
        .filter_map(|seen| Some((seen, seen.job.as_ref()?)))
        .filter(|(_, job)| job.status() == status)
        .collect();
    let over: Vec<&Ended> = jobs.ended.iter().filter(|ended| ended.status == status).collect();
    let body = match status {
        Status::Running => running(&open, projects, last, scene),
        Status::Paused => open.iter().map(|seen| paused(*seen, projects, scene)).collect(),
        Status::Pending => pending(&open, waits, projects, scene),
        Status::Failed => over.iter().map(|ended| failed(ended, projects)).collect(),
        Status::Completed | Status::Cancelled => ended(&over, projects, scene),
    };
    (open.len() + over.len(), body)
}

fn heading(status: Status, count: usize, scene: &Scene) -> String {
    let paint = scene.paint;
    match status {
        Status::Running => paint.green(&format!("Running ({count}):")),
        Status::Paused => paint.yellow(&format!("Paused ({count}):")),
        Status::Pending => paint.bold(&format!("Pending ({count}):")),
        Status::Failed => paint.red(&format!("Failed ({count}):")),
        Status::Completed => paint.bold(&format!("Completed ({count}):")),
        Status::Cancelled => paint.bold(&format!("Cancelled ({count}):")),
    }
}

fn running(jobs: &[Seen<'_>], projects: &Projects, last: &LastLook, scene: &Scene) -> String {
    let columns = [
        Column::Whole("Job ID"),
        Column::Whole("Type"),
        projects.column(),
        Column::Whole("Progress"),
        Column::Cut("Current Item"),
        Column::Whole("Rate"),
        Column::Whole("ETA"),
    ];
    let mut table = Table::new(columns);
    for (seen, job) in jobs {
        let progress = &seen.progress;
        table.add([
            job.id.to_string(),
            job.spec.kind.name().to_owned(),
            projects.cell(&job.spec.project),
            fraction(progress),
            text::clip(progress.current_item.as_deref().unwrap_or("-"), 40),
            moments::rate(progress.rate),
            moments::eta(progress.eta_seconds),
        ]);
    }
    let notes: String =
        jobs.iter().map(|seen| running_notes(*seen, jobs.len(), last, scene)).collect();
    format!("{}\n{notes}", table.render(scene.width))
}

fn running_notes((seen, job): Seen<'_>, of: usize, last: &LastLook, scene: &Scene) -> String {
    let (done, one, many) = nouns(job.spec.kind);
    let progress = &seen.progress;
    let mut lines = vec![format!("Of: {}", title(job))];
    if let Some(at) = job.started_at {
        lines.push(format!("Started: {}", moments::ago(at, scene)));
    }
    let grown = last.get(&job.id).filter(|before| **before < progress.current);
    let from =
        grown.map_or_else(String::new, |before| format!(" (up from {})", text::count(*before)));
    lines.push(format!("{done}: {}{from}", text::plural(progress.current, one, many)));
    lines.extend(counters(seen));
    lines.extend(failures(seen, job));
    if seen.worker == Worker::Dead {
        lines.push(format!("Worker: dead; {}, or: jobctl resume {}", after_death(job), job.id));
    }
    block(of, job.id, &lines)
}

/// The lines of a job below a table: named where several jobs share the table.
fn block(of: usize, id: JobId, lines: &[String]) -> String {
    let (mut out, indent) = if of == 1 { (String::new(), "") } else { (format!("[{id}] "), "   ") };
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            out.push_str(indent);
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// What the job is about, in a line. Its kind stands beside it.
pub(super) fn title(job: &Job) -> String {
    let spec = &job.spec;
    about(spec.name.as_deref(), &spec.sources.join(" "), &spec.description)
}

fn about(name: Option<&str>, sources: &str, description: &str) -> String {
    let about = text::clip(if sources.is_empty() { description } else { sources }, 100);
    match name {
        Some(name) => format!("{}: {about}", text::clip(name, 40)),
        None => about,
    }
}

/// The same for a job that has ended.
fn ended_title(ended: &Ended) -> String {
    about(ended.name.as_deref(), &ended.sources, &ended.description)
}

/// Further counts, such as comments.
pub(super) fn counters(seen: &Sighting) -> Option<String> {
    let counts: Vec<_> = seen
        .progress
        .counters
        .iter()
        .map(|(name, count)| format!("{} {}", text::count(*count), text::clip(name, 30)))
        .collect();
    (!counts.is_empty()).then(|| format!("Also: {}", counts.join(", ")))
}

/// `Failed: 2 repositories (a, b)`.
pub(super) fn failures(seen: &Sighting, job: &Job) -> Option<String> {
    let count = seen.progress.failed.max(u64::try_from(job.failures.len()).unwrap_or(0));
    if count == 0 {
        return None;
    }
    // What fails of an import is a source or a page, not an issue.
    let (one, many) = match job.spec.kind {
        Kind::CloneRepos => ("repository", "repositories"),
        Kind::ImportIssues | Kind::SyncExternal | Kind::RunCommand => ("item", "items"),
    };
    let names: Vec<_> = job.failures.iter().take(3).map(|f| text::clip(&f.item, 60)).collect();
    let more = if job.failures.len() > 3 { ", …" } else { "" };
    let names =
        if names.is_empty() { String::new() } else { format!(" ({}{more})", names.join(", ")) };
    Some(format!("Failed: {}{names}", text::plural(count, one, many)))
}

fn paused((seen, job): Seen<'_>, projects: &Projects, scene: &Scene) -> String {
    let State::Paused { reason, resumes_at, .. } = &job.state else { return String::new() };
    let mut out = entry(job.id, job.spec.kind, &title(job));
    out.extend(projects.name(&job.spec.project).map(of_project));
    if seen.progress.current > 0 || seen.progress.total.is_some() {
        let _ = writeln!(out, "     Progress: {}", fraction(&seen.progress));
    }
    let words = reason::with_resume(reason, *resumes_at, scene);
    let _ = writeln!(out, "     Reason: {words}");
    let (label, advice) = reason::advice(job, reason, *resumes_at);
    let _ = writeln!(out, "     {label}: {advice}");
    out
}

/// The line that names a job's project in a list without columns.
fn of_project(name: &str) -> String {
    format!("     Project: {name}\n")
}

/// The first line of a job in a list without columns.
fn entry(id: JobId, kind: Kind, title: &str) -> String {
    format!("  [{id}] {kind}: {title}\n")
}

/// In the order of their turns, as far as that is known.
fn pending(jobs: &[Seen<'_>], waits: &Waits<'_>, projects: &Projects, scene: &Scene) -> String {
    let mut jobs = jobs.to_vec();
    jobs.sort_by_key(|(_, job)| Reverse(job.spec.priority));
    let columns = [
        Column::Whole("Job ID"),
        Column::Whole("Type"),
        projects.column(),
        Column::Cut("What"),
        Column::Whole("Submitted"),
        Column::Cut("Next"),
    ];
    let mut table = Table::new(columns);
    for (_, job) in jobs {
        let submitted = moments::ago(job.submitted_at, scene);
        table.add([
            job.id.to_string(),
            job.spec.kind.name().to_owned(),
            projects.cell(&job.spec.project),
            title(job),
            submitted,
            waiting::words(waits.get(&job.id).copied(), scene),
        ]);
    }
    table.render(scene.width)
}

fn failed(ended: &Ended, projects: &Projects) -> String {
    let mut out = entry(ended.id, ended.kind, &ended_title(ended));
    out.extend(projects.name(&ended.project).map(of_project));
    let _ = writeln!(out, "     Error: {}", text::line(ended.error.as_deref().unwrap_or("-")));
    if let Some(place) = failed_at(ended.current, ended.total) {
        let _ = writeln!(out, "     Failed at: {place}");
    }
    if let Some(hint) = &ended.hint {
        let _ = writeln!(out, "     Hint: {}", text::line(hint));
    }
    let _ = writeln!(out, "     Retry: jobctl resume {}", ended.id);
    out
}

/// `item 5,000 of 10,000`.
pub(super) fn failed_at(current: u64, total: Option<u64>) -> Option<String> {
    let total = total.filter(|total| *total > 0)?;
    Some(format!("item {} of {}", text::count(current), text::count(total)))
}

fn ended(jobs: &[&Ended], projects: &Projects, scene: &Scene) -> String {
    let columns = [
        Column::Whole("Job ID"),
        Column::Whole("Type"),
        projects.column(),
        Column::Cut("What"),
        Column::Whole("Items"),
        Column::Whole("Ended"),
        Column::Whole("Warnings"),
    ];
    let mut table = Table::new(columns);
    for ended in jobs {
        let warnings = ended.warnings;
        table.add([
            ended.id.to_string(),
            ended.kind.name().to_owned(),
            projects.cell(&ended.project),
            ended_title(ended),
            text::count(ended.current),
            moments::ago(ended.ended_at, scene),
            if warnings == 0 { "-".to_owned() } else { text::count(warnings as u64) },
        ]);
    }
    table.render(scene.width)
}

fn damaged_jobs(jobs: &[&Sighting]) -> String {
    let mut out = String::new();
    for seen in jobs {
        let what = text::line(seen.damage.as_deref().unwrap_or_default());
        let _ = write!(out, "  [{0}] {what}\n     Look: jobctl show {0}\n", seen.id);
    }
    out
}

/// What happens by itself to a job whose worker has died.
fn after_death(job: &Job) -> &'static str {
    let change = interruption(job, Cause::Unknown, job.updated_at);
    if matches!(change, Change::Failed { .. }) {
        "the job will fail"
    } else if matches!(change, Change::Paused { resumes_at: Some(_), .. }) {
        "the job goes on by itself"
    } else {
        "the job will wait for you"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    #[test]
    fn every_group() {
        let last = LastLook::from([(samples::running().id, 138)]);
        insta::assert_snapshot!(render(
            &samples::overview(samples::all()),
            &Waits::new(),
            &Projects::unnamed(),
            &last,
            &samples::scene()
        ));
    }

    #[test]
    fn every_group_of_several_projects() {
        let mut jobs = samples::all();
        jobs[0].job.as_mut().unwrap().spec.project = "/home/a/web".into();
        let jobs = samples::overview(jobs);
        insta::assert_snapshot!(render(
            &jobs,
            &Waits::new(),
            &Projects::of(&jobs),
            &LastLook::new(),
            &samples::scene()
        ));
    }

    #[test]
    fn several_running_jobs_name_their_notes() {
        let mut other = samples::running();
        other.id = JobId::from_bits(0x0bad_cafe);
        if let Some(job) = &mut other.job {
            job.id = other.id;
        }
        other.worker = Worker::Dead;
        let jobs = [samples::running(), other];
        insta::assert_snapshot!(render(
            &samples::overview(jobs.into()),
            &Waits::new(),
            &Projects::unnamed(),
            &LastLook::new(),
            &samples::scene()
        ));
    }

    #[test]
    fn a_narrow_terminal_cuts_words_and_not_ids() {
        let scene = Scene { width: Some(72), ..samples::scene() };
        let jobs = samples::overview(vec![samples::pending(), samples::with_warnings()]);
        let view = render(&jobs, &Waits::new(), &Projects::unnamed(), &LastLook::new(), &scene);
        assert!(view.lines().all(|line| line.chars().count() <= 72), "{view}");
        assert!(view.contains("clone-repos"), "{view}");
    }

    #[test]
    fn nothing_from_elsewhere_reaches_the_terminal_raw() {
        let mut seen = samples::running();
        seen.progress.current_item = Some("evil\u{1b}[2Jname\u{7}".to_owned());
        let jobs = samples::overview(vec![seen]);
        let view =
            render(&jobs, &Waits::new(), &Projects::unnamed(), &LastLook::new(), &samples::scene());
        assert!(view.contains("evilname"), "{view}");
        assert!(!view.contains('\u{1b}'), "{view}");
    }
}
