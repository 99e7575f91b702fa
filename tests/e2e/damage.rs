//! Files that were harmed, moved, or written by others.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jobctl_forge::{Config, Forge};
use jobctl_tests::{Sandbox, wait_until, worlds};
use serde_json::Value;

/// A sandbox with three ended jobs.
fn with_jobs() -> (Forge, Sandbox, Vec<String>) {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let submit = |source| sandbox.submit(&forge, &["import", source]);
    let ids = ["github:acme/repo-001", "github:acme/repo-002", "github:acme/api"].map(submit);
    for id in &ids {
        sandbox.waits(id, 60, 0);
    }
    wait_until("the runner has gone", 20, || sandbox.processes().is_empty());
    (forge, sandbox, ids.into())
}

fn listed(sandbox: &Sandbox) -> Vec<Value> {
    let list = sandbox.run(&["list", "--all", "--json"]).ok().json();
    list["jobs"].as_array().expect("a list").clone()
}

/// Flips a bit of a record of a journal; gives where the record begins, and the bytes then.
fn flip_record(journal: &Path, number: usize) -> (usize, Vec<u8>) {
    let mut bytes = fs::read(journal).expect("it is there");
    let breaks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let begin = breaks.map(|(at, _)| at + 1).nth(number - 2).expect("so many lines");
    bytes[begin + 20] ^= 1;
    fs::write(journal, &bytes).expect("it is ours");
    (begin, bytes)
}

/// Everything below a directory with its bytes and the time of its last change.
fn stamped(directory: &Path, found: &mut BTreeMap<PathBuf, (i64, i64, Vec<u8>)>) {
    for entry in fs::read_dir(directory).expect("it is there").flatten() {
        let (path, meta) = (entry.path(), entry.metadata().expect("it is there"));
        if meta.is_dir() {
            stamped(&path, found);
        }
        let bytes = if meta.is_file() { fs::read(&path).expect("it is ours") } else { Vec::new() };
        found.insert(path, (meta.mtime(), meta.mtime_nsec(), bytes));
    }
}

fn state_of(sandbox: &Sandbox) -> BTreeMap<PathBuf, (i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    stamped(&sandbox.jobs(), &mut found);
    found
}

#[test]
fn a_damaged_job_is_shown_as_such_and_hides_no_other() {
    let (_forge, sandbox, ids) = with_jobs();
    let id = ids[1].as_str();
    let journal = sandbox.job_directory(id).join("journal.jsonl");
    let (byte, bytes) = flip_record(&journal, 2);
    let jobs = listed(&sandbox);
    assert_eq!(jobs.len(), 3, "{jobs:#?}");
    let damaged = |job: &&Value| job.get("damaged").is_some();
    let harmed: Vec<_> = jobs.iter().filter(damaged).filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(harmed, [id], "{jobs:#?}");

    let shown = sandbox.run(&["show", id]).exits(5).stdout;
    for words in [&*journal.to_string_lossy(), "record 2", &format!("byte {byte}"), "doctor"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert!(shown.contains("Status: pending"), "what can be read is shown:\n{shown}");
    let shape = sandbox.run(&["show", id, "--json"]).exits(5).json();
    assert!(shape["job"]["damaged"].as_str().is_some_and(|what| what.contains("record 2")));
    for command in ["pause", "resume", "cancel", "rm", "wait", "follow"] {
        let told = sandbox.run(&[command, id]).exits(5);
        let said = format!("{}{}", told.stdout, told.stderr);
        assert!(said.to_lowercase().contains("damaged"), "{command}: {said}");
        assert!(said.contains("record 2"), "{command}: {said}");
    }
    sandbox.run(&["logs", id]).ok();
    sandbox.run(&["show", &ids[0]]).ok();
    assert_eq!(fs::read(&journal).expect("it is there"), bytes, "nothing is lost by looking");
}

#[test]
fn doctor_explains_without_writing_and_mends_without_losing() {
    let (_forge, sandbox, ids) = with_jobs();
    let healthy = sandbox.run(&["doctor"]).ok().stdout;
    assert_eq!(healthy, "No problems found (3 jobs)\n");

    let (id, lost, waiting) = (ids[1].as_str(), ids[0].as_str(), "0badbeef");
    let journal = sandbox.job_directory(id).join("journal.jsonl");
    // How it ended: then nobody knows where it stood.
    let (_, bytes) = flip_record(&journal, 3);
    fs::remove_file(sandbox.job_directory(id).join("result.json")).expect("it is there");
    fs::remove_file(sandbox.job_directory(lost).join("journal.jsonl")).expect("it is there");
    fs::write(sandbox.jobs().join(format!("new/{waiting}.jsonl")), "").expect("it is ours");
    fs::write(sandbox.jobs().join("new/batch.jsonl"), [0; 300]).expect("it is ours");
    // A usual call would make the index anew now.
    fs::remove_file(sandbox.jobs().join("boot")).expect("it is there");

    let before = state_of(&sandbox);
    let told = sandbox.run(&["doctor"]).exits(5);
    for words in [id, lost, waiting, "new/batch.jsonl", "record 3", "pause the job", "set-aside"] {
        assert!(told.stdout.contains(words), "{words}:\n{}", told.stdout);
    }
    assert!(told.stderr.contains("jobctl doctor --repair"), "{}", told.stderr);
    let json = sandbox.run(&["doctor", "--json"]).exits(5).json();
    let findings = json["findings"].as_array().expect("a list");
    let of = |id: &str| findings.iter().find(|finding| finding["id"] == id).expect("it is found");
    assert_eq!((&of(id)["kind"], &of(id)["damage"]), (&"journal".into(), &true.into()));
    assert_eq!(of(lost)["kind"], "lost_journal");
    assert!(of(id)["repair"].is_string() && of(id).get("repaired").is_none());
    assert_eq!(state_of(&sandbox), before, "looking writes nothing");

    let warned = sandbox.run(&["list"]).ok();
    assert!(warned.stderr.contains("new/batch.jsonl"), "{}", warned.stderr);
    assert!(warned.stdout.contains(waiting), "{}", warned.stdout);
    sandbox.run(&["show", waiting]).exits(5);

    let mended = sandbox.run(&["doctor", "--repair"]).ok().stdout;
    assert!(mended.contains("Repaired:") && mended.contains("Nothing is damaged"), "{mended}");
    let files = fs::read_dir(sandbox.job_directory(id)).expect("it is there").flatten();
    let kept = files.map(|entry| entry.path());
    let is_copy = |path: &PathBuf| path.to_string_lossy().contains("journal.damaged-");
    let kept = kept.into_iter().find(is_copy).expect("the old journal is kept");
    assert_eq!(fs::read(kept).expect("it is ours"), bytes);
    let jobs = listed(&sandbox);
    assert_eq!(jobs.len(), 3, "{jobs:#?}");
    assert!(jobs.iter().all(|job| job.get("damaged").is_none()), "{jobs:#?}");
    assert_eq!(sandbox.status(lost), "completed", "as its result says");
    sandbox.run(&["doctor"]).ok();

    assert_eq!(sandbox.reason(id).as_deref(), Some("user"), "a person decides");
    sandbox.run(&["resume", id]).ok();
    sandbox.waits(id, 60, 0);
}

#[test]
fn a_foreign_directory_is_explained_and_never_repaired() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.run(&["init"]).ok();
    let call = sandbox.submission(&forge, &["import", "github:acme/repo-001", "--no-start"]);
    sandbox.submit_as(call);
    let moved = sandbox.root().join("moved");
    fs::rename(sandbox.work(), &moved).expect("same file system");
    fs::create_dir(sandbox.work()).expect("room in /tmp");
    fs::write(moved.join(".jobs/new/batch.jsonl"), "").expect("it is ours");
    let mut before = BTreeMap::new();
    stamped(&moved, &mut before);
    let told = sandbox.call(&["doctor"]).at(&moved).run().exits(5);
    assert!(told.stdout.contains("not a state directory of yours"), "{}", told.stdout);
    assert!(!told.stdout.contains("Repair:"), "{}", told.stdout);
    assert!(told.stderr.contains("jobctl trust"), "{}", told.stderr);
    sandbox.call(&["doctor", "--repair"]).at(&moved).run().exits(4);
    let mut after = BTreeMap::new();
    stamped(&moved, &mut after);
    assert_eq!(after, before);
}

