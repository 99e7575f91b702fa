//! What is fixed when a simulated Azure DevOps starts.

use serde::{Deserialize, Serialize};

use super::behaviour::AdoBehaviour;

/// What the simulated Azure DevOps holds. Its organisations are `contoso` with the projects
/// `Shop`, `Fabrikam Fiber` and `100% Done`, and `fabrikam` with `Fabrikam-Fiber-Git`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdoConfig {
    /// Work items of `contoso/Shop`. The others have a few each; ids are the organisation's, so
    /// every project's have gaps.
    pub items: u32,
    /// Comments on them: at most a third of the items have some, three or more each; from 300 on
    /// one has more than a page.
    pub comments: u32,
    /// Further projects of `contoso`, `Project 001` and so on, three items each.
    pub projects: u32,
    /// Work items of `contoso/Shop` that are in the recycle bin from the start.
    pub deleted: u32,
    /// Who may log in. The first is the ordinary one.
    pub tokens: Vec<AdoToken>,
    /// The newest `api-version` of the server below `/tfs`, `7.0`, `6.0` or `5.0`.
    pub server_version: String,
    /// What may be changed while it runs.
    pub behaviour: AdoBehaviour,
}

impl Default for AdoConfig {
    fn default() -> Self {
        AdoConfig {
            items: 10_000,
            comments: 8_000,
            projects: 3,
            deleted: 5,
            tokens: vec![AdoToken::default(), AdoToken::entra()],
            server_version: "7.0".to_owned(),
            behaviour: AdoBehaviour::default(),
        }
    }
}

impl AdoConfig {
    /// A world that starts in milliseconds: 300 work items and 400 comments in `contoso/Shop`.
    #[must_use]
    pub fn small() -> Self {
        AdoConfig { items: 300, comments: 400, ..AdoConfig::default() }
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdoToken {
    /// The secret itself.
    pub value: String,
    /// How it is sent.
    pub kind: AdoTokenKind,
    /// The name of the account.
    pub login: String,
    /// The scopes of a personal access token, with blanks between them. Work items need
    /// `vso.work`, repositories and git `vso.code`, projects one of both or `vso.project`.
    pub scopes: String,
    /// The only organisations it is good for; empty: all.
    pub organisations: Vec<String>,
    /// Projects that it may not see: 404, as if they did not exist.
    pub hidden_projects: Vec<String>,
    /// Projects that it sees and may not read: 403.
    pub denied_projects: Vec<String>,
    /// It is over: refused as if it were unknown.
    pub expired: bool,
}

/// What sort of secret a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoTokenKind {
    /// A personal access token: `Basic` with any user; as `Bearer` it is refused.
    Pat,
    /// An access token of Entra: `Bearer`, or the password of `Basic`.
    Entra,
}

impl Default for AdoToken {
    fn default() -> Self {
        AdoToken {
            value: "ado-token".to_owned(),
            kind: AdoTokenKind::Pat,
            login: "octo".to_owned(),
            scopes: "vso.work vso.code vso.project".to_owned(),
            organisations: Vec::new(),
            hidden_projects: Vec::new(),
            denied_projects: Vec::new(),
            expired: false,
        }
    }
}

impl AdoToken {
    /// An access token in the form that Entra gives: three parts with dots between them.
    #[must_use]
    pub fn entra() -> Self {
        AdoToken {
            value: "eyJ0eXAiOiJKV1QifQ.eyJuYW1lIjoib2N0byJ9.c2lnbmF0dXJl".to_owned(),
            kind: AdoTokenKind::Entra,
            ..AdoToken::default()
        }
    }
}
