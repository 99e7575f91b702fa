//! Changes, oddities, the truth.

use std::collections::BTreeMap;

use jobctl_forge::{Action, Change, Config, IssueVolume, Script};

use crate::client::{get, relaxed, send, small, walk};

fn volume(change: impl FnOnce(&mut IssueVolume)) -> Config {
    let mut config = Config::small();
    change(&mut config.issues);
    config
}

#[test]
fn the_same_seed_grows_the_same_world() {
    let truth = |seed| relaxed(Config { seed, ..Config::small() }).truth("acme/api").unwrap();
    assert_eq!(truth(3), truth(3));
    assert_ne!(truth(3).issues[&30], truth(4).issues[&30]);
}

#[test]
fn the_truth_is_what_the_lists_say() {
    let forge = small();
    let truth = forge.truth("acme/api").unwrap();
    let (ids, _) = walk(&forge, "/repos/acme/api/issues/comments?per_page=100", "id");
    let mut told: Vec<u64> =
        truth.issues.values().flat_map(|i| i.comments.iter().map(|c| c.id)).collect();
    told.sort_unstable();
    assert_eq!(ids, told);
    let shown = get(&forge, "/repos/acme/api/issues/40").json();
    assert_eq!(shown["title"], truth.issues[&40].title);
    assert_eq!(shown["updated_at"], truth.issues[&40].updated_at);
    assert_eq!(shown["comments"], truth.issues[&40].comments.len());
}

#[test]
fn changes_date_what_they_should() {
    let forge = small();
    let api = "acme/api";
    let issue = |n: u64| forge.truth(api).unwrap().issues[&n].clone();
    let number =
        forge.truth(api).unwrap().issues.values().find(|i| !i.comments.is_empty()).unwrap().number;
    let (before, id) = (issue(number), issue(number).comments[0].id);
    forge.change(api, &Change::EditComment { id, body: "new".into() }).unwrap();
    assert_eq!(issue(number).updated_at, before.updated_at, "an edited comment leaves its issue");
    assert!(issue(number).comments[0].updated_at > before.comments[0].updated_at);
    forge.change(api, &Change::DeleteComment { id }).unwrap();
    assert!(issue(number).updated_at > before.updated_at, "a deleted one does not");
    assert_eq!(issue(number).shown_comments, before.shown_comments - 1);
    assert_eq!(forge.truth(api).unwrap().gone_comments.last().unwrap().id, id);
}

#[test]
fn transferred_issues_take_their_comments_along() {
    let forge = small();
    let truth = forge.truth("acme/api").unwrap();
    let issue = truth.issues.values().find(|i| i.comments.len() > 2).unwrap();
    let change = Change::TransferIssue { number: issue.number, to: "acme/repo-001".into() };
    let new = forge.change("acme/api", &change).unwrap().number.unwrap();
    let arrived = forge.truth("acme/repo-001").unwrap().issues[&new].clone();
    assert_eq!(arrived.comments, issue.comments);
    assert_ne!(arrived.id, issue.id);
    let listed = get(&forge, &format!("/repos/acme/repo-001/issues/{new}/comments"));
    assert_eq!(listed.numbers("id").len(), issue.comments.len());
}

#[test]
fn many_comments_share_one_second() {
    let forge = relaxed(volume(|v| v.same_second_comments = 400));
    let truth = forge.truth("acme/api").unwrap();
    let mut seconds: BTreeMap<(String, String), usize> = BTreeMap::new();
    for comment in truth.issues.values().flat_map(|issue| &issue.comments) {
        *seconds.entry((comment.created_at.clone(), comment.updated_at.clone())).or_default() += 1;
    }
    // The deleted issues may have taken some along.
    assert!(seconds.values().max().unwrap() > &380);
}

#[test]
fn counts_and_lists_disagree_when_asked_to() {
    let forge = relaxed(volume(|v| (v.stale_counts, v.hidden_comments) = (9, 7)));
    let truth = forge.truth("acme/api").unwrap();
    let stale =
        |i: &&jobctl_forge::TruthIssue| usize::try_from(i.shown_comments) != Ok(i.comments.len());
    assert_eq!(truth.issues.values().filter(stale).count(), 9);
    let (ids, _) = walk(&forge, "/repos/acme/api/issues/comments?per_page=100", "id");
    let hidden = truth.issues.values().flat_map(|i| &i.comments).filter(|c| c.hidden).count();
    assert!(hidden > 0);
    assert_eq!(ids.len() + hidden, truth.comment_count());
    let (issue, comment) = truth
        .issues
        .values()
        .find_map(|i| i.comments.iter().find(|c| c.hidden).map(|c| (i.number, c.id)))
        .unwrap();
    let listed = get(&forge, &format!("/repos/acme/api/issues/{issue}/comments?per_page=100"));
    assert!(listed.numbers("id").contains(&comment));
}

#[test]
fn the_script_counts_list_replies() {
    let forge = small();
    let line = |every, action| Script {
        every,
        repo: "acme/api".into(),
        action,
        times: Some(2),
        number: None,
    };
    forge.configure(|b| b.script = vec![line(3, Action::AddIssue), line(2, Action::DeleteIssue)]);
    let before = forge.truth("acme/api").unwrap();
    for _ in 0..20 {
        get(&forge, "/repos/acme/api/issues?per_page=1");
        get(&forge, "/user");
    }
    let after = forge.truth("acme/api").unwrap();
    assert_eq!(after.gone_issues.len(), before.gone_issues.len() + 2);
    assert_eq!(after.issues.len(), before.issues.len());
}

#[test]
fn control_works_from_outside() {
    let forge = small();
    let control = |method: &str, path: &str, body: &str| {
        send(method, &format!("{}/_forge/{path}", forge.url()), &[], body).unwrap()
    };
    let edit = "{\"repo\":\"acme/api\",\"action\":\"edit_issue\",\"number\":33,\"title\":\"from outside\"}";
    assert_eq!(control("POST", "edit", edit).status, 200);
    let truth = control("GET", "truth?repo=acme/api", "").json();
    assert_eq!(truth["issues"]["33"]["title"], "from outside");
    let changed =
        control("POST", "configure", "{\"limits\":{\"primary\":7},\"delay_ms\":1}").json();
    assert_eq!((&changed["limits"]["primary"], &changed["delay_ms"]), (&7.into(), &1.into()));
    assert_eq!(control("POST", "configure", "{\"nonsense\":1}").status, 400);
    get(&forge, "/user");
    let log = control("GET", "log", "").json();
    assert_eq!((&log[0]["endpoint"], &log[0]["auth"]), (&"/user".into(), &"ok".into()));
    assert_eq!(log.as_array().unwrap().len(), 1, "control itself is not logged");
    control("DELETE", "log", "");
    assert!(forge.log().is_empty());
}
