//! Tokens of pages that end, repeat or lead nowhere.

use std::collections::VecDeque;

use jobctl_provider::conformance::Stage as _;
use jobctl_provider::{Fact, IssueOrder, Order, Provider, Refusal, Task};
use serde_json::json;

use crate::world::World;
use crate::{cloud, first, json as good, order, posted, reply};

#[test]
fn a_token_that_leads_nowhere_is_refused() {
    let jira = cloud();
    let names = |from: u64, token: &str| {
        let issues: Vec<_> = (from..from + 3)
            .map(|n| json!({"id": format!("{}", n + 10_000), "key": format!("PAY-{n}")}))
            .collect();
        good(&json!({ "issues": issues, "nextPageToken": token }))
    };
    let count = first(&jira, &Order::Count(order()));
    let second = jira.read(&count, &names(1, "a")).unwrap().next.remove(0);
    assert_eq!(posted(&jira, &second)["nextPageToken"], "a");
    let again = jira.read(&second, &names(4, "a"));
    assert!(matches!(again, Err(Refusal::Malformed { .. })), "{again:?}");
    // A circle of pages ends too.
    let mut task = second;
    let mut refused = false;
    for round in 0..20 {
        match jira.read(&task, &names(1, &format!("{round}"))) {
            Ok(mut step) => task = step.next.remove(0),
            Err(Refusal::Malformed { .. }) => refused = true,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(refused);
    let torn = good(&json!({ "issues": [], "isLast": false }));
    assert!(matches!(jira.read(&count, &torn), Err(Refusal::Malformed { .. })));
}

#[test]
fn a_token_that_has_ended_begins_the_list_anew_and_counts_from_nothing() {
    let mut world = World::of(100);
    world.names = 40;
    let jira = cloud();
    let count = first(&jira, &Order::Count(order()));
    let answer = world.answer(&jira.request(&count).unwrap());
    let second = jira.read(&count, &answer).unwrap().next.remove(0);
    let ended = reply(400, &[], r#"{"errorMessages":["The page token is not valid."]}"#);
    let mut task = jira.read(&second, &ended).unwrap().next.remove(0);
    assert!(posted(&jira, &task).get("nextPageToken").is_none());
    let mut facts = vec![];
    loop {
        let answer = world.answer(&jira.request(&task).unwrap());
        let mut step = jira.read(&task, &answer).unwrap();
        facts.append(&mut step.facts);
        let Some(next) = step.next.pop() else { break };
        task = next;
    }
    assert_eq!(facts, [Fact::Total { count: 100 }]);
    // Without a token a 400 is about the query.
    assert!(matches!(jira.read(&count, &ended), Err(Refusal::Forbidden { .. })));
}

#[test]
fn histories_whose_tokens_are_all_refused_end() {
    let jira = cloud();
    let order = IssueOrder { timeline: true, ..order() };
    let mut world = World::of(1);
    let mut open: VecDeque<Task> = jira.plan(&Order::Import(order)).unwrap().into();
    let mut task = loop {
        let task = open.pop_front().unwrap();
        if task.kind == "history" {
            break task;
        }
        let answer = world.answer(&jira.request(&task).unwrap());
        open.extend(jira.read(&task, &answer).unwrap().next);
    };
    let log = json!({ "issueId": "10001", "changeHistories": [] });
    let page = good(&json!({ "issueChangeLogs": [log], "nextPageToken": "t" }));
    let ended = reply(400, &[], r#"{"errorMessages":["The page token is not valid."]}"#);
    let mut rounds = 0;
    loop {
        task = jira.read(&task, &page).unwrap().next.remove(0);
        match jira.read(&task, &ended) {
            Ok(mut step) => task = step.next.remove(0),
            Err(refusal) => break assert!(matches!(refusal, Refusal::Forbidden { .. })),
        }
        rounds += 1;
        assert!(rounds < 10, "it begins anew again and again");
    }
}
