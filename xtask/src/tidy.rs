//! Checks the rules that keep the crates apart, over `cargo metadata` and the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::chore::{Failed, root};

/// Which crates of ours a crate may depend on. A new edge is a decision: it is made here.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("jobctl-core", &[]),
    ("jobctl-provider", &[]),
    ("jobctl-providers-github", &["jobctl-provider"]),
    ("jobctl-providers-jira", &["jobctl-provider"]),
    ("jobctl-providers-ado", &["jobctl-provider"]),
    ("jobctl-http", &["jobctl-provider"]),
    ("jobctl-store", &["jobctl-core"]),
    ("jobctl-warehouse", &["jobctl-provider"]),
    ("jobctl-import", &["jobctl-provider", "jobctl-http", "jobctl-warehouse"]),
    ("jobctl-git", &["jobctl-provider", "jobctl-http"]),
    ("jobctl-command", &[]),
    ("jobctl-runner", &["jobctl-core", "jobctl-store", "jobctl-command"]),
    (
        "jobs-cli",
        &[
            "jobctl-core",
            "jobctl-provider",
            "jobctl-providers-github",
            "jobctl-providers-jira",
            "jobctl-providers-ado",
            "jobctl-http",
            "jobctl-store",
            "jobctl-warehouse",
            "jobctl-import",
            "jobctl-git",
            "jobctl-command",
            "jobctl-runner",
        ],
    ),
    ("jobctl-forge", &[]),
    ("jobctl-tests", &["jobctl-forge"]),
    ("xtask", &["jobctl-forge", "jobctl-tests"]),
];

/// Words of the sources that belong to some folders only: word, folders, why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("journal.jsonl", &["crates/store", "tests", "xtask"], "only store knows the state's format"),
    ("ended.jsonl", &["crates/store", "tests", "xtask"], "only store knows the state's format"),
    ("reqwest::", &["crates/http"], "only http opens TCP connections"),
    ("TcpStream", &["crates/http", "tests"], "only http opens TCP connections"),
    ("git2::", &["crates/git"], "only git knows libgit2"),
    ("rusqlite", &["crates/warehouse", "tests"], "only warehouse knows SQLite"),
    ("std::env::var", &["crates/cli", "tests", "xtask"], "only cli reads the environment"),
    ("println!(", &["crates/cli", "tests", "xtask"], "only cli prints"),
    ("unsafe {", &["crates/git"], "unsafe only where libgit2 asks for it"),
];

/// Parts of names that say nothing.
const BANNED: &[&str] = &["Manager", "Handler", "Helper", "Util"];

/// The longest source file that needs no reason.
const MAX_LINES: usize = 500;
/// How a longer file gives its reason.
const LONG_BECAUSE: &str = "Longer than 500 lines because";

/// Runs every check and tells all that is wrong at once.
pub(crate) fn tidy() -> Result<(), Failed> {
    let mut wrong = Vec::new();
    let packages = packages()?;
    edges(&packages, &mut wrong);
    reasons(&mut wrong)?;
    architecture(&packages, &mut wrong)?;
    for path in sources(&root())? {
        source(&path, &mut wrong)?;
    }
    if wrong.is_empty() {
        println!("tidy: {} crates, all rules hold", packages.len());
        return Ok(());
    }
    for line in &wrong {
        eprintln!("tidy: {line}");
    }
    Err(Failed(format!("{} rules broken", wrong.len())))
}

struct Package {
    folder: String,
    ours: BTreeSet<String>,
}

fn packages() -> Result<BTreeMap<String, Package>, Failed> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()?;
    let all: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failed(format!("could not read cargo metadata: {error}")))?;
    let mut packages = BTreeMap::new();
    for package in all["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
        let folder = manifest.parent().map(relative).unwrap_or_default();
        let ours = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"] != "dev" && dependency["path"].is_string())
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect();
        packages.insert(name, Package { folder, ours });
    }
    Ok(packages)
}

fn edges(packages: &BTreeMap<String, Package>, wrong: &mut Vec<String>) {
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND.iter().copied().collect();
    for (name, package) in packages {
        let Some(allowed) = allowed.get(name.as_str()) else {
            wrong.push(format!(
                "{name}: a new crate; say in xtask/src/tidy.rs what it may depend on"
            ));
            continue;
        };
        for other in &package.ours {
            if !allowed.contains(&other.as_str()) {
                wrong.push(format!("{name} may not depend on {other}"));
            }
        }
    }
}

/// Every dependency of the workspace has its reason beside it.
fn reasons(wrong: &mut Vec<String>) -> Result<(), Failed> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let section = manifest
        .split("[workspace.dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .unwrap_or_default();
    for line in section.lines().filter(|line| line.contains('=') && !line.starts_with('#')) {
        if !line.contains('#') && !line.contains("path =") {
            wrong.push(format!("Cargo.toml gives no reason for: {line}"));
        }
    }
    Ok(())
}

/// ARCHITECTURE.md names every crate, and every path it names exists.
fn architecture(
    packages: &BTreeMap<String, Package>,
    wrong: &mut Vec<String>,
) -> Result<(), Failed> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md"))?;
    for (name, package) in packages {
        if !text.contains(&format!("`{}`", package.folder)) {
            wrong.push(format!("ARCHITECTURE.md does not name {name} (`{}`)", package.folder));
        }
    }
    for path in text.split('`').skip(1).step_by(2) {
        let ours = ["crates/", "tests/", "xtask/", "docs/", ".ci/"];
        if ours.iter().any(|folder| path.starts_with(folder)) && !root().join(path).exists() {
            wrong.push(format!("ARCHITECTURE.md names {path}, which does not exist"));
        }
    }
    Ok(())
}

fn source(path: &Path, wrong: &mut Vec<String>) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let name = relative(path);
    let lines = text.lines().count();
    if lines > MAX_LINES && !text.contains(LONG_BECAUSE) {
        wrong.push(format!("{name}: {lines} lines; cut it, or say in it \"{LONG_BECAUSE} …\""));
    }
    let chore = name.starts_with("xtask/");
    // Examples and tests are programs of their own.
    let program = name.contains("/examples/") || name.contains("/tests/");
    for (word, folders, why) in ONLY_IN {
        let at_home = folders.iter().any(|folder| name.starts_with(folder));
        if !at_home && !chore && !program && code(&text).any(|line| line.contains(word)) {
            wrong.push(format!("{name}: has {word}, but {why}"));
        }
    }
    for line in code(&text).filter(|_| !chore) {
        let declared = ["struct ", "enum ", "trait ", "mod ", "fn "]
            .iter()
            .find_map(|word| line.split(word).nth(1))
            .unwrap_or_default();
        let declared: String = declared
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect();
        if BANNED.iter().any(|banned| declared.contains(banned)) {
            wrong.push(format!("{name}: {declared} says nothing; name what it is"));
        }
    }
    Ok(())
}

/// The lines that are not comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') && name != "demo" {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
