//! Everything that is there arrives, exactly once.

use std::collections::BTreeSet;
use std::time::Instant;

use jobctl_forge::{Config, Cursors};
use jobctl_tests::compare::{Wanted, assert_equal};
use jobctl_tests::{Sandbox, worlds};

/// Pages of a hundred that the lists have at least.
const PAGES: usize = 12_500 / 100 + 45_000 / 100;

#[test]
fn a_large_repository_arrives_whole() {
    let forge = worlds::start(Config { repos: 2, ..Config::default() });
    forge.configure(|behaviour| behaviour.cursors = Cursors::Never);
    let sandbox = Sandbox::with_token_of(&forge);
    let begun = Instant::now();
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 300, 0);
    let requests = worlds::asked(&forge);
    println!("{requests} requests, {PAGES} pages, {:?}", begun.elapsed());
    let job = sandbox.job(&id);
    assert_eq!(job["warnings"], serde_json::json!([]), "{job:#}");
    let truth = forge.truth(worlds::REPO).expect("it is there");
    assert_equal(&sandbox.export(&["--source", "github:acme/api"]), &truth, Wanted::Issues);
    let issues = truth.issues.values().filter(|issue| !issue.is_pull).count();
    assert_eq!(job["progress"]["current"].as_u64(), Some(issues as u64));
    assert!(requests < PAGES + PAGES / 10, "{requests} requests for {PAGES} pages");
    assert_eq!(worlds::while_limited(&forge), 0);
}

#[test]
fn recorded_issues_arrive_with_and_without_pull_requests() {
    let forge = worlds::start(Config { recorded: true, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let recorded = "hub4j/github-api";
    let truth = forge.truth(recorded).expect("it is recorded");
    let source = format!("github:{recorded}");
    let id = sandbox.submit(&forge, &["import", &source]);
    sandbox.waits(&id, 60, 0);
    assert_equal(&sandbox.export(&["--source", &source]), &truth, Wanted::Issues);
    assert_equal(&sandbox.export(&["is:any", "--source", &source]), &truth, Wanted::Issues);

    let id = sandbox.submit(&forge, &["import", &source, "--with", "pulls"]);
    sandbox.waits(&id, 60, 0);
    assert_equal(&sandbox.export(&["is:any", "--source", &source]), &truth, Wanted::WithPulls);
    assert_equal(&sandbox.export(&["--source", &source]), &truth, Wanted::Issues);
    assert_eq!(truth.issues.len(), 606);
}

#[test]
fn an_organisation_arrives_repository_by_repository() {
    let forge = worlds::start(Config { repos: 12, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme", "--with", "pulls"]);
    sandbox.waits(&id, 60, 0);
    for repo in ["acme/api", "acme/repo-001", "acme/repo-004", "acme/repo-012"] {
        let truth = forge.truth(repo).expect("it is there");
        let source = format!("github:{repo}");
        assert_equal(&sandbox.export(&["is:any", "--source", &source]), &truth, Wanted::WithPulls);
    }
}

#[test]
fn the_same_name_on_two_servers_stays_apart() {
    let [one, other] = [worlds::start(worlds::config(20, 30)), worlds::start(worlds::config(7, 9))];
    let sandbox = Sandbox::with_token_of(&one);
    sandbox.set("OURS", other.token());
    sandbox.configure(&format!(
        "[connections.ours]\napi_url = \"{}\"\ntokens = [{{ env = \"OURS\" }}]\n",
        other.url()
    ));
    let id = sandbox.submit(&one, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    let id = sandbox.submit_as(sandbox.call(&["import", "ours:acme/api"]));
    sandbox.waits(&id, 60, 0);
    for (forge, source) in [(&one, "github:acme/api"), (&other, "ours:acme/api")] {
        let truth = forge.truth(worlds::REPO).expect("it is there").issues;
        let there = truth.iter().filter(|(_, issue)| !issue.is_pull);
        let there: BTreeSet<_> = there.map(|(number, _)| format!("{source}#{number}")).collect();
        let held = sandbox.export(&["--source", source]);
        let held: BTreeSet<_> =
            held.iter().map(|issue| issue["key"].as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(held, there);
    }
}
