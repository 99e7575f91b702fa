//! What a state directory holds, for a person who decides whether to trust it.

use std::collections::BTreeMap;

use jobctl_core::{Kind, Status};

use crate::{FileError, FileStore, Which, submission};

/// A summary of a state directory. Reading it changes nothing there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// How many jobs of each kind and status.
    pub jobs: BTreeMap<(Kind, Status), usize>,
    /// How many jobs cannot be read.
    pub damaged: usize,
    /// How many submission files wait.
    pub submissions: usize,
    /// Whether it brings settings, `jobctl.toml`.
    pub settings: bool,
    /// The connections that those settings name.
    pub connections: Vec<String>,
    /// Whether it brings imported issues, `issues.db`.
    pub warehouse: bool,
}

impl FileStore {
    /// What this directory holds.
    pub fn contents(&self) -> Result<Contents, FileError> {
        let mut jobs = BTreeMap::new();
        let mut damaged = 0;
        for seen in self.seen(Which::All)? {
            match &seen.job {
                Some(job) if seen.damage.is_none() => {
                    *jobs.entry((job.spec.kind, job.status())).or_default() += 1;
                }
                Some(_) | None => damaged += 1,
            }
        }
        let settings = self.tree.read(&self.tree.at("jobctl.toml"))?;
        let text = settings.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        Ok(Contents {
            jobs,
            damaged,
            submissions: submission::files(&self.tree)?.len(),
            settings: settings.is_some(),
            connections: connections(&text),
            warehouse: self.tree.exists(&self.tree.at("issues.db"))?,
        })
    }
}

/// The names in headers of the form `[connections.NAME]`. Only shown, so no parser is needed; text
/// of strangers keeps no control characters.
fn connections(settings: &str) -> Vec<String> {
    let names = settings.lines().filter_map(|line| {
        let (name, _) = line.trim().strip_prefix("[connections.")?.split_once(']')?;
        Some(name.trim_matches('"').chars().filter(|c| !c.is_control()).collect())
    });
    names.collect()
}
