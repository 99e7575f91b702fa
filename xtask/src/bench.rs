//! Speed and memory of the release build, beside what does the same without it: medians, and
//! ratios of what ran in the same minutes on the same machine. Never part of the tests.

mod import;
mod queue;
mod rivals;
mod scale;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chore::{Failed, built, cargo, root};
use crate::forge::Forge;

const ROUNDS: usize = 31;
const PROFILE: &str = "release";

/// Measures everything once, or what is named, and prints it. `--issues N` makes `scale` one import
/// of so many issues instead of many jobs.
pub(crate) fn bench(arguments: &[&str]) -> Result<(), Failed> {
    let (names, issues) = read(arguments)?;
    cargo(&["build", "--release", "--package", "jobs-cli", "--features", "all"])?;
    cargo(&["build", "--release", "--package", "jobctl-forge", "--bin", "forge"])?;
    let folder = root().join("target").join("bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    if let Some(issues) = issues {
        return import::scale(&folder, issues);
    }
    let measures: [(&str, Measure); 5] = [
        ("submit", submit),
        ("import", import::import),
        ("clone", clone),
        ("scale", scale::scale),
        ("queue", queue::queue),
    ];
    if let Some(name) = names.iter().find(|name| measures.iter().all(|known| known.0 != **name)) {
        let known: Vec<_> = measures.iter().map(|known| known.0).collect();
        return Err(Failed(format!("{name} is none of {}", known.join(", "))));
    }
    let wanted = measures.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    wanted.into_iter().try_for_each(|(_, measure)| measure(&folder))
}

/// The names, and the number of issues for `scale`.
fn read<'a>(arguments: &[&'a str]) -> Result<(Vec<&'a str>, Option<u64>), Failed> {
    match arguments {
        ["scale", "--issues", count] => match count.parse() {
            Ok(count) => Ok((vec![], Some(count))),
            Err(_) => Err(Failed(format!("{count} is no number of issues"))),
        },
        names => Ok((names.to_vec(), None)),
    }
}

/// Measures something in a folder of its own, and prints it.
type Measure = fn(&Path) -> Result<(), Failed>;

/// From the call to the prompt.
fn submit(folder: &Path) -> Result<(), Failed> {
    let forge = Forge::start(
        PROFILE,
        &["--repos", "3", "--issues", "100", "--comments", "100", "--limit", "0"],
    )?;
    let nothing = median(ROUNDS, |_| Ok(()), |_| Ok(Command::new("true").status().map(drop)?))?;
    let warm = Bench::new(folder, "warm")?;
    let call = |bench: &Bench| {
        bench.run(&["import", "github:acme/repo-001", "--api-url", &forge.url, "--again"]).map(drop)
    };
    // The work itself is over before the next call, so that only the call is measured.
    let rest = |bench: &Bench| bench.run(&["wait", "@last"]).map(drop);
    call(&warm)?;
    let warm_time = median(ROUNDS, |_| rest(&warm), |_| call(&warm))?;
    let cold: Vec<Bench> = (0..ROUNDS)
        .map(|round| Bench::new(folder, &format!("cold-{round}")))
        .collect::<Result<_, _>>()?;
    let after = |round: usize| if round == 0 { Ok(()) } else { rest(&cold[round - 1]) };
    let cold_time = median(ROUNDS, after, |round| call(&cold[round]))?;
    println!("submit to prompt, median of {ROUNDS}");
    println!("  true                 {:>8.2} ms", milliseconds(nothing));
    for (what, time) in [("runner running", warm_time), ("runner to be started", cold_time)] {
        let ratio = time.as_secs_f64() / nothing.as_secs_f64();
        println!("  {what:<20} {:>8.2} ms  {ratio:.1} × true", milliseconds(time));
    }
    Ok(())
}

