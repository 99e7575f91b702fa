//! The histories of issues, many in one GraphQL query.
//!
//! REST gives one history a request. A query with an alias for each issue of a page costs one
//! point, follows whatever list found the issues, and needs no order among them: edits meanwhile
//! shift nothing. What proves too heavy is asked again in halves.

use jobctl_provider::{IssueKind, Item, Refusal, Skipped, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::entries;
use crate::graphql::{self, Answered, Sort, Wrong};
use crate::reply::Reply;
use crate::rows;
use crate::scope::Repo;
use crate::single::rest;

/// Issues a query at most. GitHub gives a query ten seconds, and one that fails for it costs
/// extra points for an hour: a quarter of what its limits allow stays clear of that.
pub(crate) const ISSUES: usize = 25;
/// Entries a page: the most that GitHub gives.
const ENTRIES: u64 = 100;
/// Entries a page that are never too many.
const FEWEST: u64 = 10;

/// Histories to be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    numbers: Vec<u64>,
    /// Whether these are pull requests: GraphQL keeps the two apart.
    pulls: bool,
    /// Where the history of a single issue goes on.
    after: Option<String>,
    /// Entries a page.
    first: u64,
    /// Asks only for what older servers know too.
    classic: bool,
}

/// The histories of the issues among these rows.
pub(crate) fn histories(items: &[Item]) -> Vec<Ask> {
    let mut asks = vec![];
    for pulls in [false, true] {
        let numbers: Vec<u64> = items
            .iter()
            .filter_map(|item| match item {
                Item::Issue(issue) => {
                    let is_pull = issue.kind == IssueKind::PullRequest;
                    (is_pull == pulls).then_some(issue.number)
                }
                Item::Comment(_)
                | Item::Entry(_)
                | Item::Repository(_)
                | Item::Scope(_)
                | Item::Met { .. }
                | Item::Passed(_) => None,
            })
            .collect();
        asks.extend(History::evenly(&numbers, pulls));
    }
    asks
}

impl History {
    /// Queries of about the same size.
    pub(crate) fn evenly(numbers: &[u64], pulls: bool) -> Vec<Ask> {
        let queries = numbers.len().div_ceil(ISSUES).max(1);
        let size = numbers.len().div_ceil(queries).max(1);
        let history = |numbers: &[u64]| {
            let numbers = numbers.to_vec();
            Ask::History(Self { numbers, pulls, after: None, first: ENTRIES, classic: false })
        };
        numbers.chunks(size).map(history).collect()
    }

    /// What is posted.
    pub(crate) fn query(&self, repo: Repo<'_>) -> String {
        let (field, type_name) =
            if self.pulls { ("pullRequest", "PullRequest") } else { ("issue", "Issue") };
        let nodes = entries::selections(self.pulls, self.classic);
        let alias = |number: &u64| format!("i{number}:{field}(number:{number}){{...H}}");
        let each = self.numbers.iter().map(alias).collect::<Vec<_>>().join(" ");
        let query = format!(
            "query($owner:String!,$name:String!,$first:Int!,$after:String,\
             $types:[{type_name}TimelineItemsItemType!]){{repository(owner:$owner,name:$name)\
             {{{each}}}}} fragment H on {type_name}{{timelineItems(first:$first,after:$after,\
             itemTypes:$types){{pageInfo{{hasNextPage endCursor}} nodes{{{nodes}}}}}}}"
        );
        let variables = json!({
            "owner": repo.owner, "name": repo.name, "first": self.first, "after": self.after,
            "types": entries::item_types(self.pulls, self.classic),
        });
        json!({ "query": query, "variables": variables }).to_string()
    }

    /// The same question about fewer issues, or for fewer entries; nothing when it is as small as
    /// it gets.
    fn lighter(&self, numbers: &[u64]) -> Vec<Ask> {
        let with = |numbers: &[u64]| Self { numbers: numbers.to_vec(), ..self.clone() };
        match numbers {
            [] => vec![],
            _ if numbers.len() < self.numbers.len() => vec![Ask::History(with(numbers))],
            [_] if self.first / 2 < FEWEST => vec![],
            [_] => vec![Ask::History(Self { first: self.first / 2, ..with(numbers) })],
            _ => {
                let (one, other) = numbers.split_at(numbers.len() / 2);
                vec![Ask::History(with(one)), Ask::History(with(other))]
            }
        }
    }

    /// The next page of one issue's history.
    fn onward(&self, number: u64, cursor: &str) -> Ask {
        let after = Some(cursor.to_owned());
        Ask::History(Self { numbers: vec![number], after, first: ENTRIES, ..self.clone() })
    }
}

