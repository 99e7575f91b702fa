//! How many rows the issue list has.
//!
//! With one row a page, the number of the last page is the count. Lists of about 10,000 rows
//! and more do not give it: then GraphQL's totals are asked, and where there is no GraphQL, the
//! open and the closed ones are counted apart.

use jobctl_provider::{Fact, IssueOrder, Refusal, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::GitHub;
use crate::ask::{Ask, What, later, whole_second};
use crate::graphql;
use crate::link::Links;
use crate::list::{List, list_url};
use crate::page::array;
use crate::reply::Reply;
use crate::scope::Repo;
use crate::single::rest;
use crate::split;
use crate::verdict::check;

/// Where the counting stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Count {
    order: IssueOrder,
    way: Way,
    /// The list that is to be estimated; without, the issues are counted to compare totals.
    #[serde(default)]
    estimate: Option<What>,
}

/// What is asked for the count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// The list of the order.
    List,
    /// GraphQL's totals.
    Totals,
    /// The list of the open ones.
    Open,
    /// The list of the closed ones; so many are open.
    Closed(u64),
}

const TOTALS: &str = "query($owner:String!,$name:String!){repository(owner:$owner,name:$name)\
                      {issues{totalCount} pullRequests{totalCount}}}";

impl Count {
    pub(crate) fn new(order: &IssueOrder) -> Self {
        Self { order: order.clone(), way: Way::List, estimate: None }
    }

    /// About how long the lists of an order are. Comments that are read issue by issue are in no
    /// list.
    pub(crate) fn estimates(order: &IssueOrder) -> Vec<Ask> {
        let listed = order.labels.is_empty() && order.state == "all" && order.limit.is_none();
        let comments = (order.comments && listed).then_some(What::Comments);
        let estimate =
            |what| Ask::Count(Self { order: order.clone(), way: Way::List, estimate: Some(what) });
        [What::Issues].into_iter().chain(comments).map(estimate).collect()
    }

    /// The list that is counted.
    fn what(&self) -> What {
        self.estimate.unwrap_or(What::Issues)
    }

    /// Which budget it is charged to.
    pub(crate) const fn bucket(&self) -> &'static str {
        match self.way {
            Way::Totals => graphql::BUCKET,
            Way::List | Way::Open | Way::Closed(_) => "issues",
        }
    }

    /// A count as what it is asked for.
    fn fact(&self, count: u64) -> Fact {
        match self.estimate {
            None => Fact::Total { count },
            Some(what) => {
                let count = self.order.limit.map_or(count, |limit| limit.min(count));
                Fact::Estimate { what: what.name().to_owned(), count }
            }
        }
    }

    fn by(&self, way: Way) -> Ask {
        Ask::Count(Self { order: self.order.clone(), way, estimate: self.estimate })
    }

    pub(crate) fn url(&self, github: &GitHub) -> Result<Url, Refusal> {
        let state = match self.way {
            Way::Totals => return Ok(graphql::address(&github.base)),
            Way::List => self.order.state.clone(),
            Way::Open => "open".to_owned(),
            Way::Closed(_) => "closed".to_owned(),
        };
        let order = IssueOrder { state, ..self.order.clone() };
        let since = order.since.map(|since| later(whole_second(since), -1));
        list_url(github, &order, self.what(), since, 1)
    }

    /// What is posted, if anything.
    pub(crate) fn query(&self, repo: Repo<'_>) -> Option<String> {
        let variables = json!({ "owner": repo.owner, "name": repo.name });
        (self.way == Way::Totals)
            .then(|| json!({ "query": TOTALS, "variables": variables }).to_string())
    }

    /// Where to ask if this way gives no count.
    fn otherwise(&self) -> Option<Ask> {
        match self.way {
            Way::List if self.order.is_full() && self.what() == What::Issues => {
                Some(self.by(Way::Totals))
            }
            Way::Totals => Some(self.by(Way::Open)),
            Way::List | Way::Open | Way::Closed(_) => None,
        }
    }
}

pub(crate) fn read(
    github: &GitHub,
    task: &Task,
    count: &Count,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let found = if count.way == Way::Totals {
        totals(reply)?
    } else {
        check(reply)?;
        listed(github, &count.url(github)?, reply)?
    };
    let mut step = rest(reply);
    match (count.way, found) {
        (Way::Open, Some(open)) => step.next.push(count.by(Way::Closed(open)).task(&task.scope)),
        (Way::Closed(open), Some(closed)) => step.facts.push(count.fact(open + closed)),
        (Way::List | Way::Totals, Some(rows)) => step.facts.push(count.fact(rows)),
        (Way::List | Way::Totals | Way::Open | Way::Closed(_), None) => {
            step.next.extend(count.otherwise().map(|ask| ask.task(&task.scope)));
        }
    }
    Ok(step)
}

/// The number of rows of a list asked with one row a page, where it is said.
fn listed(github: &GitHub, asked: &Url, reply: &Reply<'_>) -> Result<Option<u64>, Refusal> {
    let links = Links::of(reply, &github.base, asked)?;
    let rows = array(reply)?.len() as u64;
    Ok(if links.next.is_some() { links.last_page } else { Some(rows) })
}

/// The totals of a GraphQL answer. Servers without GraphQL, callers without a token and
/// GraphQL's own budget are no reason to fail: only a limit on everything is.
fn totals(reply: &Reply<'_>) -> Result<Option<u64>, Refusal> {
    match check(reply) {
        Ok(()) => {}
        Err(refusal @ (Refusal::Throttled { bucket: None, .. } | Refusal::Transient { .. })) => {
            return Err(refusal);
        }
        Err(
            Refusal::Throttled { bucket: Some(_), .. }
            | Refusal::Unauthorized { .. }
            | Refusal::Forbidden { .. }
            | Refusal::Malformed { .. },
        ) => return Ok(None),
    }
    let body: Value = serde_json::from_slice(reply.body).unwrap_or_default();
    let total = |what: &str| body.pointer(&format!("/data/repository/{what}/totalCount"))?.as_u64();
    Ok(total("issues").zip(total("pullRequests")).map(|(issues, pulls)| issues + pulls))
}

/// The address of the newest issue.
pub(crate) fn highest_url(github: &GitHub, list: &List) -> Result<Url, Refusal> {
    let mut url = Repo::parse(&list.order.scope)
        .map_err(|error| Refusal::Malformed { message: error.to_string() })?
        .url(&github.base, &["issues"]);
    url.query_pairs_mut().extend_pairs([
        ("state", "all"),
        ("sort", "created"),
        ("direction", "desc"),
        ("per_page", "1"),
    ]);
    Ok(url)
}

/// Numbers are given in turn, so the newest issue's is about the number of all.
pub(crate) fn read_highest(task: &Task, list: List, reply: &Reply<'_>) -> Result<Step, Refusal> {
    check(reply)?;
    let rows = array(reply)?;
    let number = rows.first().and_then(|row| row.get("number")).and_then(Value::as_u64);
    let mut step = rest(reply);
    if list.order.is_full() {
        let estimate = |count| Fact::Estimate { what: What::Issues.name().to_owned(), count };
        step.facts.extend(number.map(estimate));
    }
    let next = split::windows_of(list, number.unwrap_or_default(), reply.at);
    step.next.push(next.task(&task.scope));
    Ok(step)
}
