//! The simulated Jira: Cloud below `/jira` (and `/ex/jira/{cloudId}` for scoped tokens), Data Center below
//! `/jira-dc`.

mod config;

pub use config::JiraConfig;

use std::sync::Arc;

use crate::clock::Clock;
use crate::shared::Exchange;
use crate::wire::{Reply, Request};

/// A running Jira.
#[derive(Debug)]
pub struct Jira {}

impl Jira {
    pub(crate) fn new(_config: &JiraConfig, _url: &str, _seed: u64, _clock: &Arc<Clock>) -> Self {
        Self {}
    }
}

/// Whether a request is for this forge.
pub(crate) fn is_jira(request: &Request) -> bool {
    let path = request.path();
    path.starts_with("/jira/") || path.starts_with("/jira-dc/") || path.starts_with("/ex/jira/")
}

/// Answers one request.
pub(crate) async fn answer(_exchange: &mut Exchange, _request: &Request) -> Reply {
    Reply::json(404, "{}")
}
