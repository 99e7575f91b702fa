//! Whole readings against a Jira in memory that changes between answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jobctl_provider::conformance::Stage as _;
use jobctl_provider::{Fact, IssueOrder, Item, Marks, Order, Provider, Refusal, Task};
use jobctl_providers_jira::Jira;
use proptest::prelude::*;
use serde_json::json;

use crate::world::{Row, World};
use crate::{center, cloud, first, json as good, now, order, posted};

#[derive(Debug, Clone)]
enum Edit {
    Touch(usize),
    Delete(usize),
    Add,
    Say(usize),
    Unsay(usize),
}

impl World {
    fn edit(&mut self, edit: &Edit) {
        self.now += 500;
        let at = |index: &usize| self.rows.keys().copied().nth(index % self.rows.len().max(1));
        match edit {
            Edit::Touch(index) => self.change(at(index), |_| {}),
            Edit::Delete(index) => {
                if let Some(number) = at(index) {
                    self.rows.remove(&number);
                }
            }
            Edit::Add => {
                let number = self.rows.keys().next_back().copied().unwrap_or_default() + 1;
                self.rows.insert(number, Row { updated: self.now, comments: vec![] });
            }
            Edit::Say(index) => {
                let id = u64::try_from(self.now).unwrap();
                self.change(at(index), |row| row.comments.push(id));
            }
            Edit::Unsay(index) => self.change(at(index), |row| {
                if !row.comments.is_empty() {
                    row.comments.remove(0);
                }
            }),
        }
    }

    fn change(&mut self, number: Option<u64>, how: impl Fn(&mut Row)) {
        let now = self.now;
        if let Some(row) = number.and_then(|number| self.rows.get_mut(&number)) {
            row.updated = now;
            how(row);
        }
    }
}

/// What is held, as a store of these steps holds it.
#[derive(Debug, Default)]
struct Held {
    titles: BTreeMap<String, String>,
    comments: BTreeMap<String, BTreeSet<String>>,
    said: BTreeMap<u64, u64>,
    entries: usize,
    met: BTreeSet<String>,
    facts: Vec<Fact>,
}

impl Held {
    fn marks(&self) -> Marks {
        let mark = |fact: &Fact| {
            if let Fact::Mark { chain, mark } = fact {
                Some((chain.clone(), mark.clone()))
            } else {
                None
            }
        };
        self.facts.iter().filter_map(mark).collect()
    }

    fn total(&self) -> Option<u64> {
        self.facts
            .iter()
            .rev()
            .find_map(|fact| if let Fact::Total { count } = fact { Some(*count) } else { None })
    }

    fn listed(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Listed { .. }))
    }

    /// Issues that say another number of comments than is held.
    fn disagreeing(&self) -> Vec<u64> {
        let held =
            |number: &u64| self.comments.get(&format!("PAY-{number}")).map_or(0, BTreeSet::len);
        let differ = self.said.iter().filter(|(number, said)| held(number) as u64 != **said);
        differ.map(|(number, _)| *number).collect()
    }

    fn take(&mut self, items: Vec<Item>, facts: Vec<Fact>) {
        let mut fresh: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for item in items {
            match item {
                Item::Issue(issue) => {
                    self.said.insert(issue.number, issue.comments.unwrap_or_default());
                    self.titles.insert(issue.key, issue.title);
                }
                Item::Comment(comment) => {
                    fresh.entry(comment.issue.clone()).or_default().insert(comment.id.clone());
                    self.comments.entry(comment.issue).or_default().insert(comment.id);
                }
                Item::Met { key } => {
                    self.met.insert(key);
                }
                Item::Entry(_) => self.entries += 1,
                Item::Passed(_) | Item::Repository(_) | Item::Scope(_) => {}
            }
        }
        for fact in &facts {
            match fact {
                // Where the list was one answer long, what is not in it is gone.
                Fact::Comments { issue, .. } => {
                    let ids = fresh.remove(issue).unwrap_or_default();
                    let said = self.said.get(&issue.rsplit_once('-').unwrap().1.parse().unwrap());
                    if said == Some(&(ids.len() as u64)) {
                        self.comments.insert(issue.clone(), ids);
                    }
                }
                Fact::Gone { key } => {
                    self.titles.remove(key);
                    self.comments.remove(key);
                    self.said.remove(&key.rsplit_once('-').unwrap().1.parse().unwrap());
                }
                Fact::Estimate { .. }
                | Fact::Total { .. }
                | Fact::Mark { .. }
                | Fact::Identity { .. }
                | Fact::Listed { .. }
                | Fact::Moved { .. }
                | Fact::Partial { .. } => {}
            }
        }
        self.facts.extend(facts);
    }
}

