//! Reading a whole list, oldest change first, so that edits while it is read lose nothing.
//!
//! *Keyset by `since`*: after a page the next request begins one second before its last row,
//! whether the server takes `since` as "at" or as "after". No offset is carried, so a row that
//! is edited meanwhile moves to the end and is met again, and rows that move up are not missed.
//! More than a page of rows within two seconds cannot be passed that way: such a *stretch* is
//! read along GitHub's own `Link` headers, and issues twice, because offsets shift under edits.

use jobctl_provider::{Fact, IssueOrder, Mark, Refusal, Step, Task, Time};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::GitHub;
use crate::ask::{Ask, What, later, whole_second};
use crate::page::Page;
use crate::reply::Reply;
use crate::rows::Place;
use crate::scope::Repo;
use crate::sign_on;
use crate::single::rest;
use crate::split::{self, Split};
use crate::stretch::{Reading, Stretch};
use crate::verdict::check;

/// Rows a page: the most that GitHub gives.
pub(crate) const PER_PAGE: u64 = 100;
/// Rows a page that are never too many.
const FEWEST: u64 = 25;

/// Rows of a page at most that is worth asking for again and again.
const PROBED: usize = 50;

/// Where the reading of a list stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) order: IssueOrder,
    pub(crate) what: What,
    /// The chain whose mark the end of this list sets; a window that is not the last has none.
    pub(crate) mark: Option<String>,
    pub(crate) since: Option<Time>,
    /// Rows changed later belong to another window.
    pub(crate) until: Option<Time>,
    /// The latest change met so far.
    pub(crate) newest: Option<Time>,
    /// Nothing was read yet: the first page tells how large the list is.
    pub(crate) first: bool,
    /// This second was cut off, and `since` is it: does the server begin at or after it?
    pub(crate) cut: Option<Time>,
    pub(crate) stretch: Option<Stretch>,
    /// Rows of the next page: fewer after GitHub took too long for one.
    pub(crate) per_page: u64,
    /// Present if this reading is to find what is gone.
    pub(crate) sweep: Option<Sweep>,
    /// The tag of this very page when it was read last.
    #[serde(default)]
    pub(crate) tag: Option<String>,
}

/// What an earlier reading's last page was asked by, and its tag: asked so again with the tag,
/// GitHub answers 304 if nothing has changed, which costs nothing of the budget ("Best practices
/// for using the REST API", conditional requests). It is the token of a chain's mark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) since: Option<Time>,
    tag: String,
}

impl Probe {
    /// The probe that a mark carries.
    pub(crate) fn of(mark: &Mark) -> Option<Self> {
        serde_json::from_str(mark.token.as_deref()?).ok()
    }

    fn token(&self) -> String {
        serde_json::to_string(self).expect("a probe is a time and a text")
    }
}

/// A reading of everything, to find what is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    pub(crate) began: Option<Time>,
    /// Whether every page was whole so far.
    pub(crate) whole: bool,
}

/// What follows a page.
#[derive(Debug, PartialEq)]
pub(crate) enum Onward {
    /// The list, or this window of it, is read.
    End,
    /// There is more.
    More(Box<List>),
}

impl List {
    /// A reading from `since` on.
    pub(crate) fn new(
        order: &IssueOrder,
        what: What,
        mark: Option<String>,
        since: Option<Time>,
    ) -> Self {
        Self {
            order: order.clone(),
            what,
            mark,
            since: since.map(whole_second),
            until: None,
            newest: None,
            first: true,
            cut: None,
            stretch: None,
            per_page: PER_PAGE,
            sweep: None,
            tag: None,
        }
    }

    /// A reading that begins with the page that a probe is about.
    pub(crate) fn probing(self, probe: Probe) -> Self {
        Self { since: probe.since, tag: Some(probe.tag), ..self }
    }

    /// The same reading, going on at `since` without a stretch.
    fn at(&self, since: Time) -> Self {
        Self {
            since: Some(since),
            cut: None,
            stretch: None,
            first: false,
            per_page: PER_PAGE,
            tag: None,
            ..self.clone()
        }
    }

    /// The same question with half the rows, after GitHub gave up on it (its own limit is ten
    /// seconds, and then it answers 502 or 504), if that may help.
    fn halved(&self, reply: &Reply<'_>) -> Option<Self> {
        let too_long = matches!(reply.status, 502 | 504) && reply.retry_after().is_none();
        let asks_by_since = self.stretch.as_ref().is_none_or(|stretch| stretch.next.is_none());
        let per_page = self.per_page / 2;
        let smaller = || Self { per_page, tag: None, ..self.clone() };
        (too_long && asks_by_since && per_page >= FEWEST).then(smaller)
    }

    /// The address of the next request.
    pub(crate) fn url(&self, github: &GitHub) -> Result<Url, Refusal> {
        if let Some(next) = self.stretch.as_ref().and_then(|stretch| stretch.next.as_deref()) {
            return github.stored(next);
        }
        list_url(github, &self.order, self.what, self.since, self.per_page)
    }

