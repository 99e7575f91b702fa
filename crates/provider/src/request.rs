use url::Url;

use crate::{Task, Time};

/// One thing to ask a forge. Carries no credential: the client adds it for known hosts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// Where to; only hosts of the connection are ever asked.
    pub url: Url,
    /// Further headers, such as `accept`.
    pub headers: Vec<(&'static str, String)>,
    /// What to send.
    pub body: Body,
    /// Which of the forge's budgets it is charged to.
    pub bucket: &'static str,
    /// How much of that budget it costs.
    pub cost: u32,
    /// Whether it may be sent again when its answer was lost.
    pub repeat: Repeat,
}

/// The verb of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or asks with a body.
    Post,
    /// Changes.
    Patch,
}

/// What a request sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// A JSON text.
    Json(String),
}

/// Whether a request may be sent again when its answer was lost.
#[derive(Debug, Clone, PartialEq)]
pub enum Repeat {
    /// Asking twice is asking once.
    Safe,
    /// Ask this first, to learn whether it already took effect.
    AskFirst {
        /// The question.
        probe: Box<Task>,
    },
}

impl Eq for Repeat {}

/// What came back. A timeout is an answer too.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A whole reply, of any status.
    Reply {
        /// HTTP status.
        status: u16,
        /// Its headers.
        headers: Headers,
        /// Its whole body, decompressed.
        body: Vec<u8>,
        /// When its last byte came.
        received_at: Time,
    },
    /// No whole reply: refused, reset, cut short or too slow. Says what happened, free of secrets.
    Fault {
        /// What happened.
        message: String,
        /// When it was given up.
        at: Time,
    },
}

/// Reply headers: names in lower case, first value wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a header; `name` in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into().to_ascii_lowercase(), value.into()))
                .collect(),
        )
    }
}
