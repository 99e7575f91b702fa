use clap::Subcommand;

/// What the service does.
pub(super) const ABOUT: &str = "Let interrupted jobs go on when you log in, or, with `loginctl \
    enable-linger`, when the machine starts.\n\n\
    Without it they go on with the next jobctl command in their project.";

/// What can be done with the service.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Install a systemd unit of yours that starts what was interrupted.
    Install,
    /// Remove it. Jobs go on as they are.
    Uninstall,
    /// Start what was interrupted, in every state directory of yours.
    #[command(hide = true)]
    Run,
}
