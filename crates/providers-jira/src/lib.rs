//! Jira's dialect: requests out, answers in.
//!
//! Speaks version 3 of the REST interface to Cloud and version 2 to Data Center. Pure: no
//! socket, no clock, no memory. How Cloud lists and fetches is told in `search` and `fetch`, how
//! Data Center is walked in `center`, what a refusal means in `verdict`.

mod adf;
mod ask;
mod center;
mod chain;
mod fetch;
mod fields;
mod history;
mod jql;
mod legend;
mod page;
mod reply;
mod rows;
mod scope;
mod search;
mod single;
mod tally;
mod thread;
mod time;
mod verdict;

use jobctl_provider::{
    Answer, Body, Bucket, Descriptor, IssueOrder, Marks, Method, Order, Provider, Refusal, Repeat,
    Request, Size, Step, Task, Unsupported, below,
};
use serde_json::Value;
use url::Url;

use crate::ask::{Ask, listing};
use crate::fetch::Found;
use crate::legend::{Legend, Opening};
use crate::reply::Reply;
use crate::scope::Project;
use crate::search::Aim;
use crate::single::Then;
use crate::tally::Tally;
use crate::thread::Thread;
use crate::verdict::QUOTA;

/// Requests a minute and endpoint that stay under Cloud's steady rate of 100 a second.
const PER_MINUTE: u32 = 3_000;

/// Which Jira it is: the two speak different interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edition {
    Cloud,
    DataCenter,
}

/// One Jira, by its address.
#[derive(Debug, Clone)]
pub struct Jira {
    base: Url,
    edition: Edition,
    descriptor: Descriptor,
}

impl Jira {
    /// A site of Jira Cloud, such as `https://SITE.atlassian.net/`, or through Atlassian's
    /// gateway `https://api.atlassian.com/ex/jira/{cloudId}/`, as tokens with scopes need it.
    pub fn cloud(base: Url) -> Self {
        Self::new(base, Edition::Cloud)
    }

    /// A Jira Data Center or Server at this address, 8.14 or later.
    pub fn data_center(base: Url) -> Self {
        Self::new(base, Edition::DataCenter)
    }

    fn new(base: Url, edition: Edition) -> Self {
        let bucket = |name| Bucket { name, per_minute: PER_MINUTE };
        let descriptor = Descriptor {
            name: rows::NAME,
            title: "Jira",
            max_in_flight: 10,
            // Paced per endpoint, as Cloud counts bursts. What is counted together is learnt
            // from replies: points an hour on Cloud, a user's tokens on Data Center.
            buckets: ["search", "bulkfetch", "issue", "changelog", "other"].map(bucket).into(),
            shared: Some(QUOTA),
        };
        Self { base, edition, descriptor }
    }

    /// The list of an order: from the beginning, or from the marks of an earlier reading.
    fn list(&self, order: &IssueOrder, marks: Option<&Marks>) -> Ask {
        let (chain, since) = chain::begin(order, marks);
        let aim = Aim::Read {
            // The newest few are not everything up to some moment.
            chain: order.limit.is_none().then_some(chain),
            estimate: marks.is_none() || since == order.since,
        };
        listing(self.edition, order, since, aim)
    }

    /// What a sync begins with. On Cloud a list names issues, and only if there are any the
    /// names of fields are asked; pages of Data Center are the issues.
    fn synced(&self, order: &IssueOrder, marks: Option<&Marks>) -> Ask {
        let list = self.list(order, marks);
        match self.edition {
            Edition::Cloud => list,
            Edition::DataCenter => Ask::Legend(Opening::new(order, vec![], vec![list])),
        }
    }

    fn counted(&self, order: &IssueOrder) -> Ask {
        match self.edition {
            Edition::Cloud => listing(self.edition, order, order.since, Aim::Count(0)),
            Edition::DataCenter => Ask::Tally(Tally::exact(order)),
        }
    }

    fn items(&self, order: &IssueOrder, numbers: &[u64]) -> Vec<Ask> {
        if numbers.is_empty() {
            return vec![];
        }
        let opening = match self.edition {
            Edition::Cloud => {
                let found = numbers.iter().map(|number| Found { number: *number, id: None });
                Opening::new(order, found.collect(), vec![])
            }
            Edition::DataCenter => {
                let one = |number: &u64| {
                    let (order, legend) = (order.clone(), Legend::default());
                    Ask::One { order, number: *number, legend }
                };
                Opening::new(order, vec![], numbers.iter().map(one).collect())
            }
        };
        vec![Ask::Legend(opening)]
    }

    fn address(&self, path: &[&str]) -> Url {
        let version = match self.edition {
            Edition::Cloud => "3",
            Edition::DataCenter => "2",
        };
        below(&self.base, &[&["rest", "api", version], path].concat())
    }

