//! Jobs in words and tables: pure functions of what was seen, the time, and the terminal.

pub(crate) mod auth;
pub(crate) mod clean;
pub(crate) mod details;
pub(crate) mod doctor;
pub(crate) mod first;
pub(crate) mod issues;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod moments;
pub(crate) mod preview;
pub(crate) mod progress;
pub(crate) mod projects;
pub(crate) mod reason;
pub(crate) mod recover;
#[cfg(test)]
pub(crate) mod samples;
mod table;
pub(crate) mod waiting;

use jiff::tz::TimeZone;
use jobctl_core::{Kind, Time};

/// What a view needs to know of the moment and the terminal.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// When it is looked at.
    pub(crate) now: Time,
    /// Finds the reader's time zone: most views need none, and looking for it costs as much as all
    /// the rest of a small one.
    pub(crate) zone: fn() -> TimeZone,
    /// Columns of the terminal, if it is one.
    pub(crate) width: Option<u16>,
    /// Whether to colour.
    pub(crate) paint: Paint,
}

/// Colours, or their absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// For headings.
    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For what went wrong.
    pub(crate) fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// For what waits.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// For what went well.
    pub(crate) fn green(self, text: &str) -> String {
        self.with("1;32", text)
    }

    /// For whose line it is, where lines of several jobs stand among each other.
    pub(crate) fn of_several(self, place: usize, text: &str) -> String {
        const COLOURS: [&str; 5] = ["36", "35", "34", "32", "33"];
        self.with(COLOURS[place % COLOURS.len()], text)
    }
}

/// What a kind of work counts, and how it says that one is done.
pub(crate) const fn nouns(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::CloneRepos => ("Cloned", "repository", "repositories"),
        Kind::ImportIssues => ("Imported", "issue", "issues"),
        Kind::SyncExternal => ("Synced", "issue", "issues"),
        Kind::RunCommand => ("Done", "item", "items"),
    }
}
