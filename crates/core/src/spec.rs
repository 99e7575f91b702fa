use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{JobId, Time};

/// What sort of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Clones many repositories.
    CloneRepos,
    /// Imports issues into the warehouse.
    ImportIssues,
    /// Brings imported issues up to date.
    SyncExternal,
    /// Runs a command.
    RunCommand,
}

/// Text that names no kind of work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such kind of job: {0:?} (clone, import, sync or run)")]
pub struct UnknownKind(pub String);

impl Kind {
    /// The name that files and JSON use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloneRepos => "clone-repos",
            Self::ImportIssues => "import-issues",
            Self::SyncExternal => "sync-external",
            Self::RunCommand => "run-command",
        }
    }

    /// What a job of this kind does when its worker dies, unless its spec says otherwise.
    ///
    /// Commands hold: a deploy must not run twice because a machine rebooted.
    pub const fn on_crash(self) -> OnCrash {
        match self {
            Self::CloneRepos | Self::ImportIssues | Self::SyncExternal => OnCrash::Resume,
            Self::RunCommand => OnCrash::Hold,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    /// Understands the full names and the short forms `clone`, `import`, `sync`, `run`.
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        match text {
            "clone-repos" | "clone" => Ok(Self::CloneRepos),
            "import-issues" | "import" => Ok(Self::ImportIssues),
            "sync-external" | "sync" => Ok(Self::SyncExternal),
            "run-command" | "run" => Ok(Self::RunCommand),
            other => Err(UnknownKind(other.to_owned())),
        }
    }
}

/// What happens when a worker dies without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCrash {
    /// Continue by itself after a backoff.
    Resume,
    /// Stay paused until a person resumes it.
    Hold,
    /// End as failed.
    Fail,
}

/// When a dependency counts as met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Completed, with or without warnings.
    Success,
    /// Completed without warnings.
    Clean,
    /// Failed.
    Failure,
    /// Ended in any way.
    Ended,
}

/// What becomes of a job whose dependency ended otherwise than asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDependencyFailure {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It waits for a person.
    Hold,
}

/// A job that must end first, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The job waited for.
    pub on: JobId,
    /// How it must end.
    pub condition: Condition,
}

/// A credential that a job uses: whose it is and where it comes from, never its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Need {
    /// The connection's name, such as `github` or `github@forge.example:8443`.
    pub connection: String,
    /// Where the value comes from, such as `env:GH_TOKEN`.
    pub origin: String,
}

/// What a job was asked to do. Never changes once submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// What sort of work.
    pub kind: Kind,
    /// A name chosen by the user, usable wherever an id is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One line for people.
    pub description: String,
    /// The directory that the job belongs to.
    pub project: PathBuf,
    /// What is read, as the user wrote it.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Options of this kind of work; only its worker reads them.
    #[serde(default)]
    pub options: serde_json::Value,
    /// Credentials the work needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// What happens when a worker dies.
    pub on_crash: OnCrash,
    /// Whether pauses that have a time end by themselves.
    pub auto_resume: bool,
    /// How many crashes since a person last resumed end the job as failed.
    pub max_attempts: u32,
    /// Higher starts first.
    #[serde(default)]
    pub priority: i32,
    /// Jobs that must end first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Dependency>,
    /// What happens when one of them ends otherwise than asked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_dependency_failure: OnDependencyFailure,
    /// Not to be started earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// How much of each named resource it takes while it runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, u32>,
    /// How often an attempt that failed is made anew by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retries: u32,
    /// How long one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<SignedDuration>,
    /// The environment that its programs get: a keyed hash, never what is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whether that environment is kept in the state directory until the job has ended.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep_environment: bool,
    /// The announcements to make of it, by name; `None`: as the user's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce: Option<Vec<String>>,
    /// The job this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_from: Option<JobId>,
    /// The submission that this job came with, where it did not come alone. Set by the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// What this job has in common with others of which one at a time is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whether only a person may remove it: retention leaves it alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Spec {
    /// Work of this kind with everything else as usual: nothing special asked for.
    pub fn new(kind: Kind, description: impl Into<String>, project: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            name: None,
            description: description.into(),
            project: project.into(),
            sources: Vec::new(),
            options: serde_json::Value::Null,
            needs: Vec::new(),
            on_crash: kind.on_crash(),
            auto_resume: true,
            max_attempts: 5,
            priority: 0,
            after: Vec::new(),
            on_dependency_failure: OnDependencyFailure::Cancel,
            not_before: None,
            resources: BTreeMap::new(),
            retries: 0,
            timeout: None,
            environment: None,
            keep_environment: false,
            announce: None,
            restarted_from: None,
            batch: None,
            identity: None,
            keep: false,
        }
    }

    /// Whether an attempt that was interrupted is followed by another without a person.
    pub fn goes_on(&self) -> bool {
        self.auto_resume && self.on_crash == OnCrash::Resume
    }

    /// All that its attempts need and only somebody's environment has: credentials, and the
    /// environment itself.
    pub fn all_needs(&self) -> impl Iterator<Item = Need> + '_ {
        let environment = self.environment.as_deref().map(Need::environment);
        self.needs.iter().cloned().chain(environment)
    }
}

impl Need {
    /// Stands in the place of a connection where a whole environment is needed.
    pub const ENVIRONMENT: &'static str = "environment";

    /// The environment with this keyed hash.
    pub fn environment(hash: &str) -> Self {
        Self { connection: Self::ENVIRONMENT.to_owned(), origin: hash.to_owned() }
    }

    /// Whether a whole environment is needed, and no credential.
    pub fn is_environment(&self) -> bool {
        self.connection == Self::ENVIRONMENT
    }
}
