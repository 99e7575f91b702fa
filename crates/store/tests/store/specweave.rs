//! What the npm package `specweave` 1.0.593 reads and writes, as its `jobs` command does it: the
//! package itself is not there where these tests run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

/// The statuses that its list has headings for; a job with another is not shown.
const HEADINGS: [&str; 6] =
    ["running", "pending", "paused", "completed", "completed_with_warnings", "failed"];

/// Panics unless its list, its details and its bar can be drawn from this entry.
pub(crate) fn assert_shown(entry: &Value) {
    let text = |field: &Value| field.as_str().map(str::to_owned).unwrap_or_default();
    // Cut to eight characters, and compared by prefix.
    assert!(entry["id"].as_str().is_some_and(|id| id.len() >= 8), "{entry:#}");
    assert!(HEADINGS.contains(&text(&entry["status"]).as_str()), "{entry:#}");
    assert!(entry["type"].is_string(), "{entry:#}");
    // Read without asking whether it is there; the provider is shown for two types.
    let config = entry["config"].as_object().expect("a config, or it throws");
    if ["import-issues", "sync-external"].contains(&text(&entry["type"]).as_str()) {
        assert_eq!(config["type"], entry["type"]);
        assert!(config["provider"].is_string(), "{entry:#}");
    }
    let progress = &entry["progress"];
    let (current, total) = (progress["current"].as_u64(), progress["total"].as_u64());
    let (current, total) = (current.expect("a number"), total.expect("a number"));
    // `'░'.repeat(width - filled)` throws below zero.
    assert!(total == 0 || current <= total, "{entry:#}");
    // It pushes to these two.
    assert!(progress["itemsCompleted"].is_array() && progress["itemsFailed"].is_array());
    let item = progress.get("currentItem");
    assert!(item.is_none_or(Value::is_string), "printed as it is: {entry:#}");
    // `new Date(…)` of anything else is "NaN days ago"; it prints milliseconds itself.
    for name in ["startedAt", "updatedAt"] {
        let time = text(&entry[name]);
        let marks = [4, 7, 10, 13, 16, 19, 23].map(|at| time.as_bytes().get(at).copied());
        assert_eq!(marks, b"--T::.Z".map(Some), "{name}: {entry:#}");
    }
    let ended = ["completed", "completed_with_warnings", "failed"];
    if ended.contains(&text(&entry["status"]).as_str()) && entry["type"] != "unknown" {
        assert!(entry["completedAt"].is_string(), "{entry:#}");
    }
    // Shown by `--follow` for these, as "undefined" where it is missing.
    if ["completed_with_warnings", "failed"].contains(&text(&entry["status"]).as_str()) {
        assert!(!text(&entry["error"]).is_empty(), "{entry:#}");
    }
}

/// Panics unless its details of an ended job have no "undefined" in them.
pub(crate) fn assert_result_shown(job: &Path) {
    let bytes = fs::read(job.join("result.json")).expect("a job that ended has a result");
    let result: Value = serde_json::from_slice(&bytes).expect("it is JSON");
    assert!(result["totalCount"].is_u64() && result["completedAt"].is_string(), "{result:#}");
}

/// The other program, at work on the same file.
pub(crate) struct SpecWeave {
    root: PathBuf,
}

impl SpecWeave {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn list(&self) -> PathBuf {
        self.root.join("background-jobs.json")
    }

    /// What is in the file; nothing where it cannot be read.
    pub(crate) fn load(&self) -> Value {
        let read = || serde_json::from_slice(&fs::read(self.list()).ok()?).ok();
        read().unwrap_or_else(|| json!({ "jobs": [] }))
    }

    /// Adds or replaces an entry, under its lock and in place.
    pub(crate) fn save(&self, entry: &Value) {
        let lock = self.root.join("background-jobs.lock");
        loop {
            match fs::OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(mut file) => {
                    let age = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
                    write!(file, "{}\n{age}", std::process::id()).expect("room on the disk");
                    break;
                }
                // It waits for 50 ms without sleeping; the test has two cores only.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        let mut whole = self.load();
        let jobs = whole["jobs"].as_array_mut().expect("a list");
        match jobs.iter_mut().find(|job| job["id"] == entry["id"]) {
            Some(job) => *job = entry.clone(),
            None => jobs.push(entry.clone()),
        }
        let text = serde_json::to_vec_pretty(&whole).expect("it is JSON");
        fs::write(self.list(), text).expect("room on the disk");
        fs::remove_file(&lock).expect("nobody else takes it away");
    }

    /// The entry of a job.
    pub(crate) fn entry(&self, id: &str) -> Value {
        let list = self.load();
        let jobs = list["jobs"].as_array().expect("a list");
        jobs.iter().find(|job| job["id"] == id).unwrap_or(&Value::Null).clone()
    }

    /// What `--kill` ("paused") and `--resume` ("running") write, at a time of their own.
    pub(crate) fn mark(&self, id: &str, status: &str) {
        let mut entry = self.entry(id);
        entry["status"] = status.into();
        entry["updatedAt"] = "2030-01-01T00:00:00.000Z".into();
        self.save(&entry);
    }
}
