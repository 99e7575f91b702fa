//! GitHub's dialect: requests out, answers in.
//!
//! Speaks REST version 2022-11-28 to github.com, Enterprise Server and GHE.com, and GraphQL where
//! that costs less. Pure: no socket, no clock, no memory. How lists are read so that nothing is
//! lost is told in `list`, how they are cut into windows in `split`, why histories come by GraphQL
//! in `history`, how a search goes beyond its thousand in `search`, what a refusal means in
//! `verdict` and `graphql`.

mod ask;
mod attachments;
mod count;
mod entries;
mod follow;
mod forecast;
mod graphql;
mod history;
mod identity;
mod link;
mod list;
mod newest;
mod page;
mod reply;
mod repositories;
mod rows;
mod scope;
mod search;
mod sign_on;
mod single;
mod split;
mod stretch;
mod ties;
mod verdict;

use jobctl_provider::{
    Answer, Body, Bucket, Descriptor, IssueOrder, Marks, Method, Order, Provider, Refusal, Repeat,
    Request, Size, Step, Task, Unsupported, below,
};
use url::Url;

use crate::ask::{Ask, What, begin, later, whole_second};
use crate::count::Count;
use crate::list::{List, Probe, Sweep};
use crate::newest::Newest;
use crate::reply::Reply;
use crate::repositories::Repositories;
use crate::scope::Repo;
use crate::single::Thread;

/// Requests a minute and endpoint that stay under GitHub's secondary limit of 900 points.
const PER_MINUTE: u32 = 800;

/// One GitHub, by its REST address.
#[derive(Debug, Clone)]
pub struct GitHub {
    base: Url,
    descriptor: Descriptor,
}

impl GitHub {
    /// The GitHub whose REST interface is at `base`, such as `https://api.github.com/` or
    /// `https://HOST/api/v3/`.
    pub fn new(base: Url) -> Self {
        let bucket = |name| Bucket { name, per_minute: PER_MINUTE };
        let descriptor = Descriptor {
            name: rows::NAME,
            title: "GitHub",
            max_in_flight: 8,
            // Paced per endpoint, as the secondary limits count. The hourly budget (`core`) is
            // learnt from every reply.
            buckets: vec![
                bucket("issues"),
                bucket("comments"),
                bucket("other"),
                bucket(graphql::BUCKET),
                // Documented: 30 a minute.
                Bucket { name: search::BUCKET, per_minute: 28 },
            ],
            shared: Some("core"),
        };
        Self { base, descriptor }
    }

    /// The lists of an order: from the beginning, or from the marks of an earlier reading.
    fn lists(order: &IssueOrder, marks: Option<&Marks>) -> Vec<Ask> {
        if order.query.is_some() {
            let (chain, mark) = begin(What::Issues, order, marks);
            return search::searches(order, &chain, mark.map(|mark| mark.at));
        }
        if let Some(limit) = order.limit {
            return vec![Ask::Newest(Newest::new(order, limit))];
        }
        let wanted_since = order.since.map(|since| later(whole_second(since), -1));
        let list = |what| {
            let (chain, mark) = begin(what, order, marks);
            let probe = mark.as_ref().filter(|_| wanted_since.is_none()).and_then(Probe::of);
            let mark = mark.map(|mark| mark.at);
            // One second of overlap, whichever way the server reads `since`.
            let since = mark.map(|at| later(at, -1)).max(wanted_since);
            let mut list = List::new(order, what, Some(chain), since);
            list.newest = mark;
            Ask::List(match probe {
                Some(probe) => list.probing(probe),
                None => list,
            })
        };
        // Comments cannot be listed by the labels or state of their issues: those are read
        // issue by issue.
        let whole = order.labels.is_empty() && order.state == "all";
        let comments = (order.comments && whole).then(|| list(What::Comments));
        std::iter::once(list(What::Issues)).chain(comments).collect()
    }

    /// A stored address of a next page, checked again: the store is not trusted with the host.
    fn stored(&self, next: &str) -> Result<Url, Refusal> {
        let url = Url::parse(next).ok().filter(|url| link::is_ours(url, &self.base));
        url.ok_or_else(|| Refusal::Malformed {
            message: "a stored next page is not at this GitHub's address".to_owned(),
        })
    }

    fn target(&self, task: &Task, ask: &Ask) -> Result<(Url, &'static str), Refusal> {
        Ok(match ask {
            Ask::Repository { .. } | Ask::Absent { .. } => {
                (Repo::of(task)?.url(&self.base, &[]), "other")
            }
            Ask::List(list) => (list.url(self)?, list.what.name()),
            Ask::Split(split) => {
                let newer = split.newer();
                (newer.url(self)?, newer.what.name())
            }
            Ask::Newest(newest) => (newest.url(self)?, "issues"),
            Ask::Thread(thread) => (thread.url(self, Repo::of(task)?)?, "other"),
            Ask::One { number, .. } => {
                (Repo::of(task)?.url(&self.base, &["issues", &number.to_string()]), "other")
            }
            Ask::Count(count) => (count.url(self)?, count.bucket()),
            Ask::History(_) => (graphql::address(&self.base), graphql::BUCKET),
            Ask::Ties(ties) => (ties.url(self, Repo::of(task)?)?, "other"),
            Ask::Search(search) => (search.url(self, Repo::of(task)?)?, search::BUCKET),
            Ask::Identity => (below(&self.base, &["user"]), "other"),
            Ask::Highest { list } => (count::highest_url(self, list)?, "issues"),
            Ask::Repositories(listing) => (listing.url(self)?, "other"),
        })
    }
}

