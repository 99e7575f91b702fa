use clap::{Args, Subcommand};

/// What it is about.
pub(super) const ABOUT: &str = "See, keep and forget the credentials of your connections.\n\n\
    A connection is github, jira or ado:ORGANISATION, one of [connections] in your jobctl.toml, or \
    one on another host: github@HOST, jira@HOST, ado@HOST/COLLECTION. A source such as \
    github:acme/api names its connection too. Credentials are never printed.";

/// What can be done with credentials.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AuthCommand {
    /// Say which credential each connection would use, and what its forge says of it.
    #[command(after_help = "Examples:\n  jobctl auth status\n  jobctl auth status jira --json\n\n\
        Without a connection: github, ado, jira where JIRA_URL says which, and all of your \
        [connections].\n\n\
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
        The token is asked for without being shown, or read from a pipe with --with-token. The \
        forge is asked about it first: what it refuses is not kept. Jira's cloud wants the account's \
        e-mail too; GitHub and Azure DevOps take the token alone.")]
    Login(LoginArgs),
    /// Forget what login kept. Jobs that run go on with what they have.
    Logout {
        /// Whose credential it is: see jobctl auth --help.
        #[arg(value_name = "CONNECTION")]
        connection: String,
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// What is kept, and for whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoginArgs {
    /// Whose credential it is: see jobctl auth --help.
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: String,
    /// Read the token from a pipe or file on stdin.
    #[arg(long)]
    pub(crate) with_token: bool,
    /// Jira: the account's e-mail or user name; a token without one is sent as a bearer's.
    #[arg(long, value_name = "EMAIL")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
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
