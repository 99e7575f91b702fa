//! Announcements: what becomes of jobs, told by webhook, desktop notification or command.
//!
//! The runner sees what happens and hands a line on to a process of its own, the announcer, which
//! does all that may be slow or fail. Whatever goes wrong there is a line in the job's log and
//! touches no job. Announced is what somebody saw: where the runner dies before it hands a line
//! on, that announcement is lost.

mod announcer;
mod carrier;
mod message;
mod outbox;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write as _;
use std::str::FromStr;

use clap::ValueEnum;
use jobctl_core::{Job, JobId, Reason, State, Status, Time};
use jobctl_store::Store as _;
use serde::Deserialize;

pub(crate) use announcer::serve;
pub(crate) use carrier::{Carrier, Unannounced};
pub(crate) use message::Message;
pub(crate) use outbox::Outbox;

use crate::error::Failure;
use crate::session::{Opened, Session};
use crate::settings::announce::{Announcement, Whose};
use crate::settings::{FILE, Settings};

/// The hidden command that makes this program an announcer.
pub(crate) const ANNOUNCER: &str = "announcer";

/// What can become of a job that somebody may want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cue {
    /// It is done.
    Completed,
    /// It could not be done.
    Failed,
    /// It was given up.
    Cancelled,
    /// It stands still for now: its time will come, or a person paused it.
    Paused,
    /// It stands still until somebody does something.
    Held,
}

impl Cue {
    /// Those that count where an announcement does not say: all but pauses that end by themselves
    /// or that a person asked for.
    pub(crate) fn usual() -> BTreeSet<Self> {
        BTreeSet::from([Self::Completed, Self::Failed, Self::Cancelled, Self::Held])
    }

    /// The name that settings and messages use.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::Held => "held",
        }
    }

    /// The status that a job has then.
    pub(crate) const fn status(self) -> Status {
        match self {
            Self::Completed => Status::Completed,
            Self::Failed => Status::Failed,
            Self::Cancelled => Status::Cancelled,
            Self::Paused | Self::Held => Status::Paused,
        }
    }
}

/// What became of a job, as a line from the runner to the announcer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Which job.
    pub(crate) id: JobId,
    /// What became of it.
    pub(crate) status: Status,
    /// When.
    pub(crate) at: Time,
}

impl Turn {
    /// What became of a job last.
    pub(crate) const fn of(job: &Job) -> Self {
        Self { id: job.id, status: job.status(), at: job.updated_at }
    }

    /// What it is a cue for. `job`: as it can be seen since.
    pub(crate) fn cue(&self, job: Option<&Job>) -> Option<Cue> {
        match self.status {
            Status::Pending | Status::Running => None,
            Status::Completed => Some(Cue::Completed),
            Status::Failed => Some(Cue::Failed),
            Status::Cancelled => Some(Cue::Cancelled),
            Status::Paused if job.is_some_and(is_held) => Some(Cue::Held),
            Status::Paused => Some(Cue::Paused),
        }
    }
}

fn is_held(job: &Job) -> bool {
    match &job.state {
        State::Paused { reason, resumes_at, .. } => {
            resumes_at.is_none() && !matches!(reason, Reason::User)
        }
        State::Pending
        | State::Running
        | State::Completed { .. }
        | State::Failed { .. }
        | State::Cancelled { .. } => false,
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.id, self.status, self.at)
    }
}

impl FromStr for Turn {
    type Err = String;

    /// Gives a line back that is none.
    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split(' ').collect();
        let parse = |[id, status, at]: [&str; 3]| {
            Some(Self { id: id.parse().ok()?, status: status.parse().ok()?, at: at.parse().ok()? })
        };
        words.try_into().ok().and_then(parse).ok_or_else(|| line.to_owned())
    }
}

/// The announcements to make of a job on a cue: those that it names, else those that are made of
/// all.
pub(crate) fn choose<'a>(
    announcements: &'a BTreeMap<String, Announcement>,
    asked_for: Option<&'a [String]>,
    cue: Cue,
) -> impl Iterator<Item = (&'a str, &'a Announcement)> {
    let is_wanted = move |name: &String, announcement: &Announcement| match asked_for {
        Some(names) => names.contains(name),
        None => announcement.jobs == Whose::All,
    };
    announcements
        .iter()
        .filter(move |(name, it)| it.on.contains(&cue) && is_wanted(name, it))
        .map(|(name, it)| (name.as_str(), it))
}

/// Fails where a job names announcements that the user does not have.
pub(crate) fn check(names: &[String], settings: &Settings) -> Result<(), Failure> {
    let Some(unknown) = names.iter().find(|name| !settings.announcements.contains_key(*name))
    else {
        return Ok(());
    };
    let known: Vec<&str> = settings.announcements.keys().map(String::as_str).collect();
    let hint = if known.is_empty() {
        format!("write [announcements.{unknown}] into {FILE} in your own configuration")
    } else {
        format!("your own configuration has: {}", known.join(", "))
    };
    Err(Failure::usage(format!("no announcement is called {unknown}"), hint))
}

