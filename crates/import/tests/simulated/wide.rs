//! A frontier that is larger than what is held of it in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jobctl_import::{Ended, Import};
use jobctl_provider::{
    Answer, Body, Bucket, Descriptor, IssueOrder, Method, Order, Provider, Refusal, Repeat,
    Request, Size, Step, Task, Unsupported,
};
use serde_json::json;

use crate::history::run;
use crate::script::{Asked, Desk, Script, client, import, said, token};
use crate::world::World;

/// Tasks at the beginning; each is followed by another one.
const WIDE: u64 = 1_300;

/// A forge of nothing but tasks.
struct Wide(Descriptor);

fn task(path: &str) -> Task {
    let scope = "wide:a".to_owned();
    Task { scope, kind: "page".to_owned(), state: json!(path), version: 1 }
}

impl Provider for Wide {
    fn describe(&self) -> &Descriptor {
        &self.0
    }

    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported> {
        Ok(match order {
            Order::Import(_) => (0..WIDE).map(|at| task(&format!("first/{at}"))).collect(),
            Order::Sync(..)
            | Order::Comments { .. }
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
        let path = task.state.as_str().unwrap();
        Ok(Request {
            method: Method::Get,
            url: format!("https://api.github.com/{path}").parse().unwrap(),
            headers: vec![],
            body: Body::Empty,
            bucket: "core",
            cost: 1,
            repeat: Repeat::Safe,
        })
    }

    fn forecast(&self, _: &IssueOrder, _: Size) -> u64 {
        WIDE * 2
    }

    fn read(&self, asked: &Task, _: &Answer) -> Result<Step, Refusal> {
        let path = asked.state.as_str().unwrap();
        let next = path.strip_prefix("first/").map(|at| task(&format!("second/{at}")));
        Ok(Step { next: next.into_iter().collect(), ..Step::default() })
    }
}

fn wide() -> Arc<dyn Provider> {
    Arc::new(Wide(Descriptor {
        name: "wide",
        title: "Wide",
        max_in_flight: 8,
        buckets: vec![Bucket { name: "core", per_minute: 0 }],
        shared: None,
    }))
}

fn script() -> Arc<Script> {
    let says = |_: &Asked| Some(said(200, &[], "{}"));
    Arc::new(Script::new(World::new(1, 0, 0), Duration::from_millis(10), Box::new(says)))
}

/// How often each was asked.
fn counts(script: &Script) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for asked in script.asked() {
        *counts.entry(asked.path).or_insert(0) += 1;
    }
    counts
}

#[test]
fn every_task_of_a_wide_frontier_is_asked_once() {
    run(async {
        let (script, provider) = (script(), wide());
        let client = client(&script, provider.as_ref(), vec![token("one")]);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        let ended = import(provider, &client, dir.path(), "wide:a").run(&desk).await.unwrap();
        assert!(matches!(ended, Ended::Done(_)), "{ended:?}");
        let counts = counts(&script);
        assert_eq!(counts.len() as u64, WIDE * 2);
        assert!(counts.values().all(|count| *count == 1));
    });
}

#[test]
fn a_kill_in_a_wide_frontier_repeats_what_was_in_flight() {
    run(async {
        let (script, provider) = (script(), wide());
        let client = client(&script, provider.as_ref(), vec![token("one")]);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        let mut kills = 0;
        loop {
            let mut import = Import {
                epoch: kills + 1,
                ..import(provider.clone(), &client, dir.path(), "wide:a")
            };
            // Dropped in the middle, as by a kill.
            let life = Duration::from_millis(700);
            match tokio::time::timeout(life, import.run(&desk)).await {
                Ok(ended) => break assert!(matches!(ended.unwrap(), Ended::Done(_))),
                Err(_) => kills += 1,
            }
        }
        let counts = counts(&script);
        let repeated = counts.values().map(|count| count - 1).sum::<usize>() as u64;
        assert_eq!(counts.len() as u64, WIDE * 2);
        assert!(kills > 1 && repeated <= kills * 8, "{repeated} repeated after {kills} kills");
    });
}
