//! One reply, and how much of it reaches the client.

use std::fmt::Write;

/// A reply before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) cut: Cut,
}

/// How much of a reply is sent before the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All, and the connection stays.
    Whole,
    /// No byte.
    BeforeHead,
    /// The head only.
    AfterHead,
    /// The head, which promises the whole, and half of the body.
    MidBody,
    /// Nothing, and the connection stays open until the client closes it.
    Stall,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Reply { status, headers: Vec::new(), body: Vec::new(), cut: Cut::Whole }
    }

    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let mut reply = Reply::new(status);
        reply.body = body.into();
        reply.with("content-type", "application/json; charset=utf-8")
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        let mut reply = Reply::new(status);
        reply.body = body.as_bytes().to_vec();
        reply.with("content-type", "text/html; charset=utf-8")
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        let mut reply = Reply::new(status);
        reply.body = body.as_bytes().to_vec();
        reply.with("content-type", "text/plain; charset=utf-8")
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The head as bytes.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(value);
            out.push_str("\r\n");
        }
        if self.status != 304 && self.status != 204 {
            let _ = write!(out, "content-length: {}\r\n", self.body.len());
        }
        out.push_str("\r\n");
        out.into_bytes()
    }
}

/// The words after the number; clients must not need them.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
