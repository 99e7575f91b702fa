//! Who may see what: no token, a wrong one, one that sees only a part.

use jobctl_forge::{Config, Fault, FaultRule, Firing, Token};
use jobctl_tests::{Sandbox, wait_until, worlds};

#[test]
fn what_is_public_needs_no_token() {
    let forge = worlds::with_issues(300, 900);
    let sandbox = Sandbox::new();
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
    let anonymous = forge.log().iter().all(|entry| entry.auth == jobctl_forge::Auth::None);
    assert!(anonymous, "nobody has a token here");
}

#[test]
fn a_refused_token_waits_for_a_person() {
    let forge = worlds::slow(600, 2_000, 60);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    wait_until("it works", 20, || worlds::asked(&forge) > 4);
    // Revoked in the middle.
    let rule = FaultRule { fault: Fault::Status(401), firing: Firing::Always, path: None };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    sandbox.waits(&id, 30, 7);
    let job = sandbox.job(&id);
    assert_eq!(job["reason"]["kind"], "unauthorized", "{job:#}");
    assert!(job["reason"]["connection"].is_string(), "{job:#}");
    assert!(job["reason"].get("resumes_at").is_none(), "{job:#}");
    let asked = worlds::asked(&forge);
    // Offering the same again proves nothing: only a person ends this pause.
    sandbox.run(&["list"]).ok();
    sandbox.waits(&id, 5, 7);
    assert_eq!(worlds::asked(&forge), asked, "a refused token is not tried again");

    forge.configure(|behaviour| {
        behaviour.faults.clear();
        behaviour.delay_ms = 0;
    });
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn a_list_that_leaves_something_out_is_told() {
    let tokens = vec![Token { sso_partial: true, ..Token::default() }];
    let forge = worlds::start(Config { tokens, repos: 8, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["clone", "github:acme"]);
    sandbox.waits(&id, 60, 0);
    let job = sandbox.job(&id);
    assert_ne!(job["warnings"], serde_json::json!([]), "{job:#}");
    sandbox.run(&["wait", &id, "--strict"]).exits(1);
}

#[test]
fn of_several_jobs_the_worst_decides() {
    let forge = worlds::start(Config { broken_repos: 1, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    // Before there is a runner: it would start them.
    let cancelled = sandbox.submit(&forge, &["import", "github:acme/api", "--no-start"]);
    sandbox.run(&["cancel", &cancelled, "--no-start"]).ok();
    let paused = sandbox.submit(&forge, &["import", "github:acme/repo-002", "--no-start"]);
    sandbox.run(&["pause", &paused, "--no-start"]).ok();
    let fine = sandbox.submit(&forge, &["import", "github:acme/repo-001"]);
    let failed = sandbox.submit(&forge, &["clone", "github:acme/broken-001"]);
    sandbox.waits(&fine, 30, 0);
    sandbox.waits(&failed, 30, 1);
    let code = |ids: &[&str]| {
        let mut args = vec!["wait", "--timeout", "20s"];
        args.extend(ids);
        sandbox.run(&args).code
    };
    assert_eq!(code(&[&fine, &cancelled]), Some(9));
    assert_eq!(code(&[&fine, &cancelled, &paused]), Some(8));
    assert_eq!(code(&[&cancelled, &paused, &failed, &fine]), Some(1));
}
