//! The recorded repository, see `fixtures/hub4j`: 606 closed issues and pull requests of
//! `hub4j/github-api`, as the real forge gave them on 2020-01-10.

use jiff::Timestamp;
use serde_json::Value;

use super::World;
use super::people::AccountKind;
use super::repo::{Comment, Issue, Label, Pull, Repo};
use super::text;
use crate::random::Random;

/// Stand for the two bases in recorded JSON; addresses in texts are left as they were.
pub(crate) const API: &str = "forge-api:";
pub(crate) const WEB: &str = "forge-web:";

macro_rules! pages {
    ($($number:literal)*) => {
        [$(include_str!(concat!("../../fixtures/hub4j/issues-", $number, ".json"))),*]
    };
}

const PAGES: [&str; 21] = pages!("01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11" "12" "13"
    "14" "15" "16" "17" "18" "19" "20" "21");

/// Adds `hub4j/github-api`.
///
/// # Panics
/// When a fixture is not what the recording was.
pub(crate) fn add(world: &mut World, random: &mut Random) {
    let owner = world.people.add_with_id("hub4j", AccountKind::Organization, 54_909_825);
    let mut repo = Repo::new(617_210, owner, "github-api", seconds("2010-04-19T04:13:03Z"));
    repo.description = Some("Java API for GitHub".to_owned());
    repo.updated = seconds("2020-01-10T19:14:02Z");
    repo.size = 17_575;
    for page in PAGES {
        let items: Vec<Value> = serde_json::from_str(page).expect("the recording is JSON");
        for mut item in items {
            rewrite(&mut item);
            let issue = issue(world, &mut repo, &item);
            repo.issues.insert(issue.number, issue);
        }
    }
    repo.next_number = 661;
    comments(world, &mut repo, random);
    repo.sort();
    world.repos.push(repo);
}

fn issue(world: &mut World, repo: &mut Repo, item: &Value) -> Issue {
    let labels = item["labels"].as_array().map_or(&[][..], Vec::as_slice);
    let labels = labels.iter().map(|label| known_label(repo, label)).collect();
    let assignees = item["assignees"].as_array().map_or(&[][..], Vec::as_slice);
    let assignees = assignees.iter().filter_map(|user| account(world, user)).collect();
    let closed = item["closed_at"].as_str().map(seconds);
    let pull = item.get("pull_request").map(|_| Pull { draft: false, merged: None });
    Issue {
        id: item["id"].as_u64().unwrap_or_default(),
        number: item["number"].as_u64().unwrap_or_default(),
        title: item["title"].as_str().unwrap_or_default().to_owned(),
        body: item["body"].as_str().map(str::to_owned),
        user: account(world, &item["user"]),
        labels,
        assignees,
        milestone: None,
        open: item["state"] == "open",
        state_reason: None,
        locked: item["locked"] == true,
        comments: item["comments"].as_i64().unwrap_or_default(),
        comment_ids: Vec::new(),
        created: item["created_at"].as_str().map_or(0, seconds),
        updated: item["updated_at"].as_str().map_or(0, seconds),
        closed,
        pull,
        events: Vec::new(),
        recorded: Some(item.to_string()),
    }
}

/// The texts were not recorded, only how many there are.
fn comments(world: &mut World, repo: &mut Repo, random: &mut Random) {
    let mut all = Vec::new();
    for issue in repo.issues.values() {
        for nth in 0..issue.comments {
            let created = random.between(issue.created, issue.updated);
            all.push((created, issue.number, nth));
        }
    }
    all.sort_unstable();
    for (id, (created, number, nth)) in (100_000_000..).zip(all) {
        let user = Some(random.index(world.people.len()));
        let body = text::body(random, 3, &format!("Comment {} on #{number}", nth + 1));
        if let Some(issue) = repo.issues.get_mut(&number) {
            issue.comment_ids.push(id);
        }
        repo.comments.insert(id, Comment { id, number, body, user, created, updated: created });
    }
}

fn account(world: &mut World, user: &Value) -> Option<usize> {
    let login = user["login"].as_str()?;
    let kind = if user["type"] == "Bot" { AccountKind::Bot } else { AccountKind::User };
    let id = user["id"].as_u64()?;
    Some(world.people.find(login).unwrap_or_else(|| world.people.add_with_id(login, kind, id)))
}

fn known_label(repo: &mut Repo, label: &Value) -> usize {
    let name = label["name"].as_str().unwrap_or_default();
    if let Some(at) = repo.labels.iter().position(|known| known.name == name) {
        return at;
    }
    repo.labels.push(Label {
        id: label["id"].as_u64().unwrap_or_default(),
        name: name.to_owned(),
        color: "ededed",
        description: label["description"].as_str().map(str::to_owned),
    });
    repo.labels.len() - 1
}

/// Puts placeholders for the bases into addresses, wherever a key ends in `url`.
fn rewrite(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                match field {
                    Value::String(text) if key.ends_with("url") => {
                        *text = text
                            .replace("https://api.github.com", API)
                            .replace("https://github.com", WEB);
                    }
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_) => rewrite(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn seconds(text: &str) -> i64 {
    text.parse::<Timestamp>().map_or(0, Timestamp::as_second)
}
