//! The newest so many issues: the list backwards, page after page.

use jobctl_provider::{Fact, IssueOrder, Item, Refusal, Step, Task};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::GitHub;
use crate::ask::{Ask, What, later, whole_second};
use crate::list::{PER_PAGE, as_facts, list_url};
use crate::page::Page;
use crate::reply::Reply;
use crate::verdict::check;

/// Where such a reading stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newest {
    pub(crate) order: IssueOrder,
    /// Issues still wanted.
    left: u64,
    next: Option<String>,
    /// Issues of the page before. An edit elsewhere moves rows *down* this list, so they are
    /// met twice, never missed.
    before: Vec<u64>,
}

impl Newest {
    pub(crate) fn new(order: &IssueOrder, limit: u64) -> Self {
        Self { order: order.clone(), left: limit, next: None, before: vec![] }
    }

    pub(crate) fn url(&self, github: &GitHub) -> Result<Url, Refusal> {
        if let Some(next) = &self.next {
            return github.stored(next);
        }
        let since = self.order.since.map(|since| later(whole_second(since), -1));
        let mut url = list_url(github, &self.order, What::Issues, since, PER_PAGE)?;
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if name == "direction" { "desc".into() } else { value };
                (name.into_owned(), value.into_owned())
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        Ok(url)
    }
}

pub(crate) fn read(
    github: &GitHub,
    task: &Task,
    newest: &Newest,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    if reply.status == 422 && newest.next.is_some() {
        let what = format!(
            "the oldest {} of the wanted issues of {}: GitHub lists no further back",
            newest.left, task.scope
        );
        return Ok(Step { facts: as_facts(vec![what]), ..Step::default() });
    }
    check(reply)?;
    let asked = newest.url(github)?;
    let mut page = Page::of_rows(reply, &github.base, &asked, What::Issues, &newest.order)?;
    let mut left = newest.left;
    let mut numbers = vec![];
    page.items.retain(|item| {
        let Item::Issue(issue) = item else { return false };
        numbers.push(issue.number);
        let again = newest.before.contains(&issue.number);
        let wanted = left > 0;
        if wanted && !again {
            left -= 1;
        }
        wanted
    });
    let next = page.links.next.as_ref().filter(|_| left > 0).map(|next| {
        let next = Some(next.to_string());
        Ask::Newest(Newest { order: newest.order.clone(), left, next, before: numbers })
    });
    let facts = match newest.next {
        None => vec![estimate(newest, &page)],
        Some(_) => vec![],
    };
    let next = next.into_iter().map(|ask| ask.task(&task.scope)).collect();
    Ok(page.followed_up(&newest.order).into_step(reply, next, facts))
}

fn estimate(newest: &Newest, page: &Page) -> Fact {
    let count = match page.links.next {
        Some(_) => newest.left,
        None => newest.left.min(page.items.len() as u64),
    };
    Fact::Estimate { what: What::Issues.name().to_owned(), count }
}
