use jobctl_provider::{Attachment, Category, Issue, IssueKind, Item, Link, Step};
use serde_json::json;

use crate::site::{
    JOB, SCOPE, Site, at, comment, comments, entries, entry, issue, issues, key, passed,
};

#[test]
fn an_older_version_changes_nothing_but_that_the_row_was_met() {
    let mut site = Site::new();
    let mut newer = issue(1, 20);
    newer.labels = vec!["new".into()];
    assert_eq!(site.give(1, &issues([newer])).changed, 1);
    assert_eq!(site.give(2, &issues([issue(1, 10)])).changed, 0);
    let held = &site.everything()[0];
    assert_eq!(
        (held.issue.updated_at, held.issue.labels.as_slice()),
        (at(20), &["new".into()][..])
    );
    assert_eq!(held.raw, Some(json!({ "number": 1, "updated": 20 })));
}

#[test]
fn a_newer_version_replaces_the_row_and_its_children() {
    let mut site = Site::new();
    site.give(1, &issues([issue(1, 10)]));
    let mut newer = issue(1, 20);
    newer.title = "Renamed".into();
    newer.labels = vec!["z".into(), "a".into(), "a".into()];
    newer.assignees = vec!["dan".into(), "bob".into()];
    newer.state_category = Category::Done;
    newer.closed_at = Some(at(19));
    assert_eq!(site.give(2, &issues([newer])).changed, 1);
    let held = site.everything().remove(0).issue;
    assert_eq!(held.title, "Renamed");
    assert_eq!(held.labels, ["a", "z"]);
    assert_eq!(held.assignees, ["dan", "bob"]);
    assert_eq!((held.state_category, held.closed_at), (Category::Done, Some(at(19))));
}

#[test]
fn of_the_same_moment_the_later_answer_wins() {
    let mut site = Site::new();
    site.give(1, &issues([issue(1, 10)]));
    let mut other = issue(1, 10);
    other.labels.clear();
    assert_eq!(site.give(3, &issues([other])).changed, 1);
    assert_eq!(site.give(2, &issues([issue(1, 10)])).changed, 0, "an earlier answer came late");
    assert_eq!(site.everything()[0].issue.labels, Vec::<String>::new());
}

#[test]
fn only_the_forges_own_reply_differing_is_kept_and_does_not_count() {
    let mut site = Site::new();
    site.give(1, &issues([issue(1, 10)]));
    let mut again = issue(1, 10);
    again.raw = json!({ "avatar": "new" });
    assert_eq!(site.give(2, &issues([again])).changed, 0);
    assert_eq!(site.everything()[0].raw, Some(json!({ "avatar": "new" })));
}

#[test]
fn another_job_merges_into_the_same_rows() {
    let mut site = Site::new();
    site.give(5, &issues([issue(1, 10)]));
    site.house.finish(JOB, 1).unwrap();
    // Even if its clock runs behind.
    let mut other = issue(1, 10);
    other.title = "Renamed".into();
    assert_eq!(site.give_as("0badcafe", 1, &issues([other, issue(2, 1)])).changed, 2);
    assert_eq!(site.live(), [1, 2]);
    assert_eq!(site.everything()[0].issue.title, "Renamed");
    assert_eq!(site.house.tally("0badcafe").unwrap().issues, 2);
    assert_eq!(site.house.tally(JOB).unwrap().issues, 1);
}

#[test]
fn a_comment_may_come_before_its_issue() {
    let mut site = Site::new();
    assert_eq!(site.give(1, &comments([comment(7, 1, 5)])).changed, 1);
    assert_eq!(site.everything(), []);
    site.give(2, &issues([issue(1, 10)]));
    assert_eq!(site.everything()[0].comments[0].id, "7");
    assert_eq!(site.give(3, &comments([comment(7, 1, 4)])).changed, 0);
    assert_eq!(site.everything()[0].comments[0].updated_at, at(5));
    assert_eq!(site.give(3, &comments([comment(7, 1, 6)])).changed, 1);
    assert_eq!(site.everything()[0].comments[0].updated_at, at(6));
}

