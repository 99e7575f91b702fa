//! The shapes that `--json` prints: schema 1. Fields are only ever added.
//!
//! Structs of their own, filled at this boundary, so that no change inside can change them.

mod waiting;

use std::collections::BTreeMap;
use std::path::Path;

use jobctl_core::{Budget, Cause, Condition, Job, Progress, Reason, State, Status, Time, Wait};
use jobctl_store::{Ended, Sighting, Worker};
use serde::Serialize;
use waiting::WaitShape;

/// The version of these shapes.
pub(crate) const SCHEMA: u32 = 1;

/// `{schema, job}`.
#[derive(Debug, Serialize)]
pub(crate) struct One {
    schema: u32,
    job: JobShape,
}

/// `{schema, jobs}`.
#[derive(Debug, Serialize)]
pub(crate) struct Many {
    schema: u32,
    jobs: Vec<JobShape>,
}

/// The text for one job, or for several.
pub(crate) fn one_or_many(mut jobs: Vec<JobShape>) -> String {
    if jobs.len() == 1 { text(&One { schema: SCHEMA, job: jobs.remove(0) }) } else { many(jobs) }
}

/// The text for a list, however long.
pub(crate) fn many(jobs: Vec<JobShape>) -> String {
    text(&Many { schema: SCHEMA, jobs })
}

/// One line of JSON.
pub(crate) fn text(shape: &impl Serialize) -> String {
    serde_json::to_string(shape).expect("shapes have string keys and finite numbers")
}

