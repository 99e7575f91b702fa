//! Forges that change while they are read, lie about numbers, cut lists short and break off.

use jobctl_forge::{
    Action, Config, Cursors, Fault, FaultRule, Firing, Forge, IssueVolume, Script, SecondaryStyle,
};
use jobctl_tests::compare::{Wanted, assert_equal, differences};
use jobctl_tests::{Sandbox, worlds};
use serde_json::Value;

/// Imports `acme/api`, holds it against the truth, and gives the job.
#[expect(clippy::print_stdout, reason = "the numbers are wanted with --nocapture")]
fn imported(forge: &Forge) -> Value {
    let sandbox = Sandbox::with_token_of(forge);
    let id = sandbox.submit(forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 150, 0);
    worlds::assert_imported(forge, &sandbox);
    println!("{} requests", worlds::asked(forge));
    sandbox.job(&id)
}

fn warnings(job: &Value) -> Vec<&str> {
    job["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn script(action: Action, every: u64, times: Option<u64>) -> Script {
    Script { every, repo: worlds::REPO.to_owned(), action, times, number: None }
}

#[test]
fn what_changes_while_it_is_read_is_read_again() {
    let forge = worlds::with_issues(3_000, 9_000);
    forge.configure(|behaviour| {
        behaviour.script = vec![
            script(Action::Any, 2, Some(40)),
            script(Action::AddComment, 3, Some(20)),
            script(Action::AddIssue, 5, Some(10)),
        ];
    });
    let job = imported(&forge);
    assert_eq!(warnings(&job), Vec::<&str>::new());
}

#[test]
fn what_is_deleted_while_it_is_read_is_not_kept() {
    let forge = worlds::with_issues(2_000, 6_000);
    forge.configure(|behaviour| {
        behaviour.script = vec![
            script(Action::DeleteIssue, 5, Some(6)),
            script(Action::DeleteComment, 4, Some(8)),
            script(Action::TransferIssue, 7, Some(3)),
        ];
    });
    imported(&forge);
}

#[test]
fn a_repository_that_is_never_still_is_read_to_an_end() {
    let forge = worlds::with_issues(1_000, 3_000);
    forge.configure(|behaviour| {
        behaviour.delay_ms = 20;
        behaviour.script = vec![
            script(Action::EditIssue, 2, None),
            script(Action::AddComment, 3, None),
            script(Action::AddIssue, 7, None),
        ];
    });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 150, 0);
    // The last answers were followed by changes that nobody could see; what had not changed by
    // then must be there as it is.
    forge.configure(|behaviour| behaviour.script.clear());
    let truth = forge.truth(worlds::REPO).expect("it is there");
    let mut still = truth.clone();
    let quiet = |updated: &str| updated < "2026";
    still.issues.retain(|_, issue| quiet(&issue.updated_at));
    let mut rows = sandbox.export(&[]);
    let all = rows.len();
    rows.retain(|row| quiet(row["updated_at"].as_str().unwrap_or_default()));
    rows.retain(|row| still.issues.contains_key(&row["number"].as_u64().unwrap_or(0)));
    assert_equal(&rows, &still, Wanted::Issues);
    let late = differences(&sandbox.export(&[]), &truth, Wanted::Issues);
    println!("{all} rows, {} late differences: {late:?}", late.len());
    assert!(late.len() <= 30, "{late:?}");
    assert!(late.iter().all(|line| !line.contains("twice")), "{late:?}");
}

#[test]
fn twelve_thousand_comments_of_one_second() {
    let issues = IssueVolume {
        issues: 200,
        comments: 12_500,
        same_second_comments: 12_000,
        ..IssueVolume::default()
    };
    let forge = worlds::start(Config { issues, ..worlds::config(0, 0) });
    let job = imported(&forge);
    assert_eq!(warnings(&job), Vec::<&str>::new());
}

