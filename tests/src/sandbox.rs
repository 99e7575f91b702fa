//! A machine of its own for one test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use jobctl_forge::Forge;
use serde_json::Value;

use crate::processes::{self, Process};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(20);

/// Waits until something holds; panics with `what` when it does not within `seconds`.
pub fn wait_until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(seconds),
            "after {seconds} s still not: {what}"
        );
        thread::sleep(STEP);
    }
}

/// How a call of the program ended.
#[derive(Debug, Clone)]
pub struct Told {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it answered.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
    line: String,
}

impl Told {
    /// Panics unless the exit code is this one.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "jobctl {}\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.stdout,
            self.stderr
        );
        self
    }

    /// The answer of a call that went well.
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// The answer as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("jobctl {}: {error}:\n{}", self.line, self.stdout))
    }

    /// The ids that a command printed which makes jobs, one a line.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.stdout.lines().map(str::to_owned).collect()
    }
}

/// A call of the program that has not been made yet.
#[derive(Debug)]
pub struct Call<'a> {
    sandbox: &'a Sandbox,
    command: Command,
    line: String,
}

impl Call<'_> {
    /// One more variable in the environment of this call.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Makes the call somewhere else.
    pub fn at(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Has another program make the call, which gets the line as its last arguments.
    pub fn through(self, before: &[&str]) -> Self {
        let mut line: Vec<OsString> = before.iter().map(OsString::from).collect();
        line.push(self.command.get_program().to_owned());
        self.with_line(&line)
    }

    /// Calls another copy of the program.
    pub fn of(self, program: &Path) -> Self {
        self.with_line(&[program.into()])
    }

    /// The same call with something else in the place of the program.
    fn with_line(mut self, line: &[OsString]) -> Self {
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).args(self.command.get_args()).env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.current_dir(self.command.get_current_dir().expect("every call is made somewhere"));
        self.command = command;
        self
    }

    /// Makes the call and waits for its end.
    pub fn run(self) -> Told {
        self.run_with("")
    }

    /// Makes the call with this on its stdin, and waits for its end.
    pub fn run_with(self, input: &str) -> Told {
        let Self { sandbox, mut command, line } = self;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the built jobctl runs");
        // Who reads no input may be gone already.
        drop(child.stdin.take().map(|mut pipe| pipe.write_all(input.as_bytes())));
        let output = child.wait_with_output().expect("the built jobctl runs");
        let told = Told {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            line,
        };
        let mut said = sandbox.said.lock().expect("no test thread panicked while it spoke");
        said.push_str(&told.stdout);
        said.push_str(&told.stderr);
        told
    }

    /// Makes the call and leaves it alone.
    pub fn spawn(mut self) -> Child {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the built jobctl runs")
    }

    /// The call as it would be made, for tests that start it in a way of their own.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command
    }
}

