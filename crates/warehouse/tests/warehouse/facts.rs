use jobctl_provider::{Fact, Item, Mark, Skipped, Step};
use jobctl_warehouse::{Disagreement, Query};

use crate::site::{
    JOB, SCOPE, Site, at, comment, comments, facts, issue, issues, key, passed, task,
};

fn listed(since: i64) -> Step {
    facts([Fact::Listed { since: at(since) }])
}

fn comments_listed(of: u64, since: i64) -> Step {
    facts([Fact::Comments { issue: key(of), since: at(since) }])
}

fn comment_ids(site: &Site) -> Vec<String> {
    site.everything()[0].comments.iter().map(|comment| comment.id.clone()).collect()
}

#[test]
fn comments_not_in_the_listing_are_gone_until_met_again() {
    let mut site = Site::new();
    site.give(1, &issues([issue(1, 1)]));
    site.give(1, &comments([comment(1, 1, 1), comment(2, 1, 1), comment(3, 2, 1)]));
    site.give(5, &comments([comment(1, 1, 1)]));
    site.give(6, &comments_listed(1, 5));
    assert_eq!(comment_ids(&site), ["1"]);
    site.give(4, &comments([comment(2, 1, 1)]));
    assert_eq!(comment_ids(&site), ["1"], "an answer from before the listing proves nothing");
    assert_eq!(site.give(7, &comments([comment(2, 1, 1)])).changed, 1);
    assert_eq!(comment_ids(&site), ["1", "2"]);
    assert_eq!(site.house.held(SCOPE).unwrap().comments, 3, "another issue's is not touched");
}

#[test]
fn disagreements_end_in_verification_until_the_issue_changes() {
    let mut site = Site::new();
    let mut two = issue(1, 1);
    two.comments = Some(2);
    site.give(1, &issues([two.clone(), issue(9, 1)]));
    site.give(1, &comments([comment(1, 1, 1)]));
    let left = [Disagreement { number: 1, said: 2, held: 1 }];
    assert_eq!(site.house.disagreeing(SCOPE).unwrap(), left);
    assert_eq!(site.house.still_disagreeing(SCOPE).unwrap(), []);

    site.give(2, &comments_listed(1, 1));
    assert_eq!(site.house.disagreeing(SCOPE).unwrap(), []);
    assert_eq!(site.house.still_disagreeing(SCOPE).unwrap(), left);

    site.give(3, &issues([two.clone()]));
    assert_eq!(site.house.still_disagreeing(SCOPE).unwrap(), left, "nothing changed");
    two.comments = Some(3);
    site.give(4, &issues([two]));
    let more = [Disagreement { number: 1, said: 3, held: 1 }];
    assert_eq!(site.house.disagreeing(SCOPE).unwrap(), more);
}

#[test]
fn issues_not_in_the_listing_are_gone_until_met_again() {
    let mut site = Site::new();
    site.give(1, &issues((1..=20).map(|number| issue(number, 1))));
    let pass = Step { items: vec![passed(30), passed(31)], ..Step::default() };
    site.give(1, &pass);
    site.give(5, &issues((3..=20).map(|number| issue(number, 1))));
    site.give(5, &Step { items: vec![passed(30)], ..Step::default() });
    site.give(6, &listed(5));
    assert_eq!(site.live(), (3..=20).collect::<Vec<_>>());
    assert_eq!(site.house.listed_total(SCOPE).unwrap(), 19);
    assert_eq!(site.house.notes(JOB).unwrap(), [] as [&str; 0]);
    assert_eq!(site.give(7, &issues([issue(1, 1)])).changed, 1);
    assert_eq!(site.live().len(), 19);
    site.give(4, &issues([issue(2, 1)]));
    assert_eq!(site.live().len(), 19, "an answer from before the listing proves nothing");
}

#[test]
fn what_is_met_by_name_alone_stays_and_what_is_not_held_stays_a_gap() {
    let mut site = Site::new();
    site.give(1, &issues((1..=20).map(|number| issue(number, 1))));
    site.give(1, &Step { items: vec![passed(30)], ..Step::default() });
    let met = [2..=20, 30..=31].into_iter().flatten().map(|n| Item::Met { key: key(n) });
    site.give(5, &Step { items: met.collect(), ..Step::default() });
    site.give(6, &listed(5));
    assert_eq!(site.live(), (2..=20).collect::<Vec<_>>());
    assert_eq!(site.house.listed_total(SCOPE).unwrap(), 20, "31 is not held");
    site.give(7, &Step { items: vec![Item::Met { key: key(1) }], ..Step::default() });
    assert_eq!(site.live().len(), 20, "it is there after all");
}

