use async_trait::async_trait;
use jobctl_provider::{Headers, Request, Time};

use crate::Credential;

/// What carries requests, and the clock beside it. The network, unless a test brings a script of
/// its own: then everything above it runs in virtual time.
#[async_trait]
pub trait Wire: Send + Sync {
    /// Asks once.
    async fn exchange(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<Reply, Fault>;

    /// The time of the day.
    fn now(&self) -> Time;
}

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: Headers,
    /// Its whole body, decompressed.
    pub body: Vec<u8>,
}

/// No whole reply; the text is free of secrets and names the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kept it from coming.
    pub kind: FaultKind,
    /// What happened.
    pub message: String,
}

/// What kept a reply from coming, as far as it decides about asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// There was no connection: the forge never saw the request.
    Unreachable,
    /// It took too long.
    Timeout,
    /// It broke off.
    Broken,
    /// It was not sent, or its reply not taken, on purpose: asking again changes nothing.
    Barred,
}