fn play(
    jira: &Jira,
    world: &mut World,
    held: &mut Held,
    order: &Order,
    edits: &mut dyn Iterator<Item = Edit>,
) {
    let mut tasks: VecDeque<Task> = jira.plan(order).unwrap().into();
    let mut turns = 0;
    while let Some(task) = tasks.pop_front() {
        turns += 1;
        assert!(turns < 2_000, "the walk does not end");
        let answer = world.answer(&jira.request(&task).unwrap());
        let step = jira.read(&task, &answer).unwrap();
        held.take(step.items, step.facts);
        // As the store keeps them.
        tasks.extend(step.next.into_iter().map(|task| {
            serde_json::from_str::<Task>(&serde_json::to_string(&task).unwrap()).unwrap()
        }));
        if let Some(edit) = edits.next() {
            world.edit(&edit);
        }
    }
}

fn quiet() -> std::iter::Empty<Edit> {
    std::iter::empty()
}

/// An import as it is driven: everything, what changed, comments whose number differs, a count.
fn all_phases(jira: &Jira, world: &mut World, order: &IssueOrder) -> Held {
    let mut held = Held::default();
    play(jira, world, &mut held, &Order::Import(order.clone()), &mut quiet());
    let sync = Order::Sync(order.clone(), held.marks());
    play(jira, world, &mut held, &sync, &mut quiet());
    let numbers = held.disagreeing();
    let comments = Order::Comments { scope: order.scope.clone(), numbers };
    play(jira, world, &mut held, &comments, &mut quiet());
    play(jira, world, &mut held, &Order::Count(order.clone()), &mut quiet());
    held
}

fn check_same(held: &Held, world: &World) {
    let truth = world.truth();
    for (key, title) in &truth.issues {
        assert_eq!(held.titles.get(key), Some(title), "{key}");
    }
    for (key, id) in &truth.comments {
        assert!(held.comments.get(key).is_some_and(|ids| ids.contains(id)), "{key} {id}");
    }
    let count: usize =
        truth.issues.keys().filter_map(|k| held.comments.get(k)).map(BTreeSet::len).sum();
    assert_eq!(count, truth.comments.len());
}

#[test]
fn ten_thousand_issues_with_comments_cost_at_most_110_requests_and_one_for_each_cut() {
    let mut world = World::of(10_000);
    world.rows.values_mut().for_each(|row| row.comments.truncate(1));
    for number in [7, 5_000, 9_999] {
        let comments = (0..60).map(|n| number * 1_000 + n).collect();
        world.rows.get_mut(&number).unwrap().comments = comments;
    }
    let held = all_phases(&cloud(), &mut world, &order());
    check_same(&held, &world);
    assert_eq!(held.total(), Some(10_000));
    let cut = 3;
    assert!(world.requests() <= 110 + cut, "{} requests: {:?}", world.requests(), world.asked);
    let size = jobctl_provider::Size { issues: 10_000, comments: None };
    let foretold = usize::try_from(cloud().forecast(&order(), size)).unwrap();
    assert!(foretold.abs_diff(world.requests()) <= 5, "{foretold}");
}

#[test]
fn histories_cost_one_request_for_each_thousand_issues() {
    let mut world = World::of(1_100);
    let order = IssueOrder { timeline: true, ..order() };
    let held = all_phases(&cloud(), &mut world, &order);
    assert_eq!(held.entries, 2_200);
    assert_eq!(world.asked["3/changelog/bulkfetch"], 2);
}