/// Reads histories.
pub(crate) fn read(task: &Task, history: &History, reply: &Reply<'_>) -> Result<Step, Refusal> {
    let heavy = matches!(reply.status, 502 | 504) && reply.retry_after().is_none();
    if heavy {
        let asks = history.lighter(&history.numbers);
        if !asks.is_empty() {
            return Ok(Step { next: tasks(task, &asks), ..Step::default() });
        }
    }
    let answered = graphql::answered(reply)?;
    let repository = answered.data.get("repository").filter(|found| found.is_object());
    let Some(repository) = repository else {
        return without_data(task, history, &answered, reply);
    };
    let mut reading = Reading { task, history, step: rest(reply), asks: vec![], again: vec![] };
    for number in &history.numbers {
        reading.issue(*number, &repository[format!("i{number}")], &answered.errors);
    }
    let Reading { mut step, mut asks, again, .. } = reading;
    let lighter = history.lighter(&again);
    if let ([number], true) = (again.as_slice(), lighter.is_empty()) {
        step.skipped.push(Skipped {
            item: format!("history of {}", rows::key(&task.scope, *number)),
            why: "GitHub runs out of time for it, however little is asked for".to_owned(),
        });
    }
    asks.extend(lighter);
    step.next = tasks(task, &asks);
    Ok(step)
}

fn tasks(task: &Task, asks: &[Ask]) -> Vec<Task> {
    asks.iter().map(|ask| ask.task(&task.scope)).collect()
}

/// An answer with errors alone.
fn without_data(
    task: &Task,
    history: &History,
    answered: &Answered,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let malformed =
        || Refusal::Malformed { message: "the answer has no repository in it".to_owned() };
    let first = answered.errors.first().ok_or_else(malformed)?;
    let asks = match first.sort {
        Sort::Unknown if !history.classic => {
            vec![Ask::History(History { classic: true, ..history.clone() })]
        }
        Sort::Heavy => history.lighter(&history.numbers),
        Sort::NotFound | Sort::Forbidden | Sort::SignOn | Sort::Unknown => vec![],
    };
    if asks.is_empty() {
        return Err(graphql::refusal(first));
    }
    Ok(Step { next: tasks(task, &asks), ..rest(reply) })
}

/// The reading of one answer.
struct Reading<'a> {
    task: &'a Task,
    history: &'a History,
    step: Step,
    asks: Vec<Ask>,
    /// Issues whose history has to be asked again.
    again: Vec<u64>,
}

impl Reading<'_> {
    fn issue(&mut self, number: u64, found: &Value, errors: &[Wrong]) {
        let alias = Value::from(format!("i{number}"));
        let about = |wrong: &&Wrong| wrong.path.get(1) == Some(&alias);
        let page = found.get("timelineItems").filter(|page| page.is_object());
        let Some((nodes, page)) =
            page.and_then(|page| Some((page.get("nodes")?.as_array()?, page)))
        else {
            return self.without_page(number, errors.iter().find(about));
        };
        let key = rows::key(&self.task.scope, number);
        let connection = rows::connection(&self.task.scope);
        for node in nodes {
            match entries::entry(node, &key, connection) {
                Ok(entry) => self.step.items.push(Item::Entry(Box::new(entry))),
                Err(why) => self.skip(&key, why),
            }
        }
        let more = page.pointer("/pageInfo/hasNextPage") == Some(&Value::Bool(true));
        match page.pointer("/pageInfo/endCursor").and_then(Value::as_str).filter(|_| more) {
            Some(cursor) if self.history.after.as_deref() == Some(cursor) => {
                self.skip(&key, "the next page is said to be the page itself".to_owned());
            }
            Some(cursor) => self.asks.push(self.history.onward(number, cursor)),
            None if more => self.skip(&key, "there is more, and not said where".to_owned()),
            None => {}
        }
    }

    /// An issue without a page. One that is not found has gone since it was listed; the lists
    /// notice that.
    fn without_page(&mut self, number: u64, wrong: Option<&Wrong>) {
        match wrong.map(|wrong| (wrong.sort, &wrong.message)) {
            Some((Sort::NotFound, _)) => {}
            Some((Sort::Forbidden | Sort::SignOn | Sort::Unknown, message)) => {
                self.skip(&rows::key(&self.task.scope, number), message.clone());
            }
            Some((Sort::Heavy, _)) | None => self.again.push(number),
        }
    }

    fn skip(&mut self, key: &str, why: String) {
        self.step.skipped.push(Skipped { item: format!("history of {key}"), why });
    }
}
