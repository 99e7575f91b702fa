//! The simulated Azure DevOps: organisations below `/ado`, a server of one's own below `/tfs`.

mod config;

pub use config::AdoConfig;

use crate::shared::Exchange;
use crate::wire::{Reply, Request};

/// A running Azure DevOps.
#[derive(Debug)]
pub struct Ado {}

impl Ado {
    pub(crate) fn new(_config: &AdoConfig, _url: &str, _seed: u64) -> Self {
        Self {}
    }
}

/// Whether a request is for this forge.
pub(crate) fn is_ado(request: &Request) -> bool {
    let path = request.path();
    path.starts_with("/ado/") || path.starts_with("/tfs/")
}

/// Answers one request.
pub(crate) async fn answer(_exchange: &mut Exchange, _request: &Request) -> Reply {
    Reply::json(404, "{}")
}
