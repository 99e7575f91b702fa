//! The command line.

mod announce;
mod auth;
mod change;
mod clean;
mod create;
mod doctor;
mod limits;
mod look;
mod queue;
mod run;
mod service;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

pub(crate) use announce::AnnounceCommand;
pub(crate) use auth::{AuthCommand, LoginArgs, PlaceArgs};
pub(crate) use change::{ChangeArgs, RestartArgs};
pub(crate) use clean::CleanArgs;
pub(crate) use create::{CloneArgs, CommentChoice, ForgeArgs, ImportArgs, StayArgs, WithChoice};
pub(crate) use doctor::DoctorArgs;
pub(crate) use limits::LimitsArgs;
pub(crate) use look::{
    ExportArgs, ExportExtra, ExportFormat, IssueCommand, IssuesArgs, ListArgs, LogsArgs, ShowArgs,
    WaitArgs,
};
pub(crate) use queue::QueueArgs;
pub(crate) use run::RunArgs;
pub(crate) use service::ServiceCommand;

use crate::announce::ANNOUNCER;
use crate::legacy::Legacy;
use crate::{background, since, sources};

/// The version, and what is built in.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let built_in = sources::built_in();
    let names = if built_in.is_empty() { "no provider".to_owned() } else { built_in.join(", ") };
    format!("{} (built in: {names})", env!("CARGO_PKG_VERSION"))
});

/// Long operations as durable background jobs.
#[derive(Debug, Parser)]
#[command(
    name = "jobctl",
    version = VERSION.as_str(),
    about = "Long operations as durable background jobs",
    long_about = "Long operations as durable background jobs: clone every repository of an \
        organisation, import its issues. The prompt comes back at once; the job survives the \
        terminal, crashes and reboots, and pauses itself when a forge asks for less.\n\n\
        Without a command: what is active, and what ended in the last 24 hours.",
    after_help = "Examples:\n  \
        jobctl clone github:acme              clone every repository of acme\n  \
        jobctl import github:acme/api         import the issues of acme/api\n  \
        jobctl                                what runs, what waits, what failed\n  \
        jobctl follow @last                   watch the newest job\n  \
        jobctl issues 'timeout label:bug'     search what was imported\n\n\
        Exit codes: 0 fine, 1 a job failed, 2 usage, 3 no such thing, 4 not allowed in this \
        state,\n5 damaged state, 6 storage, 7 needs credentials, 8 needs a person, 9 cancelled,\n\
        124 timed out, 130 Ctrl-C (jobs go on).",
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(flatten)]
    pub(crate) legacy: Legacy,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Globals {
    /// Print JSON (schema 1) instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do as if started in DIR.
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Say nothing but the answer and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Say what happens inside; jobs made so are not cleaned away by themselves.
    #[arg(long, global = true)]
    pub(crate) debug: bool,
    /// When to use colour.
    #[arg(long, value_name = "WHEN", value_enum, global = true)]
    pub(crate) color: Option<ColorWhen>,
    /// Never ask; fail where something would have to be asked.
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Answer questions with yes.
    #[arg(short = 'y', long, global = true)]
    pub(crate) yes: bool,
    /// Treat warnings as failures.
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Where jobs live, instead of the nearest .jobs.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Leave the runner as it is: start nothing.
    #[arg(long, global = true)]
    pub(crate) no_start: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make .jobs here: jobs of this directory live in it from now on.
    Init,
    /// Accept a state directory that came from somewhere else, after showing what it holds.
    Trust {
        /// The state directory, or the project that holds it.
        path: PathBuf,
    },
    /// Clone repositories in the background.
    #[command(long_about = create::CLONE)]
    Clone(CloneArgs),
    /// Import issues in the background.
    #[command(long_about = create::IMPORT)]
    Import(ImportArgs),
    /// Run a command in the background.
    #[command(long_about = run::RUN)]
    Run(RunArgs),
    /// List jobs.
    #[command(hide_possible_values = false, aliases = ["ls", "ps", "status"])]
    List(ListArgs),
    /// Show all about a job.
    #[command(aliases = ["view", "describe", "inspect"])]
    Show(ShowArgs),
    /// Watch jobs as they go; Ctrl-C leaves them alone.
    #[command(aliases = ["watch", "attach"])]
    Follow(JobArgs),
    /// Print what workers said.
    #[command(aliases = ["log", "tail"])]
    Logs(LogsArgs),
    /// Wait until jobs end, or need somebody.
    Wait(WaitArgs),
    /// Stop jobs so that they can go on later.
    #[command(after_help = change::PAUSE)]
    Pause(ChangeArgs),
    /// Let paused or failed jobs go on, and completed ones retry what failed.
    #[command(after_help = change::RESUME)]
    Resume(ChangeArgs),
    /// Give jobs up for good.
    #[command(after_help = change::CANCEL)]
    Cancel(ChangeArgs),
    /// Run ended jobs again, as new jobs.
    #[command(long_about = change::RESTART)]
    Restart(RestartArgs),
    /// Forget ended jobs and delete their files; clones and issues stay.
    #[command(aliases = ["delete", "remove"])]
    Rm(JobArgs),
    /// Forget ended jobs that have had their time; clones and issues stay.
    #[command(long_about = clean::ABOUT)]
    Clean(CleanArgs),
    /// Show or change what may run at once; --drain starts nothing any more.
    #[command(long_about = limits::ABOUT)]
    Limits(LimitsArgs),
    /// Look for damage and what lies around, explain it, and mend it if asked to.
    #[command(long_about = doctor::ABOUT)]
    Doctor(DoctorArgs),
    /// Go through the jobs that were interrupted: view, resume, delete or keep each.
    #[command(
        after_help = "On a terminal this asks about each job; elsewhere it lists them, with the \
        commands to type. With\n--yes all are resumed. The exit code is 8 as long as one of them \
        waits for somebody."
    )]
    Recover,
    /// Search imported issues.
    Issues(IssuesArgs),
    /// Look at one imported issue.
    #[command(subcommand_required = true)]
    Issue {
        #[command(subcommand)]
        command: IssueCommand,
    },
    /// Write imported issues to a file or to stdout.
    Export(ExportArgs),
    /// See, keep and forget the credentials of your connections.
    #[command(subcommand_required = true, long_about = auth::ABOUT)]
    Auth {
        #[command(subcommand)]
        command: AuthCommand,
    },
    /// Try the announcements of your configuration.
    #[command(subcommand_required = true, long_about = announce::ABOUT)]
    Announce {
        #[command(subcommand)]
        command: AnnounceCommand,
    },
    /// Let interrupted jobs go on when the machine has started.
    #[command(subcommand_required = true, long_about = service::ABOUT)]
    Service {
        #[command(subcommand)]
        command: ServiceCommand,
    },
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  jobctl completions bash > ~/.local/share/bash-completion/completions/jobctl"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Answers with a question: pause or cancel?
    #[command(hide = true, aliases = ["stop"])]
    Kill {
        /// Whatever was typed.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        ids: Vec<String>,
    },
}

