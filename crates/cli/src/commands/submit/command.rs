//! `jobctl run`: commands, before they are jobs.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jobctl_core::Kind;

use crate::args::RunArgs;
use crate::environment::{self, Environment};
use crate::error::Failure;
use crate::session::Session;
use crate::text;
use crate::work::options::{CommandLine, RunOptions};

use super::drafts::{DESCRIPTION, Draft, Lent, value};
use super::terms::{BadTerm, Terms};

/// A command that is to be run, and how.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) command: CommandLine,
    pub(super) terms: Terms,
    pub(super) directory: PathBuf,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) keep: bool,
    /// The line of the batch that asks for it; 1 where there is none.
    pub(super) line: usize,
}

impl Order {
    /// What the call asks for; in a batch, what holds for every line that does not say otherwise.
    pub(super) fn of(session: &Session, args: &RunArgs) -> Result<Self, Failure> {
        let bad = BadTerm::into_failure;
        let mut terms = Terms::of(&args.queue, environment::now()).map_err(bad)?;
        terms.on_crash = args.on_crash.map(Into::into);
        terms.retries = args.retries.unwrap_or_default();
        if let Some(timeout) = args.timeout {
            terms.limit(timeout).map_err(bad)?;
        }
        let command = match &args.shell {
            Some(line) => CommandLine::Shell(line.clone()),
            None => CommandLine::Program(args.command.clone()),
        };
        Ok(Self {
            command,
            terms,
            directory: storable(&session.directory)?,
            variables: variables(&args.env, &session.env)?,
            keep: args.keep_env,
            line: 1,
        })
    }

    /// Says so where the program is not there. It may come until the job starts, so that this is
    /// no error.
    pub(super) fn warn_of_missing(&self, session: &Session) {
        let CommandLine::Program(words) = &self.command else { return };
        let Some(program) = words.first() else { return };
        let path = self.variables.get("PATH").map(OsString::from);
        let path = path.or_else(|| session.env.value("PATH").map(Into::into));
        if !is_there(program, &self.directory, &path.unwrap_or_default()) {
            session.screen.warn(&format!(
                "there is no program {}; unless it comes before the job starts, the job fails",
                quoted(program)
            ));
        }
    }

    /// The job to be.
    pub(super) fn draft(self) -> Draft {
        let description = text::clip(&spoken(&self.command), DESCRIPTION);
        let options = RunOptions {
            command: self.command,
            directory: self.directory,
            umask: environment::umask(),
            variables: self.variables,
        };
        Draft {
            kind: Kind::RunCommand,
            description,
            sources: Vec::new(),
            options: value(&options),
            terms: self.terms,
            lent: Lent::Environment { keep: self.keep },
            line: self.line,
        }
    }
}

/// `NAME=VALUE`, or `NAME` for the value that it has now.
fn variables(given: &[String], env: &Environment) -> Result<BTreeMap<String, String>, Failure> {
    let mut variables = BTreeMap::new();
    for text in given {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (text.as_str(), of_now(text, env)?),
        };
        if !is_variable(name, &value) {
            return Err(Failure::usage(
                format!("not a variable: {:?}", text::clip(name, 80)),
                "-e NAME=VALUE, or -e NAME for the value that it has now",
            ));
        }
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}

/// Whether the system can pass this on.
pub(super) fn is_variable(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
}

fn of_now(name: &str, env: &Environment) -> Result<String, Failure> {
    let value = env.value(name).ok_or_else(|| {
        Failure::usage(
            format!("the variable {} is not set", text::clip(name, 80)),
            "-e NAME=VALUE gives it a value",
        )
    })?;
    value.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::usage(
            format!("the value of {name} is not UTF-8 and cannot be stored"),
            "leave -e out: the job gets the whole environment as it is",
        )
    })
}

/// Whether a program can be found as the system would look for it.
fn is_there(program: &str, directory: &Path, path: &OsStr) -> bool {
    let runs = |path: &Path| {
        path.metadata().is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return runs(&directory.join(program));
    }
    std::env::split_paths(path).any(|place| runs(&directory.join(place).join(program)))
}

/// A directory as it can be written down.
pub(super) fn storable(directory: &Path) -> Result<PathBuf, Failure> {
    if directory.to_str().is_some() {
        return Ok(directory.to_owned());
    }
    Err(Failure::usage(
        format!("the name of {} is not UTF-8 and cannot be stored", directory.display()),
        "run it from a directory with another name: -C DIR, and cd in the command",
    ))
}

/// A command as it would be typed.
fn spoken(command: &CommandLine) -> String {
    match command {
        CommandLine::Shell(line) => line.clone(),
        CommandLine::Program(words) => {
            words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
        }
    }
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let spoken = |words: &[&str]| {
            spoken(&CommandLine::Program(words.iter().map(|&word| word.to_owned()).collect()))
        };
        assert_eq!(spoken(&["make", "-j4", "CC=gcc"]), "make -j4 CC=gcc");
        assert_eq!(spoken(&["echo", "a b", "", "it's", "$x"]), r"echo 'a b' '' 'it'\''s' '$x'");
    }

    #[test]
    fn variables_are_given_or_taken_from_the_call() {
        let env: Environment = [("HERE", "now"), ("EMPTY", "")].into_iter().collect();
        let of = |texts: &[&str]| {
            variables(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), &env)
        };
        let known = of(&["A=1=2", "HERE", "EMPTY", "B="]).unwrap();
        let known: Vec<_> = known.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(known, [("A", "1=2"), ("B", ""), ("EMPTY", ""), ("HERE", "now")]);
        for bad in ["", "=x", "GONE"] {
            assert!(of(&[bad]).is_err(), "{bad:?}");
        }
    }
}
