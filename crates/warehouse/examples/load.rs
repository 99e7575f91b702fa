//! How fast rows go in: a large repository's issues and comments, page by page, then what
//! readers do. Run it with `cargo run --release -p jobctl-warehouse --example load`; a number of
//! issues may follow.
//!
//! Tells the time of the clock and that of the processor: on a busy machine only the second says
//! something of this program.
#![expect(clippy::print_stdout, reason = "a measurement is for whoever runs it")]

use std::error::Error;
use std::fs::read_to_string;
use std::time::{Duration, Instant};

use jobctl_provider::{Category, Comment, Issue, IssueKind, Item, Step, Task, Time};
use jobctl_warehouse::{Query, Warehouse};
use serde_json::{Value, json};

const ISSUES: u64 = 12_500;
/// Comments, for every 10 issues.
const COMMENTS: u64 = 36;
const PAGE: u64 = 100;
/// Pages that are made before they are timed together: few, or memory would be theirs.
const BATCH: usize = 50;
const SCOPE: &str = "github:acme/api";
const JOB: &str = "00c0ffee";

fn main() -> Result<(), Box<dyn Error>> {
    let asked = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let issues = asked.unwrap_or(ISSUES);
    let comments = issues * COMMENTS / 10;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("issues.db");
    let mut house = Warehouse::open(&path)?;
    let mut letters = Letters(1);

    let mut row = |number| Item::Issue(Box::new(issue(number, &mut letters)));
    let first = load(&mut house, issues, "issues in", &mut row)?;
    let mut letters = Letters(2);
    let mut row = |id| Item::Comment(Box::new(comment(id, issues, &mut letters)));
    let second = load(&mut house, comments, "comments in", &mut row)?;
    (first + second).tell("both", issues + comments);
    let mut letters = Letters(2);
    let mut row = |id| Item::Comment(Box::new(comment(id, issues, &mut letters)));
    load(&mut house, comments, "the same comments again", &mut row)?;
    told("finish", 1, || Ok(house.finish(JOB, 1)?))?;
    import_asks(&house)?;
    people_ask(&house)?;
    told("export", issues, || Ok(house.export(&Query::default(), &mut |_| Ok(())).map(drop)?))?;
    told("opened again", 1, || Ok(Warehouse::open(&path).map(drop)?))?;
    drop(house);
    println!("{:>8} MB on disk", path.metadata()?.len() / 1_000_000);
    let status = read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.unwrap_or_default());
    Ok(())
}

/// What an import asks at its end.
fn import_asks(house: &Warehouse) -> Result<(), Box<dyn Error>> {
    let later = Time::from_second(1)?;
    told("tallies", 100, || (0..100).try_for_each(|_| Ok(house.tally(JOB).map(drop)?)))?;
    told("held", 1, || Ok(house.held(SCOPE).map(drop)?))?;
    told("listed_total", 1, || Ok(house.listed_total(SCOPE).map(drop)?))?;
    told("disagreeing", 1, || Ok(house.disagreeing(SCOPE).map(drop)?))?;
    told("unverified", 1, || Ok(house.unverified(SCOPE, later).map(drop)?))?;
    told("unheld", 1, || Ok(house.unheld(SCOPE, 10, 1_000).map(drop)?))?;
    told("unmet", 1, || Ok(house.unmet(SCOPE, later, 1_000).map(drop)?))?;
    told("last_met", 1, || Ok(house.last_met(SCOPE).map(drop)?))
}

fn people_ask(house: &Warehouse) -> Result<(), Box<dyn Error>> {
    for text in ["", "w17", "w1 w2 w3", "w2500 label:bug", "設定"] {
        let query = Query::parse(text);
        let name = format!("search {text:?}: {}", house.search(&query, 20)?.total);
        told(&name, 1, || Ok(house.search(&query, 20).map(drop)?))?;
    }
    Ok(())
}

/// How long something took.
#[derive(Clone, Copy, Default)]
struct Took {
    clock: Duration,
    processor: Duration,
}

impl std::ops::Add for Took {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { clock: self.clock + other.clock, processor: self.processor + other.processor }
    }
}

impl Took {
    fn of(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Self, Box<dyn Error>> {
        let (clock, processor) = (Instant::now(), on_processor());
        work()?;
        Ok(Self { clock: clock.elapsed(), processor: on_processor().saturating_sub(processor) })
    }

    fn tell(self, what: &str, count: u64) {
        let second = Duration::from_secs(1).as_nanos() * u128::from(count);
        let rate = |time: Duration| second / time.as_nanos().max(1_000);
        println!(
            "{:>8} ms  {:>8}/s  processor {:>8} ms  {:>8}/s  {what}",
            self.clock.as_millis(),
            rate(self.clock),
            self.processor.as_millis(),
            rate(self.processor)
        );
    }
}

/// Time that this thread ran; nothing where the system does not say.
fn on_processor() -> Duration {
    let text = read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn told(
    what: &str,
    count: u64,
    work: impl FnOnce() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    Took::of(work)?.tell(what, count);
    Ok(())
}

/// Commits rows 1 to `count`, a hundred a page, as one chain. Making them is not timed.
fn load(
    house: &mut Warehouse,
    count: u64,
    what: &str,
    row: &mut dyn FnMut(u64) -> Item,
) -> Result<Took, Box<dyn Error>> {
    let mut took = Took::default();
    let pages: Vec<u64> = (0..count.div_ceil(PAGE)).collect();
    house.set_phase(JOB, 1, what, &[task()])?;
    for batch in pages.chunks(BATCH) {
        let steps: Vec<Step> = batch
            .iter()
            .map(|page| {
                let rows = page * PAGE + 1..=((page + 1) * PAGE).min(count);
                let next = if page + 1 < pages.len() as u64 { vec![task()] } else { vec![] };
                Step { items: rows.map(&mut *row).collect(), next, ..Step::default() }
            })
            .collect();
        let mut open = house.frontier(JOB)?.remove(0).0;
        let commit = || -> Result<(), Box<dyn Error>> {
            for step in &steps {
                let next = house.commit(JOB, 1, open, step, Time::UNIX_EPOCH)?.next;
                open = next.first().map_or(open, |(id, _)| *id);
            }
            Ok(())
        };
        took = took + Took::of(commit)?;
    }
    took.tell(what, count);
    Ok(took)
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
        comments: Some(COMMENTS / 10),
        ..Issue::default()
    }
}

fn comment(id: u64, issues: u64, letters: &mut Letters) -> Comment {
    let body = letters.text(80);
    Comment {
        issue: format!("{SCOPE}#{}", id % issues + 1),
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