    /// Where a question goes, and what is posted.
    fn target(&self, task: &Task, ask: &Ask) -> Result<(Url, Option<Value>), Refusal> {
        let project = || Project::of(task);
        let search: &[&str] = match self.edition {
            Edition::Cloud => &["search", "jql"],
            Edition::DataCenter => &["search"],
        };
        Ok(match ask {
            Ask::Myself { .. } => (self.address(&["myself"]), None),
            Ask::Legend(_) => (self.address(&["field"]), None),
            Ask::Site(_) => (self.address(&["serverInfo"]), None),
            Ask::Search(search) => (self.address(&["search", "jql"]), Some(search.body()?)),
            Ask::Walk(walk) => (self.address(search), Some(walk.body()?)),
            Ask::Newest(newest) => (self.address(search), Some(newest.body()?)),
            Ask::Fetch(fetch) => {
                (self.address(&["issue", "bulkfetch"]), Some(fetch.body(project()?)))
            }
            Ask::One { order, number, .. } => {
                let mut url = self.address(&["issue", &project()?.issue(*number)]);
                url.query_pairs_mut().append_pair("fields", "*all");
                if order.timeline {
                    url.query_pairs_mut().append_pair("expand", "changelog");
                }
                (url, None)
            }
            Ask::Absent { .. } => (self.address(&["project", &project()?.name()]), None),
            Ask::Thread(thread) => {
                let issue = project()?.issue(thread.number());
                let mut url = self.address(&["issue", &issue, "comment"]);
                url.query_pairs_mut().extend_pairs(thread.query());
                (url, None)
            }
            Ask::History(history) => {
                (self.address(&["changelog", "bulkfetch"]), Some(history.body()))
            }
            Ask::Tally(tally) => {
                let path: &[&str] = match self.edition {
                    Edition::Cloud => &["search", "approximate-count"],
                    Edition::DataCenter => &["search"],
                };
                (self.address(path), Some(tally.body(self.edition)?))
            }
        })
    }
}

impl Provider for Jira {
    fn describe(&self) -> &Descriptor {
        &self.descriptor
    }

    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported> {
        let (order, asks): (&IssueOrder, Vec<Ask>) = match order {
            Order::Import(order) => (order, vec![Ask::Myself { then: Then::Begin(order.clone()) }]),
            Order::Sync(order, marks) => (order, vec![self.synced(order, Some(marks))]),
            Order::Comments { scope, numbers } => {
                Project::parse(scope)?;
                let ask = |number: &u64| Ask::Thread(Thread::new(*number)).task(scope);
                return Ok(numbers.iter().map(ask).collect());
            }
            Order::Items { order, numbers } => (order, self.items(order, numbers)),
            Order::Count(order) => (order, vec![self.counted(order)]),
            Order::Sweep(order) => {
                let sweep = Aim::Sweep { whole: true };
                (order, vec![listing(self.edition, order, order.since, sweep)])
            }
            Order::Size(order) => (order, vec![Ask::Tally(Tally::about(order))]),
            Order::Identity => return Ok(vec![Ask::Myself { then: Then::Tell }.task(rows::NAME)]),
            Order::Scopes { .. } => {
                let why = "Jira is read by project: name one, as jira:KEY";
                return Err(Unsupported(why.to_owned()));
            }
            Order::Repositories { .. } => {
                return Err(Unsupported("Jira has no repositories to clone".to_owned()));
            }
        };
        // What cannot be asked is said before anything is.
        jql::query(order, order.since, None, jql::Sort::Oldest)?;
        Ok(asks.iter().map(|ask| ask.task(&order.scope)).collect())
    }

    fn request(&self, task: &Task) -> Result<Request, Refusal> {
        let ask = Ask::of(task)?;
        let (url, body) = self.target(task, &ask)?;
        Ok(Request {
            method: if body.is_some() { Method::Post } else { Method::Get },
            url,
            headers: vec![("accept", "application/json".to_owned())],
            body: body.map_or(Body::Empty, |body| Body::Json(body.to_string())),
            bucket: ask.bucket(),
            cost: 1,
            // All that is posted here are questions.
            repeat: Repeat::Safe,
        })
    }

    fn forecast(&self, order: &IssueOrder, size: Size) -> u64 {
        let issues = order.limit.map_or(size.issues, |most| size.issues.min(most));
        let history = if order.timeline { issues.div_ceil(1_000) } else { 0 };
        match self.edition {
            // The list is read once more, to count.
            Edition::Cloud => 4 + 2 * issues.div_ceil(5_000) + issues.div_ceil(100) + history,
            Edition::DataCenter => 5 + issues.div_ceil(200),
        }
    }

    fn read(&self, task: &Task, answer: &Answer) -> Result<Step, Refusal> {
        let ask = Ask::of(task)?;
        let reply = Reply::of(answer, self.edition, ask.bucket())?;
        match &ask {
            Ask::Myself { then } => single::read_myself(self, task, then, &reply),
            Ask::Legend(opening) => legend::read(&self.base, task, opening, &reply),
            Ask::Site(opening) => legend::read_site(task, opening, &reply),
            Ask::Search(search) => search::read(task, search, &reply),
            Ask::Fetch(fetch) => fetch::read(self, task, fetch, &reply),
            Ask::Walk(walk) => center::read(self, task, walk, &reply),
            Ask::Newest(newest) => center::read_newest(self, task, newest, &reply),
            Ask::One { order, number, legend } => {
                center::read_one(self, task, (order, *number, legend), &reply)
            }
            Ask::Absent { numbers } => single::read_absent(task, numbers, &reply),
            Ask::Thread(thread) => thread::read(task, thread, &reply),
            Ask::History(history) => history::read(task, history, &reply),
            Ask::Tally(tally) => tally::read(task, tally, &reply),
        }
    }
}
