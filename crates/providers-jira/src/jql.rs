//! Building queries in Jira's own language.

use jobctl_provider::{IssueOrder, Time, Unsupported};

use crate::scope::Project;

/// How a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// As they were made: nothing that is edited changes its place.
    Oldest,
    /// By key, as a keyset needs it.
    Key,
    /// The latest change first.
    Newest,
}

impl Sort {
    const fn words(self) -> &'static str {
        match self {
            Self::Oldest => "id ASC",
            Self::Key => "key ASC",
            Self::Newest => "updated DESC, key DESC",
        }
    }
}

/// The query for the issues of an order.
///
/// Bounded by the project, as the search of Cloud wants it. Moments are epoch milliseconds:
/// dates in words are read in the time zone of the account that asks, and are exact to a minute.
pub(crate) fn query(
    order: &IssueOrder,
    since: Option<Time>,
    after: Option<u64>,
    sort: Sort,
) -> Result<String, Unsupported> {
    let project = Project::parse(&order.scope)?;
    let mut parts = vec![format!("project = {}", quoted(project.key))];
    if let Some(number) = after {
        parts.push(format!("key > {}", quoted(&project.issue(number))));
    }
    if let Some(own) = order.query.as_deref().map(restriction).transpose()?
        && !own.is_empty()
    {
        parts.push(format!("({own})"));
    }
    match order.state.as_str() {
        "all" => {}
        "open" => parts.push("statusCategory != Done".to_owned()),
        "closed" => parts.push("statusCategory = Done".to_owned()),
        other => return Err(Unsupported(format!("Jira knows no issues that are {other:?}"))),
    }
    parts.extend(order.labels.iter().map(|label| format!("labels = {}", quoted(label))));
    if let Some(since) = since {
        parts.push(format!("updated >= {}", since.as_millisecond()));
    }
    Ok(format!("{} ORDER BY {}", parts.join(" AND "), sort.words()))
}

/// A text as a string of the language.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A person's own query without its `ORDER BY`. What it means is Jira's to judge; here it only
/// must not reach out of the parentheses that it is put into.
fn restriction(query: &str) -> Result<&str, Unsupported> {
    let refused = |why: &str| Err(Unsupported(format!("the query {query:?} {why}")));
    let mut depth = 0_u32;
    let mut quote = None;
    let mut escaped = false;
    let mut end = query.len();
    for (at, c) in query.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return refused("closes a parenthesis that it does not open"),
            },
            (None, 'o' | 'O') if depth == 0 && is_order_by(query, at) => {
                end = at;
                break;
            }
            (Some(_) | None, _) => {}
        }
    }
    if quote.is_some() {
        return refused("has a quotation mark without its pair");
    }
    if depth > 0 {
        return refused("opens a parenthesis that it does not close");
    }
    Ok(query[..end].trim())
}

/// Whether the words `ORDER BY` stand there.
fn is_order_by(query: &str, at: usize) -> bool {
    let begins = !query[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    let mut words = query[at..].split_whitespace();
    begins
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case("order"))
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case("by"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> IssueOrder {
        IssueOrder::all("jira:PAY")
    }

    fn check(order: &IssueOrder, since: Option<&str>, wanted: &str) {
        let since = since.map(|at| at.parse().unwrap());
        assert_eq!(query(order, since, None, Sort::Oldest).unwrap(), wanted);
    }

    #[test]
    fn every_filter_is_a_part() {
        check(&order(), None, r#"project = "PAY" ORDER BY id ASC"#);
        let narrow = IssueOrder {
            state: "open".to_owned(),
            labels: vec!["a b".to_owned(), r#"x" OR "\"#.to_owned()],
            query: Some("sprint = 5 or priority = High order  by rank".to_owned()),
            ..order()
        };
        check(
            &narrow,
            Some("2024-11-29T10:44:51.887Z"),
            r#"project = "PAY" AND (sprint = 5 or priority = High) AND statusCategory != Done AND labels = "a b" AND labels = "x\" OR \"\\" AND updated >= 1732877091887 ORDER BY id ASC"#,
        );
        let keyset = query(&order(), None, Some(7), Sort::Key).unwrap();
        assert_eq!(keyset, r#"project = "PAY" AND key > "PAY-7" ORDER BY key ASC"#);
        assert!(
            query(&IssueOrder { state: "odd".into(), ..order() }, None, None, Sort::Key).is_err()
        );
    }

    #[test]
    fn an_own_query_keeps_its_restriction_only() {
        for (own, kept) in [
            ("ORDER BY key", ""),
            ("", ""),
            ("reorder by = 1", "reorder by = 1"),
            ("text ~ 'order by' ORDER BY key", "text ~ 'order by'"),
            (r#"a = "\" order by )" and (b = 1)"#, r#"a = "\" order by )" and (b = 1)"#),
            ("order = 1", "order = 1"),
            ("ö = 1 ORDER\nBY x", "ö = 1"),
        ] {
            assert_eq!(restriction(own).unwrap(), kept, "{own}");
        }
    }

    #[test]
    fn an_own_query_cannot_leave_its_parentheses() {
        for own in
            ["a = 1) OR (b = 2", "(a = 1", "a = \"1", "a = '1", "a = \"1\\\"", ") order by x"]
        {
            let order = IssueOrder { query: Some(own.to_owned()), ..order() };
            let error = query(&order, None, None, Sort::Oldest).unwrap_err().to_string();
            assert!(error.contains("the query"), "{error}");
        }
    }
}
