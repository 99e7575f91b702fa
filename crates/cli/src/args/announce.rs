use clap::Subcommand;

use crate::announce::Cue;

/// What announcements are.
pub(super) const ABOUT: &str = "Try the announcements of your configuration: ways in which you \
    are told what becomes of jobs.\n\n\
    Each is a table of jobctl.toml in your own configuration, with one of webhook = \"https://…\", \
    desktop = true, or command = [\"program\", \"argument\"]. It is made of every job (or, with \
    jobs = \"named\", of those submitted with --announce NAME) when it is completed, failed, \
    cancelled or held, which is: paused until somebody does something. on = [\"failed\", \
    \"paused\"] chooses otherwise. What cannot be announced is a line in the job's log.";

/// What can be done with announcements.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AnnounceCommand {
    /// Make one now, of a job that does not exist; the exit code tells whether it was made.
    #[command(after_help = "Example:\n  jobctl announce test ops --event failed")]
    Test {
        /// The announcement, as your settings name it.
        name: String,
        /// What became of the job.
        #[arg(long, value_enum, default_value = "completed")]
        event: Cue,
    },
}
