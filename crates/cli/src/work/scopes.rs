//! Which scopes an import reads: those that are named, and those that owners have.

use jobctl_provider::{IssueOrder, Order};
use jobctl_runner::Desk;

use crate::work::listing::{Unlisted, list};
use crate::work::options::{Dialect, ImportOptions, Wanted};
use crate::work::reach::Reach;

/// What is read, and what could not be found.
#[derive(Default)]
pub(crate) struct Scopes {
    /// One for each scope.
    pub(crate) orders: Vec<IssueOrder>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
    /// What cannot be read: which, why, and what to do about it.
    pub(crate) unread: Vec<(String, String, Option<String>)>,
}

impl Scopes {
    /// Finds out what is meant. Without a desk nothing is waited for.
    pub(crate) async fn find(
        desk: Option<&Desk>,
        options: &ImportOptions,
        reach: &Reach,
    ) -> Result<Self, Unlisted> {
        let mut scopes = Self::default();
        for wanted in &options.wanted {
            match wanted {
                Wanted::Project { name } => {
                    scopes.orders.push(options.order(&scope(options, reach, name)));
                }
                Wanted::Repository { owner, name } => {
                    scopes.orders.push(options.order(&scope(
                        options,
                        reach,
                        &format!("{owner}/{name}"),
                    )));
                }
                Wanted::Owner { owner } => scopes.list(desk, options, reach, owner).await?,
                Wanted::Address { full_name, .. } => {
                    let error = "a git address has no issues; name its forge".to_owned();
                    scopes.unread.push((full_name.clone(), error, None));
                }
            }
        }
        Ok(scopes)
    }

    /// Finds out what an owner has.
    async fn list(
        &mut self,
        desk: Option<&Desk>,
        options: &ImportOptions,
        reach: &Reach,
        owner: &str,
    ) -> Result<(), Unlisted> {
        let Some(provider) = &reach.provider else { return Ok(()) };
        if let Some(desk) = desk {
            desk.say(format!("listing {owner}"));
        }
        let order = within(options, reach, owner);
        match list(desk, provider.as_ref(), &reach.client, &order).await {
            Ok(listing) => {
                self.warnings.extend(listing.partial);
                let names =
                    listing.repositories.iter().map(|one| scope(options, reach, &one.full_name));
                let all = listing.scopes.iter().cloned().chain(names);
                self.orders.extend(all.map(|scope| options.order(&scope)));
            }
            Err(Unlisted::Failed { error, hint }) => {
                self.unread.push((owner.to_owned(), error, hint));
            }
            Err(
                other @ (Unlisted::Unauthorized { .. } | Unlisted::Limited(_) | Unlisted::Stopped),
            ) => return Err(other),
        }
        Ok(())
    }
}

/// What has issues within an owner: its repositories, or its projects.
fn within(options: &ImportOptions, reach: &Reach, owner: &str) -> Order {
    match options.connection.dialect {
        Dialect::AzureDevOps => Order::Scopes { of: scope(options, reach, owner) },
        Dialect::GitHub
        | Dialect::Jira
        | Dialect::JiraCenter
        | Dialect::JiraSite
        | Dialect::Git => Order::Repositories { of: owner.to_owned() },
    }
}

/// What scopes and keys begin with: the name of a connection of the user's own, so that those of
/// two servers stay apart; else the forge's.
fn prefix<'a>(connection: &'a str, provider: &'a str) -> &'a str {
    if connection.contains('@') { provider } else { connection }
}

fn scope(options: &ImportOptions, reach: &Reach, full_name: &str) -> String {
    let provider = reach.provider.as_ref().map_or("git", |provider| provider.describe().name);
    format!("{}:{full_name}", prefix(&options.connection.name, provider))
}
