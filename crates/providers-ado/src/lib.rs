//! Azure DevOps's dialect: requests out, answers in.
//!
//! Speaks REST version 7.1 to Azure DevOps Services, and what older servers know to those. Pure:
//! no socket, no clock, no memory. How work items are listed is told in `window`, how changes are
//! found in `stream`, what a refusal means in `verdict`.

mod ask;
mod batch;
mod history;
mod html;
mod listing;
mod project;
mod reply;
mod rows;
mod scope;
mod states;
mod stream;
mod thread;
mod verdict;
mod window;
mod wiql;

use jobctl_provider::{
    Answer, Body, Bucket, Descriptor, IssueOrder, Marks, Method, Order, Provider, Refusal, Repeat,
    Request, Size, Step, Task, Unsupported,
};
use url::Url;

use crate::ask::{Ask, Question, Reading, begin};
use crate::listing::{Repositories, Scopes};
use crate::reply::{BUCKET, Reply};
use crate::scope::{Project, is_name};
use crate::stream::Stream;
use crate::thread::Thread;
use crate::window::{Aim, Window};

/// The provider's name, as every row carries it.
const NAME: &str = "ado";
/// Requests a minute. Azure DevOps counts what a request costs it, not requests, and says when
/// it is too much: this only keeps a beginning from being a burst.
const PER_MINUTE: u32 = 1_800;

/// One Azure DevOps, by the address above its organisations.
#[derive(Debug, Clone)]
pub struct AzureDevOps {
    base: Url,
    organisation: Option<String>,
    descriptor: Descriptor,
}

impl AzureDevOps {
    /// The Azure DevOps at `base`, such as `https://dev.azure.com/`, or `https://HOST/` of a
    /// server, whose collections take the place of organisations.
    pub fn new(base: Url) -> Self {
        let descriptor = Descriptor {
            name: NAME,
            title: "Azure DevOps",
            max_in_flight: 6,
            buckets: vec![Bucket { name: BUCKET, per_minute: PER_MINUTE }],
            shared: None,
        };
        Self { base, organisation: None, descriptor }
    }

    /// The same one, seen from an organisation: only within one does it say whose credential it
    /// was asked with.
    #[must_use]
    pub fn within(self, organisation: &str) -> Self {
        Self { organisation: Some(organisation.to_owned()), ..self }
    }

    /// The first question of an order for work items.
    fn first(order: &IssueOrder, marks: Option<&Marks>) -> Vec<Task> {
        let reading = Reading::new(order);
        let ask = match begin(order, marks.filter(|_| order.limit.is_none())) {
            (chain, Some(mark)) => Ask::Stream(Stream::new(chain, mark)),
            (_, None) => Ask::Project,
        };
        vec![reading.task(ask)]
    }

    /// The question whose credential it is.
    fn identity(&self) -> Result<Task, Unsupported> {
        let organisation = self.organisation.as_deref().filter(|name| is_name(name));
        let organisation = organisation.ok_or_else(|| {
            Unsupported(
                "Azure DevOps says whose credential it is only within an organisation: name one"
                    .to_owned(),
            )
        })?;
        Ok(Reading::new(&IssueOrder::all(organisation)).task(Ask::Identity))
    }

    /// Where to ask, and what to post there.
    fn target(&self, question: &Question) -> Result<(Url, Option<String>), Refusal> {
        let Question { reading, ask } = question;
        let query = |query: String, top: u64| {
            let path = ["_apis", "wit", "wiql"];
            let mut url = Project::of(&reading.order.scope)?.url(&self.base, &path);
            url.query_pairs_mut()
                .append_pair("timePrecision", "true")
                .append_pair("$top", &top.to_string());
            Ok((url, Some(window::body(&query))))
        };
        Ok(match ask {
            Ask::Project => (project::url(self, reading)?, None),
            Ask::States { .. } => (project::states_url(self, reading)?, None),
            Ask::Window(window) => return query(window.query(reading), wiql::MOST),
            Ask::Newest { limit } => return query(window::newest_query(reading), *limit),
            Ask::Check(check) => return query(check.query(reading), wiql::MOST),
            Ask::Batch(batch) => {
                let path = ["_apis", "wit", "workitemsbatch"];
                let url = Project::of(&reading.order.scope)?.url(&self.base, &path);
                (url, Some(batch.body()))
            }
            Ask::Stream(stream) => (stream.url(self, reading)?, None),
            Ask::Thread(thread) => (thread.url(self, reading)?, None),
            Ask::History(history) => (history.url(self, reading)?, None),
            Ask::Identity => (project::identity_url(self, reading), None),
            Ask::Scopes(scopes) => (scopes.url(self), None),
            Ask::Repositories(listing) => (listing.url(self), None),
        })
    }
}

/// Refuses what cannot be asked before anything is.
fn look_through(order: &IssueOrder) -> Result<(), Unsupported> {
    Project::parse(&order.scope)?;
    if let Some(query) = &order.query {
        wiql::condition(query)?;
    }
    match order.limit {
        Some(limit) if limit > wiql::MOST => Err(Unsupported(format!(
            "cannot read the newest {limit} work items: Azure DevOps lists at most {} by their \
             last change; ask for fewer, or for those since a date",
            wiql::MOST
        ))),
        Some(_) | None => Ok(()),
    }
}

