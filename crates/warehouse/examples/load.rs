//! How fast rows go in: a large repository's issues and comments, page by page, then what
//! readers do. Run it with `cargo run --release -p jobctl-warehouse --example load`.
#![expect(clippy::print_stdout, reason = "a measurement is for whoever runs it")]

use std::error::Error;
use std::time::{Duration, Instant};

use jobctl_provider::{Category, Comment, Issue, IssueKind, Item, Step, Task, Time};
use jobctl_warehouse::{Query, Warehouse};
use serde_json::{Value, json};

const ISSUES: u64 = 12_500;
const COMMENTS: u64 = 45_000;
const PAGE: usize = 100;
const SCOPE: &str = "github:acme/api";
const JOB: &str = "00c0ffee";

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("issues.db");
    let mut house = Warehouse::open(&path)?;
    let mut letters = Letters(1);
    let issues: Vec<_> =
        (1..=ISSUES).map(|number| Item::Issue(Box::new(issue(number, &mut letters)))).collect();
    let comments: Vec<_> =
        (1..=COMMENTS).map(|id| Item::Comment(Box::new(comment(id, &mut letters)))).collect();

    told("issues in", ISSUES, || load(&mut house, &issues))?;
    told("comments in", COMMENTS, || load(&mut house, &comments))?;
    told("the same comments again", COMMENTS, || load(&mut house, &comments))?;
    told("finish", 1, || Ok(house.finish(JOB, 1)?))?;
    told("tallies", 100, || (0..100).try_for_each(|_| Ok(house.tally(JOB).map(drop)?)))?;
    told("disagreeing", 1, || Ok(house.disagreeing(SCOPE).map(drop)?))?;
    for text in ["", "w17", "w1 w2 w3", "w2500 label:bug", "設定"] {
        let query = Query::parse(text);
        let name = format!("search {text:?}: {}", house.search(&query, 20)?.total);
        told(&name, 1, || Ok(house.search(&query, 20).map(drop)?))?;
    }
    told("export", ISSUES, || Ok(house.export(&Query::default(), &mut |_| Ok(())).map(drop)?))?;
    drop(house);
    println!("{:>8} MB on disk", path.metadata()?.len() / 1_000_000);
    Ok(())
}

fn told(
    what: &str,
    count: u64,
    work: impl FnOnce() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    let took = start.elapsed().max(Duration::from_micros(1));
    let rate = Duration::from_secs(1).as_nanos() * u128::from(count) / took.as_nanos();
    println!("{:>8} ms  {rate:>8}/s  {what}", took.as_millis());
    Ok(())
}

fn load(house: &mut Warehouse, items: &[Item]) -> Result<(), Box<dyn Error>> {
    for page in items.chunks(PAGE) {
        house.set_phase(JOB, 1, "load", &[task()])?;
        let (id, _) = house.frontier(JOB)?.remove(0);
        let step = Step { items: page.to_vec(), ..Step::default() };
        house.commit(JOB, 1, id, &step, Time::UNIX_EPOCH)?;
    }
    Ok(())
}

fn task() -> Task {
    Task { scope: SCOPE.into(), kind: "page".into(), state: Value::Null, version: 1 }
}

fn issue(number: u64, letters: &mut Letters) -> Issue {
    let body = letters.text(150);
    Issue {
        key: format!("{SCOPE}#{number}"),
        source: SCOPE.into(),
        provider: "github".into(),
        number,
        kind: IssueKind::Issue,
        title: letters.text(8),
        raw: raw(&body),
        body: Some(body),
        state: "open".into(),
        state_category: Category::Open,
        author: Some("ann".into()),
        assignees: vec!["bob".into()],
        labels: vec!["bug".into(), "needs triage".into()],
        url: format!("https://github.com/acme/api/issues/{number}"),
        created_at: Time::UNIX_EPOCH,
        updated_at: Time::UNIX_EPOCH,
        closed_at: None,
        comments: Some(COMMENTS / ISSUES),
        ..Issue::default()
    }
}

fn comment(id: u64, letters: &mut Letters) -> Comment {
    let body = letters.text(80);
    Comment {
        issue: format!("{SCOPE}#{}", id % ISSUES + 1),
        id: id.to_string(),
        author: Some("cid".into()),
        raw: raw(&body),
        body: Some(body),
        created_at: Time::UNIX_EPOCH,
        updated_at: Time::UNIX_EPOCH,
    }
}

/// As large as a forge's replies are: mostly addresses.
fn raw(body: &str) -> Value {
    let addresses: Vec<_> = (0..30)
        .map(|n| format!("https://api.github.com/repos/acme/api/issues/12345/things/{n}{{/more}}"))
        .collect();
    json!({ "body": body, "addresses": addresses })
}

/// Words drawn unevenly from a few thousand, the same in every run.
struct Letters(u64);

impl Letters {
    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn word(&mut self) -> String {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let drawn = (self.0 >> 33) % 5_000;
        format!("w{}", drawn * drawn / 5_000)
    }
}
