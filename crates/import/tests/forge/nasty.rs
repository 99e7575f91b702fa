//! A forge that changes while it is read, lies about numbers, cuts lists short and fails.

use crate::common::{Notes, assert_equal, done, import, order};
use jobctl_forge::{Action, Config, Cursors, Forge, IssueVolume, Script};
use jobctl_import::Report;
use jobctl_warehouse::Kinds;

fn volume(issues: u32, comments: u32) -> IssueVolume {
    IssueVolume { issues, comments, ..IssueVolume::default() }
}

fn config(issues: IssueVolume) -> Config {
    Config { issues, repos: 2, recorded: false, ..Config::default() }
}

/// Imports `acme/api` and compares.
async fn imported(forge: &Forge) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let report = done(import(forge, dir.path(), "1", 1, order("github:acme/api")), &notes).await;
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
    report
}

async fn under(action: Action, every: u64, times: u64) {
    let forge = Forge::start(config(volume(1_500, 4_000))).unwrap();
    let repo = "acme/api".to_owned();
    let line = Script { every, repo, action, times: Some(times), number: None };
    forge.configure(|behaviour| behaviour.script = vec![line]);
    let report = imported(&forge).await;
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn edits_while_reading_lose_nothing() {
    under(Action::Any, 2, 30).await;
}

#[tokio::test]
async fn deletions_while_reading_are_found() {
    under(Action::DeleteIssue, 5, 6).await;
}

#[tokio::test]
async fn deleted_comments_are_found() {
    under(Action::DeleteComment, 4, 8).await;
}

#[tokio::test]
async fn more_comments_in_a_second_than_can_be_listed() {
    let issues = IssueVolume { same_second_comments: 2_500, ..volume(600, 4_000) };
    let forge = Forge::start(config(issues)).unwrap();
    forge.configure(|behaviour| behaviour.comment_cap = 1_000);
    let report = imported(&forge).await;
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn more_comments_in_a_second_than_a_page() {
    let issues = IssueVolume { same_second_comments: 1_200, ..volume(600, 4_000) };
    let forge = Forge::start(config(issues)).unwrap();
    imported(&forge).await;
}

#[tokio::test]
async fn comments_that_only_their_issue_lists() {
    let issues = IssueVolume { hidden_comments: 7, ..volume(600, 2_000) };
    let forge = Forge::start(config(issues)).unwrap();
    let report = imported(&forge).await;
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn numbers_of_comments_that_are_not_true() {
    let issues = IssueVolume { stale_counts: 6, ..volume(600, 2_000) };
    let forge = Forge::start(config(issues)).unwrap();
    let report = imported(&forge).await;
    assert!(report.warnings.iter().all(|w| w.contains("list fewer comments than they say")));
}

#[tokio::test]
async fn lists_that_end_early() {
    for cursors in [Cursors::Never, Cursors::WhenLarge, Cursors::Always] {
        let forge = Forge::start(config(volume(2_500, 3_000))).unwrap();
        forge.configure(|behaviour| {
            behaviour.issue_cap = 500;
            behaviour.comment_cap = 500;
            behaviour.cursors = cursors;
        });
        let report = imported(&forge).await;
        assert_eq!(report.warnings, Vec::<String>::new(), "{cursors:?}");
    }
}

#[tokio::test]
async fn a_large_list_whose_length_is_not_said_changes_while_it_is_read() {
    let forge = Forge::start(config(volume(10_400, 6_000))).unwrap();
    let line = |action, every| Script {
        every,
        repo: "acme/api".to_owned(),
        action,
        times: Some(6),
        number: None,
    };
    forge.configure(|behaviour| {
        behaviour.script = vec![
            line(Action::DeleteIssue, 17),
            line(Action::TransferIssue, 19),
            line(Action::Any, 7),
        ];
    });
    let report = imported(&forge).await;
    assert_eq!(report.warnings, Vec::<String>::new());
}
