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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Written {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct File {
            max_parallel: Option<usize>,
            drain: Option<bool>,
            kinds: BTreeMap<String, usize>,
            resources: BTreeMap<String, u32>,
        }
        let File { max_parallel, drain, kinds, resources } = toml::from_str(text).unwrap();
        Written { max_parallel, drain, kinds, resources }
    }

    #[test]
    fn nearer_files_win_limit_by_limit_and_each_says_where_it_was_set() {
        let (user, project) = (Path::new("/user.toml"), Path::new("/project.toml"));
        let mut limits = LimitSettings::default();
        let far = "max_parallel = 9\ndrain = true\n[kinds]\nclone = 1\nimport-issues = 2\n\
                   [resources]\ndb = 3\ngpu = 4\n";
        assert_eq!(limits.take(user, written(far)), Vec::<String>::new());
        let near = "drain = false\n[kinds]\nclone-repos = 5\nbuild = 1\n[resources]\ndb = 0\n";
        let warnings = limits.take(project, written(near));
        assert_eq!(
            warnings,
            ["/project.toml: no such kind of job: \"build\" (clone, import, sync or run)"]
        );
        limits.take_variable(7);
        let values = &limits.values;
        assert_eq!((values.max_parallel, values.drain), (7, false));
        assert_eq!(values.kinds, [(Kind::CloneRepos, 5), (Kind::ImportIssues, 2)].into());
        assert_eq!((values.capacity("db"), values.capacity("gpu")), (0, 4));
        assert_eq!(values.capacity("unheard of"), 1);
        let origins: Vec<String> =
            limits.origins.iter().map(|(limit, origin)| format!("{limit}: {origin}")).collect();
        insta::assert_snapshot!(origins.join("\n"), @r"
        max_parallel: JOBCTL_MAX_PARALLEL
        drain: /project.toml
        clone: /project.toml
        import: /user.toml
        db: /project.toml
        gpu: /user.toml
        ");
    }

    #[test]
    fn a_word_is_a_limit_and_anything_else_is_none() {
        assert_eq!("run-command".parse(), Ok(Limit::Kind(Kind::RunCommand)));
        assert_eq!("drain".parse(), Ok(Limit::Drain));
        assert_eq!("licence/a".parse(), Ok(Limit::Resource("licence/a".to_owned())));
        for bad in ["", "two words", "a=b", "a,b", "a\u{1b}b"] {
            assert_eq!(bad.parse::<Limit>(), Err(BadLimit(bad.to_owned())));
        }
    }
}