#[test]
fn more_comments_of_one_second_than_can_be_listed() {
    let issues = IssueVolume {
        issues: 100,
        comments: 4_000,
        same_second_comments: 3_000,
        ..IssueVolume::default()
    };
    let forge = worlds::start(Config { issues, ..worlds::config(0, 0) });
    forge.configure(|behaviour| behaviour.comment_cap = 1_000);
    let job = imported(&forge);
    assert_eq!(warnings(&job), Vec::<&str>::new());
}

#[test]
fn lists_that_end_early_with_and_without_cursors() {
    for cursors in [Cursors::Never, Cursors::WhenLarge, Cursors::Always] {
        let forge = worlds::with_issues(1_500, 2_000);
        forge.configure(|behaviour| {
            behaviour.issue_cap = 400;
            behaviour.comment_cap = 400;
            behaviour.cursors = cursors;
        });
        let job = imported(&forge);
        assert_eq!(warnings(&job), Vec::<&str>::new(), "{cursors:?}");
    }
}

#[test]
fn numbers_of_comments_that_are_not_true_and_comments_that_lists_hide() {
    let issues = IssueVolume {
        issues: 800,
        comments: 2_500,
        stale_counts: 6,
        hidden_comments: 9,
        deleted: 5,
        transferred: 4,
        ..IssueVolume::default()
    };
    let forge = worlds::start(Config { issues, ..worlds::config(0, 0) });
    let job = imported(&forge);
    assert!(warnings(&job).iter().all(|text| text.contains("comments")), "{job:#}");
}

/// Each kind of fault at every sixth request.
fn survives(fault: Fault) {
    let forge = worlds::with_issues(500, 1_500);
    let rule = FaultRule { fault, firing: Firing::Every(6), path: None };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    let job = imported(&forge);
    assert_eq!(warnings(&job), Vec::<&str>::new(), "{fault:?}");
}

#[test]
fn replies_that_say_error() {
    for fault in [Fault::Status(500), Fault::Status(503), Fault::Html502] {
        survives(fault);
    }
}

#[test]
fn connections_that_break_off() {
    for fault in [Fault::DropBeforeHead, Fault::DropAfterHead, Fault::DropMidBody] {
        survives(fault);
    }
}

#[test]
fn replies_that_are_whole_and_yet_not_what_was_asked_for() {
    for fault in [Fault::TruncatedJson, Fault::Html200] {
        survives(fault);
    }
}

#[test]
fn links_to_a_stranger_are_not_followed() {
    let forge = worlds::with_issues(300, 900);
    for fault in [Fault::RedirectElsewhere, Fault::LinkElsewhere] {
        let rule = FaultRule { fault, firing: Firing::Every(4), path: None };
        forge.configure(|behaviour| behaviour.faults = vec![rule]);
        let sandbox = Sandbox::with_token_of(&forge);
        let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
        let told = sandbox.run(&["wait", &id, "--timeout", "60s"]);
        println!("{fault:?}: {:?}, {}", told.code, sandbox.job(&id)["warnings"]);
        let strangers = forge.log().into_iter();
        let seen: Vec<_> = strangers
            .filter(|entry| entry.listener == jobctl_forge::Listener::Other)
            .filter(|entry| entry.auth != jobctl_forge::Auth::None)
            .collect();
        assert!(seen.is_empty(), "a stranger got the credential: {seen:?}");
    }
}

#[test]
fn secondary_limits_in_every_form_are_rested_out() {
    for style in [
        SecondaryStyle::Seconds,
        SecondaryStyle::Decimal,
        SecondaryStyle::HttpDate,
        SecondaryStyle::TooManyRequests,
        SecondaryStyle::Abuse,
    ] {
        let forge = worlds::with_issues(300, 900);
        forge.secondary(style, 1.5);
        let job = imported(&forge);
        assert_eq!(warnings(&job), Vec::<&str>::new(), "{style:?}");
        // The first request learns of the limit; those in flight beside it may.
        assert!(worlds::while_limited(&forge) == 0, "{style:?}");
    }
}
