//! Any order, any repetition of the same steps ends in the same rows.

use jobctl_provider::{Fact, Item, Link, Step};
use proptest::prelude::*;
use proptest::sample::subsequence;
use rusqlite::Connection;
use serde_json::json;

use crate::site::{Site, at, comment, entry, facts, issue, key, passed};

/// Rows as they end up, without the names that `SQLite` gave them.
fn rows(site: &Site) -> Vec<String> {
    let direct = Connection::open(site.path()).unwrap();
    let sql = "
        SELECT json_array('i', key, title, comments, updated_at, seen_at, read_at, deleted, raw,
            fields, acceptance_criteria, type_name,
            (SELECT group_concat(name) FROM label_row WHERE issue = id),
            (SELECT group_concat(relation || target) FROM link_row WHERE issue = id)) AS line
        FROM issue_row JOIN issue_text USING (id)
        UNION ALL SELECT json_array('c', name, issue, body, updated_at, seen_at, read_at, deleted)
        FROM comment_row JOIN comment_text USING (id)
        UNION ALL SELECT json_array('e', name, issue, what, seen_at, raw) FROM entry_row
        UNION ALL SELECT json_array('p', key, seen_at, deleted) FROM passed_row
        UNION ALL SELECT json_array('m', scope, chain, at) FROM mark
        ORDER BY line";
    let mut select = direct.prepare(sql).unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What a forge may say at one moment: versions of a few rows, and what is gone.
fn answer() -> impl Strategy<Value = Step> {
    let row =
        (0..5_u8, 1..4_u64, 1..4_i64, 0..3_u64).prop_map(
            |(sort, number, updated, said)| match sort {
                0 | 1 => {
                    let mut issue = issue(number, updated);
                    issue.comments = Some(said);
                    issue.links = (0..said)
                        .map(|target| Link { relation: "blocks".into(), target: key(target) })
                        .collect();
                    issue.labels = (0..said).map(|label| format!("label {label}")).collect();
                    Item::Issue(Box::new(issue))
                }
                4 => {
                    let mut entry = entry(said, number, 1);
                    entry.raw = json!(updated);
                    Item::Entry(Box::new(entry))
                }
                2 => Item::Comment(Box::new(comment(number * 10 + said, number, updated))),
                _ => passed(number + 2),
            },
        );
    let fact = (0..3_u8, 1..4_u64, 0..12_i64).prop_map(|(sort, number, since)| match sort {
        0 => Fact::Comments { issue: key(number), since: at(since) },
        1 => Fact::Gone { key: key(number) },
        _ => Fact::Mark { chain: format!("chain {number}"), mark: at(since).into() },
    });
    (prop::collection::vec(row, 0..4), prop::collection::vec(fact, 0..2)).prop_map(
        |(items, learnt)| {
            // An answer does not say of one thing that it is there and gone.
            if learnt.is_empty() { Step { items, ..Step::default() } } else { facts(learnt) }
        },
    )
}

type Given = Vec<(i64, Step)>;

/// Answers in the order they were received, and a shuffle of them with some twice.
fn histories() -> impl Strategy<Value = (Given, Given)> {
    prop::collection::vec(answer(), 1..12).prop_flat_map(|answers| {
        let given: Given = (0..).zip(answers).collect();
        let repeated = subsequence(given.clone(), 0..=given.len());
        let any_order = repeated.prop_flat_map({
            let given = given.clone();
            move |mut twice| {
                twice.extend(given.clone());
                Just(twice).prop_shuffle()
            }
        });
        (Just(given), any_order)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn order_and_repetition_do_not_matter((given, shuffled) in histories(), kill in 0..12_usize) {
        let mut straight = Site::new();
        for (seen, step) in &given {
            straight.give(*seen, step);
        }
        let mut other = Site::new();
        for (turn, (seen, step)) in shuffled.iter().enumerate() {
            if turn == kill {
                other = other.reopened();
            }
            other.give(*seen, step);
        }
        prop_assert_eq!(rows(&straight), rows(&other));
    }
}
