use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jobctl_core::OnCrash;

use super::{QueueArgs, StayArgs};

/// What `run` does.
pub(super) const RUN: &str = "Run a command in the background, in this directory and with this \
    environment. Its output is kept with time and stream (jobctl logs), its exit code is the \
    job's, and when it is stopped its whole process tree is.\n\n\
    The environment rests in memory only. Where it is lost, by a reboot for instance, the job \
    waits for a call with the same environment; --keep-env stores it instead.";

/// What `run` takes.
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "jobctl run [OPTIONS] -- COMMAND…\n       \
        jobctl run [OPTIONS] --shell LINE\n       jobctl run [OPTIONS] --batch FILE",
    after_help = "Examples:\n  \
        jobctl run -- make -j4 test\n  \
        jobctl run --name build --shell 'make && make install'\n  \
        jobctl run --after build --retries 3 --timeout 10min -- ./deploy.sh\n  \
        jobctl run --at 23:30 --resource db -- pg_dump -f shop.sql shop\n  \
        seq 100 | sed 's/^/echo /' | jobctl run --batch -"
)]
pub(crate) struct RunArgs {
    /// The program and its arguments.
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required_unless_present_any = ["shell", "batch"],
        conflicts_with_all = ["shell", "batch"]
    )]
    pub(crate) command: Vec<String>,
    /// Run this line with /bin/sh instead.
    #[arg(long, value_name = "LINE", conflicts_with = "batch")]
    pub(crate) shell: Option<String>,
    /// Make a job of every line of a file, or of stdin: all of them or, if one is wrong, none.
    #[arg(long, value_name = "FILE|-", long_help = BATCH, conflicts_with_all = ["foreground", "name"])]
    pub(crate) batch: Option<PathBuf>,
    /// Set a variable, or hand over the one that is set now. Stored with the job: no secrets.
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Store the environment until the job has ended, readable by you alone.
    #[arg(long)]
    pub(crate) keep_env: bool,
    /// Stop an attempt that takes longer: 90s, 15min, 2h, 1d.
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    pub(crate) timeout: Option<Duration>,
    /// Try again, so often at most, when the command fails.
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// What becomes of the job when its worker dies, or the machine [default: hold].
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) on_crash: Option<CrashChoice>,
    #[command(flatten)]
    pub(crate) stay: StayArgs,
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
}

/// What a batch file looks like.
const BATCH: &str = "Make a job of every line of a file, or of stdin: all of them or, if one is \
    wrong, none.\n\n\
    A line is a command for /bin/sh. Empty lines and those that begin with # are skipped. A line \
    that begins with {\" is JSON: command (a line for /bin/sh, or a list: a program and its \
    arguments), and any of name, description, after, on_dependency_failure, priority, timeout, \
    retries, delay, at, on_crash, resources, env, directory, keep_env, announce. \
    after is a list of ids, of names of other lines, or of {\"on\": …, \"condition\": …}. The \
    options of the call hold for every line that does not say otherwise.";

/// What can become of a job whose worker died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CrashChoice {
    /// It runs again.
    Resume,
    /// It waits for a person.
    Hold,
    /// It fails.
    Fail,
}

impl From<CrashChoice> for OnCrash {
    fn from(choice: CrashChoice) -> Self {
        match choice {
            CrashChoice::Resume => Self::Resume,
            CrashChoice::Hold => Self::Hold,
            CrashChoice::Fail => Self::Fail,
        }
    }
}
