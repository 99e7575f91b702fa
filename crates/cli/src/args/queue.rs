use std::time::Duration;

use clap::{Args, ValueEnum};
use jobctl_core::OnDependencyFailure;

/// What can be asked of the queue for every job.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Queue options")]
pub(crate) struct QueueArgs {
    /// A name for the job, usable wherever an id is.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What lists say of the job.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Start only after these jobs: by id, name or @last, each with the end that it must have:
    /// success (warnings are fine), clean, failure or ended.
    #[arg(long, value_name = "ID[:END]", value_delimiter = ',')]
    pub(crate) after: Vec<String>,
    /// What becomes of the job where one of them ends otherwise [default: cancel].
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) on_dependency_failure: Option<DependencyChoice>,
    /// Higher starts first [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) priority: Option<i32>,
    /// Start no sooner than after this time: 90s, 15min, 2h, 1d.
    #[arg(long, value_name = "TIME", value_parser = super::duration, conflicts_with = "at")]
    pub(crate) delay: Option<Duration>,
    /// Start no sooner than at this time: 09:00 (the next time that it is), 2026-11-22 09:00, or
    /// with its offset as in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Take N (1) of a named resource while it runs; jobctl limits says how many there are.
    #[arg(long = "resource", value_name = "NAME[=N]")]
    pub(crate) resources: Vec<String>,
    /// Make these announcements of it, by their names in the settings, and no others.
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "no_announce")]
    pub(crate) announce: Vec<String>,
    /// Announce nothing of it.
    #[arg(long)]
    pub(crate) no_announce: bool,
    /// Stay paused after a rate limit or a crash until resumed by hand.
    #[arg(long)]
    pub(crate) no_auto_resume: bool,
}

/// What can become of a job whose dependency ended otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DependencyChoice {
    /// It is cancelled.
    Cancel,
    /// It waits for a person.
    Hold,
}

impl From<DependencyChoice> for OnDependencyFailure {
    fn from(choice: DependencyChoice) -> Self {
        match choice {
            DependencyChoice::Cancel => Self::Cancel,
            DependencyChoice::Hold => Self::Hold,
        }
    }
}
