use jiff::SignedDuration;
use jobctl_provider::{IssueOrder, Marks, Time};

/// A sync reads so much again: the search index is behind by seconds, and clocks differ.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// The chain of an order, and from when on it must be read. `None`: from the beginning.
///
/// A reading that leaves something out has a `?` in its name, so that it never stands for the
/// whole (see `Marks` in `jobctl-provider`). What comes with each issue is in the name too: a
/// reading without comments has read no comments up to its mark. An order may go on where a
/// reading of more, or of less because of `since`, has ended.
pub(crate) fn begin(order: &IssueOrder, marks: Option<&Marks>) -> (String, Option<Time>) {
    let filters = filters(order);
    let own = name(order.comments, order.timeline, &filters);
    let Some(marks) = marks else { return (own, order.since) };
    let mut known = vec![own.clone()];
    for comments in [order.comments, true] {
        for timeline in [order.timeline, true] {
            known.push(name(comments, timeline, &filters));
            if filters.is_empty() {
                known.push(name(comments, timeline, &["since".to_owned()]));
            }
        }
    }
    let found = known.into_iter().find_map(|name| Some((marks.get(&name)?.at, name)));
    let Some((at, name)) = found else { return (own, order.since) };
    let since = at.checked_sub(OVERLAP).unwrap_or(at);
    (name, order.since.max(Some(since)))
}

fn name(comments: bool, timeline: bool, filters: &[String]) -> String {
    let mut name = "issues".to_owned();
    if comments {
        name.push_str("+comments");
    }
    if timeline {
        name.push_str("+history");
    }
    if !filters.is_empty() {
        name.push('?');
        name.push_str(&filters.join("&"));
    }
    name
}

fn filters(order: &IssueOrder) -> Vec<String> {
    let mut filters = vec![];
    if order.since.is_some() {
        filters.push("since".to_owned());
    }
    if order.state != "all" {
        filters.push(format!("state={}", order.state));
    }
    filters.extend(order.labels.iter().map(|label| format!("label={label}")));
    filters.extend(order.query.iter().map(|query| format!("query={}", query.trim())));
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(order: &IssueOrder, known: &str, found: Option<&str>) {
        let mark: Time = "2026-01-01T00:02:00Z".parse().unwrap();
        let marks: Marks = [(known.to_owned(), mark.into())].into();
        let (chain, since) = begin(order, Some(&marks));
        let since = since.map(|at| at.to_string());
        assert_eq!(since.as_deref(), found, "{chain} after {known}");
    }

    #[test]
    fn a_reading_goes_on_where_one_of_more_ended() {
        let order = IssueOrder::all("jira:PAY");
        let again = Some("2026-01-01T00:00:00Z");
        check(&order, "issues+comments", again);
        check(&order, "issues+comments+history", again);
        check(&order, "issues+comments?since", again);
        check(&order, "issues", None);
        check(&order, "issues+comments?state=open", None);
        let open = IssueOrder { state: "open".to_owned(), ..order.clone() };
        check(&open, "issues+comments?state=open", again);
        check(&open, "issues+comments", None);
        let bare = IssueOrder { comments: false, ..order.clone() };
        check(&bare, "issues+comments", again);
        let since = Some("2026-06-01T00:00:00Z".parse().unwrap());
        let late = IssueOrder { since, ..order };
        check(&late, "issues+comments?since", Some("2026-06-01T00:00:00Z"));
    }
}
