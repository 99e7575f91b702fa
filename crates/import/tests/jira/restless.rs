//! The world changes before, while and after it is read; the reader is killed.

use jobctl_forge::Forge;
use jobctl_forge::jira::{JiraAction, JiraChange, JiraConfig, JiraScript};
use jobctl_import::{Ended, Import};

use crate::common::{Notes, Way, done, import, killed_after, middling, run, sync, with};
use crate::compare::assert_equal;

fn line(action: JiraAction, every: u64, times: u64) -> JiraScript {
    JiraScript { every, project: "PAY".to_owned(), action, times: Some(times) }
}

/// Something happens after nearly every page.
fn restless(forge: &Forge) {
    forge.jira().configure(|b| {
        b.script = vec![
            line(JiraAction::EditIssue, 1, 6),
            line(JiraAction::AddComment, 2, 6),
            line(JiraAction::EditComment, 2, 6),
            line(JiraAction::DeleteComment, 3, 6),
            line(JiraAction::AddIssue, 3, 6),
            line(JiraAction::DeleteIssue, 4, 6),
            line(JiraAction::MoveIssue, 5, 6),
            line(JiraAction::Transition, 2, 6),
        ];
    });
}

#[tokio::test]
async fn what_changes_while_it_is_read_is_brought_by_the_next_sync_at_the_latest() {
    for way in Way::BOTH {
        let forge = middling();
        restless(&forge);
        let dir = tempfile::tempdir().unwrap();
        // What went while it was listed may be told of as missing; the sync ends with the truth.
        let first = run(import(&forge, dir.path(), way), &Notes::default()).await.unwrap();
        assert!(matches!(first, Ended::Done(_)), "{first:?}");
        forge.jira().configure(|b| b.script.clear());
        done(sync(&forge, dir.path(), way, "2"), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn an_import_under_edits_ends_with_the_truth_by_itself() {
    for way in Way::BOTH {
        let forge = middling();
        // As many as fall into the reading itself: nobody reads what changes after the last page.
        forge.jira().configure(|b| {
            b.script = vec![line(JiraAction::EditIssue, 1, 2), line(JiraAction::AddComment, 2, 1)];
        });
        let dir = tempfile::tempdir().unwrap();
        done(import(&forge, dir.path(), way), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn a_sync_brings_what_changed_and_notices_what_is_gone() {
    for way in Way::BOTH {
        let forge = with(JiraConfig::small());
        let jira = forge.jira();
        let dir = tempfile::tempdir().unwrap();
        done(import(&forge, dir.path(), way), &Notes::default()).await;
        let truth = jira.truth("PAY").unwrap();
        let commented = truth.issues.values().find(|issue| issue.comments.len() > 4).unwrap();
        let text = |text: &str| Some(text.to_owned());
        for change in [
            JiraChange::EditIssue {
                key: "PAY-60".to_owned(),
                summary: text("renamed"),
                description: text("rewritten"),
                status: text("Done"),
            },
            JiraChange::AddIssue { project: "PAY".to_owned(), summary: "new".to_owned() },
            JiraChange::AddComment { key: "PAY-64".to_owned(), body: "one more".to_owned() },
            JiraChange::EditComment { id: commented.comments[0].id, body: "other".to_owned() },
            JiraChange::DeleteComment { id: commented.comments[1].id },
            JiraChange::DeleteIssue { key: "PAY-70".to_owned() },
            JiraChange::MoveIssue { key: "PAY-82".to_owned(), to: "OPS".to_owned() },
            JiraChange::MoveIssue { key: "OPS-4".to_owned(), to: "PAY".to_owned() },
        ] {
            jira.change(&change).unwrap();
        }
        done(sync(&forge, dir.path(), way, "2"), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn a_stop_is_prompt_and_the_next_attempt_goes_on_where_it_was() {
    for way in Way::BOTH {
        let forge = middling();
        forge.configure(|behaviour| behaviour.delay_ms = 5);
        let dir = tempfile::tempdir().unwrap();
        let mut epoch = 0;
        loop {
            epoch += 1;
            let attempt = Import { epoch, ..import(&forge, dir.path(), way) };
            match run(attempt, &Notes::stopping_after(2)).await.unwrap() {
                Ended::Stopped => {}
                Ended::Done(_) => break,
                ended @ Ended::Limited { .. } => panic!("{ended:?}"),
            }
        }
        assert!(epoch > 2, "{epoch}");
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn kills_at_any_moment_change_nothing() {
    for (way, seed) in [(Way::Cloud, 3), (Way::Cloud, 5), (Way::Center, 3), (Way::Center, 4)] {
        let forge = middling();
        forge.configure(|behaviour| behaviour.delay_ms = 2);
        let dir = tempfile::tempdir().unwrap();
        // Lives of one to five answers, in an order that looks like none.
        let lives = (1..=20).map(|nth| nth * nth * seed % 5 + 1);
        for (epoch, life) in (1..).zip(lives) {
            let attempt = Import { epoch, ..import(&forge, dir.path(), way) };
            if killed_after(attempt, life).await {
                break;
            }
        }
        let last = Import { epoch: 99, ..import(&forge, dir.path(), way) };
        done(last, &Notes::default()).await;
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn kills_while_everything_changes_leave_nothing_that_a_sync_does_not_bring() {
    for way in Way::BOTH {
        let forge = middling();
        restless(&forge);
        let dir = tempfile::tempdir().unwrap();
        for (epoch, life) in (1..).zip([1, 4, 2, 3, 2]) {
            killed_after(Import { epoch, ..import(&forge, dir.path(), way) }, life).await;
        }
        let last = Import { epoch: 99, ..import(&forge, dir.path(), way) };
        let ended = run(last, &Notes::default()).await.unwrap();
        assert!(matches!(ended, Ended::Done(_)), "{ended:?}");
        forge.jira().configure(|b| b.script.clear());
        done(sync(&forge, dir.path(), way, "2"), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
    }
}
