use crate::{IssueOrder, Mark, Marks};

/// A chain of readings: each begins where the one before ended.
///
/// What a reading leaves out (by age, state, label or query) stands behind a `?` in its name, and
/// what it reads besides the rows before that: its mark never stands for more than was read.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a> {
    /// What is listed, such as `issues`.
    pub what: &'a str,
    /// What may be read besides, such as `+history`, and whether this reading does.
    pub parts: &'a [(&'a str, bool)],
    /// What is left out.
    pub order: &'a IssueOrder,
}

impl Chain<'_> {
    /// Its name.
    pub fn name(&self) -> String {
        self.named(&filters(self.order))
    }

    fn named(&self, filters: &str) -> String {
        let read = self.parts.iter().filter(|(_, read)| *read).map(|(part, _)| *part);
        format!("{}{}{filters}", self.what, read.collect::<String>())
    }

    /// The chain whose mark the end of a reading sets, and where the reading begins.
    ///
    /// A reading may go on where one of more has ended, but not in its name: of that other, parts
    /// are not read this time. A reading of everything may go on where one of the later issues
    /// has ended, and then does not stand for the earlier ones either.
    pub fn begin(&self, marks: &Marks) -> (String, Option<Mark>) {
        let own = filters(self.order);
        let name = self.named(&own);
        if let Some(mark) = marks.get(&name) {
            return (name, Some(mark.clone()));
        }
        let later = own.is_empty().then(|| "?since".to_owned());
        for filters in std::iter::once(own).chain(later) {
            let mut others = self.enough().into_iter();
            let known = others.find_map(|other| marks.get(&format!("{other}{filters}")));
            if let Some(mark) = known {
                // The token is the other reading's own.
                return (self.named(&filters), Some(mark.at.into()));
            }
        }
        (name, None)
    }

    /// The readings that read all that this one does, without their filters.
    fn enough(&self) -> Vec<String> {
        let mut names = vec![self.what.to_owned()];
        for (part, read) in self.parts {
            let with: Vec<String> = names.iter().map(|name| format!("{name}{part}")).collect();
            if *read {
                names = with;
            } else {
                names.extend(with);
            }
        }
        names
    }
}

/// What an order leaves out, as it stands in a chain's name; empty if that is nothing.
fn filters(order: &IssueOrder) -> String {
    let mut filters = vec![];
    if order.since.is_some() {
        filters.push("since".to_owned());
    }
    if order.state != "all" {
        filters.push(format!("state={}", order.state));
    }
    filters.extend(order.labels.iter().map(|label| format!("label={label}")));
    filters.extend(order.query.iter().map(|query| format!("query={}", query.trim())));
    if filters.is_empty() { String::new() } else { format!("?{}", filters.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins a reading after one of the chain `known`.
    fn check(order: &IssueOrder, known: &str, chain: &str, goes_on: bool) {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        let mark = Mark { at, token: Some("t".to_owned()) };
        let marks: Marks = [(known.to_owned(), mark)].into();
        let parts = [("+comments", order.comments), ("+history", order.timeline)];
        let own = Chain { what: "issues", parts: &parts, order };
        let (name, mark) = own.begin(&marks);
        assert_eq!((name.as_str(), mark.is_some()), (chain, goes_on), "after {known}");
        let token = mark.and_then(|mark| mark.token);
        assert_eq!(token.is_some(), known == own.name(), "{token:?} of {known}");
    }

    #[test]
    fn a_reading_goes_on_where_one_of_more_ended_and_never_in_its_name() {
        let order = IssueOrder::all("jira:PAY");
        check(&order, "issues+comments", "issues+comments", true);
        check(&order, "issues+comments+history", "issues+comments", true);
        check(&order, "issues+comments?since", "issues+comments?since", true);
        check(&order, "issues+comments+history?since", "issues+comments?since", true);
        check(&order, "issues", "issues+comments", false);
        check(&order, "issues+comments?state=open", "issues+comments", false);
        let bare = IssueOrder { comments: false, ..order.clone() };
        check(&bare, "issues+comments", "issues", true);
        check(&bare, "issues+comments+history", "issues", true);
        let deep = IssueOrder { timeline: true, ..order.clone() };
        check(&deep, "issues+comments", "issues+comments+history", false);
        let open = IssueOrder { state: "open".to_owned(), ..order };
        check(&open, "issues+comments?state=open", "issues+comments?state=open", true);
        check(&open, "issues+comments", "issues+comments?state=open", false);
        check(&open, "issues+comments?since", "issues+comments?state=open", false);
    }

    #[test]
    fn every_filter_is_in_the_name() {
        let order = IssueOrder {
            since: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            state: "open".to_owned(),
            labels: vec!["a".to_owned(), "b".to_owned()],
            query: Some(" x = 1 ".to_owned()),
            ..IssueOrder::all("jira:PAY")
        };
        let chain = Chain { what: "issues", parts: &[], order: &order };
        assert_eq!(chain.name(), "issues?since&state=open&label=a&label=b&query=x = 1");
    }
}