#[test]
fn the_tally_counts_each_row_once_and_survives_a_kill() {
    let mut site = Site::new();
    let mut step = issues([issue(1, 1), issue(2, 1)]);
    step.items.push(passed(3));
    step.items.push(Item::Comment(Box::new(comment(1, 1, 1))));
    site.give(1, &step);
    let mut site = site.reopened();
    site.give(2, &step);
    let tally = site.house.tally(JOB).unwrap();
    assert_eq!((tally.issues, tally.passed, tally.comments, tally.changed), (2, 1, 1, 4));
    assert_eq!(site.house.listed_total(SCOPE).unwrap(), 3);
}

#[test]
fn what_is_passed_now_and_taken_in_later_counts_once() {
    let mut site = Site::new();
    let pass = Step { items: vec![passed(1)], ..Step::default() };
    site.give(1, &pass);
    site.give(2, &issues([issue(1, 1)]));
    assert_eq!(site.house.listed_total(SCOPE).unwrap(), 1);
    assert_eq!(site.give(3, &pass).changed, 0);
    assert_eq!(site.house.listed_total(SCOPE).unwrap(), 1);
    assert_eq!(site.everything()[0].issue.key, key(1));
}

#[test]
fn every_part_of_an_issue_makes_a_version_differ() {
    let mut site = Site::new();
    let link = |target| Link { relation: "blocks".into(), target: key(target) };
    let changes: [fn(&mut Issue); 7] = [
        |issue| issue.kind = IssueKind::Epic,
        |issue| issue.type_name = Some("Initiative".into()),
        |issue| issue.fields = [("Team".into(), json!("Red"))].into(),
        |issue| issue.acceptance_criteria = Some("It starts".into()),
        |issue| issue.reactions = [("+1".into(), 1)].into(),
        |issue| {
            issue.attachments = vec![Attachment { name: "a".into(), url: "https://a".into() }];
        },
        |issue| issue.links = vec![Link { relation: "is child of".into(), target: "x".into() }],
    ];
    let mut version = issue(1, 1);
    site.give(1, &issues([version.clone()]));
    for (turn, change) in (2..).zip(changes) {
        change(&mut version);
        let step = issues([version.clone()]);
        assert_eq!(site.give(turn, &step).changed, 1, "{turn}");
        assert_eq!(site.give(turn, &step).changed, 0, "{turn}");
    }
    version.links = vec![link(2), link(3)];
    site.give(20, &issues([version.clone()]));
    version.links.reverse();
    assert_eq!(site.give(21, &issues([version])).changed, 0, "links have no order");
    let held = site.everything().remove(0).issue;
    assert_eq!((held.kind, held.type_name.as_deref()), (IssueKind::Epic, Some("Initiative")));
    assert_eq!((held.links, held.reactions["+1"]), (vec![link(2), link(3)], 1));
    assert_eq!((held.fields["Team"].as_str(), held.attachments.len()), (Some("Red"), 1));
    assert_eq!(held.acceptance_criteria.as_deref(), Some("It starts"));
}

#[test]
fn an_entry_is_kept_once_as_it_was_received_last() {
    let mut site = Site::new();
    assert_eq!(site.give(1, &entries([entry(1, 1, 5), entry(1, 2, 5), entry(2, 1, 3)])).changed, 3);
    site.give(1, &issues([issue(1, 1), issue(2, 1)]));
    let mut other = entry(1, 1, 5);
    other.to = Some("ui".into());
    assert_eq!(site.give(3, &entries([other])).changed, 0);
    assert_eq!(site.give(2, &entries([entry(1, 1, 5)])).changed, 0);
    let history = site.everything().remove(0).history;
    let told: Vec<_> = history.iter().map(|e| (e.id.as_str(), e.to.as_deref())).collect();
    assert_eq!(told, [("2", Some("bug")), ("1", Some("ui"))], "the earlier answer came late");
    assert_eq!(site.house.tally(JOB).unwrap().entries, 3);

    // Another job's answer is later, even if its clock runs behind.
    site.give_as("0badcafe", 1, &entries([entry(1, 1, 5)]));
    assert_eq!(site.everything()[0].history[1].to.as_deref(), Some("bug"));
    assert_eq!(site.house.tally("0badcafe").unwrap().entries, 1);
    assert_eq!(site.house.issue("#1").unwrap().unwrap().history.len(), 2);
}
