//! Whole imports of a small Azure DevOps in memory, driven as `crates/import` drives them.

use std::collections::{BTreeMap, BTreeSet};

use jobctl_provider::{Fact, IssueOrder, Item, Marks, Order, Provider, Step, Task};

use crate::ado;
use crate::world::{Change, World};

const SCOPE: &str = "ado:fabrikam/Shop";

/// What an import holds.
#[derive(Default)]
struct Import {
    /// Titles and said counts of comments, by number.
    issues: BTreeMap<u64, (String, u64)>,
    comments: BTreeMap<String, BTreeSet<String>>,
    marks: Marks,
    total: Option<u64>,
    partial: Vec<String>,
}

fn number(key: &str) -> u64 {
    key.rsplit('#').next().unwrap().parse().unwrap()
}

impl Import {
    /// Asks an order to the end; tells whether anything changed.
    fn read(&mut self, world: &mut World, order: &Order) -> bool {
        let mut open: Vec<Task> = ado().plan(order).unwrap();
        let mut changed = false;
        while !open.is_empty() {
            let task = open.remove(0);
            let answer = world.ask(&ado().request(&task).unwrap());
            let mut step = ado().read(&task, &answer).unwrap();
            open.append(&mut step.next);
            changed |= self.keep(step);
        }
        changed
    }

    fn keep(&mut self, step: Step) -> bool {
        let mut changed = false;
        for item in step.items {
            match item {
                Item::Issue(issue) => {
                    let row = (issue.title.clone(), issue.comments.unwrap());
                    changed |= self.issues.insert(issue.number, row.clone()) != Some(row);
                }
                Item::Comment(comment) => {
                    changed |=
                        self.comments.entry(comment.issue.clone()).or_default().insert(comment.id);
                }
                Item::Met { .. } => {}
                Item::Entry(_) | Item::Repository(_) | Item::Scope(_) | Item::Passed(_) => {
                    panic!("an import brings none of these")
                }
            }
        }
        for fact in step.facts {
            match fact {
                Fact::Mark { chain, mark } => {
                    let newer = self.marks.get(&chain).is_none_or(|known| known.at <= mark.at);
                    if newer {
                        self.marks.insert(chain, mark);
                    }
                }
                Fact::Gone { key } => {
                    changed |= self.issues.remove(&number(&key)).is_some();
                    self.comments.remove(&key);
                }
                Fact::Total { count } => self.total = Some(count),
                Fact::Partial { what } => self.partial.push(what),
                Fact::Estimate { .. } | Fact::Comments { .. } | Fact::Listed { .. } => {}
                Fact::Identity { .. } | Fact::Moved { .. } => panic!("nobody asked for that"),
            }
        }
        changed
    }

    /// All phases of an import up to the comparison of totals.
    fn run(world: &mut World, order: &IssueOrder) -> Self {
        let mut import = Self::default();
        import.read(world, &Order::Import(order.clone()));
        import.catch_up(world, order);
        let numbers = import.disagreeing();
        if !numbers.is_empty() {
            let scope = order.scope.clone();
            import.read(world, &Order::Comments { scope, numbers });
            import.catch_up(world, order);
        }
        import.read(world, &Order::Count(order.clone()));
        import
    }

    fn catch_up(&mut self, world: &mut World, order: &IssueOrder) {
        for _ in 0..10 {
            if !self.read(world, &Order::Sync(order.clone(), self.marks.clone())) {
                return;
            }
        }
        panic!("never still");
    }

    fn disagreeing(&self) -> Vec<u64> {
        let held = |id: &u64| {
            self.comments.get(&format!("{SCOPE}#{id}")).map_or(0, |comments| comments.len() as u64)
        };
        self.issues.iter().filter(|(id, (_, said))| *said != held(id)).map(|(id, _)| *id).collect()
    }

    fn is_the_truth(&self, world: &World) {
        let truth: BTreeMap<u64, (String, u64)> = world
            .living()
            .map(|(id, item)| (*id, (item.title.clone(), item.comments.len() as u64)))
            .collect();
        assert!(self.issues == truth, "{} held, {} there", self.issues.len(), truth.len());
        assert_eq!(self.disagreeing(), Vec::<u64>::new());
        assert_eq!(self.total, Some(truth.len() as u64));
        assert_eq!(self.partial, Vec::<String>::new());
    }
}

fn order() -> IssueOrder {
    IssueOrder::all(SCOPE)
}

#[test]
fn ten_thousand_work_items_take_sixty_requests_and_one_for_each_with_comments() {
    let mut world = World::of(10_000, 10);
    let import = Import::run(&mut world, &order());
    import.is_the_truth(&world);
    assert_eq!(world.asked["comments"], 1_000);
    let others = world.requests - world.asked["comments"];
    assert!(others <= 60, "{others} besides comments: {:?}", world.asked);
    assert_eq!(others, 56, "{:?}", world.asked);
}

#[test]
fn more_than_one_query_gives_is_listed_by_windows() {
    let mut world = World::of(45_000, 0);
    let import = Import::run(&mut world, &order());
    import.is_the_truth(&world);
    assert_eq!(world.asked["wiql"], 7, "three windows, once more for the count, and its end");
}

#[test]
fn a_server_that_refuses_long_results_whatever_is_asked_is_asked_for_ranges() {
    let mut world = World::of(3_000, 0);
    (world.cap, world.top_helps) = (1_000, false);
    let import = Import::run(&mut world, &order());
    import.is_the_truth(&world);
    assert!(world.asked["wiql"] <= 60, "{:?}", world.asked);
}

