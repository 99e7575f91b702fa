use jobctl_provider::conformance::{Form, Held, Stage, judge, violations};
use jobctl_provider::{Answer, IssueOrder, Mark, Order, Provider, Refusal, Request};
use serde_json::Value;

use crate::world::{Change, World};
use crate::{SCOPE, ado, first, now, order};

/// The project of the world in memory.
const SHOP: &str = "ado:fabrikam/Shop";

fn orders() -> Vec<Order> {
    let scope = SCOPE.to_owned();
    let mark = Mark { at: now(), token: Some("813;350;1".to_owned()) };
    let narrow = IssueOrder {
        since: Some(now()),
        state: "open".to_owned(),
        labels: vec!["it's".to_owned()],
        query: Some("[System.Title] CONTAINS 'x' ORDER BY [System.Id]".to_owned()),
        timeline: true,
        ..order()
    };
    vec![
        Order::Import(order()),
        Order::Import(narrow.clone()),
        Order::Import(IssueOrder { limit: Some(10), ..order() }),
        Order::Sync(order(), [].into()),
        Order::Sync(order(), [("work items+comments".to_owned(), mark.clone())].into()),
        Order::Sync(order(), [("work items+comments?since".to_owned(), mark)].into()),
        Order::Comments { scope, numbers: vec![1, 2] },
        Order::Items { order: order(), numbers: (1..=500).collect() },
        Order::Count(order()),
        Order::Size(narrow),
        Order::Sweep(order()),
        Order::Identity,
        Order::Scopes { of: "fabrikam".to_owned() },
        Order::Repositories { of: "fabrikam".to_owned() },
        Order::Repositories { of: "ado:fabrikam/Web Shop/100% api".to_owned() },
    ]
}

#[test]
fn the_kit_finds_nothing() {
    assert_eq!(violations(&ado(), &orders(), now()), Vec::<String>::new());
}

#[test]
fn what_cannot_be_asked_is_refused_before_it_is() {
    for scope in ["ado:fabrikam", "ado:a/b/c", "ado:../..", "ado:a/b?c", "ado:a/", ""] {
        let order = IssueOrder { scope: scope.to_owned(), ..order() };
        assert!(ado().plan(&Order::Import(order)).is_err(), "{scope}");
    }
    for of in ["", "a/b/c/d", "../x", "a//b", "a/b?c"] {
        assert!(ado().plan(&Order::Repositories { of: of.to_owned() }).is_err(), "{of}");
    }
    for of in ["", "a/b", ".."] {
        assert!(ado().plan(&Order::Scopes { of: of.to_owned() }).is_err(), "{of}");
    }
    let leaves = IssueOrder { query: Some("1 = 1) OR (1 = 1".to_owned()), ..order() };
    assert!(ado().plan(&Order::Import(leaves)).is_err());
}

#[test]
fn a_task_of_a_later_version_is_not_guessed_at() {
    let mut task = first(&Order::Import(order()));
    task.version = 99;
    assert!(matches!(ado().request(&task), Err(Refusal::Malformed { .. })));
}

impl Stage for World {
    fn answer(&mut self, request: &Request) -> Answer {
        self.ask(request)
    }

    fn truth(&self) -> Held {
        let mut held = Held::default();
        for (id, item) in self.living() {
            let key = format!("{SHOP}#{id}");
            held.issues.insert(key.clone(), item.title.clone());
            held.comments.extend(item.comments.iter().map(|id| (key.clone(), id.to_string())));
        }
        held
    }

    /// Those that come with an answer, and those that come instead of one (providers' limits,
    /// "Rate and usage limits" of Azure DevOps).
    fn limits(&self, good: &Answer) -> Vec<Form> {
        let blocked = r#"{"$id":"1","message":"TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'VSID'."}"#;
        vec![
            form("200 with Retry-After", with(good, None, &[("retry-after", "3")], None)),
            form("200 delayed", with(good, None, &[("x-ratelimit-delay", "1.250")], None)),
            form("429", with(good, Some(429), &[("retry-after", "60")], Some(blocked))),
            form("429 without a time", with(good, Some(429), &[], Some(blocked))),
            form("503", with(good, Some(503), &[("retry-after", "5")], Some(""))),
        ]
    }

    fn refusals(&self, good: &Answer) -> Vec<Form> {
        let html = ("content-type", "text/html; charset=utf-8");
        let page = Some("<!DOCTYPE html><html><title>Sign In</title></html>");
        let leads = ("location", "https://dev.azure.com/fabrikam/_signin");
        let named =
            r#"{"message":"TF400813: The user is not authorized to access this resource."}"#;
        vec![
            form("203", with(good, Some(203), &[html], page)),
            form("a page", with(good, Some(200), &[html], page)),
            form("a redirect", with(good, Some(302), &[html, leads], Some(""))),
            form("401", with(good, Some(401), &[], Some(named))),
        ]
    }

    fn spoil(&self, good: &Answer) -> Option<Answer> {
        let Answer::Reply { body, .. } = good else { return None };
        let mut body: Value = serde_json::from_slice(body).unwrap();
        // Rows of work items have fields that must be there, and comments a time.
        let bad = |rows: &mut Value, part: &str| -> Option<()> {
            rows.as_array_mut()?.iter_mut().find_map(|row| row.as_object_mut()?.remove(part))?;
            Some(())
        };
        bad(&mut body["comments"], "createdDate").or_else(|| bad(&mut body["value"], "fields"))?;
        Some(with(good, None, &[], Some(&body.to_string())))
    }
}

fn form(name: &str, answer: Answer) -> Form {
    Form { name: name.to_owned(), answer }
}

/// Another answer instead of a good one; without a body or status, those of the good one.
fn with(
    good: &Answer,
    status: Option<u16>,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Answer {
    let Answer::Reply { status: was, headers: had, body: full, received_at } = good else {
        return good.clone();
    };
    let date = had.get("date").map(|date| ("date", date));
    let kind = [("content-type", "application/json; charset=utf-8")];
    // Of several headers of one name the first counts.
    let headers: Vec<(&str, &str)> = headers.iter().copied().chain(kind).chain(date).collect();
    let body = body.map_or(full.as_slice(), str::as_bytes);
    jobctl_provider::conformance::reply(status.unwrap_or(*was), &headers, body, *received_at)
}

fn stage(cap: usize) -> Box<dyn Stage> {
    let mut world = World::of(90, 9);
    for comment in 0..9 {
        world.change(&Change::Comment(90, 50_000 + comment));
    }
    (world.page, world.cap, world.top_helps) = (4, cap, false);
    Box::new(world)
}

#[test]
fn an_import_is_right_whatever_happens_to_it() {
    let verdict = judge(&ado(), &IssueOrder::all(SHOP), &mut || stage(20_000));
    assert!(verdict.passed(), "{verdict}");
}

#[test]
fn so_is_one_that_must_cut_ranges_although_it_takes_longer_than_foretold() {
    let verdict = judge(&ado(), &IssueOrder::all(SHOP), &mut || stage(60));
    let failed: Vec<_> = verdict.checks.iter().filter(|check| !check.passed).collect();
    assert!(failed.iter().all(|check| check.name.contains("forecast")), "{verdict}");
}
