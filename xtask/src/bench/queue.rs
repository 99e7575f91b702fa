//! The queue beside what people use today: what a command costs from the call to its end, and what
//! waiting costs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::rivals::{Pueue, Tsp};
use super::scale::Filled;
use super::{Bench, PROFILE, ROUNDS, memory, milliseconds};
use crate::chore::{Failed, built, run};

const MANY: usize = 10_000;
/// As many commands as a person puts into one file.
const BATCH: usize = 1_000;
/// pueue takes minutes for a thousand.
const PUEUE_BATCH: usize = 200;
/// How often a thousand commands run, in turns with the others.
const LONG_ROUNDS: usize = 3;
/// How many commands run while their syncs are counted.
const TRACED: u16 = 100;
/// How long wake-ups are counted.
const WATCH: Duration = Duration::from_secs(10);
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures all of it in one run, in the same minutes.
pub(super) fn queue(folder: &Path) -> Result<(), Failed> {
    Filled::build()?;
    let folder = folder.join("queue");
    fs::create_dir_all(&folder)?;
    let (pueue, tsp) = (Pueue::start(&folder)?, Tsp::new(&folder));
    for (there, name) in [(pueue.is_some(), "pueue"), (tsp.is_some(), "tsp")] {
        if !there {
            println!("  {name} is not installed");
        }
    }
    submits(&folder, pueue.as_ref(), tsp.as_ref())?;
    batch_to_prompt(&folder)?;
    thousand(&folder, pueue.as_ref(), tsp.as_ref())?;
    syncs(&folder)?;
    slots(&folder)?;
    waiting(&folder)?;
    worker(&folder)
}

/// One way of doing the same.
struct Way<'a> {
    name: String,
    once: Box<dyn Fn(usize) -> Result<(), Failed> + 'a>,
    times: Vec<Duration>,
}

impl<'a> Way<'a> {
    fn new(name: impl Into<String>, once: impl Fn(usize) -> Result<(), Failed> + 'a) -> Self {
        Self { name: name.into(), once: Box::new(once), times: Vec::new() }
    }

    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort();
        times[times.len() / 2]
    }
}

/// Times all ways in turns, so that a slow minute is slow for all; medians, as multiples of the
/// first way's.
fn compare(title: &str, mut ways: Vec<Way<'_>>, rounds: usize) -> Result<(), Failed> {
    for round in 0..rounds {
        for way in &mut ways {
            let begun = Instant::now();
            (way.once)(round)?;
            way.times.push(begun.elapsed());
        }
    }
    println!("{title}, medians of {rounds} in turns");
    let Some(first) = ways.first().map(Way::median) else { return Ok(()) };
    for way in &ways {
        let time = way.median();
        let ratio = time.as_secs_f64() / first.as_secs_f64();
        println!("  {:<38} {:>9.2} ms  {ratio:>6.2} ×", way.name, milliseconds(time));
    }
    Ok(())
}

/// From the call to the prompt.
fn submits(folder: &Path, pueue: Option<&Pueue>, tsp: Option<&Tsp>) -> Result<(), Failed> {
    let warm = Bench::new(folder, "warm")?;
    let ended = Filled::new(folder, "ended", "ended", 10_000)?.into_bench();
    let queued = Bench::new(folder, "queued")?;
    queued.run(&["limits", "--drain"])?;
    queued.batch("batch", &vec!["true"; MANY])?;
    queued.run(&["run", "--batch", "batch"])?;
    let cold: Vec<Bench> = (0..ROUNDS)
        .map(|round| Bench::new(folder, &format!("cold-{round}")))
        .collect::<Result<_, _>>()?;
    for bench in [&warm, &ended] {
        // Keeps the runner there.
        bench.run(&["run", "--", "sleep", "100000"])?;
    }
    let command = ["run", "--", "true"];
    let mut ways = vec![
        Way::new("true", |_| run(&mut Command::new("true"))),
        Way::new("jobctl run, runner running", |_| warm.run(&command).map(drop)),
        Way::new("jobctl run, runner to be started", |round| cold[round].run(&command).map(drop)),
        Way::new(format!("jobctl run, {MANY} ended"), |_| ended.run(&command).map(drop)),
        Way::new(format!("jobctl run, {MANY} queued"), |_| queued.run(&command).map(drop)),
    ];
    ways.extend(tsp.map(|tsp| Way::new("tsp true", |_| tsp.run(&["-n", "true"]))));
    ways.extend(pueue.map(|pueue| Way::new("pueue add", |_| pueue.run(&["add", "--", "true"]))));
    compare("submit to prompt", ways, ROUNDS)?;
    queued.stop()?;
    for bench in [&warm, &ended] {
        bench.give_up()?;
    }
    pueue.map_or(Ok(()), |pueue| pueue.run(&["wait"]))
}

