//! The world changes before, while and after it is read; the reader is killed.

use std::time::Duration;

use jobctl_forge::Forge;
use jobctl_forge::ado::{AdoAction, AdoChange, AdoScript};
use jobctl_import::Ended;

use crate::common::{Notes, asked, behaving, change, done, import, middling, run, sync};
use crate::compare::{assert_equal, held};

fn line(action: AdoAction, every: u64) -> AdoScript {
    AdoScript { every, project: "contoso/Shop".to_owned(), action, times: Some(6) }
}

fn restless(forge: &Forge, lines: Vec<AdoScript>) {
    forge.ado().configure(|b| b.script = lines);
}

fn edit(id: u64, title: &str) -> AdoChange {
    let (title, description) = (Some(title.to_owned()), Some("<p>rewritten</p>".to_owned()));
    AdoChange::Edit { id, title, description, state: None, tags: None, assigned_to: None }
}

#[tokio::test]
async fn an_import_under_edits_ends_with_the_truth_by_itself() {
    let forge = middling();
    let lines = [
        line(AdoAction::Edit, 1),
        line(AdoAction::AddComment, 2),
        line(AdoAction::Add, 3),
        line(AdoAction::Retype, 5),
        line(AdoAction::EditComment, 7),
        line(AdoAction::DeleteComment, 9),
    ];
    restless(&forge, lines.into());
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path()), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn what_goes_while_it_is_read_is_noticed_by_the_next_sync_at_the_latest() {
    let forge = middling();
    let lines = [
        line(AdoAction::Delete, 3),
        line(AdoAction::Restore, 5),
        line(AdoAction::Move, 4),
        line(AdoAction::Any, 2),
    ];
    restless(&forge, lines.into());
    let dir = tempfile::tempdir().unwrap();
    let first = run(import(&forge, dir.path()), &Notes::default()).await.unwrap();
    assert!(matches!(first, Ended::Done(_)), "{first:?}");
    restless(&forge, Vec::new());
    done(sync(&forge, dir.path(), "2"), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn a_sync_reads_the_stream_from_its_watermark_and_finds_every_change() {
    let forge = behaving(|b| b.stream_scan = 1);
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path()), &Notes::default()).await;
    // So that the mark has the stream's own token, beyond all changes.
    done(sync(&forge, dir.path(), "2"), &Notes::default()).await;
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let ids: Vec<u64> = truth.items.keys().copied().collect();
    let talked = truth.items.values().filter(|item| item.comments.len() > 1);
    let talked: Vec<(u64, u64)> = talked.map(|item| (item.id, item.comments[0].id)).collect();
    let text = || "<div>anew</div>".to_owned();
    let in_bin = *truth.gone.keys().next().unwrap();
    change(
        &forge,
        [
            edit(ids[10], "renamed"),
            AdoChange::Retype { id: ids[11], kind: "Issue".to_owned() },
            AdoChange::AddComment { id: ids[12], text: text() },
            AdoChange::EditComment { id: talked[3].0, comment: talked[3].1, text: text() },
            AdoChange::DeleteComment { id: talked[4].0, comment: talked[4].1 },
            AdoChange::Delete { id: ids[20] },
            AdoChange::Restore { id: in_bin },
            AdoChange::Add {
                project: "contoso/Shop".to_owned(),
                kind: "Bug".to_owned(),
                title: "new".to_owned(),
                description: None,
                parent: Some(ids[0]),
            },
        ],
    );
    forge.clear_log();
    done(sync(&forge, dir.path(), "3"), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
    let stream: Vec<String> = forge.log().into_iter().map(|entry| entry.target).collect();
    let stream: Vec<&String> = stream.iter().filter(|t| t.contains("workitemrevisions")).collect();
    assert!(stream.iter().all(|target| target.contains("continuationToken")), "{stream:?}");
    assert!(asked(&forge, "/workitemsbatch") <= 2, "what did not change is not read again");
}

#[tokio::test]
async fn what_moved_away_or_was_removed_for_good_is_found_by_counting() {
    let forge = middling();
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path()), &Notes::default()).await;
    let ids: Vec<u64> =
        forge.ado().truth("contoso", "Shop").unwrap().items.keys().copied().collect();
    change(
        &forge,
        [
            AdoChange::Move { id: ids[40], to: "contoso/Fabrikam Fiber".to_owned() },
            AdoChange::Destroy { id: ids[50] },
        ],
    );
    done(sync(&forge, dir.path(), "2"), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
    // It comes back as what it was.
    change(&forge, [AdoChange::Move { id: ids[40], to: "contoso/Shop".to_owned() }]);
    done(sync(&forge, dir.path(), "3"), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn a_stop_is_prompt_and_the_next_attempt_goes_on_where_it_was() {
    let forge = middling();
    let dir = tempfile::tempdir().unwrap();
    let mut epoch = 0;
    loop {
        epoch += 1;
        let mut import = import(&forge, dir.path());
        import.epoch = epoch;
        match run(import, &Notes::stopping_after(8)).await.unwrap() {
            Ended::Stopped => {}
            Ended::Done(_) => break,
            ended @ Ended::Limited { .. } => panic!("{ended:?}"),
        }
    }
    assert!(epoch > 5, "{epoch}");
    assert_equal(dir.path(), &forge);
    let mut targets: Vec<(String, u64)> =
        forge.log().into_iter().map(|entry| (entry.target, entry.bytes)).collect();
    let all = targets.len();
    targets.sort();
    targets.dedup();
    // Batches have one path; those of one size are taken for the same.
    assert!(all - targets.len() <= 12, "{all} requests, {} different", targets.len());
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_nothing() {
    let forge = middling();
    forge.configure(|behaviour| behaviour.delay_ms = 10);
    restless(&forge, vec![line(AdoAction::Edit, 5), line(AdoAction::AddComment, 7)]);
    let dir = tempfile::tempdir().unwrap();
    for (epoch, life) in (1..).zip([15, 40, 70, 110, 160, 220, 90, 60]) {
        let mut import = import(&forge, dir.path());
        import.epoch = epoch;
        let (notes, life) = (Notes::default(), Duration::from_millis(life));
        // Dropped in the middle, as by a kill: whatever is in flight is lost.
        if tokio::time::timeout(life, import.run(&notes)).await.is_ok() {
            break;
        }
    }
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    let mut last = import(&forge, dir.path());
    last.epoch = 99;
    let report = done(last, &Notes::default()).await;
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_equal(dir.path(), &forge);
    assert_eq!(held(dir.path()).len(), forge.ado().truth("contoso", "Shop").unwrap().items.len());
}
