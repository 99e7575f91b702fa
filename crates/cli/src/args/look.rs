use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jobctl_core::{Kind, Status};

use super::duration;

/// What `list` takes.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    jobctl list                         what is active, and the ten newest that ended\n  \
    jobctl list --status failed,paused\n  \
    jobctl list --everywhere --active   in all projects of yours\n  \
    jobctl list --all --json | jq '.jobs[].id'")]
pub(crate) struct ListArgs {
    /// Only jobs that have not ended.
    #[arg(long, conflicts_with = "all")]
    pub(crate) active: bool,
    /// All jobs, however old.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only jobs with one of these statuses.
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', value_parser = status)]
    pub(crate) status: Vec<Status>,
    /// Only jobs of this kind: clone, import or run.
    #[arg(long, value_parser = kind)]
    pub(crate) kind: Option<Kind>,
    /// Only jobs of this project: its directory's name, or a path, such as . for here.
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// At most N jobs.
    #[arg(short = 'L', long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Jobs of every state directory of yours.
    #[arg(long)]
    pub(crate) everywhere: bool,
    /// Jobs to show instead.
    #[arg(value_name = "ID", hide = true)]
    pub(crate) ids: Vec<String>,
}

/// What `show` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowArgs {
    /// Jobs: an id, an unambiguous prefix of one, a name, or @last.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// What `logs` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogsArgs {
    /// Jobs: an id, an unambiguous prefix of one, a name, or @last.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Go on printing what is said, until the jobs end.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub(crate) lines: usize,
}

/// What `wait` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Pauses that end by themselves, such as rate limits, are waited through. \
    The exit code\ntells how it ended: 0 completed, 1 failed, 7 needs credentials, 8 needs a \
    person,\n9 cancelled, 124 timed out. Of several jobs, the first of 1, 7, 8, 9.")]
pub(crate) struct WaitArgs {
    /// Jobs: an id, an unambiguous prefix of one, a name, or @last.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Give up after this long, with exit code 124: 90s, 15min, 2h.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// What `issues` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Words are looked for in titles, bodies and comments; also label:NAME, \
    state:open,\nauthor:LOGIN, is:pr, number:N and \"quoted phrases\".\n\nExamples:\n  \
    jobctl issues timeout label:bug\n  \
    jobctl issues --source github:acme/api state:open --json")]
pub(crate) struct IssuesArgs {
    /// What to look for.
    pub(crate) query: Vec<String>,
    /// Only issues of this source, such as github:acme or github:acme/api.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// At most N issues.
    #[arg(short = 'L', long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u64,
}

/// What can be done with one issue.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum IssueCommand {
    /// Print an issue with its comments.
    View {
        /// Its key, such as github:acme/api#12, acme/api#12 or #12.
        key: String,
    },
}

/// What `export` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    jobctl export > issues.jsonl\n  \
    jobctl export label:bug --source github:acme/api --format csv -o bugs.csv")]
pub(crate) struct ExportArgs {
    /// Which issues; without it all of them.
    pub(crate) query: Vec<String>,
    /// Only issues of this source, such as github:acme or github:acme/api.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// How to write them.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExportFormat,
    /// What else to write of each issue.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) with: Vec<ExportExtra>,
    /// Write to this file, all or nothing, instead of stdout.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}

/// What an export may hold besides issues and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportExtra {
    /// Who changed what, and when, where it was imported.
    History,
    /// The forge's own reply for each issue.
    Raw,
}

/// Forms of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// A table, without comments.
    Csv,
    /// Text for people.
    Markdown,
}

pub(super) fn status(text: &str) -> Result<Status, String> {
    text.parse().map_err(|_| {
        let names: Vec<_> = Status::ALL.iter().map(|status| status.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

pub(super) fn kind(text: &str) -> Result<Kind, String> {
    text.parse().map_err(|error: jobctl_core::UnknownKind| error.to_string())
}