#[test]
fn a_torn_last_line_is_no_damage() {
    let (forge, sandbox, ids) = with_jobs();
    let journal = sandbox.job_directory(&ids[0]).join("journal.jsonl");
    let mut bytes = fs::read(&journal).expect("it is there");
    bytes.extend_from_slice(b"{\"v\":1,\"seq\":9,\"at\":\"20");
    fs::write(&journal, &bytes).expect("it is ours");
    let job = sandbox.job(&ids[0]);
    assert!(job.get("damaged").is_none(), "{job:#}");
    assert_eq!(job["status"], "completed");
    drop(forge);
}

#[test]
fn lists_and_snapshots_that_are_lost_are_made_again() {
    let (_forge, sandbox, ids) = with_jobs();
    for name in ["ended.jsonl", "background-jobs.json"] {
        fs::remove_file(sandbox.jobs().join(name)).expect("it is there");
    }
    for id in &ids {
        fs::remove_file(sandbox.job_directory(id).join("status.json")).expect("it is there");
    }
    for id in &ids {
        assert_eq!(sandbox.status(id), "completed");
    }
}

#[test]
fn a_state_directory_that_was_moved_is_foreign_until_it_is_trusted() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.run(&["init"]).ok();
    let call = sandbox.submission(&forge, &["import", "github:acme/repo-001", "--no-start"]);
    let id = sandbox.submit_as(call);
    let moved = sandbox.root().join("moved");
    fs::rename(sandbox.work(), &moved).expect("same file system");
    fs::create_dir(sandbox.work()).expect("room in /tmp");
    let shown = sandbox.call(&["show", &id, "--json"]).at(&moved).run().ok().json();
    assert_eq!(shown["job"]["status"], "pending");
    sandbox.call(&["list"]).at(&moved).run().ok();
    assert_eq!(sandbox.processes(), Vec::new(), "nothing is started");
    sandbox.call(&["cancel", &id]).at(&moved).run().exits(4);
    let again = sandbox.submission(&forge, &["import", "github:acme/api"]).at(&moved);
    again.run().exits(4);
    assert_eq!(forge.log(), Vec::new());

    let path = moved.to_str().expect("a plain path").to_owned();
    sandbox.run(&["trust", &path, "--yes"]).ok();
    sandbox.call(&["list"]).at(&moved).run().ok();
    sandbox.call(&["wait", &id, "--timeout", "30s"]).at(&moved).run().ok();
}