/// 200 small repositories, beside as many `git clone` at a time.
fn clone(folder: &Path) -> Result<(), Failed> {
    let small = [
        "--repos",
        "199",
        "--empty-repos",
        "0",
        "--issues",
        "10",
        "--comments",
        "10",
        "--limit",
        "0",
    ];
    let forge = Forge::start(PROFILE, &small)?;
    let bench = Bench::new(folder, "clone")?;
    // The forge makes its repositories when they are first asked for: the first round is for that.
    for round in ["warm-up", "ours"] {
        let begun = Instant::now();
        bench.run(&["clone", "github:acme", "--api-url", &forge.url, "--into", round, "--wait"])?;
        if round == "ours" {
            println!("clone of 200 repositories, 8 at a time");
            println!("  jobctl      {:>6.1} s", begun.elapsed().as_secs_f64());
        }
    }
    let names: Vec<String> = fs::read_dir(bench.project.join("ours"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let into = bench.project.join("git");
    fs::create_dir_all(&into)?;
    let address = forge.url.replace("http://", &format!("http://x-access-token:{}@", Forge::TOKEN));
    let list: Vec<String> = names.iter().map(|name| format!("{address}/acme/{name}.git")).collect();
    fs::write(bench.project.join("list"), list.join("\n"))?;
    let begun = Instant::now();
    let git = Command::new("xargs")
        .args(["-a", "../list", "-P8", "-n1", "git", "clone", "-q"])
        .current_dir(&into)
        .stderr(Stdio::null())
        .status()?;
    println!(
        "  git         {:>6.1} s  ({} repositories, {git})",
        begun.elapsed().as_secs_f64(),
        names.len()
    );
    Ok(())
}

/// A project with a state directory of its own.
struct Bench {
    home: PathBuf,
    project: PathBuf,
}

impl Bench {
    fn new(folder: &Path, name: &str) -> Result<Self, Failed> {
        let (home, project) = (folder.join("home"), folder.join(name));
        fs::create_dir_all(&project)?;
        let bench = Self { home, project };
        bench.run(&["init"])?;
        Ok(bench)
    }

    fn run(&self, args: &[&str]) -> Result<String, Failed> {
        let mut command = Command::new(built(PROFILE, "jobctl"));
        self.surround(&mut command);
        let output = command.args(args).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failed(format!("jobctl {args:?}: {}: {said}", output.status)))
    }

    /// Gives a call the project and the environment of this one.
    fn surround(&self, command: &mut Command) {
        command
            .current_dir(&self.project)
            .env("GH_TOKEN", Forge::TOKEN)
            .env("JIRA_EMAIL", "octo@example.com")
            .env("JIRA_API_TOKEN", Forge::TOKEN)
            .env("AZURE_DEVOPS_EXT_PAT", Forge::TOKEN)
            .env("XDG_STATE_HOME", &self.home)
            .env("XDG_CONFIG_HOME", &self.home);
    }

    fn json(&self, args: &[&str]) -> Result<Value, Failed> {
        let text = self.run(args)?;
        serde_json::from_str(&text).map_err(|error| Failed(format!("jobctl {args:?}: {error}")))
    }

    fn job(&self, id: &str) -> Result<Value, Failed> {
        Ok(self.json(&["show", id, "--json"])?["job"].clone())
    }
}

/// The most memory that runner and worker had, in kB.
#[derive(Default)]
struct Peaks {
    runner: u64,
    worker: u64,
}

impl Peaks {
    fn sample(&mut self, project: &Path, id: &str) {
        let state = project.join(".jobs");
        self.runner = self.runner.max(peak(&state.join("runner.pid")));
        self.worker = self.worker.max(peak(&state.join("jobs").join(id).join("worker.pid")));
    }
}

fn peak(pid_file: &Path) -> u64 {
    let pid = fs::read_to_string(pid_file).ok();
    let pid = pid.and_then(|pid| pid.trim().parse().ok());
    pid.map(|pid| memory(pid, "VmHWM:")).unwrap_or_default()
}

/// What a line of `/proc/PID/status` says, in kB.
fn memory(pid: u32, name: &str) -> u64 {
    let read = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    read().unwrap_or_default()
}

/// The median time of `act`, each after an untimed `before`.
fn median(
    rounds: usize,
    before: impl Fn(usize) -> Result<(), Failed>,
    act: impl Fn(usize) -> Result<(), Failed>,
) -> Result<Duration, Failed> {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        before(round)?;
        let begun = Instant::now();
        act(round)?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[rounds / 2])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