/// What begins most often: the lives of this program that nobody begins by hand, a worker for
/// every job, and the call that makes one. Building all else that people can type would take longer
/// than many a command.
#[derive(Debug, Parser)]
#[command(name = "jobctl", disable_help_subcommand = true)]
pub(crate) struct Frequent {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: FrequentCommand,
}

/// What to do often.
#[derive(Debug, Subcommand)]
pub(crate) enum FrequentCommand {
    /// Start what may start, and watch over it.
    Runner(RunnerArgs),
    /// Do one job.
    Worker(WorkerArgs),
    /// Announce what becomes of jobs, as stdin tells it.
    Announcer,
    /// As [`Command::Run`].
    Run(Box<RunArgs>),
}

impl Frequent {
    /// What this process was started for, if it is one of these; what is wrong with a line that
    /// somebody typed, [`Cli`] tells.
    pub(crate) fn parsed() -> Option<Self> {
        let first = std::env::args_os().nth(1)?;
        let inner = [background::RUNNER, background::WORKER, ANNOUNCER];
        if inner.iter().any(|name| first == *name) {
            return Some(Self::parse());
        }
        if first == "run" { Self::try_parse().ok() } else { None }
    }
}

/// Jobs by id, prefix, name or `@last`.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobArgs {
    /// Jobs: an id, an unambiguous prefix of one, a name, or @last.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// What the calling `jobctl` tells the runner that it starts.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunnerArgs {
    /// Jobs running at once.
    #[arg(long)]
    pub(crate) max_parallel: Option<usize>,
    /// Completed submissions that stay.
    #[arg(long)]
    pub(crate) keep_completed: Option<usize>,
    /// Failed and cancelled submissions that stay.
    #[arg(long)]
    pub(crate) keep_failed: Option<usize>,
}

/// What the runner tells a worker.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkerArgs {
    /// The job to do.
    pub(crate) id: jobctl_core::JobId,
}

/// A length of time on the command line.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    since::duration(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn aliases_and_background_are_accepted() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().command;
        for alias in ["list", "ls", "ps", "status"] {
            assert!(matches!(parse(&format!("jobctl {alias}")), Some(Command::List(_))));
        }
        for alias in ["view", "describe", "inspect"] {
            assert!(matches!(parse(&format!("jobctl {alias} x")), Some(Command::Show(_))));
        }
        for alias in ["watch", "attach"] {
            assert!(matches!(parse(&format!("jobctl {alias} x")), Some(Command::Follow(_))));
        }
        for alias in ["log", "tail"] {
            assert!(matches!(parse(&format!("jobctl {alias} x")), Some(Command::Logs(_))));
        }
        for alias in ["delete", "remove"] {
            assert!(matches!(parse(&format!("jobctl {alias} x")), Some(Command::Rm(_))));
        }
        for flag in ["-b", "-d", "--background"] {
            let line = format!("jobctl clone github:acme {flag}");
            assert!(matches!(parse(&line), Some(Command::Clone(_))), "{line}");
        }
        assert!(matches!(parse("jobctl stop -9 x"), Some(Command::Kill { .. })));
    }
}
