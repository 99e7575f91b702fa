//! What was asked of the forge, by whom, and what became of it.

use serde::{Deserialize, Serialize};

use crate::behaviour::Fault;
use crate::limits::LimitKind;

/// Which of the two listeners was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listener {
    /// The forge itself.
    Forge,
    /// The other host, which redirects may point to and which must never see a credential.
    Other,
}

/// What the `Authorization` header was worth. The secret itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// There was none.
    None,
    /// A known token.
    Ok,
    /// Something else.
    Wrong,
}

/// How much of a reply reached the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Still under way.
    Open,
    /// All of it was written.
    Whole,
    /// The forge closed the connection on purpose.
    Cut,
    /// The client closed first.
    ClientLeft,
}

/// One request. Times are milliseconds since the forge started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// 1 for the first request ever; never reused.
    pub seq: u64,
    /// Which listener was asked.
    pub listener: Listener,
    /// `GET` and so on.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The documented path, as `/repos/{owner}/{repo}/issues`; `git` for git; `unknown`.
    pub endpoint: String,
    /// What the credential was worth.
    pub auth: Auth,
    /// Whose token it was.
    pub login: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Accept`.
    pub accept: Option<String>,
    /// `X-GitHub-Api-Version`.
    pub api_version: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// Names of all headers sent, in order, in lower case.
    pub header_names: Vec<String>,
    /// The status; 0 when none was sent.
    pub status: u16,
    /// When the request had been read.
    pub started_ms: f64,
    /// When the reply had been written, or the connection was gone.
    pub ended_ms: Option<f64>,
    /// Requests of the same kind (REST or git) under way, this one included.
    pub in_flight: u32,
    /// The reply told a limit.
    pub limited: Option<LimitKind>,
    /// It came after the client had been told of the limit that still held: a client that
    /// respects limits never makes one of these.
    pub while_limited: bool,
    /// Milliseconds between the end of the reply that told the limit and this request.
    pub after_notice_ms: Option<f64>,
    /// The fault that was done to it.
    pub fault: Option<Fault>,
    /// How much was sent.
    pub delivery: Delivery,
    /// Body bytes written.
    pub bytes: u64,
}

/// All entries since the last [`Log::clear`].
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<Entry>,
    /// Entries cleared so far: `entries[0]` has this number plus 1.
    cleared: u64,
}

impl Log {
    /// Files an entry under the next number.
    pub(crate) fn add(&mut self, mut entry: Entry) -> u64 {
        let seq = self.cleared + self.entries.len() as u64 + 1;
        entry.seq = seq;
        self.entries.push(entry);
        seq
    }

    /// The entry of this number, unless it was cleared.
    pub(crate) fn entry(&mut self, seq: u64) -> Option<&mut Entry> {
        let at = seq.checked_sub(self.cleared + 1)?;
        self.entries.get_mut(usize::try_from(at).ok()?)
    }

    /// Copies of all entries with a higher number than `after`.
    pub(crate) fn after(&self, after: u64) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.seq > after).cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.cleared += self.entries.len() as u64;
        self.entries.clear();
    }
}