#[test]
fn a_quiet_sync_asks_for_its_account_and_a_list_and_a_sweep_for_names_only() {
    let mut world = World::of(510);
    world.names = 500;
    let mut held = all_phases(&cloud(), &mut world, &order());
    let before = world.requests();
    let sync = Order::Sync(order(), held.marks());
    play(&cloud(), &mut world, &mut held, &sync, &mut quiet());
    assert_eq!(world.requests() - before, 2);
    play(&cloud(), &mut world, &mut held, &Order::Sweep(order()), &mut quiet());
    assert_eq!(world.requests() - before, 4);
    assert_eq!(held.met.len(), 510);
    assert!(held.listed());
}

#[test]
fn the_frontier_stays_short_however_long_the_list_is() {
    let mut world = World::of(1_500);
    world.names = 500;
    let jira = cloud();
    let mut open: VecDeque<Task> = jira.plan(&Order::Import(order())).unwrap().into();
    let mut longest = 0;
    while let Some(task) = open.pop_front() {
        let answer = world.answer(&jira.request(&task).unwrap());
        open.extend(jira.read(&task, &answer).unwrap().next);
        longest = longest.max(open.len());
    }
    // Two pages of five fetches each.
    assert!(longest <= 10, "{longest}");
}

#[test]
fn data_center_walks_past_its_window_and_takes_what_pages_it_gets() {
    let mut world = World::of(1_250);
    (world.page, world.window) = (150, 1_000);
    let held = all_phases(&center(), &mut world, &order());
    check_same(&held, &world);
    assert_eq!(held.total(), Some(1_250));
    assert!(world.requests() <= 1_250 / 150 + 8, "{:?}", world.asked);
}

#[test]
fn a_key_that_is_gone_sends_a_walk_back_to_an_earlier_one() {
    let mut world = World::of(1_000);
    let mut held = Held::default();
    // Whatever page ended last: its last issue goes before the next one is asked.
    let gone = [Edit::Add, Edit::Add, Edit::Delete(199), Edit::Delete(397)];
    play(&center(), &mut world, &mut held, &Order::Import(order()), &mut gone.into_iter());
    for key in world.truth().issues.keys() {
        assert!(held.titles.contains_key(key), "{key}");
    }
}

#[test]
fn an_issue_that_is_too_heavy_is_asked_alone_and_left_out_by_name_in_the_end() {
    for (alone, skipped) in [(1, false), (0, true)] {
        let mut world = World::of(300);
        world.heavy = Some((150, alone));
        let mut held = Held::default();
        play(&cloud(), &mut world, &mut held, &Order::Import(order()), &mut quiet());
        assert_eq!(held.titles.contains_key("PAY-150"), !skipped);
        assert_eq!(held.titles.len(), 300 - usize::from(skipped));
    }
}

#[test]
fn a_limit_takes_the_newest_only() {
    for jira in [cloud(), center()] {
        let mut world = World::of(1_000);
        let order = IssueOrder { limit: Some(250), ..order() };
        let mut held = Held::default();
        play(&jira, &mut world, &mut held, &Order::Import(order), &mut quiet());
        assert_eq!(held.titles.len(), 250);
        assert!(held.titles.contains_key("PAY-1000") && !held.titles.contains_key("PAY-750"));
        assert!(held.marks().is_empty(), "the newest few are not everything up to a moment");
    }
}

#[test]
fn an_issue_that_was_moved_while_it_was_listed_costs_only_itself() {
    let jira = cloud();
    let row = |id: &str, key: &str| json!({ "id": id, "key": key });
    let page = json!({ "issues": [row("1", "PAY-1"), row("2", "CASH-7")], "isLast": true });
    let step = jira.read(&first(&jira, &Order::Count(order())), &good(&page)).unwrap();
    assert_eq!(step.facts, [Fact::Total { count: 1 }]);
    assert!(step.skipped.is_empty(), "{step:?}");
}

#[test]
fn a_sweep_with_a_row_that_cannot_be_read_proves_nothing() {
    let issues = json!([{"id": "1", "key": "PAY-1"}, {"id": "2"}]);
    let page = json!({ "issues": issues, "isLast": true, "total": 2 });
    for jira in [cloud(), center()] {
        let sweep = first(&jira, &Order::Sweep(order()));
        let step = jira.read(&sweep, &good(&page)).unwrap();
        assert_eq!(step.items.len(), 1);
        assert!(step.facts.is_empty(), "{step:?}");
    }
}

