//! What is asked of an issue besides its row.

use jobctl_provider::{IssueOrder, Item, Task};

use crate::history;
use crate::ties;

/// Takes issues apart from the rows of a list that need more before they are whole. Returns the
/// rows, and what is to be asked.
pub(crate) fn up(items: Vec<Item>, order: &IssueOrder) -> (Vec<Item>, Vec<Task>) {
    let mut asks = if order.timeline { history::histories(&items) } else { vec![] };
    let rows = items.into_iter().map(|item| ties::of(item, order, &mut asks)).collect();
    (rows, asks.iter().map(|ask| ask.task(&order.scope)).collect())
}