/// A home, a state directory, a temporary directory, a working directory, and every process that
/// `jobctl` starts in them; all gone when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    root: tempfile::TempDir,
    token: Option<String>,
    variables: Mutex<BTreeMap<String, String>>,
    said: Mutex<String>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// An empty machine; nobody is logged in anywhere.
    #[must_use]
    pub fn new() -> Self {
        // Socket paths have about 100 bytes: the directory must have a short name.
        let root = tempfile::Builder::new().prefix("jt").tempdir_in("/tmp").expect("room in /tmp");
        for name in ["home", "state", "config", "t", "work"] {
            fs::create_dir(root.path().join(name)).expect("room in /tmp");
        }
        Self {
            root,
            token: None,
            variables: Mutex::new(BTreeMap::new()),
            said: Mutex::new(String::new()),
        }
    }

    /// A machine whose shell holds the token of this forge.
    #[must_use]
    pub fn with_token_of(forge: &Forge) -> Self {
        let mut sandbox = Self::new();
        sandbox.token = Some(forge.token().to_owned());
        sandbox
    }

    /// A variable in the environment of every later call.
    pub fn set(&self, name: &str, value: &str) {
        let mut variables = self.variables.lock().expect("no test thread panicked here");
        variables.insert(name.to_owned(), value.to_owned());
    }

    /// All of it.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Where calls are made.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    /// The text of a file where calls are made; empty where there is none.
    #[must_use]
    pub fn read_work(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap_or_default()
    }

    /// Gives the user these settings.
    pub fn configure(&self, text: &str) {
        let place = self.root().join("config/jobctl");
        fs::create_dir_all(&place).expect("room in /tmp");
        #[expect(clippy::disallowed_methods, reason = "a plain file is enough for a test")]
        fs::write(place.join("jobctl.toml"), text).expect("room in /tmp");
    }

    /// Where jobs made outside of projects live.
    #[must_use]
    pub fn jobs(&self) -> PathBuf {
        self.root().join("state/jobctl/default")
    }

    /// What the journal of a job says, an event a line.
    #[must_use]
    pub fn events(&self, id: &str) -> Vec<Value> {
        let path = self.job_directory(id).join("journal.jsonl");
        let text = fs::read_to_string(path).unwrap_or_default();
        let event = |line: &str| serde_json::from_str(line).expect("a journal's lines are JSON");
        text.lines().map(event).collect()
    }

    /// The directory of one job.
    #[must_use]
    pub fn job_directory(&self, id: &str) -> PathBuf {
        self.jobs().join("jobs").join(id)
    }

    /// All that calls have printed so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.said.lock().expect("no test thread panicked while it spoke").clone()
    }

    /// A call of `jobctl` with these arguments, with the token if there is one.
    #[must_use]
    pub fn call(&self, args: &[&str]) -> Call<'_> {
        let call = self.call_without_token(args);
        match &self.token {
            Some(token) => call.env("GH_TOKEN", token),
            None => call,
        }
    }

    /// A call from a shell that does not hold the token.
    #[must_use]
    pub fn call_without_token(&self, args: &[&str]) -> Call<'_> {
        let mut command = Command::new(program());
        command
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", self.root().join("home"))
            .env("XDG_STATE_HOME", self.root().join("state"))
            .env("XDG_CONFIG_HOME", self.root().join("config"))
            .env("TMPDIR", self.root().join("t"))
            .envs(&*self.variables.lock().expect("no test thread panicked here"));
        Call { sandbox: self, command, line: args.join(" ") }
    }

    /// Makes a call.
    pub fn run(&self, args: &[&str]) -> Told {
        self.call(args).run()
    }

    /// Submits `clone` or `import` of sources of this forge, and gives the job's id.
    pub fn submit(&self, forge: &Forge, args: &[&str]) -> String {
        self.submit_as(self.call(&with_api(forge, args)))
    }

    /// As [`Sandbox::submit`], for a call that was made ready.
    pub fn submit_as(&self, call: Call<'_>) -> String {
        let told = call.run().ok();
        let ids = told.ids();
        assert_eq!(ids.len(), 1, "one id on stdout: {told:?}");
        ids.into_iter().next().expect("there is one")
    }

    /// Submits a command with these arguments of `run`.
    pub fn command(&self, args: &[&str]) -> String {
        self.submit_as(self.call(&[&["run"], args].concat()))
    }

    /// Submits a line for the shell.
    pub fn shell(&self, options: &[&str], line: &str) -> String {
        self.command(&[options, &["--shell", line]].concat())
    }

    /// A call that submits something of this forge.
    #[must_use]
    pub fn submission(&self, forge: &Forge, args: &[&str]) -> Call<'_> {
        self.call(&with_api(forge, args))
    }

    /// A job as `show --json` tells it. Only looks: starts no runner and offers nothing.
    #[must_use]
    pub fn job(&self, id: &str) -> Value {
        let told = self.call_without_token(&["show", id, "--json", "--no-start"]).run();
        told.exits(0).json()["job"].clone()
    }

    /// A job's status.
    #[must_use]
    pub fn status(&self, id: &str) -> String {
        self.job(id)["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Why a job is paused, if it is.
    #[must_use]
    pub fn reason(&self, id: &str) -> Option<String> {
        self.job(id)["reason"]["kind"].as_str().map(str::to_owned)
    }

    /// Waits, only looking, until a job has this status, and gives it.
    pub fn wait_for(&self, id: &str, status: &str, seconds: u64) -> Value {
        let begun = Instant::now();
        loop {
            let job = self.job(id);
            if job["status"] == status {
                return job;
            }
            let log = || self.call_without_token(&["logs", id, "--no-start"]).run().stdout;
            assert!(
                begun.elapsed() < Duration::from_secs(seconds),
                "{id} is not {status} after {seconds} s: {job:#}\n{}",
                log()
            );
            thread::sleep(STEP);
        }
    }

    /// `jobctl wait`, which must end with this code.
    pub fn waits(&self, id: &str, seconds: u64, code: i32) -> Told {
        let timeout = format!("{seconds}s");
        let told = self.run(&["wait", id, "--timeout", &timeout]);
        if told.code != Some(code) {
            let log = self.run(&["logs", id, "--no-start"]).stdout;
            panic!("wait {id} ended with {:?}, not {code}: {:#}\n{log}", told, self.job(id));
        }
        told
    }

    /// What `export` writes, a row an issue.
    #[must_use]
    pub fn export(&self, args: &[&str]) -> Vec<Value> {
        let mut all = vec!["export"];
        all.extend(args);
        let told = self.run(&all).ok();
        let row = |line: &str| serde_json::from_str(line).expect("a line of an export is JSON");
        told.stdout.lines().map(row).collect()
    }

    /// The living runner.
    #[must_use]
    pub fn runner(&self) -> Option<Process> {
        self.processes().into_iter().find(|process| process.role() == Some("runner"))
    }

    /// The living worker of a job.
    #[must_use]
    pub fn worker(&self, id: &str) -> Option<Process> {
        let is = |process: &Process| {
            process.role() == Some("worker") && process.args.iter().any(|arg| arg == id)
        };
        self.processes().into_iter().find(is)
    }

    /// Waits for a runner.
    pub fn wait_for_runner(&self) -> Process {
        let mut found = None;
        wait_until("a runner is there", 20, || {
            found = self.runner();
            found.is_some()
        });
        found.expect("just seen")
    }

    /// Waits for a worker of this job that has begun.
    pub fn wait_for_worker(&self, id: &str) -> Process {
        let mut found = None;
        wait_until(&format!("{id} has a worker"), 20, || {
            found = self.worker(id);
            found.is_some() && self.job_directory(id).join("worker.pid").exists()
        });
        found.expect("just seen")
    }

    /// Every living process that was started in this sandbox by a program of it.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        processes::below(self.root())
    }

    /// Kills everything, as a power cut would.
    pub fn kill_all(&self) {
        wait_until("all processes are gone", 20, || {
            let left = self.processes();
            for process in &left {
                processes::kill(process.pid);
            }
            left.is_empty()
        });
    }

    /// Every file below a directory whose bytes hold this text.
    #[must_use]
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        search(self.root(), text.as_bytes(), &mut found);
        found
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Runners and workers that go on would outlive the directory they work in.
        for _ in 0..100 {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            for process in &left {
                processes::kill(process.pid);
            }
            thread::sleep(STEP);
        }
    }
}

fn with_api<'a>(forge: &'a Forge, args: &[&'a str]) -> Vec<&'a str> {
    let mut all = args.to_vec();
    all.extend(["--api-url", forge.url()]);
    all
}

fn search(directory: &Path, text: &[u8], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            search(&path, text, found);
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            if bytes.windows(text.len()).any(|part| part == text) {
                found.push(path);
            }
        }
    }
}

/// The program under test: `JOBCTL_BIN`, else the one built beside these tests.
#[must_use]
pub fn program() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are told in their environment what to run"
    )]
    if let Some(path) = std::env::var_os("JOBCTL_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a test has a path");
    let target = own.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    target.join("jobctl")
}
