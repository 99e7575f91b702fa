use clap::{Args, Subcommand};

/// What it is about.
pub(super) const ABOUT: &str = "See, keep and forget the credentials of your connections.\n\n\
    A connection is one of github, jira and ado, one of [connections] in your jobctl.toml, one on \
    another host (github@HOST, jira@HOST, ado@HOST), or an address. Credentials are never printed.";

/// What can be done with credentials.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AuthCommand {
    /// Say which credential each connection would use, and what its forge says of it.
    #[command(after_help = "Examples:\n  jobctl auth status\n  jobctl auth status jira --json\n\n\
        Exit codes: 0 all that were found serve, 7 one was refused, or a named connection has \
        none, 1 a forge could not be asked.")]
    Status {
        /// Only this connection.
        #[arg(value_name = "CONNECTION")]
        connection: Option<String>,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Keep a credential, in the system's keyring or in credentials.toml, and let the jobs go on
    /// that wait for it.
    #[command(after_help = "Examples:\n  jobctl auth login github\n  \
        jobctl auth login jira --user ann@example.org --with-token < token\n\n\
        The forge is asked first: what it refuses is not kept.")]
    Login {
        /// Whose.
        #[arg(value_name = "CONNECTION")]
        connection: String,
        /// Read the token from stdin.
        #[arg(long)]
        with_token: bool,
        /// Jira: whose token it is.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Forget what login kept. Jobs that run go on with what they have.
    Logout {
        /// Whose.
        #[arg(value_name = "CONNECTION")]
        connection: String,
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// Where a connection leads that nobody wrote down.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlaceArgs {
    /// Another server: GitHub's REST API, Jira's site, or the parent of Azure DevOps' organisations.
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Allow plain http beyond this machine.
    #[arg(long)]
    pub(crate) allow_http: bool,
}
