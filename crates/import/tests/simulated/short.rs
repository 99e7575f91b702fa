//! A forge that never shows all comments of an issue.

use std::sync::Arc;
use std::time::Duration;

use jobctl_import::{Ended, Report};
use jobctl_provider::{
    Answer, Body, Bucket, Comment, Descriptor, Issue, IssueOrder, Item, Method, Order, Provider,
    Refusal, Repeat, Request, Size, Step, Task, Time, Unsupported,
};
use serde_json::json;

use crate::history::run;
use crate::script::{Asked, Desk, Script, client, import, said, token};
use crate::world::World;

const SCOPE: &str = "short:a";

/// One issue that says five comments. Its own list gives one and never says that it ended.
struct Short {
    descriptor: Descriptor,
    /// What becomes of its own list.
    list: fn() -> Result<Step, Refusal>,
}

fn task(kind: &str) -> Task {
    Task { scope: SCOPE.to_owned(), kind: kind.to_owned(), state: json!(kind), version: 1 }
}

fn at(second: i64) -> Time {
    Time::from_second(1_700_000_000 + second).unwrap()
}

fn issue() -> Item {
    Item::Issue(Box::new(Issue {
        key: format!("{SCOPE}#7"),
        source: SCOPE.to_owned(),
        number: 7,
        title: "cut".to_owned(),
        comments: Some(5),
        created_at: at(0),
        updated_at: at(1),
        ..Issue::default()
    }))
}

fn comment() -> Item {
    Item::Comment(Box::new(Comment {
        issue: format!("{SCOPE}#7"),
        id: "1".to_owned(),
        author: None,
        body: Some("the first".to_owned()),
        created_at: at(1),
        updated_at: at(1),
        raw: json!({ "id": 1 }),
    }))
}

impl Provider for Short {
    fn describe(&self) -> &Descriptor {
        &self.descriptor
    }

    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported> {
        Ok(match order {
            Order::Import(_) => vec![task("issues")],
            Order::Comments { numbers, .. } => numbers.iter().map(|_| task("thread")).collect(),
            Order::Sync(..)
            | Order::Items { .. }
            | Order::Count(_)
            | Order::Sweep(_)
            | Order::Size(_)
            | Order::Identity
            | Order::Scopes { .. }
            | Order::Repositories { .. } => vec![],
        })
    }

    fn request(&self, task: &Task) -> Result<Request, Refusal> {
        Ok(Request {
            method: Method::Get,
            url: format!("https://api.github.com/{}", task.kind).parse().unwrap(),
            headers: vec![],
            body: Body::Empty,
            bucket: "core",
            cost: 1,
            repeat: Repeat::Safe,
        })
    }

    fn forecast(&self, _: &IssueOrder, _: Size) -> u64 {
        2
    }

    fn read(&self, asked: &Task, _: &Answer) -> Result<Step, Refusal> {
        if asked.kind == "issues" {
            return Ok(Step { items: vec![issue()], ..Step::default() });
        }
        (self.list)()
    }
}

/// What is said at the end of an import.
fn reported(list: fn() -> Result<Step, Refusal>) -> Report {
    run(async {
        let says = |_: &Asked| Some(said(200, &[], "{}"));
        let world = World::new(1, 0, 0);
        let script = Arc::new(Script::new(world, Duration::from_millis(10), Box::new(says)));
        let descriptor = Descriptor {
            name: "short",
            title: "Short",
            max_in_flight: 2,
            buckets: vec![Bucket { name: "core", per_minute: 0 }],
            shared: None,
        };
        let provider: Arc<dyn Provider> = Arc::new(Short { descriptor, list });
        let client = client(&script, provider.as_ref(), vec![token("one")]);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        match import(provider, &client, dir.path(), SCOPE).run(&desk).await.unwrap() {
            Ended::Done(report) => report,
            other @ (Ended::Stopped | Ended::Limited { .. }) => panic!("{other:?}"),
        }
    })
}

#[test]
fn an_issue_whose_own_list_never_ends_is_named() {
    let report = reported(|| Ok(Step { items: vec![comment()], ..Step::default() }));
    assert_eq!(report.failures, []);
    let [warning] = report.warnings.as_slice() else { panic!("{:?}", report.warnings) };
    assert!(warning.contains("#7 (says 5, holds 1)"), "{warning}");
}

#[test]
fn an_issue_whose_own_list_fails_is_a_failure_and_no_warning_beside_it() {
    let report = reported(|| Err(Refusal::Transient { message: "reset".to_owned() }));
    let [failure] = report.failures.as_slice() else { panic!("{:?}", report.failures) };
    assert!(failure.error.contains("thread"), "{failure:?}");
    assert_eq!(report.warnings, [] as [&str; 0]);
}
