//! The list algorithm against a list in memory that changes between pages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jobctl_provider::{Answer, Fact, Item, Marks, Order, Provider, Request, Task, Time};
use proptest::prelude::*;
use serde_json::json;
use url::Url;

use crate::{github, order, reply};

/// Issues by number, with the second of their last change; `since` as GitHub may read it.
#[derive(Debug, Clone)]
struct Forge {
    rows: BTreeMap<u64, i64>,
    now: i64,
    inclusive: bool,
    /// Offsets beyond this answer 422.
    cap: usize,
}

#[derive(Debug, Clone)]
enum Edit {
    Touch(usize),
    Delete(usize),
    Add,
}

const PAGE: usize = 100;

impl Forge {
    fn answer(&self, request: &Request) -> Answer {
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let since = query.get("since").map(|at| at.parse::<Time>().unwrap().as_second());
        let page: usize = query.get("page").map_or(1, |page| page.parse().unwrap());
        if page * PAGE > self.cap {
            let message = "Pagination with the page parameter is not supported for large datasets";
            return reply(422, &[], &json!({ "message": message }).to_string());
        }
        let mut rows: Vec<(i64, u64)> = self
            .rows
            .iter()
            .map(|(number, at)| (*at, *number))
            .filter(|(at, _)| {
                since.is_none_or(|since| *at > since || self.inclusive && *at == since)
            })
            .collect();
        rows.sort_unstable();
        let body: Vec<_> =
            rows.iter().skip((page - 1) * PAGE).take(PAGE).map(|(at, n)| row(*n, *at)).collect();
        let link =
            if page * PAGE < rows.len() { next(&request.url, page + 1) } else { String::new() };
        let last = rows.len().div_ceil(PAGE);
        let link = format!("{link}, <https://api.github.com/x?page={last}>; rel=\"last\"");
        reply(200, &[("link", &link)], &json!(body).to_string())
    }

    fn edit(&mut self, edit: &Edit) {
        self.now += 1;
        let at = |index: &usize| self.rows.keys().copied().nth(index % self.rows.len().max(1));
        match edit {
            Edit::Touch(index) => {
                if let Some(number) = at(index) {
                    self.rows.insert(number, self.now);
                }
            }
            Edit::Delete(index) => {
                if let Some(number) = at(index) {
                    self.rows.remove(&number);
                }
            }
            Edit::Add => {
                let number = self.rows.keys().next_back().copied().unwrap_or_default() + 1;
                self.rows.insert(number, self.now);
            }
        }
    }
}

fn next(url: &Url, page: usize) -> String {
    let mut url = url.clone();
    let kept: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != "page").collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("page", &page.to_string());
    format!("<{url}>; rel=\"next\"")
}

fn row(number: u64, at: i64) -> serde_json::Value {
    let at = Time::from_second(at).unwrap().to_string();
    json!({
        "number": number, "title": format!("at {at}"), "state": "open", "labels": [],
        "html_url": "https://github.com/hub4j/github-api/issues/1",
        "created_at": "2020-01-01T00:00:00Z", "updated_at": at, "comments": 0,
    })
}

/// What a walk along all tasks of an order saw.
#[derive(Debug, Default)]
struct Seen {
    /// Number to the last title met.
    rows: BTreeMap<u64, String>,
    facts: Vec<Fact>,
    requests: usize,
}

fn walk(forge: &mut Forge, tasks: Vec<Task>, edits: &mut dyn Iterator<Item = Edit>) -> Seen {
    let mut tasks: VecDeque<Task> = tasks.into();
    let mut seen = Seen::default();
    while let Some(task) = tasks.pop_front() {
        seen.requests += 1;
        assert!(seen.requests < 2_000, "the walk does not end");
        let request = github().request(&task).unwrap();
        let step = github().read(&task, &forge.answer(&request)).unwrap();
        for item in step.items {
            if let Item::Issue(issue) = item {
                seen.rows.insert(issue.number, issue.title);
            }
        }
        seen.facts.extend(step.facts);
        // As the store keeps them.
        tasks.extend(step.next.into_iter().map(|task| {
            serde_json::from_str::<Task>(&serde_json::to_string(&task).unwrap()).unwrap()
        }));
        if let Some(edit) = edits.next() {
            forge.edit(&edit);
        }
    }
    seen
}

fn issues_only() -> jobctl_provider::IssueOrder {
    let mut order = order();
    order.comments = false;
    order
}

fn lists() -> Vec<Task> {
    github().plan(&Order::Sync(issues_only(), [].into())).unwrap()
}

