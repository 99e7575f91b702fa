//! Questions in Azure DevOps' query language.
//!
//! A query gives ids alone, and fails where there are more than 20,000 of them: so every one asks
//! for a range of ids, and for fewer than that.

use std::fmt::Write as _;

use jobctl_provider::{IssueOrder, Unsupported};

use crate::ask::Reading;

/// Results that one query gives at most; 20,000 are refused (VS402337).
pub(crate) const MOST: u64 = 19_999;

/// A query for ids of the project, with the order's filters.
pub(crate) struct Wiql(String);

impl Wiql {
    /// What the reading's order wants of its project. Types differ in what a state means, so
    /// the rows must be looked at again.
    pub(crate) fn of(reading: &Reading) -> Self {
        let mut wiql = Self::of_project();
        let order = &reading.order;
        if let Some(since) = order.since {
            wiql.and(&format!("[System.ChangedDate] >= {}", quoted(&since.to_string())));
        }
        for label in &order.labels {
            wiql.and(&format!("[System.Tags] CONTAINS {}", quoted(label)));
        }
        if let Some(done) = wants_done(order) {
            let states = reading.states.iter().flat_map(|states| states.named(done));
            let states: Vec<String> = states.map(quoted).collect();
            if !states.is_empty() {
                wiql.and(&format!("[System.State] IN ({})", states.join(", ")));
            }
        }
        wiql.query(order)
    }

    /// Everything of the project that the person's own query finds.
    pub(crate) fn of_query(order: &IssueOrder) -> Self {
        Self::of_project().query(order)
    }

    fn of_project() -> Self {
        Self("SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project".to_owned())
    }

    fn query(mut self, order: &IssueOrder) -> Self {
        // What is stored was looked through when it was planned.
        let condition = order.query.as_deref().and_then(|query| condition(query).ok().flatten());
        if let Some(condition) = condition {
            self.and(&format!("({condition})"));
        }
        self
    }

    pub(crate) fn and(&mut self, condition: &str) {
        let _ = write!(self.0, " AND {condition}");
    }

    /// The whole query.
    pub(crate) fn ordered(self, by: &str) -> String {
        format!("{} ORDER BY {by}", self.0)
    }
}

/// Whether the order wants what is over, or what is not; `None` takes both.
pub(crate) fn wants_done(order: &IssueOrder) -> Option<bool> {
    match order.state.as_str() {
        "open" => Some(false),
        "closed" => Some(true),
        _ => None,
    }
}

/// A text as WIQL takes it: quotes are doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The condition of a person's query: a `WHERE` part, or a whole query, whose `ORDER BY` does not
/// matter. `None` where it has none. What could reach beyond the project is refused.
pub(crate) fn condition(query: &str) -> Result<Option<String>, Unsupported> {
    let refused = |why: &str| Unsupported(format!("cannot use the WIQL query {query:?}: {why}"));
    let words = words(query).map_err(refused)?;
    let find = |wanted: &str| words.iter().find(|(_, word)| word == wanted).map(|(at, _)| *at);
    for (_, word) in &words {
        match word.as_str() {
            "WORKITEMLINKS" | "MODE" => {
                return Err(refused("queries for links have no work items of their own"));
            }
            "ASOF" => return Err(refused("a past state cannot be imported; leave ASOF out")),
            _ => {}
        }
    }
    let start = match (find("SELECT"), find("WHERE")) {
        (_, Some(at)) => at + "WHERE".len(),
        (Some(_), None) => return Ok(None),
        (None, None) => 0,
    };
    let end = words
        .windows(2)
        .find(|pair| pair[0].1 == "ORDER" && pair[1].1 == "BY")
        .map_or(query.len(), |pair| pair[0].0);
    let condition = query.get(start..end).unwrap_or_default().trim();
    if condition.is_empty() {
        return Err(refused("it has no condition"));
    }
    Ok(Some(condition.to_owned()))
}

/// The words outside of quotes, names and brackets, in capitals, with where they begin.
fn words(query: &str) -> Result<Vec<(usize, String)>, &'static str> {
    let mut words = vec![];
    let mut word: Option<usize> = None;
    let mut depth = 0_u32;
    // The character that ends what is skipped: a quoted text or a name in brackets.
    let mut until = None;
    for (at, c) in query.char_indices() {
        if let Some(end) = until {
            if c == end {
                until = None;
            }
            continue;
        }
        let in_word = c.is_alphanumeric() || matches!(c, '_' | '.' | '@');
        if !in_word && let Some(start) = word.take() {
            words.extend((depth == 0).then(|| (start, query[start..at].to_uppercase())));
        }
        match c {
            '\'' | '"' => until = Some(c),
            '[' => until = Some(']'),
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or("a bracket closes that was not opened")?,
            _ if in_word => {
                word.get_or_insert(at);
            }
            _ => {}
        }
    }
    if let Some(start) = word {
        words.push((start, query[start..].to_uppercase()));
    }
    match (until, depth) {
        (None, 0) => Ok(words),
        (Some(_), _) => Err("a quote or name is not closed"),
        (None, _) => Err("a bracket is not closed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Option<String> {
        condition(query).unwrap()
    }

    #[test]
    fn the_condition_of_a_query_is_what_stands_between_where_and_order() {
        for (query, wanted) in [
            ("[System.State] = 'New'", "[System.State] = 'New'"),
            ("where [A] = 1 order by [B]", "[A] = 1"),
            (
                "SELECT [System.Id] FROM WorkItems WHERE [T] = 'where order by' ORDER  BY [X] DESC",
                "[T] = 'where order by'",
            ),
            ("[Custom.Order by] = 'it''s (open'", "[Custom.Order by] = 'it''s (open'"),
            ("([A] = 1 OR [B] = 2)", "([A] = 1 OR [B] = 2)"),
        ] {
            assert_eq!(read(query).as_deref(), Some(wanted), "{query}");
        }
        assert_eq!(read("SELECT [System.Id] FROM WorkItems"), None);
    }

    #[test]
    fn a_query_that_could_leave_its_project_is_refused() {
        for bad in [
            "1 = 1) OR (1 = 1",
            "[A] = 1)",
            "[A] = 'open",
            "([A] = 1",
            "[A",
            "",
            "   ",
            "WHERE ORDER BY [A]",
            "SELECT [System.Id] FROM WorkItemLinks WHERE [Source].[A] = 1",
            "[A] = 1 ASOF '2020-01-01'",
            "[A] = 1 MODE (MustContain)",
        ] {
            assert!(condition(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn filters_are_quoted() {
        let order = IssueOrder {
            labels: vec!["it's".to_owned()],
            since: Some("2026-11-01T00:00:00Z".parse().unwrap()),
            query: Some("[A] = 1 OR [B] = 2".to_owned()),
            ..IssueOrder::all("ado:contoso/Shop")
        };
        let wiql = Wiql::of(&Reading::new(&order)).ordered("[System.Id]");
        assert_eq!(
            wiql,
            "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project \
             AND [System.ChangedDate] >= '2026-11-01T00:00:00Z' \
             AND [System.Tags] CONTAINS 'it''s' AND ([A] = 1 OR [B] = 2) ORDER BY [System.Id]"
        );
    }
}
