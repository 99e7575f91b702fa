//! Connections as the user writes them down.

use std::path::PathBuf;

use serde::Deserialize;

use crate::work::options::Dialect;

/// A forge beside the well-known ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConnectionSettings {
    /// Whose dialect it speaks; where nothing is said, that of its name, else `github`.
    pub(crate) provider: Option<ProviderName>,
    /// GitHub: base of its API. Jira: the site. Azure DevOps: the parent of the organisations.
    pub(crate) api_url: Option<String>,
    /// Jira: reads by way of Atlassian's gateway, as scoped tokens must.
    pub(crate) cloud_id: Option<String>,
    /// Azure DevOps: the organisation that `auth status` asks whose credential it is.
    pub(crate) organisation: Option<String>,
    /// Further authorities that may receive its credential, such as a git host of its own.
    pub(crate) hosts: Vec<String>,
    /// Jira: whose tokens these are; a token without a user is sent as a bearer's.
    pub(crate) user: Option<String>,
    /// A program and its arguments whose output is the credential.
    pub(crate) token_command: Vec<String>,
    /// Several credentials, used in turn by what is left of their budgets.
    pub(crate) tokens: Vec<TokenSettings>,
    /// GitHub: the App that reads for its installation.
    pub(crate) app: Option<AppSettings>,
    /// Plain http beyond this machine is fine.
    pub(crate) allow_http: bool,
}

/// Where one of several credentials comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenSettings {
    /// A variable.
    Env(String),
    /// The output of a program.
    Command(Vec<String>),
}

/// A GitHub App.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppSettings {
    /// Its number, or its client id.
    pub(crate) id: AppId,
    /// The number of its installation.
    pub(crate) installation: u64,
    /// Its private key, in PEM; absolute.
    pub(crate) key_file: PathBuf,
}

/// How an App is known: GitHub takes either in the place of a token's issuer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum AppId {
    /// Its number.
    Number(u64),
    /// Its client id, such as `Iv23…`.
    Client(String),
}

impl std::fmt::Display for AppId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Client(id) => out.pad(id),
        }
    }
}

/// Dialects that a connection can be configured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProviderName {
    /// GitHub, in the cloud or on a server of one's own.
    #[serde(rename = "github")]
    GitHub,
    /// Jira in Atlassian's cloud.
    Jira,
    /// Jira on a server of one's own.
    JiraDc,
    /// Azure DevOps, in the cloud or on a server of one's own.
    Ado,
}

impl From<ProviderName> for Dialect {
    fn from(name: ProviderName) -> Self {
        match name {
            ProviderName::GitHub => Self::GitHub,
            ProviderName::Jira => Self::Jira,
            ProviderName::JiraDc => Self::JiraCenter,
            ProviderName::Ado => Self::AzureDevOps,
        }
    }
}