/// Rows in clumps: spread out, several a second, and whole bulk seconds.
fn rows() -> impl Strategy<Value = BTreeMap<u64, i64>> {
    let clump = (1_usize..260, prop_oneof![Just(0), Just(1), Just(7), Just(86_400)]);
    prop::collection::vec(clump, 1..12).prop_map(|clumps| {
        let mut rows = BTreeMap::new();
        let mut at = 1_600_000_000;
        for (count, step) in clumps {
            at += 100;
            for _ in 0..count {
                at += step;
                // Numbers are not in the order of change.
                let number = (rows.len() as u64 * 7_919) % 10_007 + 1;
                rows.insert(number, at);
            }
        }
        rows
    })
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => any::<usize>().prop_map(Edit::Touch),
        2 => any::<usize>().prop_map(Edit::Delete),
        1 => Just(Edit::Add),
    ];
    prop::collection::vec(edit, 0..60)
}

fn has_partial(seen: &Seen) -> bool {
    seen.facts.iter().any(|fact| matches!(fact, Fact::Partial { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_still_there_was_seen_as_it_is_after_one_look_more(
        rows in rows(), edits in edits(), inclusive: bool,
    ) {
        let mut forge = Forge { rows, now: 1_800_000_000, inclusive, cap: usize::MAX };
        let mut seen = walk(&mut forge, lists(), &mut edits.into_iter());
        // Under edits at every request a crowded second may never read the same twice: it is
        // said then, and totals must tell.
        prop_assume!(!has_partial(&seen));
        let mut marks = Marks::new();
        for fact in &seen.facts {
            if let Fact::Mark { chain, mark } = fact {
                marks.insert(chain.clone(), mark.clone());
            }
        }
        let again = github().plan(&Order::Sync(issues_only(), marks)).unwrap();
        let later = walk(&mut forge, again, &mut std::iter::empty());
        seen.rows.extend(later.rows);
        for (number, at) in &forge.rows {
            let title = format!("at {}", Time::from_second(*at).unwrap());
            prop_assert_eq!(seen.rows.get(number), Some(&title), "issue {}", number);
        }
    }

    #[test]
    fn a_sweep_lists_everything_that_is_there_all_along(rows in rows(), edits in edits()) {
        let mut forge = Forge { rows, now: 1_800_000_000, inclusive: true, cap: usize::MAX };
        let before: BTreeSet<u64> = forge.rows.keys().copied().collect();
        let tasks = github().plan(&Order::Sweep(issues_only())).unwrap();
        let seen = walk(&mut forge, tasks, &mut edits.into_iter());
        let listed = seen.facts.iter().any(|fact| matches!(fact, Fact::Listed { .. }));
        prop_assert_eq!(listed, !has_partial(&seen));
        prop_assume!(listed);
        for number in before.intersection(&forge.rows.keys().copied().collect()) {
            prop_assert!(seen.rows.contains_key(number), "issue {}", number);
        }
    }

    #[test]
    fn a_quiet_list_costs_little_more_than_its_pages(rows in rows(), inclusive: bool) {
        let pages = rows.len().div_ceil(PAGE);
        let bulk = rows.len();
        let mut forge = Forge { rows, now: 1_800_000_000, inclusive, cap: usize::MAX };
        let seen = walk(&mut forge, lists(), &mut std::iter::empty());
        prop_assert_eq!(seen.rows.len(), bulk);
        // Seconds with more than a page are read twice; the clumps are of at most 260.
        prop_assert!(seen.requests <= 4 * pages + 8, "{} for {pages} pages", seen.requests);
    }

    #[test]
    fn a_list_that_is_cut_short_goes_on_behind_the_cut(rows in rows(), inclusive: bool) {
        let mut forge = Forge { rows, now: 1_800_000_000, inclusive, cap: PAGE };
        let seen = walk(&mut forge, lists(), &mut std::iter::empty());
        // Only what shares a second with more than the forge lists may be missing.
        let mut seconds: BTreeMap<i64, usize> = BTreeMap::new();
        for at in forge.rows.values() {
            *seconds.entry(*at).or_default() += 1;
        }
        for (number, at) in &forge.rows {
            let crowd: usize = (at - 1..=at + 1).filter_map(|s| seconds.get(&s)).sum();
            prop_assert!(seen.rows.contains_key(number) || crowd >= PAGE, "issue {}", number);
            prop_assert!(seen.rows.contains_key(number) || has_partial(&seen));
        }
    }
}

#[test]
fn a_long_list_is_cut_into_windows_that_cost_a_request_each() {
    let mut at = 1_500_000_000;
    let rows: BTreeMap<u64, i64> = (1..=30_000)
        .map(|number| {
            // Ten times as busy in the last third.
            at += if number < 20_000 { 1_000 } else { 100 };
            (number, at)
        })
        .collect();
    let mut forge = Forge { rows, now: 1_800_000_000, inclusive: true, cap: usize::MAX };
    let seen = walk(&mut forge, lists(), &mut std::iter::empty());
    assert_eq!(seen.rows.len(), 30_000);
    // 300 full pages, one or two rows of overlap each, and the windows.
    assert!(seen.requests <= 320, "{}", seen.requests);
    let marks = seen.facts.iter().filter(|fact| matches!(fact, Fact::Mark { .. })).count();
    assert_eq!(marks, 1);
}
