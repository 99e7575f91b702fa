//! `--batch`: a file in which every line is a job.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jobctl_core::{Condition, OnCrash, OnDependencyFailure, Time};
use serde::Deserialize;

use crate::error::{Failure, with_causes};
use crate::session::Session;
use crate::work::options::CommandLine;
use crate::{since, text};

use super::command::{Order, is_variable};
use super::terms::{After, BadTerm};

/// A line that cannot be a job.
#[derive(Debug)]
pub(super) struct BadLine {
    /// Its number, from 1.
    pub(super) line: usize,
    /// What is wrong with it.
    pub(super) what: String,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error("not UTF-8 after byte {0}")]
    NotText(usize),
    #[error("a NUL byte, which no command can have")]
    Nul,
    #[error("not a job in JSON: {0}")]
    Json(String),
    #[error("no command")]
    NoCommand,
    #[error("not a variable: {0:?}")]
    Variable(String),
    #[error("delay and at cannot both be")]
    TwoTimes,
    #[error(transparent)]
    Term(#[from] BadTerm),
}

/// A batch file that was read.
pub(super) struct BatchFile {
    /// What it is called where something is said of it.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl BatchFile {
    /// Reads a file; `-` is stdin.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let is_stdin = path == Path::new("-");
        let mut bytes = Vec::new();
        let read = if is_stdin {
            io::stdin().lock().read_to_end(&mut bytes)
        } else {
            File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
        };
        read.map_err(|source| Failure::Io { verb: "read", path: path.to_owned(), source })?;
        let name = if is_stdin { "stdin".to_owned() } else { path.display().to_string() };
        Ok(Self { name, bytes })
    }

    /// Tells of every line that is wrong: because of them, nothing was submitted.
    pub(super) fn refused(&self, session: &Session, bad: Vec<BadLine>) -> Failure {
        let lines = text::plural(bad.len() as u64, "line is wrong", "lines are wrong");
        for BadLine { line, what } in bad {
            session.screen.fail(&Failure::Usage {
                message: format!("{}:{line}: {what}", self.name),
                hint: None,
            });
        }
        Failure::usage(
            format!("{}: {lines}; nothing was submitted", self.name),
            "jobctl run --help says what a line can be",
        )
    }
}

/// The commands that the lines ask for, where `usual` holds for what they do not say; or all
/// lines that are wrong.
pub(super) fn orders(bytes: &[u8], usual: &Order, now: Time) -> Result<Vec<Order>, Vec<BadLine>> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let (mut orders, mut bad) = (Vec::new(), Vec::new());
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        match order(line, usual, now) {
            Ok(Some(order)) => orders.push(Order { line: number, ..order }),
            Ok(None) => {}
            Err(flaw) => bad.push(BadLine { line: number, what: with_causes(&flaw) }),
        }
    }
    if bad.is_empty() { Ok(orders) } else { Err(bad) }
}

/// What one line asks for, if anything.
fn order(line: &[u8], usual: &Order, now: Time) -> Result<Option<Order>, Flaw> {
    let line = std::str::from_utf8(line).map_err(|error| Flaw::NotText(error.valid_up_to()))?;
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if line.starts_with("{\"") {
        return Line::parse(line)?.over(usual, now).map(Some);
    }
    let command = shell(line.to_owned())?;
    Ok(Some(Order { command, ..usual.clone() }))
}

fn shell(line: String) -> Result<CommandLine, Flaw> {
    if line.contains('\0') {
        return Err(Flaw::Nul);
    }
    if line.trim().is_empty() { Err(Flaw::NoCommand) } else { Ok(CommandLine::Shell(line)) }
}

fn program(words: Vec<String>) -> Result<CommandLine, Flaw> {
    if words.iter().any(|word| word.contains('\0')) {
        return Err(Flaw::Nul);
    }
    let is_named = words.first().is_some_and(|program| !program.is_empty());
    if is_named { Ok(CommandLine::Program(words)) } else { Err(Flaw::NoCommand) }
}