#[test]
fn a_renamed_project_says_its_new_key() {
    let jira = cloud();
    let renamed = good(&json!({ "issues": [{"id": "1", "key": "CASH-1"}], "isLast": true }));
    let count = first(&jira, &Order::Count(order()));
    let Err(Refusal::Forbidden { message, hint: Some(hint) }) = jira.read(&count, &renamed) else {
        panic!("not refused");
    };
    assert!(message.contains("now called CASH") && hint.contains("CASH"), "{message} {hint}");
}

fn rows() -> impl Strategy<Value = BTreeMap<u64, Row>> {
    prop::collection::vec((1_u64..4, 0_i64..200_000_000, 0_u64..130), 1..250).prop_map(|rows| {
        let mut number = 0;
        let row = |(gap, age, comments): (u64, i64, u64)| {
            number += gap;
            // Most have few comments.
            let comments = if comments > 115 { comments } else { comments % 4 };
            let comments = (0..comments).map(|n| number * 1_000 + n).collect();
            (number, Row { updated: 1_799_900_000_000 - age, comments })
        };
        rows.into_iter().map(row).collect()
    })
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => any::<usize>().prop_map(Edit::Touch),
        1 => any::<usize>().prop_map(Edit::Delete),
        1 => Just(Edit::Add),
        2 => any::<usize>().prop_map(Edit::Say),
        2 => any::<usize>().prop_map(Edit::Unsay),
    ];
    prop::collection::vec(edit, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_still_there_was_seen_as_it_is_after_one_look_more(
        rows in rows(), edits in edits(), on_cloud: bool, names in 5_usize..60,
    ) {
        let jira = if on_cloud { cloud() } else { center() };
        let mut world = World::new(rows);
        (world.names, world.page) = (names, names);
        let mut held = Held::default();
        play(&jira, &mut world, &mut held, &Order::Import(order()), &mut edits.into_iter());
        let sync = Order::Sync(order(), held.marks());
        play(&jira, &mut world, &mut held, &sync, &mut quiet());
        let truth = world.truth();
        for (key, title) in &truth.issues {
            prop_assert_eq!(held.titles.get(key), Some(title), "{}", key);
            // Long threads are several answers, which this small store cannot tell apart.
            let ids: BTreeSet<String> = truth
                .comments
                .range((key.clone(), String::new())..)
                .take_while(|(of, _)| of == key)
                .map(|(_, id)| id.clone())
                .collect();
            let own = held.comments.get(key).cloned().unwrap_or_default();
            if ids.len() <= 100 {
                prop_assert_eq!(own, ids, "{}", key);
            } else {
                prop_assert!(own.is_superset(&ids), "{}", key);
            }
        }
    }

    #[test]
    fn a_sweep_meets_everything_that_is_there_all_along(
        rows in rows(), edits in edits(), on_cloud: bool, names in 5_usize..60,
    ) {
        let jira = if on_cloud { cloud() } else { center() };
        let mut world = World::new(rows);
        (world.names, world.page) = (names, names);
        let before = world.truth();
        let mut held = Held::default();
        play(&jira, &mut world, &mut held, &Order::Sweep(order()), &mut edits.into_iter());
        prop_assert!(held.listed());
        for key in world.truth().issues.keys().filter(|key| before.issues.contains_key(*key)) {
            prop_assert!(held.met.contains(key), "{}", key);
        }
    }
}

#[test]
fn a_mark_is_the_forges_time_when_the_list_began() {
    let mut world = World::of(10);
    world.now = now().as_millisecond() - 3_600_000;
    let mut held = Held::default();
    play(&cloud(), &mut world, &mut held, &Order::Import(order()), &mut quiet());
    let marks = held.marks();
    assert_eq!(marks["issues+comments"].at.to_string(), "2026-11-21T11:00:00Z");
    let sync = first(&cloud(), &Order::Sync(order(), marks));
    let since = now().as_millisecond() - 3_600_000 - 120_000;
    let jql = posted(&cloud(), &sync)["jql"].as_str().unwrap().to_owned();
    assert!(jql.contains(&format!("updated >= {since} ")), "{jql}");
}
