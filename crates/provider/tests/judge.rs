//! The judge judged: a small provider that keeps everything passes, and each flaw is found by
//! the check that is about it.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobctl_provider::conformance::{Form, Held, Stage, Verdict, judge, reply};
use jobctl_provider::{
    Answer, Body, Bucket, Comment, Descriptor, Fact, Issue, IssueOrder, Item, Method, Order,
    Provider, Refusal, Repeat, Request, Size, Skipped, Step, Task, Time, Unsupported,
};
use serde_json::{Value, json};
use url::Url;

const PAGE: u64 = 4;
const ISSUES: u64 = 11;

fn now() -> Time {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

/// Lists issues by pages; each issue with comments has a page of them.
struct Toy;

impl Stage for Toy {
    fn answer(&mut self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.url.path_segments().unwrap().collect();
        let body = match parts.as_slice() {
            ["issues", from] => {
                let from: u64 = from.parse().unwrap();
                let to = (from + PAGE).min(ISSUES + 1);
                let row =
                    |id| json!({ "id": id, "title": format!("issue {id}"), "comments": id % 2 });
                let next = (to <= ISSUES).then_some(to);
                json!({ "rows": (from..to).map(row).collect::<Vec<_>>(), "next": next, "total": ISSUES })
            }
            ["comments", issue] => {
                let issue: u64 = issue.parse().unwrap();
                let rows: Vec<_> = (0..issue % 2).map(|_| json!({ "id": issue * 100 })).collect();
                json!({ "rows": rows })
            }
            other => panic!("nobody asks for {other:?}"),
        };
        reply(200, &[], body.to_string().as_bytes(), now())
    }

    fn truth(&self) -> Held {
        let key = |id: u64| format!("toy#{id}");
        let odd = (1..=ISSUES).filter(|id| id % 2 == 1);
        Held {
            issues: (1..=ISSUES).map(|id| (key(id), format!("issue {id}"))).collect(),
            comments: odd.map(|id| (key(id), (id * 100).to_string())).collect(),
        }
    }

    fn limits(&self, _: &Answer) -> Vec<Form> {
        let answer = reply(429, &[], b"{}", now());
        vec![Form { name: "429".to_owned(), answer }]
    }

    fn refusals(&self, _: &Answer) -> Vec<Form> {
        let answer = reply(401, &[], b"{}", now());
        vec![Form { name: "401".to_owned(), answer }]
    }

    fn spoil(&self, good: &Answer) -> Option<Answer> {
        let Answer::Reply { body, .. } = good else { return None };
        let mut body: Value = serde_json::from_slice(body).unwrap();
        body["rows"].get_mut(0)?["id"] = "one".into();
        Some(reply(200, &[], body.to_string().as_bytes(), now()))
    }
}

/// What is wrong with a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    LosesTheLastPage,
    ShowsACredential,
    NamesNoScope,
    TakesFaultsForTheEnd,
    TakesLimitsForTheEnd,
    TakesRefusalsForTheEnd,
    LosesPagesWithABadRow,
    BelievesGarbage,
    LeavesNoMark,
    CannotAskForOne,
    SweepsWithoutSaying,
    ForetellsNothing,
}

struct Reader {
    flaw: Flaw,
    descriptor: Descriptor,
}

fn task(what: &str, at: u64) -> Task {
    let (scope, kind) = ("toy".to_owned(), what.to_owned());
    Task { scope, kind, state: json!(at), version: 1 }
}

impl Reader {
    fn new(flaw: Flaw) -> Self {
        let descriptor = Descriptor {
            name: "toy",
            title: "Toy",
            max_in_flight: 2,
            buckets: vec![Bucket { name: "toy", per_minute: 0 }],
            shared: None,
        };
        Self { flaw, descriptor }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn rows(&self, task: &Task, body: &Value) -> Result<Step, Refusal> {
        let bad = |message: &str| Refusal::Malformed { message: message.to_owned() };
        let rows = match body.get("rows").and_then(Value::as_array) {
            Some(rows) => rows.clone(),
            None if self.has(Flaw::BelievesGarbage) => vec![],
            None => return Err(bad("no rows")),
        };
        let mut step = Step::default();
        for row in &rows {
            match self.row(task, row) {
                Some(item) => step.items.push(item),
                None if self.has(Flaw::LosesPagesWithABadRow) => step.items.clear(),
                None => {
                    let (item, why) = ("a row".to_owned(), "it has no id".to_owned());
                    step.skipped.push(Skipped { item, why });
                }
            }
        }
        let at = task.state.as_u64().unwrap();
        if task.kind == "comments" {
            step.facts.push(Fact::Comments { issue: format!("toy#{at}"), since: now() });
            return Ok(step);
        }
        let with_comments = rows.iter().filter(|row| row["comments"] == 1);
        if task.kind == "issues" {
            step.next = with_comments
                .filter_map(|row| Some(self::task("comments", row["id"].as_u64()?)))
                .collect();
        }
        match body["next"].as_u64() {
            Some(next) if self.has(Flaw::LosesTheLastPage) && next > 8 => {}
            Some(next) => step.next.push(self::task(&task.kind, next)),
            None if task.kind == "sweep" && !self.has(Flaw::SweepsWithoutSaying) => {
                step.facts.push(Fact::Listed { since: now() });
            }
            None if task.kind == "issues" && !self.has(Flaw::LeavesNoMark) => {
                step.facts.push(Fact::Mark { chain: "issues".to_owned(), mark: now().into() });
            }
            None => {}
        }
        match (task.kind.as_str(), body["total"].as_u64()) {
            ("count", Some(count)) => {
                return Ok(Step { facts: vec![Fact::Total { count }], ..Step::default() });
            }
            ("size", Some(count)) => {
                let what = "issues".to_owned();
                return Ok(Step { facts: vec![Fact::Estimate { what, count }], ..Step::default() });
            }
            _ => {}
        }
        Ok(step)
    }

    fn row(&self, task: &Task, row: &Value) -> Option<Item> {
        let id = row["id"].as_u64()?;
        if task.kind == "comments" {
            return Some(Item::Comment(Box::new(Comment {
                issue: format!("toy#{}", task.state),
                id: id.to_string(),
                author: None,
                body: None,
                created_at: now(),
                updated_at: now(),
                raw: row.clone(),
            })));
        }
        let named = !self.has(Flaw::NamesNoScope);
        Some(Item::Issue(Box::new(Issue {
            key: format!("toy#{id}"),
            source: if named { "toy".to_owned() } else { String::new() },
            number: id,
            title: row["title"].as_str()?.to_owned(),
            raw: row.clone(),
            ..Issue::default()
        })))
    }
}

impl Provider for Reader {
    fn describe(&self) -> &Descriptor {
        &self.descriptor
    }

    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported> {
        let each = |what: &str, numbers: &[u64]| {
            let some = if self.has(Flaw::CannotAskForOne) { &[] } else { numbers };
            some.iter().map(|number| task(what, *number)).collect()
        };
        Ok(match order {
            Order::Import(_) | Order::Sync(..) => vec![task("issues", 1)],
            Order::Items { numbers, .. } => each("issues", numbers),
            Order::Comments { numbers, .. } => each("comments", numbers),
            Order::Count(_) => vec![task("count", 1)],
            Order::Size(_) => vec![task("size", 1)],
            Order::Sweep(_) => vec![task("sweep", 1)],
            Order::Identity | Order::Scopes { .. } | Order::Repositories { .. } => vec![],
        })
    }

