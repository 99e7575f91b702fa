//! Every way in which a forge says that it is asked too much, from the reply to what the desk
//! hears: provider, client and driver together.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use jobctl_http::Wire;
use jobctl_import::{Asked as Outcome, Ended, Report, ask};
use jobctl_provider::{
    Answer, Descriptor, IssueOrder, Order, Provider, Refusal, Request, Rest, Size, Step, Task,
    Time, Unsupported,
};
use jobctl_providers_ado::AzureDevOps;
use jobctl_providers_jira::Jira;
use url::Url;

use crate::history::{assert_same, held, run, truth};
use crate::script::{Asked, Desk, Script, client, github, import, said, token};
use crate::world::World;

/// What is answered, and what is to be heard: seconds until it goes on, the bucket, some words.
struct Row {
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    wait: std::ops::RangeInclusive<i64>,
    bucket: &'static str,
    words: &'static str,
}

/// The forge names no time: a minute, a second's margin, a tenth by chance.
const UNNAMED: std::ops::RangeInclusive<i64> = 60..=66;

fn hears(provider: &Arc<dyn Provider>, scope: &str, row: &Row) {
    run(async {
        let (status, headers, body) = (row.status, row.headers, row.body);
        let says = move |asked: &Asked| {
            // Moments are told from the present one.
            let later = |value: &str| match value.strip_prefix("EPOCH+") {
                Some(seconds) => {
                    (asked.at.as_second() + seconds.parse::<i64>().unwrap()).to_string()
                }
                None => match value.strip_prefix("ISO+") {
                    Some(seconds) => {
                        let seconds = SignedDuration::from_secs(seconds.parse().unwrap());
                        asked.at.checked_add(seconds).unwrap().to_string()
                    }
                    None => value.to_owned(),
                },
            };
            let headers: Vec<(&str, String)> =
                headers.iter().map(|(name, value)| (*name, later(value))).collect();
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Some(said(status, &headers, body))
        };
        let script = Script::new(World::new(1, 0, 0), Duration::ZERO, Box::new(says));
        let script = Arc::new(script);
        let client = client(&script, provider.as_ref(), vec![token("one")]);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk { patient: false, ..Desk::new(&script) };
        let ended = import(provider.clone(), &client, dir.path(), scope).run(&desk).await;
        let name = format!("{} {status} {headers:?} {body}", provider.describe().title);
        assert!(matches!(ended, Ok(Ended::Limited { .. })), "{name}: {ended:?}");
        let heard = desk.heard.lock().unwrap();
        let [(until, bucket, message)] = heard.as_slice() else { panic!("{name}: {heard:?}") };
        let last = script.asked().last().unwrap().at;
        let wait = until.duration_since(last).as_secs();
        assert!(row.wait.contains(&wait), "{name}: {wait} s");
        assert_eq!(bucket, row.bucket, "{name}");
        assert!(message.contains(row.words), "{name}: {message}");
    });
}

fn forge(text: &str) -> Url {
    Url::parse(text).unwrap()
}

const SECONDARY: &str = r#"{"message":"You have exceeded a secondary rate limit."}"#;
const PRIMARY: &str = r#"{"message":"API rate limit exceeded for user ID 7."}"#;
const SPENT: [(&str, &str); 4] = [
    ("x-ratelimit-limit", "5000"),
    ("x-ratelimit-remaining", "0"),
    ("x-ratelimit-reset", "EPOCH+900"),
    ("x-ratelimit-resource", "core"),
];

#[test]
fn github_is_heard_in_every_form() {
    let row = |status, headers, body, wait, bucket, words| Row {
        status,
        headers,
        body,
        wait,
        bucket,
        words,
    };
    let late: &[(&str, &str)] = &[("retry-after", "30")];
    let date: &[(&str, &str)] = &[("retry-after", "Fri, 15 Jan 2027 08:00:30 GMT")];
    let cut: &[(&str, &str)] = &[("retry-after", "1.5")];
    let abuse = r#"{"message":"You have triggered an abuse detection mechanism."}"#;
    for row in [
        row(403, &SPENT, PRIMARY, 901..=901, "core", "user ID 7"),
        row(429, &SPENT, PRIMARY, 901..=901, "core", "user ID 7"),
        row(403, late, SECONDARY, 31..=31, "secondary", "secondary rate limit"),
        row(429, late, SECONDARY, 31..=31, "secondary", "secondary rate limit"),
        row(403, cut, SECONDARY, 2..=2, "secondary", "secondary rate limit"),
        row(403, date, SECONDARY, 31..=31, "secondary", "secondary rate limit"),
        row(403, &[], SECONDARY, UNNAMED, "secondary", "secondary rate limit"),
        row(403, &[], abuse, UNNAMED, "secondary", "abuse detection"),
        row(429, &[], "<html>", UNNAMED, "secondary", "429"),
        row(503, late, "{}", 31..=31, "secondary", "503"),
    ] {
        hears(&github(), "github:a/b", &row);
    }
}

