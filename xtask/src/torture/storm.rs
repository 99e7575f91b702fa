//! A round: several people at once, somebody who kills, and a disk that fills up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use jobctl_tests::processes;
use rustix::process::Signal;

use super::ledger::{DAMAGED, FINE, Known, Ledger, NO_SUCH, STORAGE, Verb, Want};
use super::stage::{REPOS, Stage, Told, strike};
use super::tally::Tally;
use crate::chore::Failed;

const PEOPLE: usize = 3;
/// With so many jobs unfinished, nobody submits more.
const ENOUGH: usize = 16;
/// A call ends about that long after its start, on a machine that has other things to do.
const CALL_US: u64 = 20_000;

/// All that a thread of a round needs.
struct Scene<'a> {
    stage: &'a Stage,
    ledger: &'a Ledger,
    tally: &'a Tally,
    over: &'a AtomicBool,
    /// Whether more jobs may be submitted.
    hungry: bool,
}

/// Plays one round to its end; the disk has room afterwards.
pub(crate) fn storm(
    stage: &Stage,
    ledger: &Ledger,
    tally: &Tally,
    random: &mut Rng,
) -> Result<(), Failed> {
    stage.forge.configure(|behaviour| {
        behaviour.delay_ms = random.u64(..80);
        behaviour.git_delay_ms = random.u64(..80);
    });
    let over = AtomicBool::new(false);
    let unfinished = stage.jobs()?.iter().filter(|job| job["finished_at"].is_null()).count();
    let scene = &Scene { stage, ledger, tally, over: &over, hungry: unfinished < ENOUGH };
    let mut seeds: Vec<Rng> = (0..PEOPLE + 2).map(|_| random.fork()).collect();
    thread::scope(|scope| {
        let (killing, filling) = (seeds.pop(), seeds.pop());
        let killer = scope.spawn(move || kill(scene, killing.unwrap_or_default()));
        let filler = scope.spawn(move || fill(scene, filling.unwrap_or_default()));
        let people: Vec<_> =
            seeds.into_iter().map(|random| scope.spawn(move || live(scene, random))).collect();
        let mut done: Vec<_> = people.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::SeqCst);
        done.push(killer.join());
        done.push(filler.join());
        done.into_iter().try_for_each(|done| done.unwrap_or_else(|_| panicked()))
    })
}

fn panicked() -> Result<(), Failed> {
    Err(Failed("a thread of the torture panicked".to_owned()))
}

/// Kills runners and workers, and tells workers to stop, at random moments.
fn kill(scene: &Scene<'_>, mut random: Rng) -> Result<(), Failed> {
    while !scene.over.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(random.u64(5..120)));
        let all = scene.stage.sandbox.processes();
        let role = if random.u32(..4) == 0 { "runner" } else { "worker" };
        let of_role: Vec<_> = all.iter().filter(|process| process.role() == Some(role)).collect();
        let Some(victim) = random.choice(of_role) else { continue };
        if role == "worker" && random.u32(..6) == 0 {
            processes::send(victim.pid, Signal::TERM);
            scene.tally.count("told to stop", "worker");
        } else {
            strike(victim, scene.ledger, scene.tally);
        }
        if random.u32(..60) == 0 {
            scene.stage.kill_all(scene.ledger, scene.tally)?;
        }
    }
    Ok(())
}

/// Fills the disk and empties it again, in some of the rounds.
fn fill(scene: &Scene<'_>, mut random: Rng) -> Result<(), Failed> {
    let Some(disk) = scene.stage.disk.as_ref().filter(|_| random.u32(..5) < 2) else {
        return Ok(());
    };
    thread::sleep(Duration::from_millis(random.u64(..200)));
    scene.ledger.disk(true);
    scene.tally.count("disk filled", "times");
    for _ in 0..random.u32(1..40) {
        // Others make room now and then; it is taken at once.
        disk.fill()?;
        thread::sleep(Duration::from_millis(10));
    }
    disk.empty()?;
    scene.ledger.disk(false);
    Ok(())
}

/// What a person types.
fn live(scene: &Scene<'_>, mut random: Rng) -> Result<(), Failed> {
    for _ in 0..random.u32(4..12) {
        let job = pick(scene, &mut random);
        match (random.u32(..100), job) {
            (0..35, _) if scene.hungry => submit(scene, &mut random)?,
            (0..60, Some(id)) => {
                let verb = [Verb::Pause, Verb::Pause, Verb::Resume, Verb::Resume, Verb::Resume]
                    [random.usize(..5)];
                wish(scene, verb, &id, &mut random)?;
            }
            (60..67, Some(id)) => wish(scene, Verb::Cancel, &id, &mut random)?,
            (67..77, Some(id)) => wish(scene, Verb::Remove, &id, &mut random)?,
            (_, job) => look(scene, job.as_deref(), &mut random)?,
        }
    }
    Ok(())
}

