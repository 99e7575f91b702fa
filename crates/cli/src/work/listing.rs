//! Which repositories an owner has, or which projects: asked anew in each attempt, kept nowhere.

use std::collections::VecDeque;

use jobctl_core::Refused;
use jobctl_http::Transport;
use jobctl_import::Asked as Outcome;
use jobctl_provider::{Fact, Item, Order, Provider, Repository, Rest, Task};
use jobctl_runner::{Desk, Ending, Go};

use crate::text;
use crate::work::reach::unauthorized;

/// How often a page is asked for while its answers are of no use.
const TRIES: u32 = 3;

/// What an owner has.
#[derive(Default)]
pub(crate) struct Listing {
    /// The repositories.
    pub(crate) repositories: Vec<Repository>,
    /// The scopes that have issues, where the forge calls them anything else.
    pub(crate) scopes: Vec<String>,
    /// Why it may not be all.
    pub(crate) partial: Vec<String>,
}

/// Why there is no listing.
pub(crate) enum Unlisted {
    /// The owner's own fault; others may be listed.
    Failed {
        /// Why.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The credential was refused.
    Unauthorized {
        /// What the forge said.
        message: String,
        /// Where.
        url: String,
    },
    /// The forge wants a rest, and nobody is there who takes it.
    Limited(Rest),
    /// The work is to stop.
    Stopped,
}

impl Unlisted {
    /// The end that it makes of an attempt; `None` where others may still be listed.
    pub(crate) fn ending(self, connection: &str) -> Result<Ending, (String, Option<String>)> {
        match self {
            Self::Failed { error, hint } => Err((error, hint)),
            Self::Unauthorized { message, url } => {
                Ok(unauthorized(connection, Refused::Refused, message, Some(url)))
            }
            Self::Limited(_) | Self::Stopped => Ok(Ending::Stopped),
        }
    }
}

/// What an order lists: [`Order::Repositories`] or [`Order::Scopes`]. Without a desk nothing is
/// waited for.
pub(crate) async fn list(
    desk: Option<&Desk>,
    provider: &dyn Provider,
    transport: &dyn Transport,
    order: &Order,
) -> Result<Listing, Unlisted> {
    let plan = provider.plan(order).map_err(|error| failed(error.to_string(), None))?;
    let mut open: VecDeque<(Task, u32)> = plan.into_iter().map(|task| (task, 0)).collect();
    let mut listing = Listing::default();
    while let Some((task, tries)) = open.pop_front() {
        match ask(desk, provider, transport, &task).await? {
            Asked::Step(step) => {
                open.extend(step.next.into_iter().map(|task| (task, 0)));
                listing.partial.extend(step.facts.into_iter().filter_map(partial));
                listing.take(step.items);
            }
            Asked::Again => open.push_front((task, tries)),
            Asked::InVain(error) if tries + 1 >= TRIES => return Err(failed(error, None)),
            Asked::InVain(_) => open.push_front((task, tries + 1)),
        }
    }
    Ok(listing)
}

enum Asked {
    Step(Box<jobctl_provider::Step>),
    /// The forge wanted a rest, and had it.
    Again,
    /// Nothing useful came.
    InVain(String),
}

async fn ask(
    desk: Option<&Desk>,
    provider: &dyn Provider,
    transport: &dyn Transport,
    task: &Task,
) -> Result<Asked, Unlisted> {
    let asked = tokio::select! {
        asked = jobctl_import::ask(provider, transport, task) => asked,
        () = stopped(desk) => return Err(Unlisted::Stopped),
    };
    match asked {
        Outcome::Step { step, .. } => Ok(Asked::Step(step)),
        Outcome::Again { says } => {
            if let Some(desk) = desk {
                desk.say(text::line(&says));
            }
            Ok(Asked::Again)
        }
        Outcome::Limited { rest, .. } => {
            let Some(desk) = desk else { return Err(Unlisted::Limited(rest)) };
            let Rest { until, bucket, message } = rest;
            match desk.limited(until, &bucket.unwrap_or_default(), &text::line(&message)).await {
                Go::On => Ok(Asked::Again),
                Go::Stop => Err(Unlisted::Stopped),
            }
        }
        Outcome::Unauthorized { message, url } => Err(Unlisted::Unauthorized { message, url }),
        Outcome::Forbidden { message, hint } => Err(failed(message, hint)),
        Outcome::InVain { message } => Ok(Asked::InVain(message)),
    }
}

async fn stopped(desk: Option<&Desk>) {
    match desk {
        Some(desk) => desk.stopped().await,
        None => std::future::pending().await,
    }
}

const fn failed(error: String, hint: Option<String>) -> Unlisted {
    Unlisted::Failed { error, hint }
}

impl Listing {
    fn take(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Repository(repository) => self.repositories.push(repository),
                Item::Scope(scope) => self.scopes.push(scope),
                Item::Issue(_)
                | Item::Comment(_)
                | Item::Entry(_)
                | Item::Passed(_)
                | Item::Met { .. } => {}
            }
        }
    }
}

fn partial(fact: Fact) -> Option<String> {
    match fact {
        Fact::Partial { what } => Some(what),
        Fact::Estimate { .. }
        | Fact::Total { .. }
        | Fact::Mark { .. }
        | Fact::Identity { .. }
        | Fact::Comments { .. }
        | Fact::Listed { .. }
        | Fact::Gone { .. }
        | Fact::Moved { .. } => None,
    }
}
