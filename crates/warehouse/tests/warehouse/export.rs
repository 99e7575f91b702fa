use std::io;

use jobctl_provider::{Attachment, Category, IssueKind, Link, Time};
use jobctl_warehouse::{Query, WarehouseError};
use rusqlite::Connection;
use serde_json::json;

use crate::site::{SCOPE, Site, comment, comments, entries, entry, issue, issues, key};

fn filled() -> Site {
    let mut site = Site::new();
    let mut full = issue(2, 40);
    full.body = None;
    full.priority = Some("high".into());
    full.milestone = Some("1.0".into());
    full.parent = Some(format!("{SCOPE}#10"));
    full.labels = vec!["ui".into(), "bug".into()];
    full.state = "closed".into();
    full.state_category = Category::Done;
    full.closed_at = Some("2023-11-14T22:14:00.25Z".parse::<Time>().unwrap());
    full.comments = Some(3);
    full.kind = IssueKind::Story;
    full.type_name = Some("User Story".into());
    full.links = [("blocks", 10), ("relates to", 7), ("blocks", 7)]
        .map(|(relation, number)| Link { relation: relation.into(), target: key(number) })
        .into();
    full.fields = [("Team".into(), json!("Red")), ("Points".into(), json!(5))].into();
    full.acceptance_criteria = Some("It starts".into());
    full.attachments = vec![Attachment {
        name: "crash.log".into(),
        url: "https://github.com/user-attachments/files/1/crash.log".into(),
    }];
    full.reactions = [("+1".into(), 3)].into();
    site.give(1, &issues([issue(10, 30), full]));
    site.give(2, &entries([entry(2, 2, 9), entry(10, 2, 9), entry(1, 2, 12), entry(1, 10, 1)]));
    site.give(2, &comments([comment(100, 2, 1), comment(99, 2, 2), comment(7, 10, 1)]));
    site
}

#[test]
fn the_shape() {
    let site = filled();
    let query = Query { raw: true, history: true, ..Query::default() };
    let lines: Vec<_> = site.exported(&query);
    insta::assert_snapshot!(serde_json::to_string_pretty(&lines).unwrap());
}

#[test]
fn order_is_by_number_and_comments_by_time_then_id() {
    let site = filled();
    assert_eq!(site.live(), [2, 10]);
    let ids: Vec<_> = site.exported(&Query::default())[0]
        .comments
        .iter()
        .map(|comment| comment.id.clone())
        .collect();
    assert_eq!(ids, ["99", "100"]);
}

#[test]
fn a_filter_narrows_and_a_refusal_ends_it() {
    let site = filled();
    let found = site.exported(&Query::parse("state:closed"));
    assert_eq!(found.iter().map(|found| found.issue.number).collect::<Vec<_>>(), [2]);
    assert!(found[0].raw.is_none() && found[0].history.is_empty());
    let mut asked = 0;
    let broken = site.house.export(&Query::default(), &mut |_| {
        asked += 1;
        Err(io::Error::from(io::ErrorKind::BrokenPipe))
    });
    assert_eq!(asked, 1);
    assert!(matches!(
        broken,
        Err(WarehouseError::Export { source }) if source.kind() == io::ErrorKind::BrokenPipe
    ));
}

#[test]
fn the_views_are_as_documented() {
    let site = filled();
    let direct = Connection::open(site.path()).unwrap();
    let columns = |view: &str| {
        let select = direct.prepare(&format!("SELECT * FROM {view}")).unwrap();
        select.column_names().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = ["issue", "comment", "label", "link", "history"]
        .map(|view| format!("{view}: {}", columns(view).join(", ")));
    insta::assert_snapshot!(all.join("\n"));
    let row: String = direct
        .query_row(
            "SELECT json_array(key, labels, assignees, updated_at, closed_at, deleted,
                 (SELECT count(*) FROM comment c WHERE c.source = i.source AND c.issue = i.key),
                 (SELECT group_concat(name) FROM label l WHERE l.issue = i.key),
                 (SELECT json_group_array(relation || ' ' || target) FROM link
                  WHERE link.issue = i.key),
                 type_name, acceptance_criteria, fields, attachments, reactions,
                 (SELECT json_group_array(json_array(id, what, author, at, from_value, to_value))
                  FROM history h WHERE h.issue = i.key))
             FROM issue i WHERE number = 2",
            [],
            |row| row.get(0),
        )
        .unwrap();
    insta::assert_snapshot!(row);
}
