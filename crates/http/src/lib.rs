//! One pooled HTTP client: pacing, pause verdicts, redaction.
//!
//! The only TCP connections of the product. [`Client`] speaks to one forge. As a [`Transport`] it
//! asks whole requests for an import; [`Client::blocking_stream`] gives git's threads bodies to
//! read as they come.
//!
//! Promises: the credential goes to the connection's own hosts and nowhere else, redirects
//! included. No text that leaves this crate carries it. Nothing is sent while a budget is known
//! to be spent. No reply is larger than 64 MiB in memory or takes longer than five minutes.
//! Proxies are not used: workers have a clean environment, so there is none to read.

mod aimd;
mod client;
mod credential;
mod endpoint;
mod exchange;
mod flight;
mod ledger;
mod pace;
mod purse;
mod redact;
mod renew;
mod secret;
mod send;
mod stream;
mod transport;
mod webhook;
mod wire;

pub use client::{Client, ClientError};
pub use credential::{Credential, Scheme};
pub use endpoint::Endpoint;
pub use purse::Identity;
pub use redact::redact;
pub use renew::{Left, Renew, RenewError};
pub use secret::{BadSecret, Secret};
pub use stream::{BodyReader, Pull, StopFlag, StreamError, StreamReply};
pub use transport::{Sent, Transport};
pub use webhook::{Delivery, Undelivered, Webhook, WebhookError};
pub use wire::{Fault, FaultKind, Reply, Wire};