#[test]
fn more_than_a_tenth_is_not_believed() {
    let mut site = Site::new();
    site.give(1, &issues((1..=20).map(|number| issue(number, 1))));
    site.give(5, &issues((4..=20).map(|number| issue(number, 1))));
    site.give(6, &listed(5));
    assert_eq!(site.live().len(), 20);
    let notes = site.house.notes(JOB).unwrap();
    assert!(notes.len() == 1 && notes[0].contains("3 of 20 issues"), "{notes:?}");
}

#[test]
fn gone_is_gone_until_met_again() {
    let mut site = Site::new();
    let gone = facts([Fact::Gone { key: key(1) }, Fact::Gone { key: key(77) }]);
    site.give(1, &issues([issue(1, 1), issue(2, 1)]));
    site.give(1, &gone);
    assert_eq!(site.live(), [2]);
    let all = Query { deleted: true, ..Query::default() };
    assert!(site.exported(&all)[0].issue.deleted);
    site.give(2, &issues([issue(1, 1)]));
    assert_eq!(site.live(), [1, 2]);
}

#[test]
fn marks_only_grow_and_become_real_at_the_end() {
    let mut site = Site::new();
    let mark =
        |at_second| facts([Fact::Mark { chain: "issues".into(), mark: at(at_second).into() }]);
    site.give(1, &mark(10));
    site.give(2, &mark(5));
    assert!(site.house.marks(SCOPE).unwrap().is_empty());
    assert_eq!(site.house.marks_in(JOB, SCOPE).unwrap()["issues"].at, at(10));
    site.house.finish(JOB, 1).unwrap();
    assert_eq!(site.house.marks(SCOPE).unwrap()["issues"].at, at(10));

    site.give_as("0badcafe", 3, &mark(7));
    assert_eq!(site.house.marks_in("0badcafe", SCOPE).unwrap()["issues"].at, at(10));
    site.house.finish("0badcafe", 1).unwrap();
    assert_eq!(site.house.marks(SCOPE).unwrap()["issues"].at, at(10));
}

#[test]
fn a_mark_has_the_word_of_its_own_place() {
    let mut site = Site::new();
    let mark = |second, token: &str| Mark { at: at(second), token: Some(token.into()) };
    let step = |mark| facts([Fact::Mark { chain: "revisions".into(), mark }]);
    let held = |site: &Site| site.house.marks_in(JOB, SCOPE).unwrap()["revisions"].clone();
    site.give(1, &step(mark(10, "ten")));
    site.give(2, &step(mark(5, "five")));
    assert_eq!(held(&site), mark(10, "ten"), "an earlier place came later");
    site.give(1, &step(mark(10, "ten again")));
    assert_eq!(held(&site), mark(10, "ten again"));
    site.house.finish(JOB, 1).unwrap();
    assert_eq!(site.house.marks(SCOPE).unwrap()["revisions"], mark(10, "ten again"));

    // The same place once more, by the next job: its own word counts, at once and for good.
    site.give_as("0badcafe", 3, &step(mark(10, "next")));
    let within = site.house.marks_in("0badcafe", SCOPE).unwrap();
    assert_eq!(within["revisions"], mark(10, "next"));
    site.house.finish("0badcafe", 1).unwrap();
    assert_eq!(site.house.marks(SCOPE).unwrap()["revisions"], mark(10, "next"));
    site.give_as("0ddba11", 3, &step(mark(9, "before")));
    site.house.finish("0ddba11", 1).unwrap();
    assert_eq!(site.house.marks(SCOPE).unwrap()["revisions"], mark(10, "next"));
    site.give_as("0ddba12", 3, &step(at(11).into()));
    site.house.finish("0ddba12", 1).unwrap();
    assert_eq!(site.house.marks(SCOPE).unwrap()["revisions"], at(11).into());
}