#[test]
fn a_server_that_cuts_without_a_word_is_found_out_and_read_to_the_end() {
    let mut world = World::of(1_000, 0);
    world.cut = 300;
    let mut import = Import::run(&mut world, &order());
    assert_eq!((import.issues.len(), import.total), (300, Some(1_000)), "the count tells");
    import.read(&mut world, &Order::Sweep(order()));
    import.is_the_truth(&world);
}

#[test]
fn a_work_item_that_comes_goes_or_changes_while_others_are_read_is_right_in_the_end() {
    let mut world = World::of(2_000, 50);
    for turn in 3..45_usize {
        let id = 2 * (turn as u64 * 37 % 2_000 + 1);
        let change = match turn % 4 {
            0 => Change::Edit(id),
            1 => Change::Add(10_000 + turn as u64),
            2 => Change::Delete(id),
            _ => Change::Comment(id, 90_000 + turn as u64),
        };
        world.script.insert(turn, vec![change]);
    }
    let import = Import::run(&mut world, &order());
    import.is_the_truth(&world);
}

#[test]
fn a_sync_asks_once_if_nothing_changed_and_for_what_changed_if_something_did() {
    let mut world = World::of(1_000, 0);
    let mut import = Import::run(&mut world, &order());
    assert!(import.marks["work items+comments"].token.is_some());
    world.requests = 0;
    assert!(!import.read(&mut world, &Order::Sync(order(), import.marks.clone())));
    assert_eq!(world.requests, 1);
    world.change(&Change::Edit(20));
    world.change(&Change::Comment(30, 1));
    world.change(&Change::Delete(40));
    world.change(&Change::Add(5_001));
    world.requests = 0;
    assert!(import.read(&mut world, &Order::Sync(order(), import.marks.clone())));
    assert_eq!(world.requests, 4, "the stream, states, a batch, comments of one");
    import.read(&mut world, &Order::Count(order()));
    import.is_the_truth(&world);
}

#[test]
fn a_work_item_that_moved_away_is_found_by_the_count_and_gone_by_a_question_for_it() {
    let mut world = World::of(100, 0);
    let mut import = Import::run(&mut world, &order());
    world.change(&Change::Move(20, "Other"));
    import.read(&mut world, &Order::Sync(order(), import.marks.clone()));
    import.read(&mut world, &Order::Count(order()));
    assert_eq!((import.issues.len(), import.total), (100, Some(99)), "the stream does not tell");
    let met = |world: &mut World| {
        let mut open = ado().plan(&Order::Sweep(order())).unwrap();
        let (mut met, mut listed) = (BTreeSet::new(), false);
        while let Some(task) = open.pop() {
            let answer = world.ask(&ado().request(&task).unwrap());
            let step = ado().read(&task, &answer).unwrap();
            listed |= step.facts.iter().any(|fact| matches!(fact, Fact::Listed { .. }));
            for item in &step.items {
                if let Item::Met { key } = item {
                    met.insert(number(key));
                }
            }
            open.extend(step.next);
        }
        assert!(listed);
        met
    };
    let met = met(&mut world);
    assert!(!met.contains(&20) && met.len() == 99);
    // 7 never was of this project, and 20 is not any more: neither is brought from the other.
    import.read(&mut world, &Order::Items { order: order(), numbers: vec![7, 20, 22] });
    import.is_the_truth(&world);
}

#[test]
fn a_work_item_that_goes_before_its_comments_are_read_is_gone() {
    let mut world = World::of(10, 1);
    // The project, states, ids, a batch, and then comments.
    world.script.insert(4, vec![Change::Delete(8)]);
    let import = Import::run(&mut world, &order());
    import.is_the_truth(&world);
}

#[test]
fn older_servers_are_asked_in_their_version_from_then_on() {
    for (version, refusals) in [("7.1", 0), ("7.0", 1), ("6.0", 2), ("5.0", 3)] {
        let mut world = World::of(1_000, 0);
        world.version = version;
        let mut import = Import::default();
        import.read(&mut world, &Order::Import(order()));
        assert_eq!(import.issues.len(), 1_000, "{version}");
        assert_eq!(world.requests - world.asked.values().sum::<usize>(), refusals, "{version}");
    }
}

#[test]
fn long_streams_and_threads_are_read_to_their_end() {
    let mut world = World::of(300, 0);
    let mut import = Import::run(&mut world, &order());
    world.page = 7;
    for id in 1..=100 {
        world.change(&Change::Edit(2 * id));
    }
    for comment in 0..30 {
        world.change(&Change::Comment(50, 700 + comment));
    }
    import.catch_up(&mut world, &order());
    import.read(&mut world, &Order::Count(order()));
    import.is_the_truth(&world);
}

#[test]
fn a_preview_says_how_many_items_and_how_many_of_them_have_comments() {
    let mut world = World::of(1_000, 4);
    let mut said = BTreeMap::new();
    for task in ado().plan(&Order::Size(order())).unwrap() {
        let answer = world.ask(&ado().request(&task).unwrap());
        for fact in ado().read(&task, &answer).unwrap().facts {
            let Fact::Estimate { what, count } = fact else { panic!("{fact:?}") };
            said.insert(what, count);
        }
    }
    assert_eq!((said["issues"], said["comments"]), (1_000, 250));
    let size = jobctl_provider::Size { issues: 1_000, comments: Some(250) };
    let mut world = World::of(1_000, 4);
    Import::run(&mut world, &order());
    let foretold = ado().forecast(&order(), size);
    assert!(foretold.abs_diff(world.requests as u64) <= 3, "{foretold} and {}", world.requests);
}
