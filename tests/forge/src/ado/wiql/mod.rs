//! Queries: the flat ones, with the operators that documentation describes. What is not known is
//! refused, as the real one refuses it.

mod hold;
mod lex;
mod parse;

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{Answered, Asked, Scope};
use super::field::{Cell, Field};
use super::refuse;
use super::show::time;
use super::world::Snapshot;
use crate::wire::Reply;
use hold::Context;
use parse::Query;

/// Why a query is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// What, and at which of its words.
    Syntax(&'static str, String),
    /// A time where only dates may stand.
    TimeWithDates(String),
}

impl From<Wrong> for Reply {
    fn from(wrong: Wrong) -> Reply {
        match wrong {
            Wrong::Syntax(message, cause) => refuse::syntax(message, &cause),
            Wrong::TimeWithDates(cause) => refuse::time_with_dates(&cause),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    query: String,
}

impl Asked<'_> {
    /// `POST …/wit/wiql`: ids alone. That the path names a project only gives `@project` its
    /// meaning.
    pub(crate) fn wiql(&self, scope: Option<Scope<'_>>) -> Answered {
        let body: Body = self.body()?;
        if body.query.trim().is_empty() {
            return Err(refuse::no_query());
        }
        let context = Context {
            project: scope.map(|scope| scope.project.name.as_str()),
            me: &self.caller.token.login,
            now_ms: self.now_ms,
            precise: self.flag("timePrecision")?,
        };
        let top = self.number("$top", 1)?;
        let query = parse::query(&lex::tokens(&body.query)?)?;
        let condition = query.condition.as_ref().map(|c| context.ready(c)).transpose()?;
        let (least, greatest) = condition.as_ref().map_or((0, i64::MAX), hold::Ready::ids);
        let from = u32::try_from(least.max(0)).unwrap_or(u32::MAX);
        let window = self.organisation.items.range(from..).map(|(_, item)| item);
        let window = window.take_while(|item| i64::from(item.id) <= greatest);
        // In the order of ids what is beyond the end need not be looked at.
        let by_id = matches!(query.order.as_slice(), [] | [(Field::Id, false)]);
        let enough = top.filter(|_| by_id && self.behaviour.top_avoids_cap);
        let mut found = Vec::new();
        let mut looked = 0;
        for item in window {
            if enough.is_some_and(|top| found.len() == top) {
                break;
            }
            looked += 1;
            let now = item.now(self.organisation);
            let there = !item.destroyed && !now.deleted && self.sees(None, &now);
            if there && condition.as_ref().is_none_or(|condition| condition.holds(&now)) {
                found.push(now);
            }
        }
        if self.behaviour.query_scan.is_some_and(|most| looked > most) {
            return Err(refuse::query_timed_out());
        }
        sort(&mut found, &query);
        let cap = self.behaviour.query_cap;
        match top {
            Some(top) if self.behaviour.top_avoids_cap => found.truncate(top),
            Some(_) | None => {}
        }
        if found.len() > cap {
            return Err(refuse::too_many_results(cap));
        }
        found.truncate(top.unwrap_or(usize::MAX));
        let cost = 0.05 + 0.000_01 * f64::from(u32::try_from(looked).unwrap_or(u32::MAX));
        Ok((self.results(scope, &query, &found), cost))
    }

    fn results(&self, scope: Option<Scope<'_>>, query: &Query, found: &[Snapshot<'_>]) -> Value {
        let column = |field: &Field| {
            json!({
                "referenceName": field.reference(),
                "name": field.name(),
                "url": format!("{}/_apis/wit/fields/{}", self.base, field.reference()),
            })
        };
        let project = scope.map(|scope| scope.project.id.as_str());
        let show = self.show();
        let item = |now: &Snapshot<'_>| json!({ "id": now.item.id, "url": show.item_url(now.item.id, project) });
        json!({
            "queryType": "flat",
            "queryResultType": "workItem",
            "asOf": time(self.now_ms),
            "columns": query.columns.iter().map(column).collect::<Vec<_>>(),
            "sortColumns": query.order.iter().map(|(field, descending)| {
                json!({ "field": column(field), "descending": descending })
            }).collect::<Vec<_>>(),
            "workItems": found.iter().map(item).collect::<Vec<_>>(),
        })
    }
}

fn sort(found: &mut [Snapshot<'_>], query: &Query) {
    if query.order.is_empty() {
        return;
    }
    found.sort_by(|a, b| {
        for (field, descending) in &query.order {
            let ordering = compare(&a.cell(*field), &b.cell(*field));
            let ordering = if *descending { ordering.reverse() } else { ordering };
            if ordering.is_ne() {
                return ordering;
            }
        }
        a.item.id.cmp(&b.item.id)
    });
}

fn compare(a: &Cell<'_>, b: &Cell<'_>) -> Ordering {
    match (a, b) {
        (Cell::Number(a), Cell::Number(b)) | (Cell::Date(a), Cell::Date(b)) => a.cmp(b),
        (Cell::Text(a), Cell::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Cell::Person(a), Cell::Person(b)) => a.cmp(b),
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
        // One field holds one sort of thing, or nothing: nothing comes first.
        (a, b) => (*a != Cell::Empty).cmp(&(*b != Cell::Empty)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str) -> String {
        let parsed = lex::tokens(query).and_then(|tokens| parse::query(&tokens));
        match parsed {
            Ok(_) => "understood".to_owned(),
            Err(Wrong::Syntax(message, cause)) => format!("{message} {cause}"),
            Err(Wrong::TimeWithDates(cause)) => cause,
        }
    }

    #[test]
    fn what_is_documented_is_understood_and_the_rest_is_refused_with_its_cause() {
        let good = [
            "SELECT [System.Id] FROM WorkItems",
            "select [System.Id], [System.Title] from workitems where [System.TeamProject] = @project \
             and [System.Id] > 12 order by [System.Id]",
            "SELECT [ID] FROM workitems WHERE ([State] <> 'it''s' OR NOT [Tags] CONTAINS 'x') AND \
             [System.WorkItemType] IN ('Bug', 'Task') ORDER BY [Changed Date] DESC, [ID] ASC",
            "SELECT System.Id FROM WorkItems WHERE System.AreaPath UNDER 'Shop\\Web' AND \
             [Assigned To] = @me AND [Created Date] >= @today - 30 AND [Description] IS NOT EMPTY",
        ];
        for query in good {
            assert_eq!(refusal(query), "understood", "{query}");
        }
        let wrong = [
            ("FROM WorkItems", "TF51001", "FROM"),
            ("SELECT [System.Id] WorkItems", "TF51006", "WorkItems"),
            ("SELECT [System.Foo] FROM WorkItems", "TF51005", "[System.Foo]"),
            ("SELECT [System.Id] FROM WorkItems WHERE [System.Id] > ", "Expecting a value", ""),
            (
                "SELECT [System.Id] FROM WorkItems WHERE [System.Title] = 'open",
                "end of string",
                "open",
            ),
            (
                "SELECT [System.Id] FROM WorkItems ORDER BY [System.Id] LIMIT 5",
                "end of string",
                "LIMIT",
            ),
            ("SELECT [System.Id] FROM WorkItems WHERE ([System.Id] = 1", "parentheses", ""),
        ];
        for (query, message, cause) in wrong {
            let told = refusal(query);
            assert!(told.contains(message) && told.ends_with(cause), "{query}: {told}");
        }
    }
}
