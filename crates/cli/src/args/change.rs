use clap::Args;
use jobctl_core::{Kind, Status};

use super::look::{kind, status};

/// Which jobs are to be changed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ChangeArgs {
    /// Jobs: an id, an unambiguous prefix of one, a name, or @last.
    #[arg(value_name = "ID", conflicts_with_all = ["all", "status", "kind"])]
    pub(crate) ids: Vec<String>,
    /// All jobs that it makes sense for.
    #[arg(long)]
    pub(crate) all: bool,
    /// All jobs with one of these statuses.
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', value_parser = status)]
    pub(crate) status: Vec<Status>,
    /// All jobs of this kind: clone, import or run.
    #[arg(long, value_parser = kind)]
    pub(crate) kind: Option<Kind>,
}

/// What `restart` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    pub(crate) jobs: ChangeArgs,
    /// Come back only when the new jobs have ended or need somebody.
    #[arg(long, conflicts_with = "follow")]
    pub(crate) wait: bool,
    /// As --wait, showing progress.
    #[arg(long)]
    pub(crate) follow: bool,
}

/// What `pause` says of `--all`.
pub(super) const PAUSE: &str = "The job keeps what it has done; `jobctl resume ID` goes on from \
    there. A command is\nstopped and runs again from its beginning, or its last checkpoint.\n\n\
    --all pauses what waits, runs, or would go on by itself.";

/// What `resume` says of `--all`.
pub(super) const RESUME: &str = "--all resumes what is paused, except where a forge has asked to \
    wait. Failed jobs too:\n--status paused,failed.";

/// What `cancel` says of `--all`.
pub(super) const CANCEL: &str = "--all cancels what has not ended: what waits first, so that \
    nothing starts meanwhile.";

/// What `restart` does.
pub(super) const RESTART: &str = "Run ended jobs again, each as a new job with the same options.\n\n\
    The new job starts at once: what the old one waited for does not count any more. A command \
    gets the environment of this call where the one that it had is not the same.\n\n\
    --all restarts what failed or was cancelled and has not been restarted yet.";
