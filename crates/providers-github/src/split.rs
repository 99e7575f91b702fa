//! Cutting a long list into windows that are read side by side.
//!
//! `since` has no upper bound, and how densely a list is filled is unknown. But the first page
//! from any moment on says in `rel="last"` how many rows follow, so a window is halved in time,
//! its halves are measured by a page that has to be read anyway, and halves that are still long
//! are halved again.

use jiff::SignedDuration;
use jobctl_provider::Time;
use serde::{Deserialize, Serialize};

use crate::ask::{Ask, What, whole_second};
use crate::list::{List, Onward, PER_PAGE};
use crate::page::Page;

/// Lists shorter than this many rows are read in one go.
const WORTH_CUTTING: u64 = 20 * PER_PAGE;
/// Windows longer than this many rows are halved.
const WINDOW: u64 = 50 * PER_PAGE;
/// From about so many rows on, GitHub gives cursors, and no number of the last page with them.
const UNCOUNTED: u64 = 10_000;
/// Halvings of a window at most: a list may be as uneven as it likes.
const DEPTH: u8 = 6;

/// A window that is being cut in two. Its older half waits for the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Split {
    /// The window as it would be read on, without cutting.
    pub(crate) list: List,
    /// Where it is cut.
    middle: Time,
    /// Its later end, for the next cut; `list.until`, or about now.
    to: Time,
    /// Rows from its beginning to the end of the whole list.
    rows: u64,
    /// Rows behind its end.
    behind: u64,
    /// Halvings left.
    depth: u8,
}

/// Rows from the beginning of a first page, asked with so many, to the list's end, if that can
/// be told.
pub(crate) fn rows_from(page: &Page, per_page: u64) -> Option<u64> {
    match (&page.links.next, page.links.last_page) {
        (None, _) => Some(page.length as u64),
        (Some(_), Some(pages)) => Some(pages.saturating_mul(per_page)),
        (Some(_), None) => None,
    }
}

/// What follows the page of `list`: `more` itself, or windows of it.
pub(crate) fn windows(list: &List, more: List, page: &Page, now: Time) -> Ask {
    if !list.first || list.until.is_some() || list.sweep.is_some() || more.stretch.is_some() {
        return Ask::List(more);
    }
    match rows_from(page, list.per_page) {
        Some(rows) if rows >= WORTH_CUTTING => cut(more, now, rows, 0, DEPTH),
        None if list.what == What::Issues => Ask::Highest { list: more },
        Some(_) | None => Ask::List(more),
    }
}

/// Windows of a list whose first page did not say how long it is, once that is known otherwise.
pub(crate) fn windows_of(list: List, rows: u64, now: Time) -> Ask {
    cut(list, now, rows.max(UNCOUNTED), 0, DEPTH)
}

/// Cuts a window if that pays.
fn cut(list: List, to: Time, rows: u64, behind: u64, depth: u8) -> Ask {
    let long = rows.saturating_sub(behind) > WINDOW && depth > 0 && list.stretch.is_none();
    let middle = list.since.filter(|_| long).and_then(|from| middle(from, to));
    match middle {
        Some(middle) => Ask::Split(Split { list, middle, to, rows, behind, depth: depth - 1 }),
        None => Ask::List(list),
    }
}

/// The middle of a span of time that is long enough to have one.
fn middle(from: Time, to: Time) -> Option<Time> {
    let span = to.duration_since(from);
    let middle = from.checked_add(span / 2).ok().map(whole_second)?;
    (span > SignedDuration::from_mins(10)).then_some(middle)
}

impl Split {
    /// The newer half, whose first page measures both.
    pub(crate) fn newer(&self) -> List {
        List { since: Some(self.middle), ..self.list.clone() }
    }

    /// What follows that page: `onward` is how the newer half goes on.
    pub(crate) fn halves(&self, onward: Onward, page: &Page) -> Vec<Ask> {
        if onward == Onward::End && page.length == 0 {
            // Nothing changed since: the older half stays the whole window, with its mark.
            return vec![cut(self.list.clone(), self.middle, self.rows, self.behind, self.depth)];
        }
        let older = List { until: Some(self.middle), mark: None, ..self.list.clone() };
        // Not counted means many: between that and the whole window, the middle is a guess.
        let guess = || self.rows.midpoint(self.behind.max(UNCOUNTED).min(self.rows));
        let rows = rows_from(page, self.list.per_page).unwrap_or_else(guess);
        let mut asks = vec![cut(older, self.middle, self.rows, rows, self.depth)];
        if let Onward::More(newer) = onward {
            asks.push(cut(*newer, self.to, rows, self.behind, self.depth));
        }
        asks
    }
}
