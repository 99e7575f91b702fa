use jiff::SignedDuration;
use jobctl_provider::{Chain, IssueOrder, Marks, Time};

/// A sync reads so much again: the search index is behind by seconds, and clocks differ.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// The chain of an order, and from when on it must be read. `None`: from the beginning.
///
/// Comments and histories come with each issue: a reading without them has read none up to its
/// mark.
pub(crate) fn begin(order: &IssueOrder, marks: Option<&Marks>) -> (String, Option<Time>) {
    let parts = [("+comments", order.comments), ("+history", order.timeline)];
    let chain = Chain { what: "issues", parts: &parts, order };
    let (name, mark) = match marks {
        Some(marks) => chain.begin(marks),
        None => (chain.name(), None),
    };
    let since = mark.map(|mark| mark.at.checked_sub(OVERLAP).unwrap_or(mark.at));
    (name, order.since.max(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_begins_a_little_before_the_mark_and_never_before_the_order() {
        let mark: Time = "2026-01-01T00:02:00Z".parse().unwrap();
        let check = |known: &str, order: &IssueOrder, begins: &str| {
            let marks: Marks = [(known.to_owned(), mark.into())].into();
            let (_, since) = begin(order, Some(&marks));
            assert_eq!(since, Some(begins.parse().unwrap()), "{known}");
        };
        let order = IssueOrder::all("jira:PAY");
        check("issues+comments", &order, "2026-01-01T00:00:00Z");
        let since = Some("2026-06-01T00:00:00Z".parse().unwrap());
        let late = IssueOrder { since, ..order };
        check("issues+comments?since", &late, "2026-06-01T00:00:00Z");
    }
}
