//! What imports cost: requests as the simulated forge counts them, time, memory, database.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Bench, PROFILE, Peaks, memory};
use crate::chore::Failed;
use crate::forge::Forge;

/// An import, and what it may cost.
struct Case {
    name: &'static str,
    /// Of the forge.
    world: &'static [&'static str],
    /// Below the forge's address.
    base: &'static str,
    source: &'static str,
    options: &'static [&'static str],
    most: Most,
}

/// What an import may cost at most.
#[derive(Clone, Copy)]
enum Most {
    Requests(u64),
    Seconds(u64),
}

const GITHUB: &[&str] =
    &["--issues", "10000", "--comments", "30000", "--repos", "0", "--no-recorded"];
const JIRA: &[&str] = &["--issues", "10", "--comments", "10", "--jira-issues", "10000"];
const ADO: &[&str] = &["--issues", "10", "--comments", "10", "--ado-items", "10000"];

/// 10,000 issues of each tracker, under the limits of the real ones.
const CASES: [Case; 6] = [
    Case {
        name: "GitHub, 10,000 + 30,000 comments",
        world: GITHUB,
        base: "",
        source: "github:acme/api",
        options: &[],
        most: Most::Requests(440),
    },
    Case {
        name: "the same with timeline",
        world: GITHUB,
        base: "",
        source: "github:acme/api",
        options: &["--with", "timeline"],
        most: Most::Requests(1_000),
    },
    Case {
        name: "the same, 200 ms a reply",
        world: &[
            "--issues",
            "10000",
            "--comments",
            "30000",
            "--repos",
            "0",
            "--no-recorded",
            "--delay-ms",
            "200",
        ],
        base: "",
        source: "github:acme/api",
        options: &[],
        most: Most::Seconds(15),
    },
    Case {
        // The forge cuts the comments of 25 issues; some have several pages of them.
        name: "Jira Cloud, 10,000 + 30,000 comments",
        world: JIRA,
        base: "jira/rest/api/3",
        source: "jira:PAY",
        options: &[],
        most: Most::Requests(110 + 40),
    },
    Case {
        name: "Azure DevOps, 10,000",
        world: ADO,
        base: "ado/",
        source: "ado:contoso/Shop",
        options: &["--without", "comments"],
        most: Most::Requests(60),
    },
    Case {
        // A third of the items has comments.
        name: "Azure DevOps, 10,000 + 8,000 comments",
        world: ADO,
        base: "ado/",
        source: "ado:contoso/Shop",
        options: &[],
        most: Most::Requests(60 + 3_500),
    },
];

pub(super) fn import(folder: &Path) -> Result<(), Failed> {
    println!("imports, one after the other");
    for (number, case) in (1..).zip(&CASES) {
        let bench = Bench::new(folder, &format!("import-{number}"))?;
        let forge = Forge::start(PROFILE, case.world)?;
        match Imported::by(&bench, forge, case) {
            Ok(imported) => imported.tell(case.name, Some(case.most)),
            // The others are measured all the same.
            Err(failed) => println!("  {:<38} {failed}", case.name),
        }
    }
    Ok(())
}

/// One import of so many issues, from the tracker that lists the most of them a request: at the
/// pace that GitHub documents, a million would measure nothing but forty minutes of waiting.
pub(super) fn scale(folder: &Path, issues: u64) -> Result<(), Failed> {
    println!("one import of {issues} work items, without comments");
    let bench = Bench::new(folder, "scale-issues")?;
    let issues = issues.to_string();
    let world = ["--issues", "10", "--comments", "10", "--ado-items", &issues];
    let boundless = ["--ado-comments", "0", "--limit", "0"];
    let forge = Forge::start(PROFILE, &[&world[..], &boundless].concat())?;
    let case = Case {
        name: "Azure DevOps",
        world: &[],
        base: "ado/",
        source: "ado:contoso/Shop",
        options: &["--without", "comments"],
        most: Most::Requests(u64::MAX),
    };
    Imported::by(&bench, forge, &case)?.tell(case.name, None);
    Ok(())
}

/// What an import cost.
struct Imported {
    job: Value,
    seconds: f64,
    asked: Value,
    peaks: Peaks,
    forge: u64,
    database: u64,
    /// The longest that the log beside the database was.
    log: u64,
}

impl Imported {
    /// Imports in the background, as people do, and looks on.
    fn by(bench: &Bench, forge: Forge, case: &Case) -> Result<Self, Failed> {
        let address = format!("{}/{}", forge.url.trim_end_matches('/'), case.base);
        let call = [&["import", case.source, "--api-url", &address], case.options].concat();
        let begun = Instant::now();
        let id = bench.run(&call)?;
        let id = id.trim();
        let state = bench.project.join(".jobs");
        let length = |name: &str| fs::metadata(state.join(name)).map_or(0, |found| found.len());
        let (mut peaks, mut log) = (Peaks::default(), 0);
        let job = loop {
            let job = bench.job(id)?;
            peaks.sample(&bench.project, id);
            log = log.max(length("issues.db-wal"));
            match job["status"].as_str() {
                Some("pending" | "running") => sleep(Duration::from_millis(100)),
                // A pause that ends by itself is part of the import.
                Some("paused") if job["reason"]["resumes_at"].is_string() => {
                    sleep(Duration::from_millis(100));
                }
                _ => break job,
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        let database = length("issues.db");
        let (forge, asked) = (memory(forge.pid(), "VmHWM:"), forge.end()?);
        Ok(Self { job, seconds, asked, peaks, forge, database, log })
    }

    fn tell(&self, name: &str, most: Option<Most>) {
        let issues = self.job["progress"]["current"].as_u64().unwrap_or_default();
        let comments = self.job["counters"]["comments"].as_u64().unwrap_or_default();
        let requests = self.asked["requests"].as_u64().unwrap_or_default();
        let seconds = self.seconds;
        let within = most.map(|most| match most {
            Most::Requests(most) => (requests <= most, format!("at most {most} requests")),
            Most::Seconds(most) => {
                (seconds <= Duration::from_secs(most).as_secs_f64(), format!("at most {most} s"))
            }
        });
        let verdict = within.map_or_else(String::new, |(is_within, wanted)| {
            format!("  {wanted}: {}", if is_within { "yes" } else { "NO" })
        });
        println!("  {name:<38} {requests:>6} requests  {seconds:>6.1} s{verdict}");
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let rate = (issues + comments) as f64 / seconds;
        println!(
            "    {}: {issues} issues, {comments} comments, {rate:.0} rows/s, at most {} in flight",
            self.job["status"].as_str().unwrap_or_default(),
            self.asked["max_in_flight"]
        );
        println!(
            "    memory at most: worker {} MB, runner {} MB, forge {} MB; database {} MB, its log {} MB",
            self.peaks.worker / 1024,
            self.peaks.runner / 1024,
            self.forge / 1024,
            self.database / 1_000_000,
            self.log / 1_000_000
        );
        for limited in ["limited_primary", "limited_secondary", "while_limited"] {
            if self.asked[limited].as_u64().is_some_and(|count| count > 0) {
                println!("    {limited}: {}", self.asked[limited]);
            }
        }
        let said = [&self.job["error"], &self.job["reason"]];
        for text in said.into_iter().filter(|text| !text.is_null()) {
            println!("    {text}");
        }
        for warning in self.job["warnings"].as_array().into_iter().flatten() {
            println!("    warning: {}", warning.as_str().unwrap_or_default());
        }
    }
}
