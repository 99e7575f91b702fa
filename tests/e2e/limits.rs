//! The forge says "slow down".

use jobctl_forge::{Limits, SecondaryStyle};
use jobctl_tests::shape::assert_job;
use jobctl_tests::{Sandbox, wait_until, worlds};

const IMPORT: &[&str] = &["import", "github:acme/api"];

#[test]
fn a_spent_quota_pauses_the_job_until_it_is_full_again() {
    let forge = worlds::with_issues(800, 2_500);
    forge.configure(|behaviour| {
        behaviour.limits = Limits { primary: Some(20), window_seconds: 8, ..Limits::default() };
    });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let job = sandbox.wait_for(&id, "paused", 20);
    assert_job(&job);
    assert_eq!(job["reason"]["kind"], "rate_limited", "{job:#}");
    assert_eq!(job["reason"]["bucket"], "core", "{job:#}");
    assert!(job["reason"]["resumes_at"].is_string(), "{job:#}");
    assert!(job["reason"]["until"].is_string(), "{job:#}");
    assert!(job["progress"]["current"].as_u64() > Some(0), "{job:#}");
    let listed = sandbox.run(&["list"]).ok().stdout;
    assert!(listed.to_lowercase().contains("rate limit"), "{listed}");

    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
    assert_eq!(worlds::while_limited(&forge), 0);
    let job = sandbox.job(&id);
    assert_eq!(job["attempts"], 1, "short rests are no attempts: {job:#}");
    println!("{} requests", worlds::asked(&forge));
}

#[test]
fn a_long_limit_is_not_sat_out_by_a_worker() {
    let forge = worlds::with_issues(300, 900);
    forge.secondary(SecondaryStyle::Seconds, 3_600.0);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let job = sandbox.wait_for(&id, "paused", 20);
    assert_eq!(job["reason"]["kind"], "rate_limited", "{job:#}");
    assert!(job["reason"]["resumes_at"].is_string(), "{job:#}");
    wait_until("its worker has gone", 20, || sandbox.worker(&id).is_none());
    assert_eq!(sandbox.job(&id)["worker"], "none");
    assert!(sandbox.runner().is_some(), "somebody keeps the timer and the token");
    // This pause ends by itself, so waiting for it is right.
    sandbox.waits(&id, 1, 124);
    let asked = worlds::asked(&forge);
    assert_eq!(worlds::while_limited(&forge), 0);

    forge.reset_limits();
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
    assert_eq!(sandbox.job(&id)["attempts"], 2);
    println!("{asked} requests before the limit ended, {} in all", worlds::asked(&forge));
}

#[test]
fn a_limit_that_names_no_end_is_not_tested_by_asking() {
    for style in [SecondaryStyle::NoRetryAfter, SecondaryStyle::BodyOnly] {
        let forge = worlds::with_issues(300, 900);
        forge.secondary(style, 60.0);
        let sandbox = Sandbox::with_token_of(&forge);
        let id = sandbox.submit(&forge, IMPORT);
        let job = sandbox.wait_for(&id, "paused", 20);
        assert_eq!(job["reason"]["kind"], "rate_limited", "{style:?}: {job:#}");
        assert_eq!(worlds::while_limited(&forge), 0, "{style:?}");
        forge.reset_limits();
        sandbox.run(&["resume", &id]).ok();
        sandbox.waits(&id, 60, 0);
        worlds::assert_imported(&forge, &sandbox);
    }
}

#[test]
fn a_job_that_may_not_resume_by_itself_waits_for_a_person() {
    let forge = worlds::with_issues(800, 2_500);
    forge.spend(8);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api", "--no-auto-resume"]);
    sandbox.waits(&id, 30, 8);
    let job = sandbox.job(&id);
    assert_eq!(job["status"], "paused", "{job:#}");
    assert_eq!(job["reason"]["kind"], "rate_limited", "{job:#}");
    assert!(job["reason"]["until"].is_string(), "{job:#}");
    assert!(job["reason"].get("resumes_at").is_none(), "{job:#}");

    forge.reset_limits();
    // Every call looks whether something may run: this may not.
    sandbox.run(&["list"]).ok();
    sandbox.waits(&id, 5, 8);
    assert_eq!(sandbox.job(&id)["attempts"], 1);

    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
    assert_eq!(worlds::while_limited(&forge), 0);
}
