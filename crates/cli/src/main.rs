//! The `jobctl` command: registers the kinds of work, resolves settings and credentials, and is
//! the only part that reads the environment or writes to a terminal.

mod announce;
mod args;
mod background;
mod commands;
mod credentials;
mod engine;
mod environment;
mod error;
mod exit;
mod ids;
mod interrupted;
mod json;
mod last_look;
mod legacy;
mod pattern;
mod place;
mod queue;
mod screen;
mod session;
mod settings;
mod since;
mod sources;
mod surroundings;
mod text;
mod views;
mod work;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, ColorWhen, Frequent, Globals};
use crate::environment::Environment;
use crate::error::Failure;
use crate::exit::Code;
use crate::screen::Screen;
use crate::session::Session;

fn main() -> ExitCode {
    if let Some(Frequent { globals, command }) = Frequent::parsed() {
        return with_session(&globals, |session| commands::run_frequent(session, &command));
    }
    let Cli { globals, legacy, command } = Cli::parse();
    with_session(&globals, |session| match (legacy.asked(), command) {
        (None, None) => commands::list::overview(session),
        (None, Some(command)) => commands::run(session, command),
        (Some(asked), None) => commands::run_legacy(session, asked),
        (Some(_), Some(_)) => Err(Failure::usage(
            "--active, --all, --id, --follow, --logs, --kill and --resume stand alone",
            "leave the flag out, or put it behind the command",
        )),
    })
}

fn with_session(
    globals: &Globals,
    act: impl FnOnce(&Session) -> Result<Code, Failure>,
) -> ExitCode {
    let session = match Session::new(globals.clone()) {
        Ok(session) => session,
        Err(failure) => {
            let screen = Screen::new(globals, &Environment::of_this_process(), ColorWhen::Auto);
            return ExitCode::from(ended(&screen, false, Err(failure)).number());
        }
    };
    let result = act(&session);
    ExitCode::from(ended(&session.screen, globals.strict, result).number())
}

/// Tells what failed; with `--strict`, a warning is a failure too.
fn ended(screen: &Screen, strict: bool, result: Result<Code, Failure>) -> Code {
    match result {
        Ok(Code::Fine) if strict && screen.has_warned() => Code::Failed,
        Ok(code) => code,
        // Whoever read stdout has seen enough.
        Err(failure) if failure.is_broken_pipe() => Code::Fine,
        Err(failure) => {
            screen.fail(&failure);
            exit::code(&failure)
        }
    }
}
