//! `GET /search/issues`: the words and qualifiers that narrow issues, and the end after a
//! thousand results.

use serde_json::json;

use super::access::Access;
use super::lists::Answered;
use super::paging::Place;
use super::show::{Show, list};
use super::{Asked, refuse};
use crate::clock::parse_time;
use crate::wire::Reply;
use crate::world::Found;
use crate::world::repo::{Issue, Repo};

/// A search, taken apart.
#[derive(Debug, Default)]
struct Search {
    repo: Option<(String, String)>,
    pulls: Option<bool>,
    open: Option<bool>,
    labels: Vec<String>,
    created: Span,
    updated: Span,
    words: Vec<String>,
}

/// A span of time, both ends included.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
}

impl Default for Span {
    fn default() -> Self {
        Span { from: i64::MIN, to: i64::MAX }
    }
}

impl Span {
    fn read(text: &str) -> Option<Self> {
        let all = Span::default();
        Some(if let Some(from) = text.strip_prefix(">=") {
            Span { from: parse_time(from)?, ..all }
        } else if let Some(to) = text.strip_prefix("<=") {
            Span { to: parse_time(to)?, ..all }
        } else {
            let (from, to) = text.split_once("..")?;
            Span { from: parse_time(from)?, to: parse_time(to)? }
        })
    }

    fn holds(self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

/// Words, with what stands in quotes kept together.
fn words(query: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in query.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Search {
    fn read(query: &str) -> Option<Self> {
        let mut search = Search::default();
        for word in words(query) {
            match word.split_once(':') {
                Some(("repo", name)) => {
                    let (owner, name) = name.split_once('/')?;
                    search.repo = Some((owner.to_owned(), name.to_owned()));
                }
                Some(("is" | "type" | "state", value)) => match value {
                    "issue" => search.pulls = Some(false),
                    "pull-request" | "pr" => search.pulls = Some(true),
                    "open" => search.open = Some(true),
                    "closed" => search.open = Some(false),
                    _ => return None,
                },
                Some(("label", name)) => search.labels.push(name.to_owned()),
                Some(("created", span)) => search.created = Span::read(span)?,
                Some(("updated", span)) => search.updated = Span::read(span)?,
                Some(_) | None => search.words.push(word.to_lowercase()),
            }
        }
        Some(search)
    }

    fn fits(&self, repo: &Repo, issue: &Issue) -> bool {
        let has = |name: &String| {
            issue.labels.iter().any(|at| repo.labels[*at].name.eq_ignore_ascii_case(name))
        };
        let text = format!("{} {}", issue.title, issue.body.as_deref().unwrap_or_default());
        let text = text.to_lowercase();
        self.pulls.is_none_or(|pulls| pulls == issue.pull.is_some())
            && self.open.is_none_or(|open| open == issue.open)
            && self.labels.iter().all(has)
            && self.created.holds(issue.created)
            && self.updated.holds(issue.updated)
            && self.words.iter().all(|word| text.contains(word))
    }
}

impl Asked<'_> {
    /// A page of what a search finds in one repository; `repo:` is needed here.
    pub(crate) fn search(&self) -> Answered {
        let query = self.request.query("q").unwrap_or_default();
        let search = Search::read(&query).ok_or_else(|| refuse::invalid("Search", "q"))?;
        if search.pulls.is_none() {
            return Err(refuse::search_wants_a_kind());
        }
        let repo =
            search.repo.as_ref().and_then(|(owner, name)| match self.world.find(owner, name) {
                Found::Here(repo) | Found::Renamed(repo) => Some(repo),
                Found::Nowhere => None,
            });
        let repo = repo.filter(|repo| self.caller.access(self.world, repo) == Access::Granted);
        let repo = repo.ok_or_else(|| refuse::invalid("Search", "q"))?;
        let paging = self.paging("Search", "search")?;
        let cap = self.behaviour.search.cap;
        if (paging.page - 1) * paging.per_page >= cap {
            return Err(refuse::deep_search(cap));
        }
        let orders = &repo.orders;
        let by_change = self.request.query("sort").as_deref() == Some("updated");
        let order = if by_change { &orders.issues_updated } else { &orders.issues_created };
        let fits = |place: &&Place| {
            repo.issues.get(&place.1).is_some_and(|issue| search.fits(repo, issue))
        };
        let found: Vec<Place> = order.all().iter().filter(fits).copied().collect();
        let descending = self.request.query("order").as_deref() != Some("asc");
        // Beyond the cap there is nothing to page to, however many there are.
        let most = usize::try_from(cap).unwrap_or(usize::MAX).min(found.len());
        let within = if descending { &found[found.len() - most..] } else { &found[..most] };
        let page = paging.cut(within, descending);
        let show = Show::new(self.world, repo, self.links);
        let mut items = String::new();
        list(&mut items, &page.items, |out, place| {
            if let Some(issue) = repo.issues.get(&place.1) {
                show.issue(out, issue);
                out.pop();
                out.push_str(",\"score\":1.0}");
            }
        });
        let incomplete = self.behaviour.search.incomplete;
        let body = format!(
            "{{\"total_count\":{},\"incomplete_results\":{},\"items\":[{items}]}}",
            found.len(),
            json!(incomplete)
        );
        let target = format!("{}/search/issues", self.links.api);
        Ok(self.linked(target, paging, None, &page, body))
    }

    /// What an issue waits for, or what waits for it.
    pub(crate) fn dependencies(&self, repo: &Repo, numbers: &[u64], path: &str) -> Reply {
        let show = Show::new(self.world, repo, self.links);
        let found = numbers.iter().filter_map(|number| repo.issues.get(number));
        let shown = found.map(|issue| {
            let mut out = String::new();
            show.issue(&mut out, issue);
            out
        });
        self.short_list(repo, path, shown).unwrap_or_else(|refusal| refusal)
    }
}
