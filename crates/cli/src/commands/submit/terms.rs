//! What is asked of the queue for a job, before any id is known.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use jobctl_core::{Condition, JobId, OnCrash, OnDependencyFailure, Time};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as NotNamed;

use crate::args::QueueArgs;
use crate::error::{Failure, with_causes};
use crate::since::{self, BadTime};
use crate::text;

/// The longest name in characters.
const LONGEST_NAME: usize = 100;

/// What is asked of the queue for a job.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) after: Vec<After>,
    pub(super) on_dependency_failure: OnDependencyFailure,
    pub(super) priority: i32,
    pub(super) not_before: Option<Time>,
    pub(super) resources: BTreeMap<String, u32>,
    pub(super) announce: Option<Vec<String>>,
    pub(super) no_auto_resume: bool,
    pub(super) on_crash: Option<OnCrash>,
    pub(super) retries: u32,
    pub(super) timeout: Option<SignedDuration>,
}

/// A job that must end first, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct After {
    /// An id, the beginning of one, a name, or `@last`.
    pub(super) on: String,
    pub(super) condition: Condition,
}

/// Something asked of the queue that makes no sense.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadTerm {
    /// A name that could be something else.
    #[error("a job cannot be called {name:?}: {why}")]
    Name { name: String, why: &'static str },
    /// Nothing before the condition, or before a comma.
    #[error("{0:?} names no job to come after")]
    After(String),
    /// Not a resource, or not an amount of it.
    #[error("not a resource: {0:?} (NAME, or NAME=N with N from 1)")]
    Resource(String),
    /// An empty name of an announcement.
    #[error("an announcement has a name")]
    Announcement,
    /// Not a time.
    #[error(transparent)]
    Time(#[from] BadTime),
    /// No time at all for an attempt.
    #[error("a timeout of nothing lets nothing run")]
    NoTime,
    /// Beyond the calendar.
    #[error("that is too far in the future")]
    TooFar,
}

impl BadTerm {
    /// The same as the failure of a call.
    pub(super) fn into_failure(self) -> Failure {
        Failure::usage(with_causes(&self), "--help says what can be asked for")
    }
}

impl Terms {
    /// What the options of a call ask for.
    pub(super) fn of(args: &QueueArgs, now: Time) -> Result<Self, BadTerm> {
        let mut terms = Self {
            description: args.description.clone(),
            on_dependency_failure: args.on_dependency_failure.map(Into::into).unwrap_or_default(),
            priority: args.priority.unwrap_or_default(),
            no_auto_resume: args.no_auto_resume,
            ..Self::default()
        };
        if let Some(name) = &args.name {
            terms.call(name)?;
        }
        for after in &args.after {
            terms.after.push(After::parse(after)?);
        }
        for resource in &args.resources {
            let (name, amount) = resource_of(resource)?;
            terms.take(name, amount)?;
        }
        if let Some(delay) = args.delay {
            terms.wait(delay, now)?;
        }
        if let Some(at) = &args.at {
            terms.wait_until(at, now)?;
        }
        if args.no_announce {
            terms.announce_as(Vec::new())?;
        } else if !args.announce.is_empty() {
            terms.announce_as(args.announce.clone())?;
        }
        Ok(terms)
    }

    /// Gives the job a name.
    pub(super) fn call(&mut self, name: &str) -> Result<(), BadTerm> {
        if let Some(why) = not_a_name(name) {
            return Err(BadTerm::Name { name: name.to_owned(), why });
        }
        self.name = Some(name.to_owned());
        Ok(())
    }

    /// Takes so much of a resource.
    pub(super) fn take(&mut self, name: &str, amount: u32) -> Result<(), BadTerm> {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if name.is_empty() || !name.chars().all(is_plain) || amount == 0 {
            return Err(BadTerm::Resource(format!("{name}={amount}")));
        }
        self.resources.insert(name.to_owned(), amount);
        Ok(())
    }

    /// Starts no sooner than after this time.
    pub(super) fn wait(&mut self, delay: Duration, now: Time) -> Result<(), BadTerm> {
        self.not_before = Some(now.checked_add(delay).map_err(|_| BadTerm::TooFar)?);
        Ok(())
    }

    /// Starts no sooner than at this time.
    pub(super) fn wait_until(&mut self, text: &str, now: Time) -> Result<(), BadTerm> {
        self.not_before = Some(since::moment(text, now, &TimeZone::system())?);
        Ok(())
    }

    /// Makes these announcements and no others.
    pub(super) fn announce_as(&mut self, names: Vec<String>) -> Result<(), BadTerm> {
        if names.iter().any(String::is_empty) {
            return Err(BadTerm::Announcement);
        }
        self.announce = Some(names);
        Ok(())
    }

    /// Gives each attempt this time.
    pub(super) fn limit(&mut self, timeout: Duration) -> Result<(), BadTerm> {
        if timeout.is_zero() {
            return Err(BadTerm::NoTime);
        }
        self.timeout = Some(SignedDuration::try_from(timeout).map_err(|_| BadTerm::TooFar)?);
        Ok(())
    }
}

impl After {
    /// `ID` or `ID:CONDITION`. A name may hold colons, but does not end like a condition.
    pub(super) fn parse(text: &str) -> Result<Self, BadTerm> {
        let whole = (text, Condition::Success);
        let (on, condition) = match text.rsplit_once(':') {
            Some((on, end)) => condition(end).map_or(whole, |condition| (on, condition)),
            None => whole,
        };
        let on = on.trim();
        if on.is_empty() {
            return Err(BadTerm::After(text.to_owned()));
        }
        Ok(Self { on: on.to_owned(), condition })
    }
}

fn condition(text: &str) -> Option<Condition> {
    Condition::deserialize(IntoDeserializer::<NotNamed>::into_deserializer(text)).ok()
}

/// `NAME` or `NAME=N`.
fn resource_of(text: &str) -> Result<(&str, u32), BadTerm> {
    match text.split_once('=') {
        Some((name, amount)) => match amount.parse() {
            Ok(amount) => Ok((name, amount)),
            Err(_) => Err(BadTerm::Resource(text.to_owned())),
        },
        None => Ok((text, 1)),
    }
}

/// Why a text is not a good name: wherever an id is expected, a name must be told from one.
fn not_a_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("a name has a character at least");
    }
    if name.chars().count() > LONGEST_NAME {
        return Some("a name has 100 characters at most");
    }
    if name.parse::<JobId>().is_ok() {
        return Some("it looks like an id");
    }
    if name.starts_with(['@', '-']) {
        return Some("it begins like @last, or like an option");
    }
    if name.contains(',') || name != text::line(name) {
        return Some("no commas, control characters or double spaces");
    }
    let (_, end) = name.rsplit_once(':')?;
    condition(end).map(|_| "it ends like a condition of --after")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_all_that_stands_where_names_do() {
        let mut terms = Terms::default();
        for good in ["build", "build:api", "a b", "ähre", "db", "cafe", "00C0FFEE", "x:y:successes"]
        {
            assert!(terms.call(good).is_ok(), "{good}");
        }
        let long = "x".repeat(101);
        for bad in
            ["", "00c0ffee", "@last", "-x", "a,b", "a\nb", " a", "a  b", "build:success", &long]
        {
            assert!(terms.call(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn conditions_stand_behind_the_last_colon() {
        let parse = |text| After::parse(text).map(|after| (after.on, after.condition)).ok();
        for (text, on, condition) in [
            ("a", "a", Condition::Success),
            ("a:success", "a", Condition::Success),
            ("a:clean", "a", Condition::Clean),
            ("a:failure", "a", Condition::Failure),
            ("@last:ended", "@last", Condition::Ended),
            ("build:api", "build:api", Condition::Success),
            ("build:api:clean", "build:api", Condition::Clean),
            ("a:Clean", "a:Clean", Condition::Success),
        ] {
            assert_eq!(parse(text), Some((on.to_owned(), condition)), "{text}");
        }
        for text in ["", " ", ":clean"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn resources_have_a_name_and_an_amount() {
        let of = |text: &str| {
            let args = QueueArgs { resources: vec![text.to_owned()], ..QueueArgs::default() };
            Terms::of(&args, Time::UNIX_EPOCH).map(|terms| terms.resources)
        };
        for (text, name, amount) in
            [("db", "db", 1), ("db=3", "db", 3), ("a/b.c-d_e", "a/b.c-d_e", 1)]
        {
            assert_eq!(of(text).unwrap(), BTreeMap::from([(name.to_owned(), amount)]), "{text}");
        }
        for text in ["", "=1", "db=", "db=0", "db=-1", "db=x", "d b", "db=1=2", "db=4294967296"] {
            assert!(of(text).is_err(), "{text:?}");
        }
    }
}