/// A file of a thousand commands, from the call to the prompt.
fn batch_to_prompt(folder: &Path) -> Result<(), Failed> {
    let benches: Vec<Bench> = (0..LONG_ROUNDS)
        .map(|round| Bench::new(folder, &format!("prompt-{round}")))
        .collect::<Result<_, _>>()?;
    for bench in &benches {
        bench.run(&["limits", "--drain"])?;
        bench.batch("batch", &vec!["true"; BATCH])?;
    }
    let once = |round: usize| benches[round].run(&["run", "--batch", "batch"]).map(drop);
    let true_ = Way::new("true", |_| run(&mut Command::new("true")));
    let ours = Way::new("jobctl run --batch", once);
    compare(&format!("{BATCH} commands to prompt"), vec![true_, ours], LONG_ROUNDS)?;
    benches.iter().try_for_each(Bench::stop)
}

/// A thousand times `true`, two at a time, until all have ended.
fn thousand(folder: &Path, pueue: Option<&Pueue>, tsp: Option<&Tsp>) -> Result<(), Failed> {
    let benches: Vec<Bench> = (0..LONG_ROUNDS)
        .map(|round| Bench::new(folder, &format!("thousand-{round}")))
        .collect::<Result<_, _>>()?;
    for bench in &benches {
        bench.run(&["limits", "max_parallel=2"])?;
        bench.batch("batch", &vec!["true"; BATCH])?;
    }
    let numbers: String = (0..BATCH).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{number}");
        text
    });
    let list = folder.join("numbers");
    write(&list, &numbers)?;
    let mut ways = Vec::new();
    if let Some(tsp) = tsp {
        tsp.run(&["-S", "2"])?;
        ways.push(Way::new("tsp, 2 slots", |_| {
            (0..BATCH).try_for_each(|_| tsp.run(&["-n", "true"]))?;
            tsp.wait()
        }));
    }
    let ours = |round: usize| benches[round].run(&["run", "--batch", "batch", "--wait", "-q"]);
    ways.push(Way::new("jobctl run --batch --wait", move |round| ours(round).map(drop)));
    ways.push(Way::new("xargs -P2", |_| {
        run(Command::new("xargs").arg("-a").arg(&list).args(["-P2", "-I{}", "true"]))
    }));
    compare(&format!("{BATCH} × true, 2 at a time, to all ended"), ways, LONG_ROUNDS)?;
    let Some(pueue) = pueue else { return Ok(()) };
    pueue.run(&["parallel", "2"])?;
    let begun = Instant::now();
    (0..PUEUE_BATCH).try_for_each(|_| pueue.run(&["add", "--", "true"]))?;
    pueue.run(&["wait"])?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("  pueue, {PUEUE_BATCH} × true, once {:>20.2} ms", seconds * 1000.0);
    Ok(())
}

/// Waits for the disk: all of the call, the runner and every worker.
fn syncs(folder: &Path) -> Result<(), Failed> {
    let bench = Bench::new(folder, "syncs")?;
    bench.batch("batch", &vec!["true"; usize::from(TRACED)])?;
    let traced = folder.join("syncs.txt");
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-o"]).arg(&traced);
    command.arg(built(PROFILE, "jobctl")).args(["run", "--batch", "batch", "--wait", "-q"]);
    bench.surround(&mut command);
    match command.stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(Failed(format!("{command:?}: {status}"))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("strace is not installed: syncs are not counted");
            return Ok(());
        }
        Err(error) => return Err(Failed(format!("{command:?}: {error}"))),
    }
    let text = fs::read_to_string(&traced)?;
    let of = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().last() == Some(name));
        line.and_then(|line| line.split_whitespace().nth(3)?.parse::<u32>().ok()).unwrap_or(0)
    };
    let count = of("fsync") + of("fdatasync");
    let each = f64::from(count) / f64::from(TRACED);
    println!("syncs of {TRACED} commands: {count}, {each:.2} a job");
    Ok(())
}

/// From the end of one job to the start of the next, by what their journals say; and how soon the
/// runner goes after the last.
fn slots(folder: &Path) -> Result<(), Failed> {
    const JOBS: usize = 200;
    let bench = Bench::new(folder, "slots")?;
    bench.run(&["limits", "max_parallel=1"])?;
    bench.batch("batch", &vec!["true"; JOBS])?;
    bench.run(&["run", "--batch", "batch", "--wait", "-q"])?;
    let (pid, begun) = (bench.runner()?, Instant::now());
    let is_there = || Path::new(&format!("/proc/{pid}")).exists();
    while is_there() && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(1));
    }
    let (is_there, took) = (is_there(), milliseconds(begun.elapsed()));
    let gone = if is_there { "still there" } else { "gone" };
    println!("runner with nothing to do: {gone} after {took:.0} ms");
    let listed = bench.json(&["list", "--all", "--json"])?;
    let mut times: Vec<(f64, f64)> = listed["jobs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|job| {
            Some((
                second_of_day(job["started_at"].as_str()?)?,
                second_of_day(job["finished_at"].as_str()?)?,
            ))
        })
        .collect();
    times.sort_by(|one, two| one.0.total_cmp(&two.0));
    let mut gaps: Vec<f64> =
        times.windows(2).map(|pair| (pair[1].0 - pair[0].1) * 1000.0).collect();
    gaps.sort_by(f64::total_cmp);
    let at = |part: usize| gaps.get(gaps.len() * part / 100).copied().unwrap_or(f64::NAN);
    println!("slot to start, {JOBS} jobs: median {:.2} ms, 95 % within {:.2} ms", at(50), at(95));
    Ok(())
}

