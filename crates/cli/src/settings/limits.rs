//! What may run at once: the names of limits, and where each was set.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jobctl_core::{Kind, Limits};

/// The variable that overrides how many jobs run at once.
pub(super) const VARIABLE: &str = "JOBCTL_MAX_PARALLEL";

/// A limit by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// `max_parallel`: jobs running at once.
    MaxParallel,
    /// `drain`: whether nothing is started any more.
    Drain,
    /// A kind of job, such as `clone`: jobs of it running at once.
    Kind(Kind),
    /// Any other name: units of this resource.
    Resource(String),
}

/// Where a setting was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In this file.
    File(PathBuf),
    /// In this variable.
    Variable(&'static str),
}

/// Text that names no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of a resource: one word, of letters, digits and . _ - / @")]
pub(crate) struct BadLimit(String);

/// Limits as a file states them.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) max_parallel: Option<usize>,
    pub(super) drain: Option<bool>,
    pub(super) kinds: BTreeMap<String, usize>,
    pub(super) resources: BTreeMap<String, u32>,
}

/// Limits, and where those were set that are not as they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitSettings {
    /// What may run at once.
    pub(crate) values: Limits,
    /// Where each was set; those that are not here are as they come.
    pub(crate) origins: BTreeMap<Limit, Origin>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { values: Limits::parallel(4), origins: BTreeMap::new() }
    }
}

impl LimitSettings {
    /// Takes what a file states; gives what cannot be meant.
    pub(super) fn take(&mut self, path: &Path, written: Written) -> Vec<String> {
        let Written { max_parallel, drain, kinds, resources } = written;
        let Self { values: limits, origins } = self;
        let mut set = |limit| origins.insert(limit, Origin::File(path.to_owned()));
        let mut warnings = Vec::new();
        if let Some(max_parallel) = max_parallel {
            limits.max_parallel = max_parallel;
            set(Limit::MaxParallel);
        }
        if let Some(drain) = drain {
            limits.drain = drain;
            set(Limit::Drain);
        }
        for (name, most) in kinds {
            match name.parse::<Kind>() {
                Ok(kind) => {
                    limits.kinds.insert(kind, most);
                    set(Limit::Kind(kind));
                }
                Err(unknown) => warnings.push(format!("{}: {unknown}", path.display())),
            }
        }
        for (name, units) in resources {
            limits.resources.insert(name.clone(), units);
            set(Limit::Resource(name));
        }
        warnings
    }

    /// Takes how many jobs may run at once from the variable of this name.
    pub(super) fn take_variable(&mut self, max_parallel: usize) {
        self.values.max_parallel = max_parallel;
        self.origins.insert(Limit::MaxParallel, Origin::Variable(VARIABLE));
    }
}

impl FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        if let Ok(kind) = text.parse() {
            return Ok(Self::Kind(kind));
        }
        match text {
            "max_parallel" => Ok(Self::MaxParallel),
            "drain" => Ok(Self::Drain),
            name if is_resource(name) => Ok(Self::Resource(name.to_owned())),
            other => Err(BadLimit(other.to_owned())),
        }
    }
}

/// Whether this can be written after `--resource` and in a settings file alike.
fn is_resource(name: &str) -> bool {
    let fits = |char: char| char.is_alphanumeric() || "._-/@".contains(char);
    !name.is_empty() && name.chars().all(fits)
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxParallel => out.pad("max_parallel"),
            Self::Drain => out.pad("drain"),
            Self::Kind(kind) => out.pad(short(*kind)),
            Self::Resource(name) => out.pad(name),
        }
    }
}

/// A kind as people type it.
pub(crate) const fn short(kind: Kind) -> &'static str {
    match kind {
        Kind::CloneRepos => "clone",
        Kind::ImportIssues => "import",
        Kind::SyncExternal => "sync",
        Kind::RunCommand => "run",
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Variable(name) => out.write_str(name),
        }
    }
}
