//! What ten thousand jobs cost, beside the queues that people use today where they are installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::rivals::{Daemon, Pueue};
use super::{Bench, PROFILE, ROUNDS, median, milliseconds};
use crate::chore::{Failed, built, cargo, run};

const JOBS: u32 = 10_000;

pub(super) fn scale(folder: &Path) -> Result<(), Failed> {
    Filled::build()?;
    println!("scale: the store's own calls");
    let few = Filled::new(folder, "few", "ended", 10)?;
    let ended = Filled::new(folder, "ended", "ended", JOBS)?;
    let paused = Filled::new(folder, "paused", "paused", JOBS)?;
    println!("scale: whole calls, medians of {ROUNDS}");
    few.list("list --all, 20 jobs", &["list", "--all"])?;
    ended.list(&format!("list --all, {JOBS} ended"), &["list", "--all"])?;
    ended.list(&format!("list --all --json, {JOBS} ended"), &["list", "--all", "--json"])?;
    ended.list(&format!("list -L 20, {JOBS} ended"), &["list", "-L", "20"])?;
    paused.list(&format!("list -L 20, {JOBS} paused"), &["list", "-L", "20"])?;
    few.submit("submit, 20 jobs")?;
    ended.submit(&format!("submit, {JOBS} ended"))?;
    paused.submit(&format!("submit, {JOBS} paused"))?;
    pueue(folder)?;
    tsp(folder)
}

/// A project with many jobs.
pub(super) struct Filled(Bench);

impl Filled {
    /// Builds what fills it.
    pub(super) fn build() -> Result<(), Failed> {
        cargo(&["build", "--release", "--package", "jobctl-store", "--example", "fill"])
    }

    pub(super) fn new(folder: &Path, name: &str, end: &str, jobs: u32) -> Result<Self, Failed> {
        let bench = Bench::new(folder, &format!("scale-{name}"))?;
        let fill = built(PROFILE, "examples/fill");
        let state = bench.project.join(".jobs");
        let mut fill = Command::new(fill);
        run(fill.arg(state).arg(bench.home.join("jobctl")).args([end, &jobs.to_string()]))?;
        Ok(Self(bench))
    }

    /// The project, for what else is to be measured in it.
    pub(super) fn into_bench(self) -> Bench {
        self.0
    }

    fn list(&self, what: &str, args: &[&str]) -> Result<(), Failed> {
        let args = [args, &["--no-start"]].concat();
        let time = median(ROUNDS, |_| Ok(()), |_| self.0.run(&args).map(drop))?;
        tell(what, time);
        Ok(())
    }

    /// Without a runner: what it would do with the jobs is not measured here.
    fn submit(&self, what: &str) -> Result<(), Failed> {
        let args = ["clone", "github:acme", "--again", "--no-start"];
        let time = median(ROUNDS, |_| Ok(()), |_| self.0.run(&args).map(drop))?;
        tell(what, time);
        Ok(())
    }
}

fn tell(what: &str, time: Duration) {
    println!("  {what:<36} {:>8.2} ms", milliseconds(time));
}

/// The time of a call of another program.
fn call(what: &str, command: impl Fn() -> Command, rounds: usize) -> Result<(), Failed> {
    let act = |_| Ok(command().stdout(Stdio::null()).status().map(drop)?);
    tell(what, median(rounds, |_| Ok(()), act)?);
    Ok(())
}

/// pueue's state is one file: its first task again under ten thousand numbers.
fn pueue(folder: &Path) -> Result<(), Failed> {
    let home = folder.join("pueue");
    let command = |name: &str| Pueue::command(&home, name);
    fs::create_dir_all(&home)?;
    let pueue = |args: &[&str]| {
        let mut command = command("pueue");
        command.args(args);
        command
    };
    if pueue(&["--version"]).stdout(Stdio::null()).status().is_err() {
        println!("  pueue is not installed");
        return Ok(());
    }
    let daemon = Daemon::start(command("pueued"), || pueue(&["status"]))?;
    run(pueue(&["add", "--", "true"]).stdout(Stdio::null()))?;
    run(pueue(&["wait"]).stdout(Stdio::null()))?;
    drop(daemon);
    let path = home.join("pueue/state.json");
    let broken = |error: serde_json::Error| Failed(format!("{}: {error}", path.display()));
    let mut state: Value = serde_json::from_slice(&fs::read(&path)?).map_err(broken)?;
    let task = state["tasks"]["0"].clone();
    for id in 0..JOBS {
        let mut task = task.clone();
        task["id"] = id.into();
        state["tasks"][id.to_string()] = task;
    }
    #[expect(clippy::disallowed_methods, reason = "a rival's file, in a directory of our own")]
    fs::write(&path, serde_json::to_vec(&state).map_err(broken)?)?;
    let _daemon = Daemon::start(command("pueued"), || pueue(&["status"]))?;
    run(pueue(&["pause"]).stdout(Stdio::null()))?;
    call(&format!("pueue status, {JOBS} ended"), || pueue(&["status"]), 5)?;
    call(&format!("pueue add, {JOBS} ended"), || pueue(&["add", "--", "true"]), 9)
}

/// tsp forgets what exceeds its limit, so that is raised.
fn tsp(folder: &Path) -> Result<(), Failed> {
    let socket = folder.join("tsp.socket");
    let tsp = |args: &[&str]| {
        let mut command = Command::new("tsp");
        command.args(args).env("TS_SOCKET", &socket).env("TS_MAXFINISHED", "20000");
        command.env("TMPDIR", folder);
        command
    };
    if tsp(&["-V"]).stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("  tsp is not installed");
        return Ok(());
    }
    call("tsp true, no jobs", || tsp(&["-n", "true"]), ROUNDS)?;
    for _ in 0..JOBS {
        run(tsp(&["-n", "true"]).stdout(Stdio::null()))?;
    }
    run(tsp(&["-w"]).stdout(Stdio::null()))?;
    call(&format!("tsp -l, {JOBS} ended"), || tsp(&["-l"]), ROUNDS)?;
    call(&format!("tsp true, {JOBS} ended"), || tsp(&["-n", "true"]), ROUNDS)?;
    run(tsp(&["-K"]).stdout(Stdio::null()))
}
