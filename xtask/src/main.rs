//! The project's own chores, run as `cargo xtask CHORE`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "chores talk to the person who runs them, in their environment"
)]

mod bench;
mod chore;
mod demo;
mod forge;
mod tidy;
mod torture;

use std::process::ExitCode;

use chore::{Failed, cargo};

const USAGE: &str = "\
usage: cargo xtask CHORE

  demo         builds jobctl, starts a simulated forge, clones and imports from it in the background
  e2e [NAME]   the whole-program tests: the built program against the simulated forge
  bench [NAME] speed and memory, as medians and ratios: submit, import, clone, scale, queue;
               scale --issues N is one import of so many issues
  torture      [--minutes N] [--seed S] [--release]: random calls, kills, full disks and damage,
               with every promise checked after each round
  tidy         checks the rules of ARCHITECTURE.md over the sources
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["demo"] => demo::demo(),
        ["e2e", names @ ..] => e2e(names),
        ["bench", names @ ..] => bench::bench(names),
        ["torture", options @ ..] => torture::torture(options),
        [torture::INSIDE, options @ ..] => torture::inside(options),
        ["tidy"] => tidy::tidy(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("xtask: {failed}");
            ExitCode::FAILURE
        }
    }
}

/// The program is built first: the tests run it, as its users would.
fn e2e(names: &[&str]) -> Result<(), Failed> {
    cargo(&["build", "--package", "jobs-cli", "--features", "all"])?;
    let mut test = vec!["test", "--package", "jobctl-tests", "--features", "e2e", "--"];
    test.extend(names);
    cargo(&test)
}
