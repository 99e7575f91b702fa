//! Parts of what is there: sources and filters.

use std::collections::BTreeSet;
use std::fs;

use jobctl_forge::{Config, Forge, Truth, TruthIssue};
use jobctl_tests::compare::{Wanted, assert_equal};
use jobctl_tests::{Sandbox, worlds};
use serde_json::Value;

/// The truth without the issues that are not wanted.
fn only(forge: &Forge, wanted: impl Fn(&TruthIssue) -> bool) -> Truth {
    let mut truth = forge.truth(worlds::REPO).expect("it is there");
    truth.issues.retain(|_, issue| wanted(issue));
    truth
}

/// What an import with these flags brings into an empty warehouse.
fn imported(forge: &Forge, flags: &[&str]) -> Vec<Value> {
    let sandbox = Sandbox::with_token_of(forge);
    let mut args = vec!["import", "github:acme/api"];
    args.extend(flags);
    let id = sandbox.submit(forge, &args);
    sandbox.waits(&id, 60, 0);
    sandbox.export(&["is:any"])
}

#[test]
fn filters_bring_what_they_say_and_no_more() {
    let forge = worlds::with_issues(900, 1_800);
    let open = only(&forge, |issue| issue.state == "open");
    assert_equal(&imported(&forge, &["--state", "open"]), &open, Wanted::Issues);
    let closed = only(&forge, |issue| issue.state == "closed");
    assert_equal(&imported(&forge, &["--state", "closed"]), &closed, Wanted::Issues);

    let all = only(&forge, |issue| !issue.is_pull);
    let label = all.issues.values().flat_map(|issue| &issue.labels).next().expect("a label");
    let labelled = only(&forge, |issue| issue.labels.contains(label));
    assert_equal(&imported(&forge, &["--label", label]), &labelled, Wanted::Issues);

    let mut moments: Vec<&str> = all.issues.values().map(|i| i.updated_at.as_str()).collect();
    moments.sort_unstable();
    let day = &moments[moments.len() / 2][..10];
    let recent = only(&forge, |issue| issue.updated_at.as_str() >= day);
    assert_equal(&imported(&forge, &["--since", day]), &recent, Wanted::Issues);
}

#[test]
fn the_newest_few_and_no_comments() {
    let forge = worlds::with_issues(900, 1_800);
    let newest = imported(&forge, &["-L", "20"]);
    assert_eq!(newest.len(), 20);
    let mut all: Vec<_> =
        only(&forge, |issue| !issue.is_pull).issues.into_values().collect::<Vec<_>>();
    all.sort_by(|one, other| other.updated_at.cmp(&one.updated_at));
    let oldest_taken = all[19].updated_at.clone();
    assert!(newest.iter().all(|row| row["updated_at"].as_str() >= Some(&oldest_taken)));

    let mut bare = only(&forge, |_| true);
    bare.issues.values_mut().for_each(|issue| issue.comments.clear());
    assert_equal(&imported(&forge, &["--without", "comments"]), &bare, Wanted::Issues);
}

#[test]
fn sources_are_understood_in_every_form() {
    let forge = worlds::start(Config { repos: 4, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let list = sandbox.work().join("wanted.txt");
    fs::write(&list, "# what we want\ngithub:acme/repo-001\n\ngithub:acme/repo-002 \n")
        .expect("room in /tmp");
    let id = sandbox.submit(&forge, &["import", "@wanted.txt", "github:acme/repo-004"]);
    sandbox.waits(&id, 30, 0);
    let rows = sandbox.export(&["is:any"]);
    let sources: BTreeSet<&str> = rows.iter().filter_map(|row| row["source"].as_str()).collect();
    let wanted = ["github:acme/repo-001", "github:acme/repo-002", "github:acme/repo-004"];
    assert_eq!(sources, wanted.into());

    let web = format!("{}/acme/repo-003.git", forge.url());
    let id = sandbox.submit_as(sandbox.call(&["clone", &web, "--into", "here"]));
    sandbox.waits(&id, 30, 0);
    assert!(sandbox.work().join("here/repo-003/.git").exists());
}

#[test]
fn a_renamed_repository_is_found_by_its_old_name() {
    let forge = worlds::with_issues(150, 300);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/old-api"]);
    sandbox.waits(&id, 30, 0);
    let numbers: BTreeSet<u64> =
        sandbox.export(&[]).iter().filter_map(|row| row["number"].as_u64()).collect();
    let truth = only(&forge, |issue| !issue.is_pull);
    assert_eq!(numbers, truth.issues.keys().copied().collect());
    let clone = sandbox.submit(&forge, &["clone", "github:acme/old-api"]);
    sandbox.waits(&clone, 30, 0);
}

#[test]
fn two_imports_of_the_same_thing_at_once_do_not_harm_each_other() {
    let forge = worlds::slow(600, 2_000, 30);
    let sandbox = Sandbox::with_token_of(&forge);
    let one = sandbox.submit(&forge, &["import", "github:acme/api"]);
    let other = sandbox.submit(&forge, &["import", "github:acme/api", "--again"]);
    assert_ne!(one, other);
    sandbox.waits(&one, 60, 0);
    sandbox.waits(&other, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
    for id in [&one, &other] {
        assert_eq!(sandbox.job(id)["warnings"], serde_json::json!([]));
    }
}