    fn request(&self, task: &Task) -> Result<Request, Refusal> {
        let list = if task.kind == "comments" { "comments" } else { "issues" };
        let user = if self.has(Flaw::ShowsACredential) { "me:secret@" } else { "" };
        Ok(Request {
            method: Method::Get,
            url: Url::parse(&format!("https://{user}toy.example/{list}/{}", task.state)).unwrap(),
            headers: vec![],
            body: Body::Empty,
            bucket: "toy",
            cost: 1,
            repeat: Repeat::Safe,
        })
    }

    fn forecast(&self, _: &IssueOrder, size: Size) -> u64 {
        if self.has(Flaw::ForetellsNothing) { 1_000 } else { size.issues }
    }

    fn read(&self, task: &Task, answer: &Answer) -> Result<Step, Refusal> {
        let ends = |flaw, refusal: fn(String) -> Refusal| {
            if self.has(flaw) { Ok(Step::default()) } else { Err(refusal("refused".to_owned())) }
        };
        let transient: fn(String) -> Refusal = |message| Refusal::Transient { message };
        match answer {
            Answer::Fault { .. } => ends(Flaw::TakesFaultsForTheEnd, transient),
            Answer::Reply { status: 429, .. } => ends(Flaw::TakesLimitsForTheEnd, |message| {
                Refusal::Throttled { until: None, bucket: None, message }
            }),
            Answer::Reply { status: 401, .. } => {
                ends(Flaw::TakesRefusalsForTheEnd, |message| Refusal::Unauthorized { message })
            }
            Answer::Reply { status: 200, body, .. } => match serde_json::from_slice(body) {
                Ok(body) => self.rows(task, &body),
                Err(error) => Err(Refusal::Malformed { message: error.to_string() }),
            },
            Answer::Reply { .. } => Err(transient("failing".to_owned())),
        }
    }
}

fn verdict(flaw: Flaw) -> Verdict {
    judge(&Reader::new(flaw), &IssueOrder::all("toy"), &mut || Box::new(Toy))
}

#[test]
fn who_keeps_everything_passes() {
    let verdict = verdict(Flaw::Nothing);
    assert!(verdict.passed(), "{verdict}");
    assert!(verdict.to_string().starts_with("Toy: 14 of 14 checks passed"), "{verdict}");
}

#[test]
fn each_flaw_is_found_by_what_is_about_it() {
    for (flaw, word) in [
        (Flaw::LosesTheLastPage, "brings everything"),
        (Flaw::ShowsACredential, "keep the rules"),
        (Flaw::NamesNoScope, "name their scope"),
        (Flaw::TakesFaultsForTheEnd, "lost or failing answer"),
        (Flaw::TakesLimitsForTheEnd, "limit in every form"),
        (Flaw::TakesRefusalsForTheEnd, "refused credential"),
        (Flaw::LosesPagesWithABadRow, "row that cannot be read"),
        (Flaw::BelievesGarbage, "no answer of the forge"),
        (Flaw::LeavesNoMark, "sync from its own marks"),
        (Flaw::CannotAskForOne, "one by one"),
        (Flaw::SweepsWithoutSaying, "sweep meets everything"),
        (Flaw::ForetellsNothing, "forecast"),
    ] {
        let verdict = verdict(flaw);
        let found = verdict.checks.iter().find(|check| check.name.contains(word)).unwrap();
        assert!(!found.passed, "{flaw:?} was not found: {verdict}");
    }
}
