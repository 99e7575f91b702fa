use jobctl_provider::{IssueOrder, Size};

use crate::history::ISSUES;
use crate::list::PER_PAGE;

/// The repository, and a look at each list for what changed meanwhile; two of the three last
/// questions cost nothing if nothing did.
const AROUND: u64 = 3;

/// About how many requests an import takes.
pub(crate) fn requests(order: &IssueOrder, size: Size) -> u64 {
    let issues = order.limit.map_or(size.issues, |limit| limit.min(size.issues));
    let listed = order.labels.is_empty()
        && order.state == "all"
        && order.query.is_none()
        && order.limit.is_none();
    let comments = match (order.comments, listed) {
        (false, _) => 0,
        (true, true) => size.comments.unwrap_or_default().div_ceil(PER_PAGE),
        // Read issue by issue, where there are any.
        (true, false) => issues,
    };
    let histories = if order.timeline { issues.div_ceil(ISSUES as u64) } else { 0 };
    issues.div_ceil(PER_PAGE) + comments + histories + AROUND
}
