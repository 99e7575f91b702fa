//! Real processes, real files, and everything that may happen to them: calls at once, kills,
//! full disks, damaged tails. After each round every promise is held against what was asked.
//!
//! It runs in a mount namespace of its own, where the state directory lies on a small disk that
//! can be filled; where none may be made, everything but that is done. Choices follow from the
//! seed; moments do not, since the system's scheduler has a part in them.

mod check;
mod damage;
mod end;
mod journal;
mod ledger;
mod stage;
mod storm;
mod tally;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::chore::{Failed, built, cargo, root, run};
use ledger::Ledger;
use stage::Stage;
use tally::Tally;

/// The hidden chore that is the torture itself, within its namespace.
pub(crate) const INSIDE: &str = "torture-inside";

const USAGE: &str = "usage: cargo xtask torture [--minutes N] [--seed S] [--release]";
const DEFAULT_MINUTES: f64 = 0.5;

/// Builds the program and tortures it.
pub(crate) fn torture(args: &[&str]) -> Result<(), Failed> {
    let options = Options::read(args)?;
    let profile = if options.release { "release" } else { "debug" };
    let mut build = vec!["build", "--package", "jobs-cli", "--features", "all"];
    build.extend(options.release.then_some("--release"));
    cargo(&build)?;
    // A copy, so that building goes on beside a long run.
    let folder = root().join("target").join("torture");
    fs::create_dir_all(&folder)?;
    let program = folder.join(format!("jobctl-{}", options.seed));
    fs::copy(built(profile, "jobctl"), &program)?;
    let mut command = in_namespace(&std::env::current_exe()?);
    command
        .args([INSIDE, "--minutes", &options.minutes.to_string()])
        .args(["--seed", &options.seed.to_string()])
        .env("JOBCTL_BIN", &program);
    let done = run(&mut command);
    fs::remove_file(&program)?;
    done
}

/// A call of `program` with mounts of its own, where this user may have them at all.
fn in_namespace(program: &Path) -> Command {
    let ways: [&[&str]; 2] = [&["--mount", "--"], &["--user", "--map-root-user", "--mount", "--"]];
    for way in ways {
        let tried = Command::new("unshare").args(way).arg("true").output();
        if tried.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args(way).arg(program);
            return command;
        }
    }
    Command::new(program)
}

/// Rounds until the time is up, then the end: everything ends, and is as it should be.
pub(crate) fn inside(args: &[&str]) -> Result<(), Failed> {
    let options = Options::read(args)?;
    println!("torture: {:.1} minutes, seed {}", options.minutes, options.seed);
    let begun = Instant::now();
    let stage = Stage::new()?;
    let (mut random, ledger, tally) =
        (Rng::with_seed(options.seed), Ledger::default(), Tally::default());
    if stage.disk.is_none() {
        println!("no disk can be mounted here: it is not filled and emptied");
    }
    let time = Duration::from_secs_f64(options.minutes * 60.0);
    let played = play(&stage, &ledger, &tally, &mut random, begun + time);
    tally.print(begun.elapsed());
    played.inspect_err(|_| {
        let kept = stage.keep();
        eprintln!("seed {}; everything was kept in {kept}", options.seed);
    })
}

fn play(
    stage: &Stage,
    ledger: &Ledger,
    tally: &Tally,
    random: &mut Rng,
    until: Instant,
) -> Result<(), Failed> {
    while Instant::now() < until {
        tally.count("rounds", "rounds");
        storm::storm(stage, ledger, tally, random)?;
        if random.u32(..3) == 0 {
            stage.kill_all(ledger, tally)?;
            damage::damage(stage, ledger, tally, random)?;
        }
        check::settle(stage)?;
        check::check(stage, ledger)?;
    }
    end::end(stage, ledger, tally)
}

#[derive(Debug)]
struct Options {
    minutes: f64,
    seed: u64,
    release: bool,
}

impl Options {
    fn read(args: &[&str]) -> Result<Self, Failed> {
        let mut options =
            Self { minutes: DEFAULT_MINUTES, seed: fastrand::u64(..), release: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| Failed(USAGE.to_owned()));
            match *arg {
                "--minutes" => {
                    options.minutes = value()?.parse().map_err(|_| Failed(USAGE.to_owned()))?;
                }
                "--seed" => {
                    options.seed = value()?.parse().map_err(|_| Failed(USAGE.to_owned()))?;
                }
                "--release" => options.release = true,
                _ => return Err(Failed(USAGE.to_owned())),
            }
        }
        Ok(options)
    }
}
