use jobctl_provider::conformance::{Stage, judge, violations};
use jobctl_provider::{IssueOrder, Order, Provider, Refusal};

use crate::world::World;
use crate::{center, cloud, first, now, order};

fn orders() -> Vec<Order> {
    let scope = order().scope;
    let since = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let narrow = IssueOrder {
        since,
        labels: vec!["a \"b".to_owned()],
        state: "open".to_owned(),
        query: Some("sprint = 5 ORDER BY rank".to_owned()),
        timeline: true,
        ..order()
    };
    vec![
        Order::Import(order()),
        Order::Import(IssueOrder { limit: Some(10), ..order() }),
        Order::Sync(order(), [].into()),
        Order::Sync(narrow.clone(), [].into()),
        Order::Sync(IssueOrder { limit: Some(10), ..narrow.clone() }, [].into()),
        Order::Comments { scope, numbers: vec![1, 2] },
        Order::Items { order: narrow.clone(), numbers: vec![3] },
        Order::Count(order()),
        Order::Size(narrow),
        Order::Sweep(order()),
        Order::Identity,
    ]
}

#[test]
fn the_kit_finds_nothing() {
    for jira in [cloud(), center()] {
        assert_eq!(violations(&jira, &orders(), now()), Vec::<String>::new());
    }
}

#[test]
fn both_editions_stand_before_the_judge() {
    for jira in [cloud(), center()] {
        let mut make = || -> Box<dyn Stage> {
            let mut world = World::of(30);
            (world.names, world.page) = (25, 20);
            world.rows.get_mut(&7).unwrap().comments = (7_000..7_030).collect();
            world.rows.get_mut(&9).unwrap().comments = (9_000..9_230).collect();
            Box::new(world)
        };
        let verdict = judge(&jira, &order(), &mut make);
        assert!(verdict.checks.iter().all(|check| check.passed), "{verdict}");
    }
}

#[test]
fn what_is_no_project_and_what_cannot_be_asked_is_refused_before_anything_is() {
    for scope in ["jira:", "jira:A-1", "jira:A B", "jira:A\" OR project = \"B", "jira:../x"] {
        let order = IssueOrder { scope: scope.to_owned(), ..order() };
        for order in [Order::Import(order.clone()), Order::Count(order.clone()), Order::Size(order)]
        {
            assert!(cloud().plan(&order).is_err(), "{scope}");
        }
    }
    let torn = IssueOrder { query: Some("a = 1) OR (b = 2".to_owned()), ..order() };
    let error = cloud().plan(&Order::Import(torn)).unwrap_err().to_string();
    assert!(error.contains("parenthesis"), "{error}");
    let odd = IssueOrder { state: "half".to_owned(), ..order() };
    assert!(cloud().plan(&Order::Import(odd)).is_err());
    let clones = Order::Repositories { of: "acme".to_owned() };
    let error = cloud().plan(&clones).unwrap_err().to_string();
    assert!(error.contains("no repositories"), "{error}");
}

#[test]
fn a_task_of_a_later_version_is_not_guessed_at() {
    let mut task = first(&cloud(), &Order::Count(order()));
    task.version = 99;
    assert!(matches!(cloud().request(&task), Err(Refusal::Malformed { .. })));
}