impl Provider for AzureDevOps {
    fn describe(&self) -> &Descriptor {
        &self.descriptor
    }

    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported> {
        match order {
            Order::Import(order)
            | Order::Sync(order, _)
            | Order::Items { order, .. }
            | Order::Count(order)
            | Order::Sweep(order)
            | Order::Size(order) => look_through(order)?,
            Order::Comments { scope, .. } => {
                Project::parse(scope)?;
            }
            Order::Identity | Order::Scopes { .. } | Order::Repositories { .. } => {}
        }
        let list = |order: &IssueOrder, aims: &[Aim]| {
            let asks = aims.iter().map(|aim| Ask::Window(Window::new(*aim)));
            let reading = Reading::new(order);
            match wiql::wants_done(order) {
                None => asks.map(|ask| reading.task(ask)).collect(),
                // The query for what is over needs to know what states are called.
                Some(_) => vec![reading.task(Ask::States { then: asks.collect() })],
            }
        };
        Ok(match order {
            Order::Import(order) => Self::first(order, None),
            Order::Sync(order, marks) => Self::first(order, Some(marks)),
            Order::Comments { scope, numbers } => {
                let reading = Reading::new(&IssueOrder::all(scope));
                let thread = |number: &u64| reading.task(Ask::Thread(Thread::new(*number)));
                numbers.iter().map(thread).collect()
            }
            Order::Items { order, numbers } => {
                let then: Vec<Ask> = batch::after_check(numbers).collect();
                let wanted = !then.is_empty();
                let reading = Reading::new(order);
                wanted.then(|| reading.task(Ask::States { then })).into_iter().collect()
            }
            Order::Count(order) => list(order, &[Aim::Count]),
            Order::Size(order) if order.comments => list(order, &[Aim::Size, Aim::Discussed]),
            Order::Size(order) => list(order, &[Aim::Size]),
            Order::Sweep(order) => {
                let ask = Ask::Window(Window::new(Aim::Sweep));
                vec![Reading::new(order).task(Ask::States { then: vec![ask] })]
            }
            Order::Identity => vec![self.identity()?],
            Order::Scopes { of } => {
                vec![Reading::new(&IssueOrder::all(of)).task(Ask::Scopes(Scopes::new(of)?))]
            }
            Order::Repositories { of } => {
                let listing = Ask::Repositories(Repositories::new(of)?);
                vec![Reading::new(&IssueOrder::all(of)).task(listing)]
            }
        })
    }

    fn request(&self, task: &Task) -> Result<Request, Refusal> {
        let question = Question::of(task)?;
        let (mut url, body) = self.target(&question)?;
        let version = question.reading.version;
        let version = match &question.ask {
            Ask::Thread(_) => version.of_comments(),
            Ask::Identity => version.of_connection(),
            Ask::Project
            | Ask::States { .. }
            | Ask::Window(_)
            | Ask::Newest { .. }
            | Ask::Check(_)
            | Ask::Batch(_)
            | Ask::Stream(_)
            | Ask::History(_)
            | Ask::Scopes(_)
            | Ask::Repositories(_) => version.name(),
        };
        url.query_pairs_mut().append_pair("api-version", version);
        Ok(Request {
            method: if body.is_some() { Method::Post } else { Method::Get },
            url,
            // Asks for a refusal in JSON instead of a redirect to the sign-in page; not every
            // part of Azure DevOps keeps to it.
            headers: vec![
                ("accept", "application/json".to_owned()),
                ("x-tfs-fedauthredirect", "Suppress".to_owned()),
            ],
            body: body.map_or(Body::Empty, Body::Json),
            bucket: BUCKET,
            cost: 1,
            repeat: Repeat::Safe,
        })
    }

    fn forecast(&self, order: &IssueOrder, size: Size) -> u64 {
        let issues = order.limit.map_or(size.issues, |limit| size.issues.min(limit));
        let windows = issues / wiql::MOST + 1;
        // The preview counts the items that have comments.
        let threads = if order.comments { size.comments.unwrap_or(issues).min(issues) } else { 0 };
        let histories = if order.timeline { issues } else { 0 };
        // The project, its states, what changed meanwhile, and the count at the end, which looks
        // behind it.
        5 + 2 * windows + issues.div_ceil(batch::MOST as u64) + threads + histories
    }

    fn read(&self, task: &Task, answer: &Answer) -> Result<Step, Refusal> {
        let reply = Reply::of(answer)?;
        let question = Question::of(task)?;
        if let Some(older) = question.in_older_version(&reply) {
            return Ok(Step { next: vec![older], ..reply.step() });
        }
        let Question { reading, ask } = &question;
        match ask {
            Ask::Project => project::read(reading, &reply),
            Ask::States { then } => project::read_states(reading, then, &reply),
            Ask::Window(window) => window::read(reading, window, &reply),
            Ask::Newest { .. } => window::read_newest(reading, &reply),
            Ask::Check(check) => window::read_check(reading, check, &reply),
            Ask::Batch(batch) => batch::read(self, reading, batch, &reply),
            Ask::Stream(stream) => stream::read(reading, stream, &reply),
            Ask::Thread(thread) => thread::read(reading, thread, &reply),
            Ask::History(history) => history::read(reading, history, &reply),
            Ask::Identity => project::read_identity(&reply),
            Ask::Scopes(scopes) => listing::read_scopes(reading, scopes, &reply),
            Ask::Repositories(listing) => listing::read_repositories(self, listing, &reply),
        }
    }
}
