//! What is said of a job: to people in a sentence, to programs as JSON.

use std::path::{Path, PathBuf};

use jobctl_core::{Change, Job, JobId, Kind, Progress, Reason, Spec, State, Time};
use jobctl_store::{Ended, Sighting, Worker};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Cue, Turn};
use crate::json::{JobShape, SCHEMA, text as to_json};
use crate::text;
use crate::views::reason;

/// The longest name or description within a sentence, and the longest explanation, in characters.
const SUBJECT: usize = 80;
const DETAIL: usize = 300;

/// What is said on one cue.
#[derive(Debug)]
pub(crate) struct Message {
    turn: Turn,
    cue: Cue,
    /// The state directory's id: jobs of several may share an id of their own.
    state: String,
    is_test: bool,
    title: String,
    detail: Option<String>,
    shape: JobShape,
    variables: Vec<(&'static str, String)>,
}

/// What a webhook posts and a command reads.
#[derive(Serialize)]
struct MessageShape<'a> {
    schema: u32,
    event: &'static str,
    /// When it happened.
    at: Time,
    text: String,
    job: &'a JobShape,
    delivery: String,
    delivered_at: Time,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

impl Message {
    /// Of a job as it can be seen now; `None` where there is nothing to say.
    pub(crate) fn of(seen: &Sighting, turn: Turn, state: &str, now: Time) -> Option<Self> {
        let spec = seen.job.as_ref().map(|job| &job.spec);
        let about = About {
            status: seen.status().map_or("", |status| status.name()),
            kind: spec.map_or("", |spec| spec.kind.name()),
            name: spec.and_then(|spec| spec.name.as_deref()),
            description: spec.map_or("", |spec| &spec.description),
            project: spec.map_or(Path::new(""), |spec| &spec.project),
        };
        let cue = turn.cue(seen.job.as_ref())?;
        // It may have gone on since: then the turn stands, and nothing explains it.
        let job = seen.job.as_ref().filter(|job| job.status() == turn.status);
        let (warnings, detail) = (job.map_or(0, Job::warnings), job.and_then(explanation));
        let shape = JobShape::of(seen, now);
        Some(Self::about(&about, turn, cue, warnings, detail, shape, state))
    }

    /// Of a job that was removed before anybody could look.
    pub(crate) fn of_removed(ended: &Ended, turn: Turn, state: &str) -> Option<Self> {
        let about = About {
            status: ended.status.name(),
            kind: ended.kind.name(),
            name: ended.name.as_deref(),
            description: &ended.description,
            project: &ended.project,
        };
        let detail = ended.error.as_deref().map(|error| text::clip(error, DETAIL));
        let shape = JobShape::of_removed(ended);
        Some(Self::about(&about, turn, turn.cue(None)?, ended.warnings, detail, shape, state))
    }

    fn about(
        about: &About<'_>,
        turn: Turn,
        cue: Cue,
        warnings: usize,
        detail: Option<String>,
        shape: JobShape,
        state: &str,
    ) -> Self {
        Self {
            title: title(about.name.unwrap_or(about.description), cue, warnings),
            variables: about.variables(turn, cue, detail.as_deref()),
            state: state.to_owned(),
            is_test: false,
            turn,
            cue,
            detail,
            shape,
        }
    }

    /// Of a job that does not exist, to try settings with.
    pub(crate) fn sample(cue: Cue, now: Time) -> Option<Self> {
        let seen = Sighting {
            id: JobId::from_bits(0),
            job: Some(sample(cue, now)?),
            progress: Progress::default(),
            progress_at: None,
            worker: Worker::None,
            requests: Vec::new(),
            damage: None,
            log: PathBuf::new(),
        };
        let turn = Turn { id: seen.id, status: cue.status(), at: now };
        Some(Self { is_test: true, ..Self::of(&seen, turn, "", now)? })
    }

    /// What happened.
    pub(crate) const fn cue(&self) -> Cue {
        self.cue
    }

    /// What happened to what, in a few words.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// The why, and where to see more.
    pub(crate) fn body(&self) -> String {
        let id = self.turn.id;
        match &self.detail {
            Some(detail) => format!("{detail}\njobctl show {id}"),
            None => format!("jobctl show {id}"),
        }
    }

    /// The same for this announcement of this news, however often and by whomever it is made.
    pub(crate) fn delivery(&self, announcement: &str) -> String {
        let Turn { id, status: _, at } = self.turn;
        let named = format!("{} {id} {} {at} {announcement}", self.state, self.cue.name());
        let digest = Sha256::digest(named.as_bytes());
        digest.iter().take(16).fold(String::new(), |id, byte| format!("{id}{byte:02x}"))
    }

    /// The JSON as it is delivered at a time.
    pub(crate) fn json(&self, announcement: &str, now: Time) -> String {
        let text = match &self.detail {
            Some(detail) => format!("{}: {detail}", self.title),
            None => self.title.clone(),
        };
        to_json(&MessageShape {
            schema: SCHEMA,
            event: self.cue.name(),
            at: self.turn.at,
            text,
            job: &self.shape,
            delivery: self.delivery(announcement),
            delivered_at: now,
            test: self.is_test,
        })
    }

