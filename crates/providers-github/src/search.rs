//! The issues that a search finds.
//!
//! A search gives a thousand results at most, whatever it says to have found. So no offset is
//! used: results come oldest first, and each request begins where the one before ended, at the
//! creation of its last row, which never changes. Only results that were all made within one
//! second have to be paged.

use jiff::SignedDuration;
use jobctl_provider::{
    Fact, IssueOrder, Item, Refusal, Skipped, Step, Task, Time, Unsupported, below,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::GitHub;
use crate::ask::{Ask, What, later, text, whole_second};
use crate::link::Links;
use crate::list::{PER_PAGE, as_facts};
use crate::page::{Page, object};
use crate::reply::Reply;
use crate::scope::Repo;
use crate::verdict::check;

/// The budget of the search, as replies call it.
pub(crate) const BUCKET: &str = "search";
/// Results that GitHub gives at most.
const MOST: u64 = 1_000;
/// How far the search may lag behind the lists.
const LAG: SignedDuration = SignedDuration::from_mins(15);

/// Where a search stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Search {
    order: IssueOrder,
    /// Whether pull requests are searched: each search is for one of the two.
    pulls: bool,
    /// The chain whose mark the end of this search sets.
    mark: Option<String>,
    /// Changed at or after this.
    updated: Option<Time>,
    /// Made at or after this.
    from: Option<Time>,
    /// Only its length is wanted.
    size: bool,
    /// The next page: of results of one second, or of the newest ones.
    next: Option<String>,
    /// When the first answer came.
    began: Option<Time>,
    /// Results still wanted, if not all are.
    left: Option<u64>,
}

/// The searches of an order with a query; `mark` is where an earlier one ended.
pub(crate) fn searches(order: &IssueOrder, chain: &str, mark: Option<Time>) -> Vec<Ask> {
    kinds(order)
        .map(|pulls| Search {
            mark: (!pulls).then(|| chain.to_owned()),
            updated: mark.map(whole_second).max(order.since.map(whole_second)),
            ..Search::new(order, pulls)
        })
        .map(|search| Ask::Search(Box::new(search)))
        .collect()
}

/// The same, to learn how much they find.
pub(crate) fn sizes(order: &IssueOrder) -> Vec<Ask> {
    kinds(order)
        .map(|pulls| Search {
            size: true,
            updated: order.since.map(whole_second),
            ..Search::new(order, pulls)
        })
        .map(|search| Ask::Search(Box::new(search)))
        .collect()
}

/// Issues, and pull requests if they are wanted.
fn kinds(order: &IssueOrder) -> impl Iterator<Item = bool> {
    [false].into_iter().chain(order.pulls.then_some(true))
}

/// Whether a query can be searched for within one repository: what names another place is
/// refused, since its results would count as this repository's.
pub(crate) fn is_fit(query: &str) -> Result<(), Unsupported> {
    let places = ["repo:", "org:", "user:"];
    let named = query.split_whitespace().find(|word| {
        let word = word.trim_start_matches(['-', '(', '"']).to_lowercase();
        places.iter().any(|place| word.starts_with(place))
    });
    if let Some(word) = named {
        return Err(Unsupported(format!(
            "the query must not say where to search ({word}): the source does"
        )));
    }
    if query.matches('"').count() % 2 == 1 {
        return Err(Unsupported("the query has a quotation mark without its other".to_owned()));
    }
    Ok(())
}

impl Search {
    fn new(order: &IssueOrder, pulls: bool) -> Self {
        Self {
            order: order.clone(),
            pulls,
            mark: None,
            updated: None,
            from: None,
            size: false,
            next: None,
            began: None,
            left: order.limit,
        }
    }

    pub(crate) fn url(&self, github: &GitHub, repo: Repo<'_>) -> Result<Url, Refusal> {
        if let Some(next) = &self.next {
            return github.stored(next);
        }
        let mut url = below(&github.base, &["search", "issues"]);
        // The newest of a search are its last changed ones, as they are of the list.
        let (sort, direction) =
            if self.left.is_some() { ("updated", "desc") } else { ("created", "asc") };
        let rows = if self.size { 1 } else { PER_PAGE };
        url.query_pairs_mut()
            .append_pair("q", &self.words(repo))
            .append_pair("sort", sort)
            .append_pair("order", direction)
            .append_pair("per_page", &rows.to_string());
        Ok(url)
    }

    /// What is searched for.
    fn words(&self, repo: Repo<'_>) -> String {
        let kind = if self.pulls { "pull-request" } else { "issue" };
        let mut words = vec![format!("repo:{} is:{kind}", repo.path())];
        if self.order.state != "all" {
            words.push(format!("state:{}", self.order.state));
        }
        let labels = self.order.labels.iter().map(|label| label.replace('"', ""));
        words.extend(labels.map(|label| format!("label:\"{label}\"")));
        words.extend(self.updated.map(|updated| format!("updated:>={updated}")));
        words.extend(self.from.map(|from| format!("created:>={from}")));
        let query = self.order.query.as_deref().unwrap_or_default().trim();
        // Alternatives would reach beyond what stands before them.
        let loose = query.contains(" OR ");
        words.push(if loose { format!("({query})") } else { query.to_owned() });
        words.join(" ")
    }
}

