//! Announcements as a user writes them down.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::announce::Cue;
use crate::since;

/// How long a delivery may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One way in which the user wants to be told what becomes of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Announcement {
    /// When it is made.
    pub(crate) on: BTreeSet<Cue>,
    /// Of which jobs.
    pub(crate) jobs: Whose,
    /// How long a delivery may take; of a webhook, one try.
    pub(crate) timeout: Duration,
    /// How it is made.
    pub(crate) way: Way,
}

/// Of which jobs an announcement is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Whose {
    /// Of every job that does not name others.
    #[default]
    All,
    /// Only of those that name it.
    Named,
}

/// How an announcement is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// JSON, posted to an address.
    Webhook {
        /// Where to.
        url: Url,
        /// What signs it.
        secret: Option<SecretSource>,
        /// Plain http beyond this machine is fine.
        allow_http: bool,
    },
    /// A notification on the user's desktop.
    Desktop,
    /// A program with the job in its environment and on its stdin.
    Command(Vec<String>),
}

/// Where a webhook's secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// A program and its arguments, whose output it is.
    Command(Vec<String>),
    /// A file that only its owner may read.
    File(PathBuf),
}

/// An entry as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "Cue::usual")]
    on: BTreeSet<Cue>,
    #[serde(default)]
    jobs: Whose,
    timeout: Option<String>,
    webhook: Option<Url>,
    secret_command: Option<Vec<String>>,
    secret_file: Option<PathBuf>,
    #[serde(default)]
    allow_http: bool,
    #[serde(default)]
    desktop: bool,
    command: Option<Vec<String>>,
}

/// An entry that says too little, or too much.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum BadAnnouncement {
    #[error("an announcement is made in one way: webhook, command, or desktop = true")]
    NotOneWay,
    #[error("secret_command, secret_file and allow_http belong to a webhook")]
    NoWebhook,
    #[error("a webhook has one secret: secret_command or secret_file")]
    TwoSecrets,
    #[error("{0} names no program")]
    NoProgram(&'static str),
    #[error("timeout is a length of time such as 30s or 2min")]
    Timeout,
}

impl TryFrom<Written> for Announcement {
    type Error = BadAnnouncement;

    fn try_from(written: Written) -> Result<Self, BadAnnouncement> {
        let timeout = match &written.timeout {
            Some(text) => since::duration(text).map_err(|_| BadAnnouncement::Timeout)?,
            None => TIMEOUT,
        };
        let (on, jobs) = (written.on.clone(), written.jobs);
        Ok(Self { on, jobs, timeout, way: written.way()? })
    }
}

impl Written {
    fn way(self) -> Result<Way, BadAnnouncement> {
        let secret = match (self.secret_command, self.secret_file) {
            (None, None) => None,
            (Some(line), None) => Some(SecretSource::Command(program("secret_command", line)?)),
            (None, Some(path)) => Some(SecretSource::File(path)),
            (Some(_), Some(_)) => return Err(BadAnnouncement::TwoSecrets),
        };
        if self.webhook.is_none() && (secret.is_some() || self.allow_http) {
            return Err(BadAnnouncement::NoWebhook);
        }
        match (self.webhook, self.desktop, self.command) {
            (Some(url), false, None) => {
                Ok(Way::Webhook { url, secret, allow_http: self.allow_http })
            }
            (None, true, None) => Ok(Way::Desktop),
            (None, false, Some(line)) => Ok(Way::Command(program("command", line)?)),
            (None, false, None)
            | (Some(_), true, _)
            | (Some(_), _, Some(_))
            | (None, true, Some(_)) => Err(BadAnnouncement::NotOneWay),
        }
    }
}

fn program(name: &'static str, line: Vec<String>) -> Result<Vec<String>, BadAnnouncement> {
    match line.first() {
        Some(program) if !program.is_empty() => Ok(line),
        Some(_) | None => Err(BadAnnouncement::NoProgram(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Announcement, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn each_way_is_understood() {
        let desktop = read("desktop = true").unwrap();
        assert_eq!((desktop.way, desktop.jobs), (Way::Desktop, Whose::All));
        assert_eq!(desktop.on, Cue::usual());
        let command =
            read("on = ['paused']\njobs = 'named'\ntimeout = '2min'\ncommand = ['say', 'done']\n")
                .unwrap();
        assert_eq!(command.way, Way::Command(vec!["say".into(), "done".into()]));
        assert_eq!((command.jobs, command.timeout), (Whose::Named, Duration::from_secs(120)));
        assert_eq!(command.on, BTreeSet::from([Cue::Paused]));
        let webhook = read("webhook = 'https://hooks.example/x'\nsecret_file = 's'\n").unwrap();
        let secret = Some(SecretSource::File("s".into()));
        let url = "https://hooks.example/x".parse().unwrap();
        assert_eq!(webhook.way, Way::Webhook { url, secret, allow_http: false });
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (text, wanted) in [
            ("on = ['failed']", "in one way"),
            ("desktop = true\ncommand = ['x']", "in one way"),
            ("webhook = 'https://a.example'\ndesktop = true", "in one way"),
            ("desktop = true\nsecret_file = 'x'", "belong to a webhook"),
            ("command = ['x']\nallow_http = true", "belong to a webhook"),
            (
                "webhook = 'https://a.example'\nsecret_file = 'x'\nsecret_command = ['x']",
                "one secret",
            ),
            ("command = []", "command names no program"),
            ("webhook = 'https://a.example'\nsecret_command = ['']", "secret_command names no"),
            ("desktop = true\ntimeout = 'soon'", "length of time"),
            ("desktop = true\non = ['ended']", "unknown variant"),
            ("webhook = 'https://a.example'\nsecret = 'x'", "unknown field"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
