//! What goes over the runner's socket: one JSON object a line, in both directions.

use jobctl_core::{JobId, Need};
use serde::{Deserialize, Serialize};

use crate::{Offer, Value};

/// The longest line either side reads.
pub(crate) const MAX_LINE: usize = 8 << 20;

/// What a call or a worker says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum Say {
    /// The first word: who speaks.
    Hello {
        /// The speaker's version.
        version: String,
        /// Whether a worker speaks, and no call.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        worker: bool,
    },
    /// Hands values over.
    Offer {
        /// Them.
        offers: Vec<Handed>,
    },
    /// There may be work.
    Ring,
    /// The limits have changed.
    Changed,
    /// A job has moved on: its progress, or whether it waits.
    Moved,
    /// A worker wants a value.
    Need {
        /// Which.
        need: Need,
    },
    /// A worker has done its job and could do another command.
    Free,
    /// A newer `jobctl` takes over.
    Retire,
}

/// What the runner answers. Not printable: values are among it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The first word.
    Hello {
        /// The runner's version.
        version: String,
        /// What unended jobs need: the speaker may have some of it.
        #[serde(default)]
        wanted: Vec<Need>,
        /// What of it some of them wait for, because nobody has it.
        #[serde(default)]
        lacking: Vec<Need>,
    },
    /// Done.
    Ok,
    /// The value asked for, where the runner has it.
    Value {
        /// It.
        value: Option<String>,
    },
    /// What a free worker does next; without an id it goes.
    Next {
        /// A job that is its own now.
        id: Option<JobId>,
    },
    /// All that it holds: it goes, and these are for the next one.
    Values {
        /// Them.
        values: Vec<Handed>,
    },
}

/// A value as it crosses the socket: the only place where one is serialised.
#[derive(Serialize, Deserialize)]
pub(crate) struct Handed {
    need: Need,
    value: String,
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}: ***", self.need)
    }
}

impl From<&Offer> for Handed {
    fn from(offer: &Offer) -> Self {
        Self { need: offer.need.clone(), value: offer.value.expose().to_owned() }
    }
}

impl From<Handed> for Offer {
    fn from(handed: Handed) -> Self {
        Self { need: handed.need, value: Value::new(handed.value) }
    }
}

/// One message as a line.
pub(crate) fn line<T: Serialize>(message: &T) -> String {
    let mut line = serde_json::to_string(message).expect("messages hold strings and ids only");
    line.push('\n');
    line
}