/// What is posted for a question, if anything.
fn posted(task: &Task, ask: &Ask) -> Result<Option<String>, Refusal> {
    Ok(match ask {
        Ask::Count(count) => count.query(Repo::of(task)?),
        Ask::History(history) => Some(history.query(Repo::of(task)?)),
        Ask::Repository { .. }
        | Ask::List(_)
        | Ask::Split(_)
        | Ask::Newest(_)
        | Ask::Thread(_)
        | Ask::One { .. }
        | Ask::Absent { .. }
        | Ask::Highest { .. }
        | Ask::Ties(_)
        | Ask::Search(_)
        | Ask::Identity
        | Ask::Repositories(_) => None,
    })
}

fn headers(ask: &Ask) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("accept", "application/vnd.github+json".to_owned()),
        ("x-github-api-version", "2022-11-28".to_owned()),
    ];
    if let Ask::List(List { tag: Some(tag), .. }) = ask {
        headers.push(("if-none-match", tag.clone()));
    }
    headers
}

impl Provider for GitHub {
    fn describe(&self) -> &Descriptor {
        &self.descriptor
    }

    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported> {
        let (scope, asks): (&str, Vec<Ask>) = match order {
            Order::Import(order) => (&order.scope, vec![Ask::Repository { order: order.clone() }]),
            Order::Sync(order, marks) => (&order.scope, Self::lists(order, Some(marks))),
            Order::Comments { scope, numbers } => {
                (scope, numbers.iter().map(|number| Ask::Thread(Thread::new(*number))).collect())
            }
            Order::Items { order, numbers } => {
                let one = |number: &u64| Ask::One { order: order.clone(), number: *number };
                (&order.scope, numbers.iter().map(one).collect())
            }
            Order::Count(order) => (&order.scope, vec![Ask::Count(Count::new(order))]),
            Order::Sweep(order) => {
                let mut list = List::new(order, What::Issues, None, None);
                list.sweep = Some(Sweep { began: None, whole: true });
                (&order.scope, vec![Ask::List(list)])
            }
            Order::Size(order) if order.query.is_some() => (&order.scope, search::sizes(order)),
            Order::Size(order) => (&order.scope, Count::estimates(order)),
            Order::Identity => return Ok(vec![Ask::Identity.task(rows::NAME)]),
            Order::Scopes { of } => {
                return Err(Unsupported(format!(
                    "cannot list what is in {of:?}: on GitHub every repository is asked by itself"
                )));
            }
            Order::Repositories { of } => {
                return Ok(vec![Ask::Repositories(Repositories::new(of)?).task(of)]);
            }
        };
        Repo::parse(scope)?;
        if let Order::Import(of) | Order::Sync(of, _) | Order::Size(of) = order {
            of.query.as_deref().map_or(Ok(()), search::is_fit)?;
        }
        Ok(asks.iter().map(|ask| ask.task(scope)).collect())
    }

    fn request(&self, task: &Task) -> Result<Request, Refusal> {
        let ask = Ask::of(task)?;
        let (url, bucket) = self.target(task, &ask)?;
        let query = posted(task, &ask)?;
        Ok(Request {
            method: if query.is_some() { Method::Post } else { Method::Get },
            url,
            headers: headers(&ask),
            body: query.map_or(Body::Empty, Body::Json),
            bucket,
            cost: 1,
            repeat: Repeat::Safe,
        })
    }

    fn forecast(&self, order: &IssueOrder, size: Size) -> u64 {
        forecast::requests(order, size)
    }

    fn read(&self, task: &Task, answer: &Answer) -> Result<Step, Refusal> {
        let reply = Reply::of(answer)?;
        match Ask::of(task)? {
            Ask::Repository { order } => single::read_repository(task, &order, &reply),
            Ask::List(list) => list::read(self, task, &list, &reply),
            Ask::Split(split) => list::read_split(self, task, &split, &reply),
            Ask::Newest(newest) => newest::read(self, task, &newest, &reply),
            Ask::Thread(thread) => single::read_thread(self, task, &thread, &reply),
            Ask::One { order, number } => single::read_one(task, &order, number, &reply),
            Ask::Absent { number } => single::read_absent(task, number, &reply),
            Ask::Count(count) => count::read(self, task, &count, &reply),
            Ask::Highest { list } => count::read_highest(task, list, &reply),
            Ask::History(history) => history::read(task, &history, &reply),
            Ask::Ties(ties) => ties::read(self, task, &ties, &reply),
            Ask::Search(search) => search::read(self, task, &search, &reply),
            Ask::Identity => identity::read(&reply),
            Ask::Repositories(listing) => repositories::read(self, task, &listing, &reply),
        }
    }
}
