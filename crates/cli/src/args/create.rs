use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::QueueArgs;
use crate::settings::percent;
use crate::work::options::Sort;

/// How long a command that makes jobs stays with them.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct StayArgs {
    /// Come back only when the job has ended or needs somebody.
    #[arg(long, conflicts_with_all = ["follow", "foreground"])]
    pub(crate) wait: bool,
    /// As --wait, showing progress.
    #[arg(long, conflicts_with = "foreground")]
    pub(crate) follow: bool,
    /// As --follow, but Ctrl-C pauses the job.
    #[arg(long, conflicts_with_all = ["after", "delay", "at"])]
    pub(crate) foreground: bool,
    /// Jobs always run in the background.
    #[arg(short, long, short_alias = 'd', hide = true)]
    pub(crate) background: bool,
}

/// Which forge to ask, and as whom.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ForgeArgs {
    /// The variable that holds the token.
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) token_env: Option<String>,
    /// Another server: GitHub's REST API, Jira's site, or the parent of Azure DevOps' organisations.
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Allow plain http beyond this machine.
    #[arg(long)]
    pub(crate) allow_http: bool,
    /// Leave this share of every quota to your other tools.
    #[arg(long, value_name = "P%", value_parser = percent)]
    pub(crate) reserve: Option<u8>,
    /// Make a new job even where the same one has not ended yet.
    #[arg(long)]
    pub(crate) again: bool,
}

/// What `clone` does.
pub(super) const CLONE: &str = "Clone repositories in the background, many at a time.\n\n\
    Sources: github:ORG, github:USER, github:OWNER/REPO, ado:ORG[/PROJECT[/REPO]], a browser or \
    clone address, any https git address, or @FILE with one of them a line. Clones go to \
    ./OWNER/NAME, or ./ORG/PROJECT/NAME. What is already there is left alone; what was half done \
    is done again.";

/// What `import` does.
pub(super) const IMPORT: &str = "Import issues and their comments in the background, into a searchable file \
    beside the jobs.\n\n\
    Sources: github:OWNER/REPO, github:ORG for all its repositories, jira:KEY (JIRA_URL says which \
    site) or jira:https://SITE/KEY, ado:ORG/PROJECT, ado:ORG for all its projects, a browser \
    address, or @FILE with one of them a line. Without further flags: all time, all states, with \
    comments, without pull requests.";

/// What `clone` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
        jobctl clone github:acme\n  \
        jobctl clone github:acme --match 'api-*' --archived exclude --into ~/src/acme\n  \
        jobctl clone https://github.com/acme/api @more-repositories.txt --follow")]
pub(crate) struct CloneArgs {
    /// What to clone.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<String>,
    /// Clone to DIR/NAME instead of ./OWNER/NAME.
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Only repositories whose name matches; may be given several times.
    #[arg(long = "match", value_name = "GLOB|/RE/")]
    pub(crate) matching: Vec<String>,
    /// Not the repositories whose name matches; may be given several times.
    #[arg(long, value_name = "GLOB|/RE/")]
    pub(crate) exclude: Vec<String>,
    /// What to do with archived repositories.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) archived: Sort,
    /// What to do with forks.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) forks: Sort,
    /// How many clones at once.
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = at_once)]
    pub(crate) jobs: usize,
    /// Only the newest N commits.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) depth: Option<u32>,
    #[command(flatten)]
    pub(crate) forge: ForgeArgs,
    #[command(flatten)]
    pub(crate) stay: StayArgs,
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
}

/// What `import` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
        jobctl import github:acme/api\n  \
        jobctl import github:acme/api --since 3mo --label bug --wait\n  \
        jobctl import github:acme --with pulls --without comments\n  \
        jobctl import jira:PAY --jql 'sprint in openSprints()'\n  \
        jobctl import ado:contoso/Shop --dry-run")]
pub(crate) struct ImportArgs {
    /// What to import from.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<String>,
    /// Only what changed since: 30d, 6w, 3mo, 1y or a date.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only what this query finds (Jira's JQL).
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["wiql", "search"])]
    pub(crate) jql: Option<String>,
    /// Only what this condition finds (Azure DevOps' WIQL, as behind WHERE).
    #[arg(long, value_name = "QUERY", conflicts_with = "search")]
    pub(crate) wiql: Option<String>,
    /// Only what this search finds (GitHub's).
    #[arg(long, value_name = "QUERY")]
    pub(crate) search: Option<String>,
    /// Only issues in this state.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) state: ImportState,
    /// Only issues with this label; given several times, with all of them.
    #[arg(long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// What to import besides issues.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) with: Vec<WithChoice>,
    /// What to leave out.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) without: Vec<CommentChoice>,
    /// Only the newest N issues of each repository or project.
    #[arg(short = 'L', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Only say what it would take: nothing is read, and no job is made.
    #[arg(long, conflicts_with_all = ["wait", "follow", "foreground"])]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) forge: ForgeArgs,
    #[command(flatten)]
    pub(crate) stay: StayArgs,
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
}

/// States to import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportState {
    /// Open issues only.
    Open,
    /// Closed issues only.
    Closed,
    /// Both.
    #[default]
    All,
}

impl ImportState {
    /// As forges spell it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::All => "all",
        }
    }
}

/// What can be imported besides issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WithChoice {
    /// Pull requests.
    Pulls,
    /// The history of each issue: who changed what, and when.
    Timeline,
}

/// What can be left out of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CommentChoice {
    /// Comments.
    Comments,
}

/// More at once than this has no use and alarms forges.
const MOST_AT_ONCE: usize = 64;

fn at_once(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_AT_ONCE) => Ok(number),
        Ok(_) | Err(_) => Err(format!("a number from 1 to {MOST_AT_ONCE}")),
    }
}
