//! What an import would take, before anything is read.

use jobctl_forge::ado::AdoConfig;
use jobctl_forge::jira::JiraConfig;
use jobctl_forge::{Config, Forge};
use jobctl_tests::{Sandbox, wait_until, worlds};
use serde_json::Value;

fn preview(sandbox: &Sandbox, args: &[&str]) -> Value {
    let args = [&["import", "--dry-run", "--json"], args].concat();
    let told = sandbox.run(&args).ok();
    told.json()["previews"][0].clone()
}

#[track_caller]
fn assert_made_nothing(sandbox: &Sandbox) {
    assert!(!sandbox.jobs().exists(), "no state directory was made");
    assert!(sandbox.runner().is_none());
}

#[test]
fn items_requests_share_and_time_are_told_and_nothing_is_read() {
    let forge = worlds::with_issues(900, 2_700);
    let sandbox = Sandbox::with_token_of(&forge);
    let url = forge.url();
    let told = preview(&sandbox, &["github:acme/api", "--api-url", url]);
    assert!(worlds::asked(&forge) <= 5, "{} requests", worlds::asked(&forge));
    assert_made_nothing(&sandbox);
    let truth = forge.truth(worlds::REPO).expect("it is there");
    let near = |told: &Value, truth: usize| {
        let (told, truth) = (told.as_u64().expect("a number"), truth as u64);
        assert!(told.abs_diff(truth) <= 100, "{told} and not about {truth}");
    };
    near(&told["issues"], truth.issues.len());
    assert!(told["requests"].as_u64().is_some_and(|requests| requests >= 36), "{told:#}");
    assert!(told["share"].as_u64().is_some_and(|share| share >= 1), "{told:#}");
    assert_eq!(told["budget"]["limit"].as_u64(), Some(5_000), "{told:#}");
    let told = sandbox.run(&["import", "github:acme/api", "--dry-run", "--api-url", url]).ok();
    assert!(told.stdout.contains("Requests: about"), "{}", told.stdout);

    // What it foretells is near to what it takes.
    forge.clear_log();
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    let log = sandbox.run(&["logs", &id, "-n", "1000"]).ok().stdout;
    assert!(log.contains("requests"), "{log}");
}

fn both() -> Forge {
    let (jira, ado) = (Some(JiraConfig::small()), Some(AdoConfig::small()));
    worlds::start(Config { jira, ado, ..Config::small() })
}

#[test]
fn every_forge_says_how_much_there_is() {
    let forge = both();
    let sandbox = Sandbox::new();
    let jira = forge.jira().config();
    sandbox.set("JIRA_EMAIL", &jira.email);
    sandbox.set("JIRA_API_TOKEN", &jira.token);
    sandbox.set("AZURE_DEVOPS_EXT_PAT", forge.ado().token());
    let api = format!("{}rest/api/3", forge.jira().cloud_url());
    let told = preview(&sandbox, &["jira:PAY", "--api-url", &api]);
    let issues = forge.jira().truth("PAY").expect("it is there").issues.len() as u64;
    let near = |told: u64, truth: u64| told.abs_diff(truth) * 20 <= truth;
    assert!(near(told["issues"].as_u64().expect("a number"), issues), "{issues}: {told:#}");
    let told = preview(&sandbox, &["ado:contoso/Shop", "--api-url", &forge.ado().url()]);
    let items = forge.ado().truth("contoso", "Shop").expect("it is there").items.len() as u64;
    assert!(near(told["issues"].as_u64().expect("a number"), items), "{items}: {told:#}");
    assert_made_nothing(&sandbox);
}

#[test]
fn what_is_left_to_ask_is_shown_while_it_reads_and_while_it_waits() {
    let forge = worlds::slow(600, 2_000, 60);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    wait_until("it reads", 20, || worlds::asked(&forge) > 6);
    sandbox.run(&["pause", &id]).ok();
    let job = sandbox.wait_for(&id, "paused", 20);
    assert_eq!(job["budget"]["limit"].as_u64(), Some(5_000), "{job:#}");
    assert!(job["budget"]["remaining"].as_u64().is_some_and(|left| left < 5_000), "{job:#}");
    let told = sandbox.run(&["show", &id]).ok();
    assert!(told.stdout.contains("requests left in core"), "{}", told.stdout);
    sandbox.run(&["cancel", &id]).ok();
}

#[test]
fn what_cannot_be_read_is_said_before() {
    let forge = worlds::with_issues(20, 20);
    let sandbox = Sandbox::with_token_of(&forge);
    let url = forge.url();
    let told = sandbox.run(&["import", "github:acme/nothing", "--dry-run", "--api-url", url]);
    assert!(told.exits(1).stdout.contains("acme/nothing"));
    let call = sandbox.call(&["import", "github:acme/api", "--dry-run", "--api-url", url]);
    call.env("GH_TOKEN", "wrong").run().exits(7);
    assert_made_nothing(&sandbox);
}