/// Whether anything is to be said on such a turn of any job.
pub(crate) fn is_wanted(settings: &Settings, status: Status) -> bool {
    let mut announcements = settings.announcements.values();
    announcements.any(|announcement| announcement.on.iter().any(|cue| cue.status() == status))
}

/// Tells of what this call did to jobs, where there is no runner that sees it.
pub(crate) fn in_place_of_runner(session: &Session, opened: &Opened, ids: &[JobId]) {
    let settings = &opened.settings;
    if settings.announcements.is_empty()
        || opened.store.runner_alive().is_ok_and(|holder| holder.is_some())
    {
        return;
    }
    let jobs = ids.iter().filter_map(|id| opened.store.look(*id).ok()?.job);
    let turns = jobs.map(|job| Turn::of(&job));
    let wanted = turns.filter(|turn| is_wanted(settings, turn.status));
    let lines: Vec<String> = wanted.map(|turn| turn.to_string()).collect();
    if lines.is_empty() {
        return;
    }
    let told = outbox::start(&session.env, opened.store.root()).and_then(|mut announcer| {
        let stdin = announcer.stdin.take();
        stdin.map_or(Ok(()), |mut stdin| writeln!(stdin, "{}", lines.join("\n")))
    });
    if let Err(error) = told {
        session.screen.warn(&format!("nothing could be announced: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::announce::Way;
    use crate::views::samples;

    fn announcement(on: &[Cue], jobs: Whose) -> Announcement {
        let on = on.iter().copied().collect();
        Announcement { on, jobs, timeout: Duration::from_secs(1), way: Way::Desktop }
    }

    #[test]
    fn a_job_gets_what_it_names_or_what_all_get() {
        use Cue as O;
        let all = BTreeMap::from([
            ("desk".to_owned(), announcement(&[O::Failed, O::Held], Whose::All)),
            ("ops".to_owned(), announcement(&[O::Failed], Whose::Named)),
        ]);
        let chosen = |named: Option<&[&str]>, cue| {
            let asked_for: Option<Vec<String>> =
                named.map(|names| names.iter().map(ToString::to_string).collect());
            let chosen = choose(&all, asked_for.as_deref(), cue).map(|(name, _)| name);
            chosen.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(chosen(None, O::Failed), "desk");
        assert_eq!(chosen(None, O::Completed), "");
        assert_eq!(chosen(Some(&[]), O::Failed), "");
        assert_eq!(chosen(Some(&["ops"]), O::Failed), "ops");
        assert_eq!(chosen(Some(&["ops"]), O::Held), "");
        assert_eq!(chosen(Some(&["ops", "desk"]), O::Failed), "desk ops");
    }

    #[test]
    fn a_turn_comes_back_from_its_line() {
        for status in Status::ALL {
            let turn = Turn { id: JobId::from_bits(7), status, at: samples::now() };
            assert_eq!(turn.to_string().parse(), Ok(turn));
        }
        for line in ["", "00000007", "00000007 ended 2026-01-15T10:53:15Z", "x failed y"] {
            assert_eq!(line.parse::<Turn>(), Err(line.to_owned()));
        }
    }

    #[test]
    fn pauses_that_wait_for_somebody_are_told_apart() {
        let limited = samples::rate_limited().job.unwrap();
        let paused = |reason: Reason, resumes_at| {
            let mut job = limited.clone();
            job.state = State::Paused { reason, resumes_at, waiting: false };
            job
        };
        let cue = |job: &Job| Turn::of(job).cue(Some(job));
        let later = Some(samples::now());
        assert_eq!(cue(&paused(Reason::Environment, None)), Some(Cue::Held));
        assert_eq!(cue(&paused(Reason::Environment, later)), Some(Cue::Paused));
        assert_eq!(cue(&paused(Reason::User, None)), Some(Cue::Paused));
        assert_eq!(cue(&limited), Some(Cue::Paused));
        assert_eq!(cue(&samples::with_warnings().job.unwrap()), Some(Cue::Completed));
        assert_eq!(cue(&samples::running().job.unwrap()), None);
        // Resumed meanwhile: nobody can tell any more what sort of pause it was.
        let turn = Turn::of(&paused(Reason::Environment, None));
        assert_eq!(turn.cue(samples::running().job.as_ref()), Some(Cue::Paused));
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_are_known() {
        let mut settings = Settings::default();
        check(&[], &settings).unwrap();
        let names = ["ops".to_owned()];
        let failure = check(&names, &settings).unwrap_err();
        assert!(failure.hint().unwrap().contains("[announcements.ops]"));
        settings.announcements.insert("desk".into(), announcement(&[], Whose::All));
        let failure = check(&names, &settings).unwrap_err();
        assert_eq!(failure.to_string(), "no announcement is called ops");
        assert!(failure.hint().unwrap().ends_with("has: desk"));
        settings.announcements.insert("ops".into(), announcement(&[], Whose::All));
        check(&names, &settings).unwrap();
    }
}
