//! The repositories of an owner, or the one that is named.

use jobctl_provider::{Refusal, Step, Task, Unsupported, below};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::GitHub;
use crate::ask::{Ask, text};
use crate::list::PER_PAGE;
use crate::page::{Page, object};
use crate::reply::Reply;
use crate::rows;
use crate::scope::is_name;
use crate::sign_on;
use crate::verdict::check;

/// Where the listing stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repositories {
    /// Owner, or `owner/name`.
    of: String,
    from: From,
    next: Option<String>,
}

/// Which list is read. An owner is an organisation, the token's own user, or another user, and
/// only asking tells which; only the token's own list shows a user's private repositories.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum From {
    Named,
    Organisation,
    WhoAmI,
    Own,
    User,
}

impl Repositories {
    pub(crate) fn new(of: &str) -> Result<Self, Unsupported> {
        let of = of.split_once(':').map_or(of, |(_, of)| of).trim_end_matches('/');
        let parts: Vec<&str> = of.split('/').collect();
        let from = match parts.as_slice() {
            [owner] if is_name(owner) => From::Organisation,
            [owner, name] if is_name(owner) && is_name(name) => From::Named,
            _ => {
                let why = format!("cannot list {of:?}: wanted is OWNER or OWNER/NAME");
                return Err(Unsupported(why));
            }
        };
        Ok(Self { of: of.to_owned(), from, next: None })
    }

    fn to(&self, from: From, next: Option<&Url>) -> Ask {
        let next = next.map(Url::to_string);
        Ask::Repositories(Self { of: self.of.clone(), from, next })
    }

    pub(crate) fn url(&self, github: &GitHub) -> Result<Url, Refusal> {
        if let Some(next) = &self.next {
            return github.stored(next);
        }
        let mut named = vec!["repos"];
        named.extend(self.of.split('/'));
        let (path, query): (Vec<&str>, &[(&str, &str)]) = match self.from {
            From::Named => (named, &[]),
            From::Organisation => {
                (vec!["orgs", &self.of, "repos"], &[("type", "all"), ("sort", "full_name")])
            }
            From::WhoAmI => (vec!["user"], &[]),
            From::Own => {
                (vec!["user", "repos"], &[("affiliation", "owner"), ("sort", "full_name")])
            }
            From::User => {
                (vec!["users", &self.of, "repos"], &[("type", "owner"), ("sort", "full_name")])
            }
        };
        let mut url = below(&github.base, &path);
        if !query.is_empty() {
            url.query_pairs_mut()
                .extend_pairs(query)
                .append_pair("per_page", &PER_PAGE.to_string());
        }
        Ok(url)
    }
}

pub(crate) fn read(
    github: &GitHub,
    task: &Task,
    listing: &Repositories,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let goes_on = |from| Step {
        next: vec![listing.to(from, None).task(&task.scope)],
        budget: reply.budget(),
        ..Step::default()
    };
    match (listing.from, reply.status) {
        (From::Organisation, 404) if listing.next.is_none() => return Ok(goes_on(From::WhoAmI)),
        // Without a token, or with one of an app, nobody is asking.
        (From::WhoAmI, 401 | 403 | 404) if check(reply).is_err_and(|r| !is_limit(&r)) => {
            return Ok(goes_on(From::User));
        }
        (From::Named | From::Organisation | From::WhoAmI | From::Own | From::User, _) => {
            check(reply)?;
        }
    }
    match listing.from {
        From::Named => named(listing, reply),
        From::WhoAmI => {
            let me = object(reply)?;
            let own = text(&me, "login").is_some_and(|me| me.eq_ignore_ascii_case(&listing.of));
            Ok(goes_on(if own { From::Own } else { From::User }))
        }
        From::Organisation | From::Own | From::User => page(github, task, listing, reply),
    }
}

fn is_limit(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Throttled { .. })
}

fn named(listing: &Repositories, reply: &Reply<'_>) -> Result<Step, Refusal> {
    let value = object(reply)?;
    let mut step = Step { budget: reply.budget_left(), ..Step::default() };
    match rows::repository(&value) {
        Ok(item) => step.items.push(item),
        Err(why) => step.skipped.push(rows::unreadable(&value, "repository", &listing.of, &why)),
    }
    Ok(step)
}

fn page(
    github: &GitHub,
    task: &Task,
    listing: &Repositories,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let asked = listing.url(github)?;
    let page = Page::of_repositories(reply, &github.base, &asked, &listing.of)?;
    let next = page.links.next.as_ref().map(|next| listing.to(listing.from, Some(next)));
    let what = format!("repositories of {}", listing.of);
    let facts = sign_on::hidden(reply, &github.base, &what, &listing.of).into_iter().collect();
    let next = next.into_iter().map(|ask| ask.task(&task.scope)).collect();
    Ok(page.into_step(reply, next, facts))
}