    /// What a command finds in its environment besides the JSON.
    pub(crate) fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }
}

/// A job that came to be, and then to what is a cue.
fn sample(cue: Cue, now: Time) -> Option<Job> {
    let spec = Spec {
        name: Some("a test of your announcements".to_owned()),
        ..Spec::new(Kind::RunCommand, "a job that does not exist", "/")
    };
    let last = match cue {
        Cue::Completed => Change::Completed { warnings: Vec::new(), summary: None },
        Cue::Failed => Change::Failed { error: "nothing really failed".to_owned() },
        Cue::Cancelled => Change::Cancelled { reason: None },
        Cue::Paused => Change::Paused { reason: Reason::User, resumes_at: None },
        Cue::Held => Change::Paused { reason: Reason::Environment, resumes_at: None },
    };
    let submitted = Change::Submitted { spec: Box::new(spec) }.at(now);
    let job = Job::submitted(JobId::from_bits(0), submitted).ok()?;
    job.apply(Change::Started { pid: 1 }.at(now)).ok()?.apply(last.at(now)).ok()
}

/// What job it is about.
struct About<'a> {
    status: &'a str,
    kind: &'a str,
    name: Option<&'a str>,
    description: &'a str,
    project: &'a Path,
}

impl About<'_> {
    fn variables(&self, turn: Turn, cue: Cue, detail: Option<&str>) -> Vec<(&'static str, String)> {
        vec![
            ("JOBCTL_EVENT", cue.name().to_owned()),
            ("JOBCTL_JOB_ID", turn.id.to_string()),
            ("JOBCTL_JOB_STATUS", self.status.to_owned()),
            ("JOBCTL_JOB_KIND", self.kind.to_owned()),
            ("JOBCTL_JOB_NAME", text::line(self.name.unwrap_or_default())),
            ("JOBCTL_JOB_DESCRIPTION", text::line(self.description)),
            ("JOBCTL_JOB_PROJECT", self.project.to_string_lossy().into_owned()),
            ("JOBCTL_JOB_DETAIL", detail.unwrap_or_default().to_owned()),
        ]
    }
}

fn title(subject: &str, cue: Cue, warnings: usize) -> String {
    let subject = text::clip(subject, SUBJECT);
    let became = match cue {
        Cue::Completed if warnings > 0 => {
            let many = text::plural(warnings as u64, "warning", "warnings");
            return format!("{subject} completed with {many}");
        }
        Cue::Completed => "completed",
        Cue::Failed => "failed",
        Cue::Cancelled => "was cancelled",
        Cue::Paused => "is paused",
        Cue::Held => "waits for you",
    };
    format!("{subject} {became}")
}

/// Why a job is where it is, or what it did.
fn explanation(job: &Job) -> Option<String> {
    let words = match &job.state {
        State::Pending | State::Running => return None,
        State::Paused { reason, .. } => reason::words(reason),
        State::Completed { summary, .. } => summary.clone()?,
        State::Failed { error, .. } => error.clone(),
        State::Cancelled { reason, .. } => reason.clone()?,
    };
    Some(text::clip(&words, DETAIL))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use jobctl_core::Status;

    use super::*;
    use crate::views::samples;

    fn message(seen: &Sighting) -> Option<Message> {
        let turn = Turn { at: samples::now(), ..Turn::of(seen.job.as_ref()?) };
        Message::of(seen, turn, "5742", samples::now())
    }

    #[test]
    fn every_state_is_put_in_a_sentence() {
        let said: Vec<String> = samples::all()
            .iter()
            .filter_map(message)
            .map(|message| format!("{} | {}", message.title(), message.body().replace('\n', " | ")))
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn what_programs_read() {
        let json = message(&samples::with_warnings()).unwrap().json("ops", samples::now());
        let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
        // The shape of a job is tested where it is made.
        assert_eq!(value["job"]["id"], "def67890");
        value["job"] = serde_json::Value::Null;
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn a_delivery_keeps_its_name_and_no_other_has_it() {
        let one = message(&samples::rate_limited()).unwrap();
        assert_eq!(one.delivery("ops"), message(&samples::rate_limited()).unwrap().delivery("ops"));
        assert_ne!(one.delivery("ops"), one.delivery("desk"));
        assert_ne!(
            one.delivery("ops"),
            message(&samples::with_warnings()).unwrap().delivery("ops")
        );
        assert_eq!(one.delivery("ops").len(), 32);
    }

    #[test]
    fn there_is_a_sample_for_every_cue() {
        for cue in Cue::value_variants() {
            let message = Message::sample(*cue, samples::now()).unwrap();
            assert_eq!(message.cue(), *cue);
            assert!(message.json("ops", samples::now()).contains(r#""test":true"#));
        }
    }

    #[test]
    fn a_job_that_went_on_is_told_of_without_an_explanation() {
        let seen = samples::running();
        let turn = Turn { id: seen.id, status: Status::Paused, at: samples::now() };
        let message = Message::of(&seen, turn, "", samples::now()).unwrap();
        assert!(message.title().ends_with("is paused"), "{}", message.title());
        assert_eq!(message.body(), format!("jobctl show {}", seen.id));
    }
}
