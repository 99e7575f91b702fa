//! What the submitting call writes into a job's options, and its worker reads.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jobctl_core::Time;
use jobctl_provider::IssueOrder;
use serde::{Deserialize, Serialize};
use url::Url;

/// A forge as a job talks to it. Carries no credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// Its name, such as `github` or `github@forge.example:8443`.
    pub(crate) name: String,
    /// Whose dialect it speaks.
    pub(crate) dialect: Dialect,
    /// Base of its API; for plain git servers the root of the server.
    pub(crate) api_url: Url,
    /// Authorities (`host` or `host:port`) that may receive the credential.
    pub(crate) hosts: Vec<String>,
    /// Plain http beyond loopback is fine with the user.
    #[serde(default)]
    pub(crate) allow_http: bool,
    /// Azure DevOps: the organisation that knows whose credential it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organisation: Option<String>,
}

impl Connection {
    /// What its sources begin with: its name, without the host of one that nobody named.
    pub(crate) fn prefix(&self) -> &str {
        self.name.split('@').next().unwrap_or(&self.name)
    }
}

/// Whose dialect a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dialect {
    /// GitHub's.
    GitHub,
    /// Jira's, in Atlassian's cloud.
    Jira,
    /// Jira's on a server of one's own (Data Center).
    JiraCenter,
    /// Jira's at an address that does not tell which of the two it is: the site is asked.
    JiraSite,
    /// Azure DevOps's, in the cloud or on a server of one's own.
    AzureDevOps,
    /// Only git over http: nothing can be listed.
    Git,
}

impl Dialect {
    /// What sources of it begin with, and the feature that it is built in by; none where only git
    /// is spoken.
    pub(crate) const fn provider(self) -> Option<&'static str> {
        match self {
            Self::GitHub => Some("github"),
            Self::Jira | Self::JiraCenter | Self::JiraSite => Some("jira"),
            Self::AzureDevOps => Some("ado"),
            Self::Git => None,
        }
    }
}

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub(crate) enum Wanted {
    /// Every repository of an organisation or user, or every project of an organisation.
    Owner {
        /// Its login.
        owner: String,
    },
    /// One project: of Jira by its key, of Azure DevOps as `ORG/PROJECT`.
    Project {
        /// Its name.
        name: String,
    },
    /// One repository.
    Repository {
        /// Its owner; with Azure DevOps `ORG/PROJECT`.
        owner: String,
        /// Its name.
        name: String,
    },
    /// A repository by its clone address.
    Address {
        /// Where it is cloned from; carries no credential.
        url: Url,
        /// The last parts of its path, such as `acme/api`.
        full_name: String,
    },
}

impl Wanted {
    /// The first part of its name: an owner or organisation.
    pub(crate) fn owner(&self) -> Option<&str> {
        match self {
            Self::Owner { owner } | Self::Repository { owner, .. } => owner.split('/').next(),
            Self::Project { name } => name.split('/').next(),
            Self::Address { .. } => None,
        }
    }
}

/// What to do with archived repositories, or with forks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// Take them too.
    #[default]
    Include,
    /// Leave them out.
    Exclude,
    /// Take nothing else.
    Only,
}

impl Sort {
    /// Whether a repository that `is` of the sort is wanted.
    pub(crate) const fn takes(self, is: bool) -> bool {
        match self {
            Self::Include => true,
            Self::Exclude => !is,
            Self::Only => is,
        }
    }
}

/// What a `clone-repos` job is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CloneOptions {
    /// From where.
    pub(crate) connection: Connection,
    /// What.
    pub(crate) wanted: Vec<Wanted>,
    /// Absolute directory that the clones go under.
    pub(crate) into: PathBuf,
    /// Whether a clone is `NAME` under `into` instead of `OWNER/NAME`.
    pub(crate) flat: bool,
    /// Patterns, one of which a repository's name must match; none means all.
    #[serde(default, rename = "match")]
    pub(crate) matching: Vec<String>,
    /// Patterns, none of which a repository's name may match.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// What to do with archived repositories.
    #[serde(default)]
    pub(crate) archived: Sort,
    /// What to do with forks.
    #[serde(default)]
    pub(crate) forks: Sort,
    /// How many clones at once.
    pub(crate) jobs: usize,
    /// How many commits deep; `None` means all.
    #[serde(default)]
    pub(crate) depth: Option<u32>,
    /// Percent of every quota that is left to others.
    #[serde(default)]
    pub(crate) reserve: u8,
}

/// What an `import-issues` job is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportOptions {
    /// From where.
    pub(crate) connection: Connection,
    /// What: owners and repositories.
    pub(crate) wanted: Vec<Wanted>,
    /// `--since` as it was typed.
    #[serde(default)]
    pub(crate) since: Option<String>,
    /// The moment that it named when the job was submitted.
    #[serde(default)]
    pub(crate) since_at: Option<Time>,
    /// `open`, `closed` or `all`.
    pub(crate) state: String,
    /// Labels that an issue must all carry.
    #[serde(default)]
    pub(crate) labels: Vec<String>,
    /// Pull requests too.
    pub(crate) pulls: bool,
    /// Comments too.
    pub(crate) comments: bool,
    /// The history of each issue too.
    #[serde(default)]
    pub(crate) timeline: bool,
    /// Only what this query of the forge's own finds.
    #[serde(default)]
    pub(crate) query: Option<String>,
    /// The newest so many of each repository only.
    #[serde(default)]
    pub(crate) limit: Option<u64>,
    /// Percent of every quota that is left to others.
    #[serde(default)]
    pub(crate) reserve: u8,
}

impl ImportOptions {
    /// The order for one scope, such as `github:acme/api`.
    pub(crate) fn order(&self, scope: &str) -> IssueOrder {
        IssueOrder {
            scope: scope.to_owned(),
            since: self.since_at,
            state: self.state.clone(),
            labels: self.labels.clone(),
            pulls: self.pulls,
            comments: self.comments,
            timeline: self.timeline,
            query: self.query.clone(),
            limit: self.limit,
        }
    }
}

/// Options without what differs between two calls of the same command line.
pub(crate) fn comparable(options: &serde_json::Value) -> serde_json::Value {
    let mut options = options.clone();
    if let Some(fields) = options.as_object_mut() {
        fields.remove("since_at");
    }
    options
}

/// What a `run-command` job is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunOptions {
    /// What is run.
    pub(crate) command: CommandLine,
    /// Where, absolute.
    pub(crate) directory: PathBuf,
    /// With which mask for new files.
    pub(crate) umask: u32,
    /// Variables on top of the submitter's environment. They are stored: no place for secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) variables: BTreeMap<String, String>,
}

/// A command as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CommandLine {
    /// A program and its arguments; never empty.
    Program(Vec<String>),
    /// A line for `/bin/sh -c`.
    Shell(String),
}
