//! The kinds of work: what each is told, and who does it.

mod clone;
mod command;
pub(crate) mod edition;
pub(crate) mod identity;
mod import;
pub(crate) mod listing;
pub(crate) mod options;
mod outlook;
pub(crate) mod reach;
pub(crate) mod renew;
pub(crate) mod scopes;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jobctl_core::{Job, Kind};
use jobctl_runner::{Desk, Ending, Work};
use serde::de::DeserializeOwned;

/// Whoever does a job of this kind, in the state directory `root`. `alone`: this process does
/// nothing else.
pub(crate) fn make(job: &Job, root: &Path, alone: bool) -> Box<dyn Work> {
    match job.spec.kind {
        Kind::CloneRepos => Box::new(clone::Clone),
        Kind::ImportIssues => Box::new(import::Import { issues: issues_path(root) }),
        Kind::RunCommand => Box::new(command::Command { alone }),
        kind @ Kind::SyncExternal => Box::new(Unknown(kind)),
    }
}

/// Where the imported issues of a state directory are.
pub(crate) fn issues_path(root: &Path) -> PathBuf {
    root.join("issues.db")
}

/// The job's options, or the end of an attempt that cannot read them.
fn options<T: DeserializeOwned>(desk: &Desk) -> Result<T, Ending> {
    T::deserialize(&desk.job().spec.options).map_err(|error| Ending::Failed {
        error: format!("this jobctl cannot read the job's options: {error}"),
    })
}

/// A kind that another version of this program submitted.
struct Unknown(Kind);

#[async_trait]
impl Work for Unknown {
    async fn perform(&mut self, _: &Desk) -> Ending {
        Ending::Failed { error: format!("this jobctl cannot do jobs of the kind {}", self.0) }
    }
}