/// One of the jobs that somebody was told of.
fn pick(scene: &Scene<'_>, random: &mut Rng) -> Option<String> {
    let books = scene.ledger.books();
    let known: Vec<&String> =
        books.jobs.iter().filter(|(_, known)| !known.is_early()).map(|(id, _)| id).collect();
    random.choice(known).cloned()
}

/// A third of all calls are killed, most of them before they end.
fn fate(random: &mut Rng) -> Option<Duration> {
    (random.u32(..3) == 0).then(|| Duration::from_micros(random.u64(..CALL_US)))
}

fn call(scene: &Scene<'_>, args: &[&str], kill: Option<Duration>) -> Result<Told, Failed> {
    let told = scene.stage.call(args, kill)?;
    scene.tally.count("calls", args[0]);
    if told.code.is_none() {
        scene.tally.count("kills", "call");
    }
    Ok(told)
}

fn submit(scene: &Scene<'_>, random: &mut Rng) -> Result<(), Failed> {
    let repo = |random: &mut Rng| format!("github:acme/repo-{:03}", random.u32(1..=REPOS));
    let (kind, verb) =
        if random.u32(..3) == 0 { ("clone-repos", "clone") } else { ("import-issues", "import") };
    let mut sources = match random.u32(..10) {
        0..3 => vec!["github:acme/api".to_owned()],
        3 => vec!["github:acme".to_owned()],
        4..8 => vec![repo(random)],
        _ => vec![repo(random), repo(random)],
    };
    sources.dedup();
    let into = format!("c{:08x}", random.u32(..));
    let mut args = vec![verb];
    args.extend(sources.iter().map(String::as_str));
    args.extend(["--api-url", scene.stage.forge.url()]);
    if verb == "clone" {
        args.extend(["--into", &into]);
    }
    if random.u32(..4) != 0 {
        args.push("--again");
    }
    let mut kill = fate(random);
    if random.u32(..8) == 0 {
        // Whoever waits is killed later.
        args.push("--wait");
        kill = Some(Duration::from_millis(random.u64(20..1_500)));
    }
    let told = call(scene, &args, kill)?;
    let is_waiting = args.contains(&"--wait");
    scene.ledger.submitted(Want { kind, sources }, &told);
    match told.code {
        None | Some(FINE) => Ok(()),
        Some(STORAGE) if scene.ledger.books().filled => Ok(()),
        // The job's own end, or the runner was killed while it was talked to.
        Some(_) if is_waiting || told.stderr.contains("runner") => {
            scene.tally.count("refused", "by a dead runner");
            Ok(())
        }
        Some(_) => Err(told.wrong("a submission ended otherwise than it may")),
    }
}

fn wish(scene: &Scene<'_>, verb: Verb, id: &str, random: &mut Rng) -> Result<(), Failed> {
    scene.ledger.wish(verb, id, || call(scene, &[verb.name(), id], fate(random)))
}

/// Looks must always work, whatever else goes on.
fn look(scene: &Scene<'_>, job: Option<&str>, random: &mut Rng) -> Result<(), Failed> {
    let args: Vec<&str> = match (random.u32(..6), job) {
        (0, Some(id)) => vec!["show", id, "--json"],
        (1, Some(id)) => vec!["logs", id],
        (2, _) => vec!["list", "--all", "--json"],
        (3, _) => vec!["issues", "crash", "--json"],
        _ => vec!["list"],
    };
    let told = call(scene, &args, fate(random))?;
    let books = scene.ledger.books();
    let known = job.and_then(|id| books.jobs.get(id));
    match told.code {
        Some(FINE) if args.contains(&"--json") => told.json().map(drop),
        None | Some(FINE) => Ok(()),
        Some(code) if may_fail(args[0], code, known, books.filled) => Ok(()),
        Some(_) => Err(told.wrong("a look failed")),
    }
}

/// The warehouse may not be there yet, and a job not any more.
fn may_fail(verb: &str, code: i32, known: Option<&Known>, filled: bool) -> bool {
    let is_removed = known.is_some_and(|known| known.was_asked(Verb::Remove));
    let is_broken = known.is_some_and(|known| known.broken);
    match code {
        NO_SUCH => verb == "issues" || is_removed,
        DAMAGED => is_broken,
        STORAGE => verb == "issues" && filled,
        _ => false,
    }
}