    /// What the page says about where to go on. `partial` gets what could not be listed.
    pub(crate) fn onward(&self, page: &Page, partial: &mut Vec<String>) -> Result<Onward, Refusal> {
        let mut list = self.clone();
        list.newest = page.places.iter().map(|place| place.1).chain(self.newest).max();
        if let Some(sweep) = &mut list.sweep {
            sweep.whole &= page.skipped.is_empty();
        }
        if let Some(cut) = self.cut.filter(|cut| page.places.iter().any(|p| p.1 == *cut)) {
            // The server begins *at* `since`: nothing after the cut second is lost by skipping it.
            return Ok(list.at(later(cut, 1)).more());
        }
        match &self.stretch {
            None => Ok(list.after_page(page)),
            Some(stretch) => list.after_stretch_page(stretch, page, partial),
        }
    }

    /// After a page asked by `since`.
    fn after_page(&self, page: &Page) -> Onward {
        let Some(next) = &page.links.next else { return Onward::End };
        let position = position(&page.places);
        if self.is_beyond(position) {
            return Onward::End;
        }
        if let Some(since) = self.advanced(position) {
            return self.at(since).more();
        }
        let stretch = Stretch::begin(&page.places, next);
        Self { cut: None, first: false, tag: None, stretch: Some(stretch), ..self.clone() }.more()
    }

    /// After a page of a stretch.
    fn after_stretch_page(
        &self,
        stretch: &Stretch,
        page: &Page,
        partial: &mut Vec<String>,
    ) -> Result<Onward, Refusal> {
        let position = position(&page.places);
        let ended = page.links.next.is_none() || self.is_beyond(position);
        let reading = stretch.read(page, ended, self.advanced(position), self.what)?;
        match reading {
            Reading::Goes(next) => Ok(Self { stretch: Some(next), ..self.clone() }.more()),
            Reading::Done { stable, .. } if ended => {
                self.note_unstable(stable, partial);
                Ok(Onward::End)
            }
            Reading::Done { stable, goal } => {
                self.note_unstable(stable, partial);
                let mut list = self.at(whole_second(goal));
                if let Some(sweep) = &mut list.sweep {
                    sweep.whole &= stable;
                }
                Ok(list.more())
            }
        }
    }

    fn more(self) -> Onward {
        Onward::More(Box::new(self))
    }

    fn note_unstable(&self, stable: bool, partial: &mut Vec<String>) {
        if !stable {
            partial.push(format!(
                "{} of {} around {} changed each time they were listed",
                self.what.name(),
                self.order.scope,
                self.since.map_or_else(|| "the beginning".to_owned(), |at| at.to_string()),
            ));
        }
    }

    /// GitHub cut a stretch short: the reading goes on behind the second that it could not list.
    pub(crate) fn behind_the_cut(&self, partial: &mut Vec<String>) -> Option<Self> {
        let stretch = self.stretch.as_ref().filter(|stretch| stretch.next.is_some())?;
        let second = whole_second(stretch.last.or(self.since)?);
        partial.push(format!(
            "{} of {} that changed at {second}: more than GitHub lists",
            self.what.name(),
            self.order.scope
        ));
        let mut list = Self { cut: Some(second), ..self.at(second) };
        if let Some(sweep) = &mut list.sweep {
            sweep.whole = false;
        }
        Some(list)
    }

    fn is_beyond(&self, position: Option<Time>) -> bool {
        matches!((position, self.until), (Some(position), Some(until)) if position > until)
    }

    /// Where the next window begins, if that is further than where this one did.
    fn advanced(&self, position: Option<Time>) -> Option<Time> {
        let next = later(position?, -1);
        (self.since.is_none_or(|since| next > since)).then_some(next)
    }

    /// The token of the mark after a last page. Each later reading asks for that page again, so it
    /// pays only while that has few rows, and only a page asked by `since` can be asked again.
    fn token(&self, page: &Page, reply: &Reply<'_>) -> Option<String> {
        let tag = reply.headers.get("etag")?.to_owned();
        let plain = self.stretch.is_none()
            && self.cut.is_none()
            && self.per_page == PER_PAGE
            && reply.headers.get("x-github-sso").is_none();
        let probe = Probe { since: self.since, tag };
        (plain && page.length <= PROBED && page.skipped.is_empty()).then(|| probe.token())
    }

    /// What it says that nothing has changed since the page was read last.
    fn unchanged(&self) -> Vec<Fact> {
        let probe = self.tag.clone().map(|tag| Probe { since: self.since, tag });
        self.end_facts(self.newest, false, probe.map(|probe| probe.token()))
    }

    /// What the end of the list says.
    fn end_facts(
        &self,
        list_newest: Option<Time>,
        partial: bool,
        token: Option<String>,
    ) -> Vec<Fact> {
        let mut facts = vec![];
        if let (Some(chain), Some(at)) = (&self.mark, list_newest) {
            facts.push(Fact::Mark { chain: chain.clone(), mark: Mark { at, token } });
        }
        if let Some(Sweep { began: Some(since), whole: true }) = self.sweep
            && !partial
        {
            facts.push(Fact::Listed { since });
        }
        facts
    }
}

