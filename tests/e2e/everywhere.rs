//! Lists over all state directories of a user.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jobctl_tests::{Sandbox, Told};
use serde_json::Value;

/// A project of its own with a job that never starts.
fn project(sandbox: &Sandbox, name: &str) -> (PathBuf, String) {
    let directory = sandbox.work().join(name);
    fs::create_dir_all(&directory).expect("room in /tmp");
    sandbox.call(&["init"]).at(&directory).run().ok();
    let id = submit(sandbox, &directory);
    (directory, id)
}

fn submit(sandbox: &Sandbox, directory: &Path) -> String {
    let args = ["clone", "https://git.example/api.git", "--no-start", "--again"];
    sandbox.submit_as(sandbox.call(&args).at(directory))
}

fn everywhere(sandbox: &Sandbox, more: &[&str]) -> Told {
    sandbox.run(&[&["list", "--everywhere"], more].concat()).ok()
}

/// The ids in a list, in its order.
fn ids(sandbox: &Sandbox, more: &[&str]) -> Vec<String> {
    let told = everywhere(sandbox, &[more, &["--json"]].concat());
    let jobs = told.json()["jobs"].as_array().expect("a list of jobs").clone();
    jobs.iter().map(|job| job["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_list_of_everything_names_projects_and_filters_over_all() {
    let sandbox = Sandbox::new();
    let (api, in_api) = project(&sandbox, "code/api");
    let (web, in_web) = project(&sandbox, "code/web");
    let (_, in_other_api) = project(&sandbox, "old/api");
    let cancelled = submit(&sandbox, &web);
    sandbox.call(&["cancel", &cancelled]).at(&web).run().ok();

    assert_eq!(
        ids(&sandbox, &[]),
        [&in_api, &in_web, &in_other_api, &cancelled].map(String::clone)
    );
    assert_eq!(ids(&sandbox, &["--project", "api"]), [in_api.clone(), in_other_api]);
    assert_eq!(ids(&sandbox, &["--project", "code"]), Vec::<String>::new());
    let below = ids(&sandbox, &["--project", "./code"]);
    assert_eq!(below, [&in_api, &in_web, &cancelled].map(String::clone));
    assert_eq!(ids(&sandbox, &["--status", "cancelled"]), [cancelled]);
    assert_eq!(ids(&sandbox, &["--kind", "import"]), Vec::<String>::new());
    assert_eq!(ids(&sandbox, &["-L", "2"]), [in_api.clone(), in_web.clone()]);

    let told = everywhere(&sandbox, &["--json"]).json();
    let first = &told["jobs"][0];
    assert_eq!(first["project"], api.to_string_lossy().as_ref(), "{first:#}");
    assert_eq!(first["state_dir"], api.join(".jobs").to_string_lossy().as_ref(), "{first:#}");

    let text = everywhere(&sandbox, &["--status", "pending"]).stdout;
    let row = |id: &str| text.lines().find(|line| line.contains(id)).unwrap_or_default().to_owned();
    assert!(row(&in_web).contains("| web "), "{text}");
    // Two projects have this name.
    assert!(row(&in_api).contains("/code/api "), "{text}");
    // A list of one project is about that one.
    let here = sandbox.call(&["list", "--no-start"]).at(&api).run().ok().stdout;
    assert!(here.contains(&in_api) && !here.contains(&in_web), "{here}");
    assert!(!here.contains("Project"), "{here}");
}

#[test]
fn the_newest_ended_jobs_of_all_are_listed_not_of_each() {
    let sandbox = Sandbox::new();
    let mut ended = Vec::new();
    for name in ["a", "b"] {
        let (directory, first) = project(&sandbox, name);
        let more: Vec<String> = (0..6).map(|_| submit(&sandbox, &directory)).collect();
        for id in [first].into_iter().chain(more) {
            sandbox.call(&["cancel", &id]).at(&directory).run().ok();
            ended.insert(0, id);
        }
    }
    assert_eq!(ids(&sandbox, &[]), ended[..10]);
    assert_eq!(ids(&sandbox, &["--all"]), ended);
    assert_eq!(ids(&sandbox, &["--all", "-L", "3"]), ended[..3]);
}

/// Breaks something in a state directory.
type Spoil = fn(&Path);

#[test]
fn what_is_wrong_in_one_directory_hides_no_other() {
    let sandbox = Sandbox::new();
    let (_, whole) = project(&sandbox, "whole");
    let spoil: [(&str, Spoil); 4] = [
        ("jobs", |state| replace_by_file(&state.join("jobs"))),
        ("submissions", |state| replace_by_file(&state.join("new"))),
        ("itself", replace_by_file),
        ("open", |state| {
            fs::set_permissions(state, fs::Permissions::from_mode(0o777)).expect("it is ours");
        }),
    ];
    for (name, spoil) in spoil {
        let (directory, _) = project(&sandbox, name);
        spoil(&directory.join(".jobs"));
    }
    let told = everywhere(&sandbox, &["--json"]);
    let jobs = told.json()["jobs"].as_array().expect("a list of jobs").clone();
    assert!(jobs.iter().any(|job| job["id"] == whole.as_str()), "{told:?}");
    // Jobs that cannot be read are shown as damaged, with where they are.
    let damaged: Vec<_> = jobs.iter().filter(|job| job.get("damaged").is_some()).collect();
    assert_eq!(damaged.len(), 1, "{told:?}");
    assert!(damaged[0]["state_dir"].as_str().is_some_and(|path| path.ends_with("jobs/.jobs")));
    for name in ["submissions", "itself", "open"] {
        let path = format!("{name}/.jobs");
        let is_warning = |line: &str| line.starts_with("warning:") && line.contains(&path);
        assert!(told.stderr.lines().any(is_warning), "{name}: {}", told.stderr);
    }
}

fn replace_by_file(path: &Path) {
    fs::remove_dir_all(path).expect("it is ours");
    fs::write(path, "no directory\n").expect("room in /tmp");
}

#[test]
fn projects_that_are_gone_are_forgotten_and_disks_that_are_away_are_not() {
    let sandbox = Sandbox::new();
    let (kept, in_kept) = project(&sandbox, "kept");
    let (removed, _) = project(&sandbox, "removed");
    let (away, in_away) = project(&sandbox, "disk/away");
    let registered = || {
        let states = sandbox.root().join("state/jobctl/states");
        fs::read_dir(states).expect("there is a registry").count()
    };
    assert_eq!(registered(), 3);
    fs::remove_dir_all(&removed).expect("it is ours");
    // Without its disk, a mount point is an empty directory.
    let (disk, elsewhere) = (sandbox.work().join("disk"), sandbox.work().join("elsewhere"));
    fs::rename(&disk, &elsewhere).expect("it is ours");
    fs::create_dir(&disk).expect("room in /tmp");
    let told = everywhere(&sandbox, &["-v"]);
    assert!(told.stderr.contains("removed/.jobs is gone"), "{}", told.stderr);
    assert!(told.stderr.contains("disk/away/.jobs is not there now"), "{}", told.stderr);
    assert!(told.stdout.contains(&in_kept), "{}", told.stdout);
    assert_eq!(registered(), 2);
    assert!(everywhere(&sandbox, &[]).stderr.lines().all(|line| !line.contains("away")));
    fs::remove_dir(&disk).expect("it is empty");
    fs::rename(&elsewhere, &disk).expect("it is ours");
    assert_eq!(ids(&sandbox, &[]), [in_kept, in_away]);
    let told = sandbox.call(&["list", "--no-start", "--json"]).at(&away).run().ok();
    assert_eq!(told.json()["jobs"].as_array().map(Vec::len), Some(1), "{told:?}");
    assert!(kept.exists() && registered() == 2, "{} are registered", registered());
}

#[test]
fn a_registry_that_names_nothing_lists_nothing() {
    let sandbox = Sandbox::new();
    assert_eq!(everywhere(&sandbox, &["--json"]).json()["jobs"], Value::Array(Vec::new()));
    assert_eq!(everywhere(&sandbox, &[]).stdout, "No jobs.\n");
}
