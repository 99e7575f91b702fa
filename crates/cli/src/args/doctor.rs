use clap::Args;

/// What `doctor` does.
pub(super) const ABOUT: &str = "Look at everything in the state directory, and explain in plain words what is \
    damaged, lost or left over: where it is, what it means, and what --repair would do. \
    Without --repair nothing is written.\n\n\
    --repair keeps every byte: a journal is copied beside itself before it is written anew, \
    and what is in the way is moved to set-aside in the state directory. A job whose records \
    were lost is paused, so that you decide whether it goes on. A repair that was cut short \
    is begun again.";

/// What `doctor` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
        jobctl doctor                          what is wrong here\n  \
        jobctl doctor --repair                 mend what can be mended\n  \
        jobctl doctor --json | jq .findings    the same for programs\n\n\
        Exit codes: 0 nothing is damaged, or all of it was repaired; 5 damage remains.")]
pub(crate) struct DoctorArgs {
    /// Mend what can be mended, keeping the originals.
    #[arg(long)]
    pub(crate) repair: bool,
}