#[test]
fn a_scope_where_something_failed_gets_no_mark_until_it_was_retried() {
    let mut site = Site::new();
    site.give(1, &facts([Fact::Mark { chain: "issues".into(), mark: at(10).into() }]));
    site.house.set_phase(JOB, 1, "more", &[task("refused")]).unwrap();
    let (id, refused) = site.house.frontier(JOB).unwrap().remove(0);
    site.house.fail(JOB, 1, id, "acme/api", "404", Some("ask for access")).unwrap();
    site.house.finish(JOB, 1).unwrap();
    assert!(site.house.marks(SCOPE).unwrap().is_empty());
    assert_eq!(site.house.tally(JOB).unwrap().failures, 1);
    let failed = site.house.failures(JOB).unwrap().remove(0);
    assert_eq!(
        (failed.item.as_str(), failed.hint.as_deref()),
        ("acme/api", Some("ask for access"))
    );

    assert_eq!(site.house.retry(JOB, 2).unwrap(), 1);
    let (id, again) = site.house.frontier(JOB).unwrap().remove(0);
    assert_eq!(again, refused);
    site.house.commit(JOB, 2, id, &Step::default(), at(2)).unwrap();
    site.house.finish(JOB, 2).unwrap();
    assert_eq!(site.house.marks(SCOPE).unwrap()["issues"].at, at(10));
    assert_eq!(site.house.failures(JOB).unwrap(), []);
}

#[test]
fn estimates_totals_and_remarks_are_kept_once() {
    let mut site = Site::new();
    let step = Step {
        items: vec![Item::Issue(Box::new(issue(1, 1)))],
        skipped: vec![Skipped { item: "item 3".into(), why: "no number".into() }],
        facts: vec![
            Fact::Estimate { what: "issues".into(), count: 100 },
            Fact::Total { count: 7 },
            Fact::Partial { what: "the second 12:00:01 has too many".into() },
            Fact::Moved { to: "github:acme/new".into() },
        ],
        ..Step::default()
    };
    site.give(5, &step);
    site.give(6, &step);
    site.give(1, &facts([Fact::Total { count: 3 }]));
    let tally = site.house.tally(JOB).unwrap();
    assert_eq!((tally.skipped, tally.estimates["issues"]), (1, 100));
    assert_eq!(site.house.total(JOB, SCOPE).unwrap(), Some(7), "the newest answer counts");
    assert_eq!(site.house.total(JOB, "github:acme/other").unwrap(), None);
    assert_eq!(site.house.skipped(JOB).unwrap(), step.skipped);
    assert_eq!(site.house.partials(JOB).unwrap(), ["the second 12:00:01 has too many"]);
    assert_eq!(site.house.notes(JOB).unwrap().len(), 2);
}

#[test]
fn gaps_lie_between_what_is_held_and_a_little_beyond() {
    let mut site = Site::new();
    assert_eq!(site.house.unheld(SCOPE, 5, 10).unwrap(), [] as [u64; 0], "nothing is held");
    let mut step = issues([issue(3, 1), issue(4, 1), issue(8, 1)]);
    step.items.extend([passed(5), passed(9)]);
    step.facts = vec![Fact::Gone { key: key(4) }];
    site.give(1, &step);
    assert_eq!(site.house.unheld(SCOPE, 0, 10).unwrap(), [1, 2, 6, 7]);
    assert_eq!(site.house.unheld(SCOPE, 3, 10).unwrap(), [1, 2, 6, 7, 10, 11, 12]);
    assert_eq!(site.house.unheld(SCOPE, 3, 3).unwrap(), [1, 2, 6]);
    assert_eq!(site.house.unheld(SCOPE, u64::MAX, 5).unwrap().len(), 5);
    assert_eq!(site.house.unheld("github:acme/web", 3, 3).unwrap(), [] as [u64; 0]);

    site.give(9, &issues([issue(8, 1)]));
    assert_eq!(site.house.unmet(SCOPE, at(5), 10).unwrap(), [3, 5, 9], "4 is gone");
    assert_eq!(site.house.unmet(SCOPE, at(5), 2).unwrap(), [3, 5]);
    assert_eq!(site.house.last_met(SCOPE).unwrap(), Some(at(9)));
}