#[test]
fn jira_cloud_is_heard_in_every_form() {
    let jira: Arc<dyn Provider> = Arc::new(Jira::cloud(forge("https://acme.atlassian.net/")));
    let row = |headers, wait, bucket, words| Row {
        status: 429,
        headers,
        body: r#"{"errorMessages":["The request has been rate-limited."],"errors":{}}"#,
        wait,
        bucket,
        words,
    };
    let burst: &[(&str, &str)] = &[("retry-after", "12"), ("ratelimit-reason", "jira-burst-based")];
    let hour: &[(&str, &str)] =
        &[("retry-after", "1847"), ("ratelimit-reason", "jira-quota-global-based")];
    let tenant: &[(&str, &str)] =
        &[("x-ratelimit-reset", "ISO+600"), ("ratelimit-reason", "jira-quota-tenant-based")];
    let cost: &[(&str, &str)] = &[("retry-after", "20"), ("ratelimit-reason", "jira-cost-based")];
    for row in [
        row(hour, 1_848..=1_848, "secondary", "rate-limited"),
        row(tenant, 601..=601, "secondary", "rate-limited"),
        row(cost, 21..=21, "secondary", "jira-cost-based"),
        row(&[], UNNAMED, "secondary", "rate-limited"),
        Row { status: 503, ..row(&[("retry-after", "30")], 31..=31, "secondary", "503") },
        Row { body: "<html>Too many</html>", ..row(&[], UNNAMED, "secondary", "429") },
        row(burst, 13..=13, "other", "jira-burst-based"),
    ] {
        hears(&jira, "jira:PAY", &row);
    }
}

#[test]
fn jira_data_center_is_heard_in_every_form() {
    let jira: Arc<dyn Provider> = Arc::new(Jira::data_center(forge("https://jira.acme.example/")));
    let page = "<!doctype html><html><title>HTTP Status 429</title></html>";
    let named: &[(&str, &str)] = &[("retry-after", "12"), ("x-ratelimit-interval-seconds", "60")];
    let filled: &[(&str, &str)] = &[("retry-after", "0"), ("x-ratelimit-interval-seconds", "60")];
    for (headers, wait) in [(named, 13..=13), (filled, 61..=61), (&[], UNNAMED)] {
        let row = Row { status: 429, headers, body: page, wait, bucket: "secondary", words: "429" };
        hears(&jira, "jira:PAY", &row);
    }
}

#[test]
fn azure_devops_is_heard_in_every_form() {
    let base = forge("https://dev.azure.com/");
    let azure: Arc<dyn Provider> = Arc::new(AzureDevOps::new(base));
    let tf = r#"{"message":"TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'VSID'."}"#;
    let row = |status, headers, wait| Row {
        status,
        headers,
        body: tf,
        wait,
        bucket: "ado",
        words: "Concurrency",
    };
    let both: &[(&str, &str)] = &[("retry-after", "12"), ("x-ratelimit-delay", "20.500")];
    let delay: &[(&str, &str)] = &[("x-ratelimit-delay", "15.250")];
    for row in [
        row(429, &[("retry-after", "12")], 13..=13),
        row(429, both, 21..=22),
        row(429, delay, 16..=17),
        row(429, &[], UNNAMED),
        row(503, &[("retry-after", "30")], 31..=31),
    ] {
        hears(&azure, "ado:contoso/Shop", &row);
    }
}

/// GitHub with a limit that concerns one endpoint, and rests on good answers: as other forges
/// have them.
struct Strict(Arc<dyn Provider>);

impl Provider for Strict {
    fn describe(&self) -> &Descriptor {
        self.0.describe()
    }

    fn plan(&self, order: &Order) -> Result<Vec<Task>, Unsupported> {
        self.0.plan(order)
    }

    fn request(&self, task: &Task) -> Result<Request, Refusal> {
        self.0.request(task)
    }

    fn forecast(&self, order: &IssueOrder, size: Size) -> u64 {
        self.0.forecast(order, size)
    }

    fn read(&self, task: &Task, answer: &Answer) -> Result<Step, Refusal> {
        let Answer::Reply { status, headers, received_at, .. } = answer else {
            return self.0.read(task, answer);
        };
        let wait = headers.get("x-rest").map(|text| text.parse::<i64>().unwrap());
        let until =
            wait.and_then(|wait| received_at.checked_add(SignedDuration::from_secs(wait)).ok());
        if *status == 429 {
            let bucket = Some(self.0.request(task)?.bucket.to_owned());
            return Err(Refusal::Throttled { until, bucket, message: "burst".to_owned() });
        }
        let mut step = self.0.read(task, answer)?;
        let rest = |until| Rest { until, bucket: None, message: "slowly".to_owned() };
        step.rest = until.map(rest);
        Ok(step)
    }
}

