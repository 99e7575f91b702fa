//! Files that older versions left.

use std::path::Path;

use jobctl_provider::{IssueKind, Step};
use jobctl_warehouse::{Query, Warehouse, WarehouseError};
use rusqlite::Connection;

use crate::site::{JOB, SCOPE, Site, at, comment, comments, issue, issues, key, task};

/// Everything of a file of version 1, its index of words too.
const FIRST: &str = include_str!("fixtures/version-1.sql");
/// The job that was in the middle of its work.
const SECOND_JOB: &str = "0badcafe";

fn of_version_1(path: &Path) {
    Connection::open(path).unwrap().execute_batch(FIRST).unwrap();
}

/// What tables, indexes and views a file has, without those of the index of words.
fn shape(path: &Path) -> Vec<String> {
    let direct = Connection::open(path).unwrap();
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'words_%'
               AND name NOT LIKE 'sqlite_%' ORDER BY type, name";
    let mut select = direct.prepare(sql).unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_tables() {
    insta::assert_snapshot!(shape(&Site::new().path()).join(";\n"));
}

#[test]
fn a_reader_says_who_renews_the_file_and_leaves_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.db");
    of_version_1(&path);
    let refused = Warehouse::open_reading(&path);
    assert!(matches!(refused, Err(WarehouseError::Older { found: 1 })), "{refused:?}");
}

#[test]
fn renewed_it_is_like_a_new_one_and_has_lost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.db");
    of_version_1(&path);
    let house = Warehouse::open(&path).unwrap();
    assert_eq!(shape(&path), shape(&Site::new().path()));

    let mut lines = Vec::new();
    let all = Query { deleted: true, raw: true, history: true, ..Query::parse("is:any") };
    house
        .export(&all, &mut |issue| {
            lines.push(issue);
            Ok(())
        })
        .unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&lines).unwrap());
    let direct = Connection::open(&path).unwrap();
    let replies = "SELECT count(*) FROM comment WHERE json_extract(raw, '$.id') = id + 0";
    assert_eq!(direct.query_row(replies, [], |row| row.get::<_, i64>(0)).unwrap(), 4);
    for (text, fits) in [("crash naive", 2), ("設定", 2), ("\"Comment 7\"", 10)] {
        let found = house.search(&Query::parse(text), 9).unwrap();
        assert_eq!(found.issues.iter().map(|i| i.number).collect::<Vec<_>>(), [fits], "{text}");
    }
    assert_eq!(house.listed_total(SCOPE).unwrap(), 6);
    assert_eq!(house.marks(SCOPE).unwrap()["issues"], at(40).into());
    assert_eq!(house.marks_in(SECOND_JOB, SCOPE).unwrap()["issues"], at(45).into());
    let tally = house.tally(JOB).unwrap();
    assert_eq!((tally.issues, tally.comments, tally.skipped, tally.entries), (4, 4, 1, 0));
}

#[test]
fn a_job_that_an_older_version_began_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.db");
    of_version_1(&path);
    let mut house = Warehouse::open(&path).unwrap();
    let open = house.frontier(SECOND_JOB).unwrap();
    let tasks: Vec<_> = open.iter().map(|(_, task)| task.clone()).collect();
    assert_eq!(tasks, [task("c"), task("d")]);
    // What is gone was noted before it was met; and what is held gets what it lacks when it is
    // met again, without a newer version.
    let mut told = issue(10, 30);
    told.kind = IssueKind::Epic;
    told.type_name = Some("Epic".into());
    let step = Step { next: vec![], ..issues([told, issue(78, 1)]) };
    assert_eq!(house.commit(SECOND_JOB, 7, open[0].0, &step, at(8)).unwrap().changed, 2);
    assert_eq!(house.search(&Query::parse("kind:epic"), 9).unwrap().issues[0].key, key(10));
    assert!(house.issue(&key(78)).unwrap().unwrap().issue.deleted);
    let step = comments([comment(7, 10, 1), comment(101, 2, 1)]);
    let changed = house.commit(SECOND_JOB, 7, open[1].0, &step, at(9)).unwrap().changed;
    assert_eq!(changed, 1, "a comment of version 1 says what it said");
    assert_eq!(house.failures(SECOND_JOB).unwrap().len(), 1);
    assert_eq!(house.retry(SECOND_JOB, 7).unwrap(), 1);
    assert_eq!(house.frontier(SECOND_JOB).unwrap()[0].1, task("b"));
}
