//! What is fixed when a forge starts: the world it holds, who may see it, where it listens.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ado::AdoConfig;
use crate::behaviour::Behaviour;
use crate::jira::JiraConfig;

/// Everything a forge is started with. `Default` is the large world, [`Config::small`] one for
/// tests that do not care about volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each switches one part of the world")]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The seed of everything random: the world's contents and the script's choices.
    pub seed: u64,
    /// Who may log in. The first is the ordinary one; see [`Config::token`].
    pub tokens: Vec<Token>,
    /// Where bare repositories are made; `None`: a temporary directory, removed at the end.
    pub scratch: Option<PathBuf>,
    /// The issues and comments of `acme/api`.
    pub issues: IssueVolume,
    /// Repositories of the organisation `acme` beside `acme/api`, each with a few issues and a
    /// git repository: `acme/repo-001` and so on. Every 7th is archived, every 5th a fork, every
    /// 4th private, every 11th has its issues switched off.
    pub repos: u32,
    /// Issues in each of those repositories (1 % of it, rounded up, comments each).
    pub issues_per_repo: u32,
    /// Repositories whose clone fails, `acme/broken-001` and so on, taking the kinds of
    /// [`Broken`] in turn (so 4 gives one of each).
    pub broken_repos: u32,
    /// Valid repositories without a single commit: `acme/empty-001` and so on.
    pub empty_repos: u32,
    /// Adds repositories whose JSON carries names no file system should believe: `../../evil`,
    /// `.git`, `con`, one with a line break, one with a terminal sequence.
    pub hostile_names: bool,
    /// Adds `acme/trojan`, whose tracked files are a `.jobs/` directory with a pending command
    /// and a `jobctl.toml` with a connection of its own.
    pub hostile_content: bool,
    /// Further tracked files of `acme/trojan`, path and text; they replace its own of the same
    /// path.
    pub trojan_files: Vec<(String, String)>,
    /// Serves the 606 recorded issues and pull requests as `hub4j/github-api`. Their comments
    /// were not recorded: texts are made up in the recorded number.
    pub recorded: bool,
    /// `acme/old-api` was renamed to `acme/api`: REST answers 301 to `/repositories/{id}`, git
    /// to the new path.
    pub renamed: bool,
    /// The simulated Jira's world; `None`: there is no Jira.
    pub jira: Option<JiraConfig>,
    /// The simulated Azure DevOps' world; `None`: there is none.
    pub ado: Option<AdoConfig>,
    /// What may be changed while it runs.
    pub behaviour: Behaviour,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            tokens: vec![Token::default()],
            scratch: None,
            issues: IssueVolume::default(),
            repos: 20,
            issues_per_repo: 5,
            broken_repos: 0,
            empty_repos: 1,
            hostile_names: false,
            hostile_content: false,
            trojan_files: Vec::new(),
            recorded: true,
            renamed: true,
            jira: None,
            ado: None,
            behaviour: Behaviour::default(),
        }
    }
}

impl Config {
    /// A world that starts in milliseconds: 250 issues and 900 comments in `acme/api`, three
    /// further repositories, nothing recorded.
    #[must_use]
    pub fn small() -> Self {
        Config {
            issues: IssueVolume { issues: 250, comments: 900, ..IssueVolume::default() },
            repos: 3,
            recorded: false,
            ..Config::default()
        }
    }

    /// The value of the first token, the one a well-behaved client is given.
    ///
    /// # Panics
    /// When the configuration holds no token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.tokens[0].value
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Token {
    /// The secret itself, as in `Authorization: Bearer VALUE`.
    pub value: String,
    /// Whose token it is; the account is made if the world has none of that name.
    pub login: String,
    /// What `x-oauth-scopes` says. Private repositories need `repo` among them.
    pub scopes: String,
    /// The organisation `acme` enforces SAML and this token was not authorised: its repositories
    /// answer 403 with `x-github-sso: required`.
    pub sso_required: bool,
    /// As above, but lists leave the private repositories of `acme` out without an error, with
    /// `x-github-sso: partial-results`.
    pub sso_partial: bool,
    /// What `github-authentication-token-expiration` says, where it is said.
    pub expires: Option<String>,
    /// A primary limit of its own, instead of [`crate::Limits::primary`].
    pub limit: Option<u64>,
}

impl Default for Token {
    fn default() -> Self {
        Token {
            value: "forge-token".to_owned(),
            login: "octo".to_owned(),
            scopes: "repo, read:org".to_owned(),
            sso_required: false,
            sso_partial: false,
            expires: None,
            limit: None,
        }
    }
}

/// How much `acme/api` holds and how its contents are odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IssueVolume {
    /// Issues and pull requests together.
    pub issues: u32,
    /// Comments on them.
    pub comments: u32,
    /// How many of a hundred are pull requests.
    pub pulls_percent: u32,
    /// Texts that hurt, on the first twenty numbers: emoji, right-to-left marks, terminal
    /// sequences, 60 kB, no body, no user, NUL.
    pub nasty: bool,
    /// That many comments share one second, in `created_at` and `updated_at`; part of
    /// `comments`, in the middle of the repository's life.
    pub same_second_comments: u32,
    /// That many issues whose `comments` number is not the number of their comments: too low,
    /// too high, or 0, in turn.
    pub stale_counts: u32,
    /// That many comments missing from the repository-wide list, but present in the list of
    /// their issue.
    pub hidden_comments: u32,
    /// That many issues whose history is longer than two pages of it.
    pub restless: u32,
    /// That many pairs of issues of which one waits for the other.
    pub dependencies: u32,
    /// Issue numbers that were deleted before (410), spread evenly.
    pub deleted: u32,
    /// Issue numbers that were transferred to `acme/repo-001` before (301); needs one of
    /// [`Config::repos`].
    pub transferred: u32,
}

impl Default for IssueVolume {
    fn default() -> Self {
        IssueVolume {
            issues: 12_500,
            comments: 45_000,
            pulls_percent: 15,
            nasty: true,
            same_second_comments: 0,
            stale_counts: 0,
            hidden_comments: 0,
            restless: 0,
            dependencies: 0,
            deleted: 3,
            transferred: 2,
        }
    }
}

/// How the clone of a repository fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// In the list, but the server has no such repository: 404.
    Missing,
    /// The pack ends in the middle and the connection with it.
    DiesMidPack,
    /// 403, whoever asks.
    Forbidden,
    /// No answer until the client gives up.
    Stalls,
}