fn strict() -> Arc<dyn Provider> {
    Arc::new(Strict(github()))
}

/// Imports to the end; returns what came of it.
async fn whole(script: &Arc<Script>, desk: &Desk) -> Report {
    let provider = strict();
    let client = client(script, provider.as_ref(), vec![token("one")]);
    let dir = tempfile::tempdir().unwrap();
    let ended = import(provider, &client, dir.path(), "github:a/b").run(desk).await.unwrap();
    assert_same(&held(dir.path()), &truth(&script.way.world.lock().unwrap()));
    match ended {
        Ended::Done(report) => report,
        other @ (Ended::Stopped | Ended::Limited { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_on_one_endpoint_stops_that_one_only() {
    run(async {
        // The first page of comments is refused for ten minutes.
        let refused: Mutex<Option<Time>> = Mutex::default();
        let says = move |asked: &Asked| {
            let mut refused = refused.lock().unwrap();
            let is_first = asked.bucket == "comments" && refused.is_none();
            is_first.then(|| {
                *refused = Some(asked.at);
                said(429, &[("x-rest", "600")], "")
            })
        };
        let world = World::new(900, 300, 0);
        let script = Arc::new(Script::new(world, Duration::from_millis(200), Box::new(says)));
        let desk = Desk::new(&script);
        assert_eq!(whole(&script, &desk).await.failures, []);
        let asked = script.asked();
        let first = asked.iter().position(|asked| asked.bucket == "comments").unwrap();
        let over = asked[first].at.checked_add(SignedDuration::from_secs(600)).unwrap();
        let during: Vec<&Asked> =
            asked[first + 1..].iter().filter(|asked| asked.at < over).collect();
        assert!(during.len() >= 9, "the issues went on: {during:#?}");
        // Another page of comments may have been in flight.
        let comments = during.iter().filter(|asked| asked.bucket == "comments").count();
        assert!(comments <= 1, "{comments} comments were asked");
        let heard = desk.heard.lock().unwrap();
        let [(until, bucket, message)] = heard.as_slice() else { panic!("{heard:?}") };
        assert!(*until >= over);
        assert_eq!((bucket.as_str(), message.as_str()), ("comments", "burst"));
        assert!(script.asked().iter().any(|asked| asked.path.ends_with("/issues")));
    });
}

#[test]
fn a_short_rest_on_a_good_answer_slows_down_and_is_no_pause() {
    run(async {
        let says = |_: &Asked| None;
        let mut script =
            Script::new(World::new(300, 100, 0), Duration::from_millis(200), Box::new(says));
        script.rests = Some(2);
        let script = Arc::new(script);
        let desk = Desk::new(&script);
        let begun = script.now();
        assert_eq!(whole(&script, &desk).await.failures, []);
        assert_eq!(*desk.heard.lock().unwrap(), []);
        let asked = script.asked();
        let spent = script.now().duration_since(begun).as_secs();
        assert!(spent >= 2 * (i64::try_from(asked.len()).unwrap() / 2 - 1), "{spent} s");
        let standings = desk.standings.lock().unwrap();
        let shown = standings.iter().filter(|standing| standing.pause.as_secs() >= 1).count();
        assert!(shown > 0, "the rest is shown: {standings:#?}");
    });
}

#[test]
fn a_long_rest_on_a_good_answer_is_a_pause_and_the_answer_is_kept() {
    run(async {
        let says = |_: &Asked| None;
        let mut script =
            Script::new(World::new(3, 3, 0), Duration::from_millis(200), Box::new(says));
        script.rests = Some(45);
        let script = Arc::new(script);
        let desk = Desk::new(&script);
        assert_eq!(whole(&script, &desk).await.failures, []);
        let heard = desk.heard.lock().unwrap();
        assert!(!heard.is_empty());
        assert!(heard.iter().all(|(_, _, message)| message == "slowly"), "{heard:?}");
    });
}

#[test]
fn who_asks_a_single_task_hears_of_the_rest_at_the_second_try() {
    run(async {
        let says = |_: &Asked| Some(said(403, &[("retry-after", "30")], SECONDARY));
        let script = Script::new(World::new(1, 0, 0), Duration::ZERO, Box::new(says));
        let script = Arc::new(script);
        let provider = github();
        let client = client(&script, provider.as_ref(), vec![token("one")]);
        let order = IssueOrder::all("github:a/b");
        let task = provider.plan(&Order::Count(order)).unwrap().remove(0);
        let first = ask(provider.as_ref(), &client, &task).await;
        assert!(matches!(first, Outcome::Again { .. }), "{first:?}");
        let second = ask(provider.as_ref(), &client, &task).await;
        assert!(matches!(second, Outcome::Limited { .. }), "{second:?}");
        assert_eq!(script.asked().len(), 1);
    });
}