/// A job.
#[derive(Debug, Default, Serialize)]
pub(crate) struct JobShape {
    id: String,
    kind: Option<&'static str>,
    name: Option<String>,
    description: Option<String>,
    project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_dir: Option<String>,
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonShape>,
    progress: ProgressShape,
    counters: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetShape>,
    last_event: Option<String>,
    attempts: u32,
    pid: Option<u32>,
    worker: &'static str,
    created_at: Option<Time>,
    started_at: Option<Time>,
    updated_at: Option<Time>,
    finished_at: Option<Time>,
    elapsed_seconds: Option<u64>,
    error: Option<String>,
    warnings: Vec<String>,
    failures: Vec<FailureShape>,
    summary: Option<String>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    priority: i32,
    depends_on: Vec<DependencyShape>,
    resources: BTreeMap<String, u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<WaitShape>,
    restarted_from: Option<String>,
    sources: Vec<String>,
    log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct ReasonShape {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumes_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct ProgressShape {
    current: u64,
    total: Option<u64>,
    percentage: Option<u64>,
    current_item: Option<String>,
    failed: u64,
    rate: Option<f64>,
    eta_seconds: Option<u64>,
}

/// What a forge leaves to ask.
#[derive(Debug, Serialize)]
pub(crate) struct BudgetShape {
    pub(crate) bucket: String,
    pub(crate) remaining: u64,
    pub(crate) limit: Option<u64>,
    pub(crate) resets_at: Option<Time>,
}

impl From<jobctl_provider::Budget> for BudgetShape {
    fn from(budget: jobctl_provider::Budget) -> Self {
        let jobctl_provider::Budget { bucket, remaining, limit, resets_at } = budget;
        Self { bucket, remaining, limit, resets_at }
    }
}

#[derive(Debug, Serialize)]
struct FailureShape {
    item: String,
    error: String,
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct DependencyShape {
    id: String,
    condition: &'static str,
}

impl JobShape {
    /// What can be seen of a job at a time.
    pub(crate) fn of(seen: &Sighting, now: Time) -> Self {
        let mut shape = Self {
            id: seen.id.to_string(),
            progress: ProgressShape::of(&seen.progress),
            counters: seen.progress.counters.clone(),
            last_event: seen.progress.last_event.clone(),
            worker: worker(&seen.worker),
            log: Some(path(&seen.log)),
            damaged: seen.damage.clone(),
            ..Self::default()
        };
        if let Some(job) = &seen.job {
            shape.fill(job, now);
            shape.pid = pid(&seen.worker, job);
            shape.progress.rest(job);
            shape.budget = budget(seen, job);
            shape.updated_at =
                Some(seen.progress_at.map_or(job.updated_at, |at| at.max(job.updated_at)));
        }
        shape
    }

    /// The same, with the state directory that the job is in.
    pub(crate) fn within(self, state_dir: &Path) -> Self {
        Self { state_dir: Some(path(state_dir)), ..self }
    }

    /// The same, with what the job waits for.
    pub(crate) fn waiting(self, wait: Option<&Wait<'_>>) -> Self {
        Self { waits_for: wait.map(WaitShape::from), ..self }
    }

    /// What is still known of a job that was removed after it ended.
    pub(crate) fn of_removed(ended: &Ended) -> Self {
        Self {
            id: ended.id.to_string(),
            kind: Some(ended.kind.name()),
            name: ended.name.clone(),
            description: Some(ended.description.clone()),
            // Older lines do not name it.
            project: Some(path(&ended.project)).filter(|project| !project.is_empty()),
            status: Some(ended.status.name()),
            progress: ProgressShape::of(&Progress {
                current: ended.current,
                total: ended.total,
                ..Progress::default()
            }),
            worker: "none",
            created_at: Some(ended.submitted_at),
            updated_at: Some(ended.ended_at),
            finished_at: Some(ended.ended_at),
            error: ended.error.clone(),
            exit_code: exit_code(ended.exit),
            signal: signal(ended.exit),
            restarted_from: ended.restarted_from.map(|id| id.to_string()),
            ..Self::default()
        }
    }

    fn fill(&mut self, job: &Job, now: Time) {
        let spec = &job.spec;
        self.kind = Some(spec.kind.name());
        self.name.clone_from(&spec.name);
        self.description = Some(spec.description.clone());
        self.project = Some(path(&spec.project));
        self.status = Some(job.status().name());
        self.reason = reason(&job.state);
        self.attempts = job.attempts;
        self.created_at = Some(job.submitted_at);
        self.started_at = job.started_at;
        self.finished_at = job.ended_at();
        self.elapsed_seconds =
            job.started_at.map(|from| seconds(from, job.ended_at().unwrap_or(now)));
        self.fill_outcome(job);
        self.priority = spec.priority;
        self.depends_on = spec
            .after
            .iter()
            .map(|after| DependencyShape {
                id: after.on.to_string(),
                condition: condition(after.condition),
            })
            .collect();
        self.resources.clone_from(&spec.resources);
        self.restarted_from = spec.restarted_from.map(|id| id.to_string());
        self.sources.clone_from(&spec.sources);
    }

    fn fill_outcome(&mut self, job: &Job) {
        self.warnings = warnings(job);
        self.failures = job
            .failures
            .iter()
            .map(|failure| FailureShape {
                item: failure.item.clone(),
                error: failure.error.clone(),
                hint: failure.hint.clone(),
            })
            .collect();
        let exit = job.exit.or(interrupted(&job.state));
        (self.exit_code, self.signal) = (exit_code(exit), signal(exit));
        match &job.state {
            State::Completed { summary, .. } => self.summary.clone_from(summary),
            State::Failed { error, .. } => self.error = Some(error.clone()),
            State::Cancelled { reason, .. } => self.error.clone_from(reason),
            State::Pending | State::Running | State::Paused { .. } => {}
        }
    }
}

/// How the last attempt ended, where its worker died before it could tell of its program.
fn interrupted(state: &State) -> Option<Cause> {
    let State::Paused { reason: Reason::Interrupted { cause, .. }, .. } = state else {
        return None;
    };
    Some(*cause)
}

const fn exit_code(exit: Option<Cause>) -> Option<i32> {
    match exit {
        Some(Cause::Exited(code)) => Some(code),
        Some(Cause::Signalled(_) | Cause::Terminated | Cause::TimedOut | Cause::Unknown) | None => {
            None
        }
    }
}

const fn signal(exit: Option<Cause>) -> Option<i32> {
    match exit {
        Some(Cause::Signalled(signal)) => Some(signal),
        Some(Cause::Exited(_) | Cause::Terminated | Cause::TimedOut | Cause::Unknown) | None => {
            None
        }
    }
}

/// What a person should know of a job that did not simply succeed: its failed items first.
pub(crate) fn warnings(job: &Job) -> Vec<String> {
    let failures =
        job.failures.iter().map(|failure| format!("{}: {}", failure.item, failure.error));
    let noted: &[String] = match &job.state {
        State::Completed { warnings, .. } => warnings,
        State::Pending
        | State::Running
        | State::Paused { .. }
        | State::Failed { .. }
        | State::Cancelled { .. } => &[],
    };
    failures.chain(noted.iter().cloned()).collect()
}

impl ProgressShape {
    fn of(progress: &Progress) -> Self {
        Self {
            current: progress.current,
            total: progress.total,
            percentage: progress.percentage(),
            current_item: progress.current_item.clone(),
            failed: progress.failed,
            rate: progress.rate.filter(|rate| rate.is_finite()),
            eta_seconds: progress.eta_seconds,
        }
    }

    /// What is no longer worked on has no current item, rate or end.
    fn rest(&mut self, job: &Job) {
        if job.status() != Status::Running {
            (self.current_item, self.rate, self.eta_seconds) = (None, None, None);
        }
    }
}

/// What the forge leaves to ask, of a job that still asks or will.
fn budget(seen: &Sighting, job: &Job) -> Option<BudgetShape> {
    let Budget { bucket, remaining, limit, resets_at } = seen.progress.budget.clone()?;
    let shape = BudgetShape { bucket, remaining, limit, resets_at };
    matches!(job.state, State::Running | State::Paused { .. }).then_some(shape)
}

fn reason(state: &State) -> Option<ReasonShape> {
    let State::Paused { reason, resumes_at, .. } = state else { return None };
    let mut shape =
        ReasonShape { kind: reason.name(), resumes_at: *resumes_at, ..ReasonShape::default() };
    match reason {
        Reason::User | Reason::Environment => {}
        Reason::RateLimited { until, bucket, message } => {
            shape.until = Some(*until);
            shape.bucket = Some(bucket.clone());
            shape.message = Some(message.clone());
        }
        Reason::Interrupted { attempt, cause } => {
            shape.message = Some(format!("attempt {attempt} {cause}"));
        }
        Reason::Unauthorized { connection, message, url, .. } => {
            shape.connection = Some(connection.clone());
            shape.message = Some(message.clone());
            shape.url.clone_from(url);
        }
        Reason::Approval { phase } => shape.phase = Some(phase.clone()),
        Reason::Storage { message } => shape.message = Some(message.clone()),
        Reason::Dependency { on } => {
            shape.message = Some(format!("job {on} did not end as asked"));
        }
        Reason::Leftover { pids } => {
            let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
            shape.message = Some(format!("still running: {}", pids.join(", ")));
        }
    }
    Some(shape)
}

const fn worker(worker: &Worker) -> &'static str {
    match worker {
        Worker::Alive(_) => "alive",
        Worker::Dead => "dead",
        Worker::None => "none",
    }
}

/// The process to look for: the holder's, or the one that died.
pub(crate) fn pid(worker: &Worker, job: &Job) -> Option<u32> {
    match worker {
        Worker::Alive(holder) => holder.as_ref().map(|holder| holder.pid).or(job.pid),
        Worker::Dead => job.pid,
        Worker::None => None,
    }
}

/// The name of an end that a dependency asks for.
pub(crate) const fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Success => "success",
        Condition::Clean => "clean",
        Condition::Failure => "failure",
        Condition::Ended => "ended",
    }
}

fn seconds(from: Time, to: Time) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    fn pretty(seen: &Sighting) -> String {
        let shape = JobShape::of(seen, samples::now());
        serde_json::to_string_pretty(&shape).unwrap()
    }

    #[test]
    fn a_running_job() {
        insta::assert_snapshot!(pretty(&samples::running()));
    }

    #[test]
    fn a_rate_limited_job() {
        insta::assert_snapshot!(pretty(&samples::rate_limited()));
    }

    #[test]
    fn a_completed_job_with_warnings() {
        insta::assert_snapshot!(pretty(&samples::with_warnings()));
    }

    #[test]
    fn a_damaged_job() {
        insta::assert_snapshot!(pretty(&samples::damaged()));
    }

    #[test]
    fn one_job_is_an_object_and_several_are_a_list() {
        let shape = || JobShape::of(&samples::running(), samples::now());
        assert!(one_or_many(vec![shape()]).starts_with(r#"{"schema":1,"job":{"id":"ae362dfe","#));
        assert!(one_or_many(vec![shape(), shape()]).starts_with(r#"{"schema":1,"jobs":[{"#));
        assert_eq!(many(Vec::new()), r#"{"schema":1,"jobs":[]}"#);
    }
}
