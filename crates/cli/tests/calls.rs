//! The program as its callers see it: stdout, stderr and exit codes, without a network.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const SOURCE: &str = "https://git.example.org/team/tool.git";

/// A user with an own home directory, in a project of theirs.
struct User {
    home: TempDir,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("project")).unwrap();
        Self { home }
    }

    fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobctl"));
        command
            .args(line.split_whitespace())
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.home.path())
            .env("TZ", "UTC")
            .env("GH_TOKEN", "very-secret")
            .stdin(Stdio::null());
        command
    }

    /// Calls `jobctl`, with nothing started behind its back.
    fn call(&self, line: &str) -> Said {
        let output = self.command(line).arg("--no-start").output().unwrap();
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The id of a new pending job.
    fn submit(&self) -> String {
        let said = self.call(&format!("clone {SOURCE} --again"));
        assert_eq!(said.code, Some(0), "{}", said.err);
        said.out.trim_end().to_owned()
    }
}

/// Every path below a directory, with its length.
fn tree(path: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        let meta = entry.metadata().unwrap();
        found.push((entry.path(), meta.len()));
        if meta.is_dir() {
            found.extend(tree(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn looking_around_changes_nothing() {
    let user = User::new();
    let before = tree(user.home.path());
    let first = user.call("");
    assert_eq!(first.code, Some(0));
    assert!(
        first.out.contains("No jobs yet.") && first.out.contains("jobctl init"),
        "{}",
        first.out
    );
    assert_eq!(user.call("list --json").out, "{\"schema\":1,\"jobs\":[]}\n");
    assert_eq!(user.call("list").out, "No jobs.\n");
    assert_eq!(user.call("show @last").code, Some(3));
    assert_eq!(user.call("issues").code, Some(0));
    assert_eq!(user.call("export").out, "");
    assert_eq!(user.call("list --state-dir elsewhere").code, Some(0));
    assert_eq!(tree(user.home.path()), before);
}

#[test]
fn ids_are_all_that_stdout_gets() {
    let user = User::new();
    assert_eq!(user.call("init").code, Some(0));
    let said = user.call(&format!("clone {SOURCE} https://other.example.org/a/b"));
    let ids: Vec<_> = said.out.lines().collect();
    assert_eq!(ids.len(), 2, "one job for each server: {}", said.out);
    assert!(ids.iter().all(|id| id.len() == 8), "{}", said.out);
    assert!(said.err.contains("jobctl follow"), "{}", said.err);
    assert_eq!(user.call(&format!("clone {SOURCE} -q")).err, "", "quiet");
}

#[test]
fn the_same_unfinished_job_is_given_back() {
    let user = User::new();
    let first = user.call(&format!("clone {SOURCE}"));
    let second = user.call(&format!("clone {SOURCE}"));
    assert_eq!(first.out, second.out);
    assert!(second.err.contains("--again"), "{}", second.err);
    assert_ne!(user.call(&format!("clone {SOURCE} --depth 1")).out, first.out, "other options");
    assert_ne!(user.call(&format!("clone {SOURCE} --again")).out, first.out);
    user.call(&format!("cancel {}", first.out.trim()));
    assert_ne!(user.call(&format!("clone {SOURCE}")).out, first.out, "it has ended");
}

#[test]
fn a_job_can_be_paused_resumed_cancelled_and_removed() {
    let user = User::new();
    let id = user.submit();
    let prefix = &id[..6];
    let job = user.call("show @last --json").json();
    assert_eq!(job["schema"], 1);
    assert_eq!(job["job"]["id"], id.as_str());
    assert_eq!(job["job"]["status"], "pending");
    assert_eq!(job["job"]["kind"], "clone-repos");
    assert_eq!(user.call(&format!("pause {prefix}")).code, Some(0));
    assert_eq!(user.call(&format!("pause {prefix}")).code, Some(0), "it is paused already");
    let job = user.call(&format!("show {id} --json")).json();
    assert_eq!(job["job"]["reason"]["kind"], "user");
    assert_eq!(user.call(&format!("wait {id}")).code, Some(8), "it needs a person");
    assert_eq!(user.call(&format!("resume {id}")).code, Some(0));
    assert_eq!(user.call(&format!("wait {id} --timeout 10ms")).code, Some(124));
    assert_eq!(user.call(&format!("rm {id}")).code, Some(4), "it has not ended");
    assert_eq!(user.call(&format!("cancel {id}")).code, Some(0));
    assert_eq!(user.call(&format!("cancel {id}")).code, Some(0), "it is cancelled already");
    assert_eq!(user.call(&format!("resume {id}")).code, Some(4));
    assert_eq!(user.call(&format!("wait {id}")).code, Some(9));
    assert_eq!(user.call(&format!("rm {id}")).code, Some(0));
    let shown = user.call(&format!("show {id} --json"));
    assert_eq!(shown.code, Some(0), "the list of ended jobs knows");
    assert_eq!(shown.json()["job"]["status"], "cancelled");
    assert!(user.call(&format!("show {id}")).out.contains("were removed"));
    assert_eq!(user.call(&format!("wait {id}")).code, Some(9));
    assert_eq!(user.call(&format!("logs {id}")).code, Some(3));
    let again = user.call(&format!("rm {id}"));
    assert_eq!((again.code, again.out), (Some(0), format!("{id} was removed already\n")));
    assert_eq!(user.call("rm 00000000").code, Some(3));
}

#[test]
fn the_original_commands_flags_work() {
    let user = User::new();
    let id = user.submit();
    assert!(user.call("--active").out.contains(&id));
    assert!(user.call(&format!("--id {id}")).out.starts_with(&format!("Job Details: {id}")));
    let killed = user.call(&format!("--kill {id}"));
    assert!(killed.out.contains("Job killed. Status changed to 'paused'."), "{}", killed.out);
    let resumed = user.call(&format!("--resume {id}"));
    assert!(resumed.out.contains("Job resumed in background."), "{}", resumed.out);
    assert_eq!(user.call(&format!("--logs {id}")).code, Some(0));
    assert_eq!(user.call(&format!("--kill {id} list")).code, Some(2));
}

#[test]
fn what_makes_no_sense_exits_with_2() {
    let user = User::new();
    for line in [
        "frobnicate",
        "clone",
        "clone jira:PAY",
        "clone nonsense",
        "clone ssh://git@git.example.org/a/b",
        "clone http://git.example.org/a/b",
        "clone https://me:secret@git.example.org/a/b",
        "clone https://git.example.org/a/b --match /(/",
        "import https://git.example.org/a/b",
        "list --status odd",
        "pause",
        "stop 1234",
        "-C nowhere list",
    ] {
        let said = user.call(line);
        assert_eq!(said.code, Some(2), "{line}: {}", said.err);
        assert_eq!(said.out, "", "{line}");
        assert!(!said.err.contains("secret"), "{}", said.err);
    }
    assert!(user.call("stop 1234").err.contains("pause (can be resumed) or cancel (cannot)?"));
    assert_eq!(user.call(&format!("clone {SOURCE} --token-env NOT_SET")).code, Some(7));
    assert!(!user.project().join("team").exists());
}

#[test]
fn a_directory_from_elsewhere_is_shown_and_not_touched() {
    let user = User::new();
    user.call("init");
    let id = user.submit();
    fs::rename(user.project(), user.home.path().join("moved")).unwrap();
    fs::create_dir(user.project()).unwrap();
    let before = tree(user.home.path());
    let listed = user.call("-C ../moved list");
    assert!(listed.out.contains(&id), "{}", listed.out);
    assert!(listed.err.contains("jobctl trust"), "{}", listed.err);
    assert_eq!(user.call(&format!("-C ../moved show {id}")).code, Some(0));
    for line in ["pause @last", "resume @last", "rm @last", "wait @last", "issues", "init"] {
        assert_eq!(user.call(&format!("-C ../moved {line}")).code, Some(4), "{line}");
    }
    assert_eq!(user.call(&format!("-C ../moved clone {SOURCE}")).code, Some(4));
    assert_eq!(user.call("trust ../moved").code, Some(2), "nobody can be asked");
    assert_eq!(tree(user.home.path()), before);
    assert_eq!(user.call("trust ../moved --yes").code, Some(0));
    assert_eq!(user.call("-C ../moved pause @last").code, Some(0));
}

#[test]
fn a_damaged_job_is_told_and_hides_no_other() {
    let user = User::new();
    user.call("init");
    let (damaged, whole) = (user.submit(), user.submit());
    for id in [&damaged, &whole] {
        user.call(&format!("pause {id}"));
    }
    let journal = user.project().join(".jobs/jobs").join(&damaged).join("journal.jsonl");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[30] ^= 1;
    fs::remove_file(&journal).unwrap();
    std::io::Write::write_all(&mut fs::File::create(&journal).unwrap(), &bytes).unwrap();
    assert_eq!(user.call(&format!("show {damaged}")).code, Some(5));
    assert_eq!(user.call(&format!("resume {damaged}")).code, Some(5));
    assert_eq!(user.call(&format!("wait {damaged}")).code, Some(5));
    let listed = user.call("list");
    assert!(listed.out.contains("Damaged (1):") && listed.out.contains(&whole), "{}", listed.out);
    assert_eq!(fs::read(&journal).unwrap(), bytes);
}

#[test]
fn no_secret_is_written() {
    let user = User::new();
    user.call("init");
    let said = user.call("clone github:acme");
    if !cfg!(feature = "github") {
        assert_eq!(said.code, Some(2));
        assert!(said.err.contains("--features github"), "{}", said.err);
        return;
    }
    assert_eq!(said.code, Some(0), "{}", said.err);
    for (path, _) in tree(user.home.path()).iter().filter(|(path, _)| path.is_file()) {
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("very-secret"), "{}", path.display());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let user = User::new();
    user.submit();
    let mut child = user
        .command("list --no-start")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
}
