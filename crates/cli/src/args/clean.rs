use clap::Args;
use jobctl_core::Status;

/// All about `clean`.
pub(super) const ABOUT: &str = "Forget ended jobs that have had their time, and delete their \
    files. Clones and issues stay, and `jobctl wait ID` still says how a job ended.\n\n\
    Without flags: what ended more than 24 hours ago and is not among the newest ten submissions \
    that completed, or the newest ten that failed or were cancelled (keep_completed and \
    keep_failed in jobctl.toml). That much is also done without being asked, now and then while \
    jobs run. With a flag, number and the 24 hours do not count.\n\n\
    Never taken: what a job waits for that has not ended, jobs that came together while one of \
    them has not ended, and damaged jobs.";

/// What `clean` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
        jobctl clean --dry-run\n  \
        jobctl clean --older-than 3mo\n  \
        jobctl clean --status cancelled,failed --older-than 7d\n  \
        jobctl clean --all")]
pub(crate) struct CleanArgs {
    /// Only say what would be removed.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Every ended job, also those submitted with --debug.
    #[arg(long)]
    pub(crate) all: bool,
    /// What ended longer ago than: 30d, 6w, 3mo, 1y, or before a date.
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
    /// What ended so: completed, failed or cancelled.
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', value_parser = ended)]
    pub(crate) status: Vec<Status>,
}

/// A status in which a job can have ended.
fn ended(text: &str) -> Result<Status, String> {
    let ends = || Status::ALL.into_iter().filter(|status| status.is_ended());
    ends().find(|status| status.name() == text).ok_or_else(|| {
        let names: Vec<_> = ends().map(Status::name).collect();
        format!("one of {}", names.join(", "))
    })
}
