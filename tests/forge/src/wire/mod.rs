//! HTTP/1.1 on the bare socket: a framework would not let go of a connection in mid-body.

mod read;
mod reply;
mod request;
pub(crate) mod serve;

pub(crate) use reply::{Cut, Reply};
pub(crate) use request::{Authorization, Request, decode, encode};