/// Reads a page of results.
pub(crate) fn read(
    github: &GitHub,
    task: &Task,
    search: &Search,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let body = object(reply)?;
    let (Some(total), Some(found)) = (
        body.get("total_count").and_then(Value::as_u64),
        body.get("items").and_then(Value::as_array),
    ) else {
        return Err(Refusal::Malformed { message: "the answer holds no results".to_owned() });
    };
    if body.get("incomplete_results") == Some(&Value::Bool(true)) {
        return Err(Refusal::Transient {
            message: "GitHub's search ran out of time before it had found all".to_owned(),
        });
    }
    let mut search = search.clone();
    let began = *search.began.get_or_insert(reply.at);
    let mut facts = vec![];
    if search.from.is_none() && search.next.is_none() {
        let count = search.left.map_or(total, |left| left.min(total));
        facts.push(Fact::Estimate { what: What::Issues.name().to_owned(), count });
    }
    if search.size {
        return Ok(Step { facts, budget: reply.budget_left(), ..Step::default() });
    }
    let asked = search.url(github, Repo::of(task)?)?;
    let links = Links::of(reply, &github.base, &asked)?;
    let mut page = Page::of_values(links, &without_scores(found), &search.order);
    keep_own(&mut page, Repo::of(task)?);
    let mut partial = vec![];
    let onward = search.onward(found, &mut page, total, &mut partial);
    if onward.is_none()
        && let Some(chain) = &search.mark
    {
        let at = began.checked_sub(LAG).unwrap_or(began);
        facts.push(Fact::Mark { chain: chain.clone(), mark: at.into() });
    }
    facts.extend(as_facts(partial));
    let next = onward.map(|onward| Ask::Search(Box::new(onward)).task(&task.scope));
    let page = page.followed_up(&search.order);
    Ok(page.into_step(reply, next.into_iter().collect(), facts))
}

impl Search {
    /// Where the search goes on after a page, if it does.
    fn onward(
        &self,
        found: &[Value],
        page: &mut Page,
        total: u64,
        partial: &mut Vec<String>,
    ) -> Option<Self> {
        if let Some(left) = self.left {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX);
            page.items.truncate(wanted);
            let left = left.saturating_sub(page.items.len() as u64);
            if left > 0 && page.links.next.is_none() && total > MOST {
                partial.push(format!(
                    "the oldest {left} of the wanted results of {}: a search gives {MOST} at most",
                    self.order.scope
                ));
            }
            let next = page.links.next.as_ref().filter(|_| left > 0)?.to_string();
            return Some(Self { next: Some(next), left: Some(left), ..self.clone() });
        }
        let last = found.last().and_then(made);
        let further = last.filter(|last| self.from.is_none_or(|from| *last > from));
        match (&page.links.next, further, &self.next) {
            (Some(_), Some(last), _) => Some(Self { from: Some(last), next: None, ..self.clone() }),
            // A page that does not leave the second it began in.
            (Some(next), None, _) => Some(Self { next: Some(next.to_string()), ..self.clone() }),
            (None, _, Some(_)) if total >= MOST => self.behind_the_second(last, partial),
            (None, _, _) => None,
        }
    }

    /// More results within a second than a search gives.
    fn behind_the_second(&self, last: Option<Time>, partial: &mut Vec<String>) -> Option<Self> {
        let second = last.or(self.from)?;
        partial.push(format!(
            "results of {} made at {second}: more than a search gives",
            self.order.scope
        ));
        Some(Self { from: Some(later(second, 1)), next: None, ..self.clone() })
    }
}

fn made(value: &Value) -> Option<Time> {
    text(value, "created_at")?.parse().ok()
}

/// A result without how well it fits, which changes from search to search.
fn without_scores(found: &[Value]) -> Vec<Value> {
    let mut found = found.to_vec();
    for row in found.iter_mut().filter_map(Value::as_object_mut) {
        row.remove("score");
    }
    found
}

/// Leaves out results of another repository, which a query with words of its own may bring.
fn keep_own(page: &mut Page, repo: Repo<'_>) {
    let home = format!("/repos/{}", repo.path()).to_lowercase();
    let mut foreign = vec![];
    page.items.retain(|item| {
        let Item::Issue(issue) = item else { return true };
        let place = text(&issue.raw, "repository_url").unwrap_or_default().to_lowercase();
        let own = place.is_empty() || place.ends_with(&home) || place.contains("/repositories/");
        if !own {
            foreign.push(issue.key.clone());
        }
        own
    });
    let why = || "it belongs to another repository".to_owned();
    page.skipped.extend(foreign.into_iter().map(|item| Skipped { item, why: why() }));
}