/// The time of day of `2026-11-21T17:14:31.846112461Z`, in seconds. A measurement over midnight is
/// made again.
fn second_of_day(time: &str) -> Option<f64> {
    let (_, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let mut parts = clock.split(':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some((hours * 60.0 + minutes) * 60.0 + seconds)
}

/// What a runner costs while ten thousand jobs wait.
fn waiting(folder: &Path) -> Result<(), Failed> {
    let bench = Bench::new(folder, "waiting")?;
    bench.run(&["limits", "max_parallel=1"])?;
    let mut lines = vec!["sleep 100000"];
    lines.resize(MANY + 1, "true");
    bench.batch("batch", &lines)?;
    let ids = bench.run(&["run", "--batch", "batch"])?;
    let pid = bench.runner()?;
    // What it does because of the submission is not waiting.
    sleep(Duration::from_secs(2));
    let resident = memory(pid, "VmRSS:");
    let before = switches(pid);
    sleep(WATCH);
    let since = |task: &OsString| before.get(task).copied().unwrap_or(0);
    let woken: u64 = switches(pid).iter().map(|(task, now)| now.saturating_sub(since(task))).sum();
    println!("runner with {MANY} queued jobs of one submission");
    println!(
        "  resident {:.1} MB, at most {:.1} MB",
        megabytes(resident),
        megabytes(memory(pid, "VmHWM:"))
    );
    println!("  wake-ups of all its threads in {} s: {woken}", WATCH.as_secs());
    bench.run(&["limits", "--drain"])?;
    bench.run(&["cancel", ids.lines().next().unwrap_or_default()])?;
    bench.stop()
}

/// How often each thread of a process went to sleep.
fn switches(pid: u32) -> BTreeMap<OsString, u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |path: &Path| {
        let status = fs::read_to_string(path.join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    tasks.filter_map(|task| Some((task.file_name(), of(&task.path())?))).collect()
}

/// What a worker of a command takes for itself.
fn worker(folder: &Path) -> Result<(), Failed> {
    let bench = Bench::new(folder, "worker")?;
    let id = bench.run(&["run", "--", "sleep", "100000"])?;
    let path = bench.project.join(".jobs/jobs").join(id.trim()).join("worker.pid");
    let begun = Instant::now();
    while bench.job(id.trim())?["status"] != "running" {
        if begun.elapsed() > PATIENCE {
            return Err(Failed("the worker does not begin".to_owned()));
        }
        sleep(Duration::from_millis(10));
    }
    // Its command starts after it has said that it began.
    sleep(Duration::from_millis(500));
    let pid = fs::read_to_string(path)?;
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", pid.trim()))?;
    let kilobytes: u64 = text
        .lines()
        .filter(|line| line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum();
    println!("worker of a command: {:.2} MB private", megabytes(kilobytes));
    bench.give_up()
}

fn megabytes(kilobytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "kilobytes of a process stay far below 2^52")]
    let megabytes = kilobytes as f64 / 1024.0;
    megabytes
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    #[expect(clippy::disallowed_methods, reason = "a file of the measurement's own")]
    fs::write(path, text)?;
    Ok(())
}

impl Bench {
    /// A file with these lines, in the project.
    fn batch(&self, name: &str, lines: &[&str]) -> Result<(), Failed> {
        write(&self.project.join(name), &(lines.join("\n") + "\n"))
    }

    /// Cancels all that is left, so that nothing runs beside what is measured next.
    fn give_up(&self) -> Result<(), Failed> {
        self.run(&["cancel", "--all", "--yes", "-q"]).map(drop)
    }

    /// Ends the runner, and leaves what is queued: to cancel ten thousand jobs takes a while.
    fn stop(&self) -> Result<(), Failed> {
        let pid = i32::try_from(self.runner()?).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| Failed("the runner has no number".to_owned()))?;
        Ok(rustix::process::kill_process(pid, rustix::process::Signal::KILL)
            .map_err(std::io::Error::from)?)
    }

    fn runner(&self) -> Result<u32, Failed> {
        let text = fs::read_to_string(self.project.join(".jobs/runner.pid"))?;
        text.trim().parse().map_err(|_| Failed(format!("{text:?} is no process")))
    }
}