/// The address of a list from `since` on, oldest change first.
pub(crate) fn list_url(
    github: &GitHub,
    order: &IssueOrder,
    what: What,
    since: Option<Time>,
    per_page: u64,
) -> Result<Url, Refusal> {
    let repo = Repo::parse(&order.scope)
        .map_err(|error| Refusal::Malformed { message: error.to_string() })?;
    let mut url = match what {
        What::Issues => repo.url(&github.base, &["issues"]),
        What::Comments => repo.url(&github.base, &["issues", "comments"]),
    };
    {
        let mut query = url.query_pairs_mut();
        if what == What::Issues {
            query.append_pair("state", &order.state);
            if !order.labels.is_empty() {
                query.append_pair("labels", &order.labels.join(","));
            }
        }
        query.append_pair("sort", "updated").append_pair("direction", "asc");
        query.append_pair("per_page", &per_page.to_string());
        if let Some(since) = since {
            query.append_pair("since", &since.to_string());
        }
    }
    Ok(url)
}

/// How far a page has come in a list sorted by change: its last row. Search indexes lag, and a
/// row may already show a later change than the one it is sorted by; of a page that is out of
/// order, the earliest of the second half is the furthest that is safe.
fn position(places: &[Place]) -> Option<Time> {
    if places.is_sorted_by_key(|place| place.1) {
        return places.last().map(|place| place.1);
    }
    places[places.len() / 2..].iter().map(|place| place.1).min()
}

/// Reads a page of a list.
pub(crate) fn read(
    github: &GitHub,
    task: &Task,
    list: &List,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let mut list = list.clone();
    if let Some(sweep) = &mut list.sweep {
        sweep.began.get_or_insert(reply.at);
        sweep.whole &= reply.headers.get("x-github-sso").is_none();
    }
    let mut partial = vec![];
    if reply.status == 422
        && reply.message().to_lowercase().contains("pagination")
        && let Some(behind) = list.behind_the_cut(&mut partial)
    {
        let next = vec![Ask::List(behind).task(&task.scope)];
        return Ok(Step { next, facts: as_facts(partial), ..Step::default() });
    }
    if list.tag.is_some() && reply.status == 304 {
        // The mark stays as it is, and with it what is asked next time.
        return Ok(Step { facts: list.unchanged(), ..rest(reply) });
    }
    if let Some(smaller) = list.halved(reply) {
        return Ok(Step { next: vec![Ask::List(smaller).task(&task.scope)], ..Step::default() });
    }
    check(reply)?;
    let asked = list.url(github)?;
    let page = Page::of_rows(reply, &github.base, &asked, list.what, &list.order)?;
    let onward = list.onward(&page, &mut partial)?;
    let mut facts = estimate(&list, &page);
    let next = match onward {
        Onward::End => {
            let newest = page.places.iter().map(|place| place.1).chain(list.newest).max();
            let whole = page.skipped.is_empty();
            let token = list.token(&page, reply);
            facts.extend(list.end_facts(newest, !partial.is_empty() || !whole, token));
            vec![]
        }
        Onward::More(more) => {
            vec![split::windows(&list, *more, &page, reply.at).task(&task.scope)]
        }
    };
    if list.first {
        let what = format!("{} of {}", list.what.name(), task.scope);
        let owner = Repo::of(task)?.owner;
        facts.extend(sign_on::hidden(reply, &github.base, &what, owner));
    }
    facts.extend(as_facts(partial));
    Ok(page.followed_up(&list.order).into_step(reply, next, facts))
}

/// Reads the first page of the newer half of a window, and cuts again where that pays.
pub(crate) fn read_split(
    github: &GitHub,
    task: &Task,
    split: &Split,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let newer = split.newer();
    let asked = newer.url(github)?;
    let page = Page::of_rows(reply, &github.base, &asked, newer.what, &newer.order)?;
    let mut partial = vec![];
    let onward = newer.onward(&page, &mut partial)?;
    let mut facts = as_facts(partial);
    if onward == Onward::End && page.length > 0 {
        let newest = page.places.iter().map(|place| place.1).chain(newer.newest).max();
        facts.extend(newer.end_facts(newest, false, newer.token(&page, reply)));
    }
    let next = split.halves(onward, &page);
    let next = next.into_iter().map(|ask| ask.task(&task.scope)).collect();
    Ok(page.followed_up(&newer.order).into_step(reply, next, facts))
}

/// The first page of a list tells about how long it is.
fn estimate(list: &List, page: &Page) -> Vec<Fact> {
    if !list.first {
        return vec![];
    }
    let what = list.what.name().to_owned();
    match split::rows_from(page, list.per_page) {
        Some(count) => vec![Fact::Estimate { what, count }],
        None => vec![],
    }
}

pub(crate) fn as_facts(partial: Vec<String>) -> Vec<Fact> {
    partial.into_iter().map(|what| Fact::Partial { what }).collect()
}