/// A line in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    command: Words,
    name: Option<String>,
    description: Option<String>,
    after: Option<Vec<AfterShape>>,
    on_dependency_failure: Option<OnDependencyFailure>,
    priority: Option<i32>,
    timeout: Option<Length>,
    retries: Option<u32>,
    delay: Option<Length>,
    at: Option<String>,
    on_crash: Option<OnCrash>,
    resources: Option<BTreeMap<String, u32>>,
    env: Option<BTreeMap<String, String>>,
    directory: Option<PathBuf>,
    keep_env: Option<bool>,
    announce: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a command is a line, or a list of words")]
enum Words {
    Shell(String),
    Program(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "after is a list of ids, names, or {\"on\": …, \"condition\": …}")]
enum AfterShape {
    Short(String),
    Long(LongAfter),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongAfter {
    on: String,
    condition: Condition,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a length of time is a number of seconds, or 90s, 15min, 2h, 1d")]
enum Length {
    Seconds(u64),
    Text(String),
}

impl Length {
    fn read(&self) -> Result<Duration, Flaw> {
        match self {
            Self::Seconds(seconds) => Ok(Duration::from_secs(*seconds)),
            Self::Text(text) => Ok(since::duration(text).map_err(BadTerm::from)?),
        }
    }
}

impl Line {
    fn parse(text: &str) -> Result<Self, Flaw> {
        serde_json::from_str(text).map_err(|error| {
            // A file has lines of its own, and JSON's count within one of them says nothing.
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            Flaw::Json(format!("{said} (column {})", error.column()))
        })
    }

    /// What this line asks for, and what is usual where it says nothing.
    fn over(self, usual: &Order, now: Time) -> Result<Order, Flaw> {
        let command = match self.command {
            Words::Shell(line) => shell(line)?,
            Words::Program(words) => program(words)?,
        };
        let mut order = Order { command, ..usual.clone() };
        let terms = &mut order.terms;
        if let Some(name) = &self.name {
            terms.call(name)?;
        }
        terms.description = self.description.or(terms.description.take());
        if let Some(after) = self.after {
            terms.after = after.into_iter().map(AfterShape::read).collect::<Result<_, _>>()?;
        }
        terms.on_dependency_failure =
            self.on_dependency_failure.unwrap_or(terms.on_dependency_failure);
        terms.priority = self.priority.unwrap_or(terms.priority);
        terms.retries = self.retries.unwrap_or(terms.retries);
        terms.on_crash = self.on_crash.or(terms.on_crash);
        if let Some(timeout) = self.timeout {
            terms.limit(timeout.read()?)?;
        }
        match (self.delay, self.at) {
            (Some(_), Some(_)) => return Err(Flaw::TwoTimes),
            (Some(delay), None) => terms.wait(delay.read()?, now)?,
            (None, Some(at)) => terms.wait_until(&at, now)?,
            (None, None) => {}
        }
        if let Some(resources) = self.resources {
            terms.resources.clear();
            for (name, amount) in resources {
                terms.take(&name, amount)?;
            }
        }
        if let Some(names) = self.announce {
            terms.announce_as(names)?;
        }
        for (name, value) in self.env.into_iter().flatten() {
            if !is_variable(&name, &value) {
                return Err(Flaw::Variable(name));
            }
            order.variables.insert(name, value);
        }
        if let Some(directory) = self.directory {
            order.directory = order.directory.join(directory);
        }
        order.keep = self.keep_env.unwrap_or(order.keep);
        Ok(order)
    }
}

impl AfterShape {
    fn read(self) -> Result<After, BadTerm> {
        match self {
            Self::Short(text) => After::parse(&text),
            Self::Long(LongAfter { on, condition }) => Ok(After { on, condition }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::submit::terms::Terms;

    const NOW: i64 = 1_800_000_000;

    fn usual() -> Order {
        let terms = Terms { priority: 7, retries: 1, ..Terms::default() };
        Order {
            command: CommandLine::Shell(String::new()),
            terms,
            directory: "/here".into(),
            variables: [("A", "1"), ("B", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            keep: false,
            line: 1,
        }
    }

    fn read(text: &[u8]) -> Result<Vec<Order>, Vec<BadLine>> {
        orders(text, &usual(), Time::from_second(NOW).unwrap())
    }

    fn shell(line: &str) -> CommandLine {
        CommandLine::Shell(line.to_owned())
    }

    #[test]
    fn lines_are_commands_wherever_they_come_from() {
        let text =
            "\u{feff}echo one\r\n\r\n# no\n   # no\n\techo 'two'  \n{ echo three; }\necho four";
        let found = read(text.as_bytes()).unwrap();
        let found: Vec<_> = found.into_iter().map(|order| (order.line, order.command)).collect();
        let wanted = [(1, "echo one"), (5, "echo 'two'"), (6, "{ echo three; }"), (7, "echo four")];
        assert_eq!(found, wanted.map(|(line, command)| (line, shell(command))));
        assert!(read(b"").unwrap().is_empty());
        assert!(read(b"\n#\n \r\n").unwrap().is_empty());
    }

    #[test]
    fn json_says_all_that_the_options_say_and_the_options_fill_the_rest() {
        let line = r#"{"command":["a","b c"],"name":"n","description":"d","after":["x:clean",
            {"on":"y","condition":"ended"}],"on_dependency_failure":"hold","priority":-3,
            "timeout":"2min","retries":4,"delay":30,"on_crash":"resume","resources":{"db":2},
            "env":{"B":"2"},"directory":"sub","keep_env":true,"announce":[]}"#;
        let line = line.replace('\n', "");
        let [order, plain] =
            read(format!("{line}\n{{\"command\":\"z\"}}").as_bytes()).unwrap().try_into().unwrap();
        let words = ["a", "b c"].map(str::to_owned).to_vec();
        assert_eq!(order.command, CommandLine::Program(words));
        let terms = &order.terms;
        assert_eq!((terms.name.as_deref(), terms.description.as_deref()), (Some("n"), Some("d")));
        let after = |on: &str, condition| After { on: on.to_owned(), condition };
        assert_eq!(terms.after, [after("x", Condition::Clean), after("y", Condition::Ended)]);
        assert_eq!(terms.on_dependency_failure, OnDependencyFailure::Hold);
        assert_eq!((terms.priority, terms.retries), (-3, 4));
        assert_eq!(terms.timeout.unwrap().as_secs(), 120);
        assert_eq!(terms.not_before.unwrap().as_second(), NOW + 30);
        assert_eq!(terms.on_crash, Some(OnCrash::Resume));
        assert_eq!(terms.resources, [("db".to_owned(), 2)].into());
        assert_eq!(terms.announce.as_deref(), Some(&[][..]));
        let variables: Vec<_> = order.variables.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(variables, ["A=1", "B=2"]);
        assert_eq!(order.directory, Path::new("/here/sub"));
        assert!(order.keep);
        assert_eq!((plain.terms.priority, plain.terms.retries, plain.keep), (7, 1, false));
        assert_eq!((plain.command, plain.directory), (shell("z"), "/here".into()));
    }

    #[test]
    fn every_line_that_is_wrong_is_told_with_its_number() {
        let text: Vec<&[u8]> = vec![
            b"fine",
            b"caf\xe9",
            b"nul\0",
            br#"{"command":"x","comand":"y"}"#,
            br#"{"name":"x"}"#,
            br#"{"command":[]}"#,
            br#"{"command":["x","\u0000"]}"#,
            br#"{"command":"  "}"#,
            br#"{"command":"x","name":"@last"}"#,
            br#"{"command":"x","after":[{"on":"y"}]}"#,
            br#"{"command":"x","timeout":"soon"}"#,
            br#"{"command":"x","timeout":0}"#,
            br#"{"command":"x","delay":1,"at":"09:00"}"#,
            br#"{"command":"x","env":{"A=B":"1"}}"#,
            br#"{"command":"x","resources":{"db":0}}"#,
            br#"{"command":"x","on_crash":"maybe"}"#,
            br#"{"command":"x"} y"#,
            b"fine",
        ];
        let bad = read(&text.join(&b'\n')).unwrap_err();
        let lines: Vec<usize> = bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, (2..=17).collect::<Vec<_>>(), "{bad:#?}");
        let said = |line: usize| &bad[line - 2].what;
        assert!(said(2).contains("not UTF-8 after byte 3"), "{}", said(2));
        assert!(said(4).contains("unknown field `comand`"), "{}", said(4));
        assert!(said(5).contains("missing field `command`"), "{}", said(5));
        assert!(said(9).contains("begins like @last"), "{}", said(9));
        assert!(said(11).contains("not a span of time"), "{}", said(11));
        assert!(!said(4).contains("line 1"), "{}", said(4));
    }
}
