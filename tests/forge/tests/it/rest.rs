//! The documented interface: paging, filters, refusals, redirects.

use std::collections::BTreeSet;

use jobctl_forge::{Action, Change, Config, Cursors, IssueVolume, Script, Token};

use crate::client::{anonymous, get, get_with, relaxed, send, small, walk};

const ALL: &str = "/repos/acme/api/issues?state=all&sort=updated&direction=asc&per_page=10";

/// 250 issues, minus 3 deleted and 2 transferred.
const PRESENT: usize = 245;

#[test]
fn an_undisturbed_walk_sees_everything_once() {
    let forge = small();
    let (found, last) = walk(&forge, ALL, "number");
    assert_eq!(last.status, 200);
    assert_eq!(found.len(), PRESENT);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), PRESENT);
}

#[test]
fn offset_pages_lose_items_while_they_are_edited_and_cursors_do_not() {
    let edits = vec![Script {
        every: 2,
        repo: "acme/api".into(),
        action: Action::EditIssue,
        times: None,
        number: None,
    }];
    let lost = |cursors| {
        let forge = small();
        let before: BTreeSet<u64> = forge.truth("acme/api").unwrap().issues.into_keys().collect();
        forge.configure(|b| {
            b.script.clone_from(&edits);
            b.cursors = cursors;
        });
        let (found, _) = walk(&forge, ALL, "number");
        let found: BTreeSet<u64> = found.into_iter().collect();
        before.difference(&found).count()
    };
    assert!(lost(Cursors::Never) > 0);
    assert_eq!(lost(Cursors::Always), 0);
}

#[test]
fn deep_offsets_are_refused_and_cursors_go_on() {
    let forge = small();
    forge.configure(|b| b.issue_cap = 200);
    let (found, refusal) = walk(&forge, ALL, "number");
    assert_eq!((found.len(), refusal.status), (PRESENT, 200));
    forge.configure(|b| b.cursors = Cursors::Never);
    let (found, refusal) = walk(&forge, ALL, "number");
    assert_eq!((found.len(), refusal.status), (190, 422));
    assert!(refusal.json()["message"].as_str().unwrap().contains("cursor based pagination"));
}

#[test]
fn the_hundredth_page_of_a_hundred_is_refused() {
    let forge = small();
    assert_eq!(get(&forge, "/repos/acme/api/issues?per_page=100&page=100").status, 422);
    assert_eq!(get(&forge, "/repos/acme/api/issues?per_page=100&page=99").status, 200);
}

#[test]
fn comment_pages_end_at_their_cap_although_link_goes_on() {
    let forge = small();
    forge.configure(|b| b.comment_cap = 300);
    let path = "/repos/acme/api/issues/comments?per_page=100";
    let (found, refusal) = walk(&forge, path, "id");
    assert_eq!((found.len(), refusal.status), (300, 422));
    assert!(refusal.json()["message"].as_str().unwrap().contains("pagination"));
    assert!(found.is_sorted(), "by ascending id without sort");
}

#[test]
fn link_targets_name_the_repository_by_its_id_and_keep_the_query() {
    let forge = small();
    let reply = get(&forge, "/repos/acme/api/issues?state=all&per_page=50");
    let expected = "/repositories/70000000/issues?state=all&per_page=50&page=2";
    assert_eq!(reply.link("next").unwrap(), format!("{}{expected}", forge.url()));
    assert!(reply.link("last").unwrap().ends_with("page=5"));
    assert_eq!(reply.link("prev"), None);
    let v3 = get(&forge, "/api/v3/repos/acme/api/issues?state=all");
    assert!(v3.link("next").unwrap().starts_with(&format!("{}/api/v3/repositories/", forge.url())));
    assert!(v3.json()[0]["url"].as_str().unwrap().contains("/api/v3/repos/acme/api/issues/"));
}

#[test]
fn filters_narrow() {
    let forge = small();
    let truth = forge.truth("acme/api").unwrap();
    let count = |query: &str| {
        walk(&forge, &format!("/repos/acme/api/issues?per_page=100&{query}"), "number").0.len()
    };
    let open = truth.issues.values().filter(|i| i.state == "open").count();
    assert_eq!(count("x=1"), open);
    assert_eq!(count("state=closed"), PRESENT - open);
    let bugs = truth.issues.values().filter(|i| i.labels.iter().any(|l| l == "bug")).count();
    assert_eq!(count("state=all&labels=bug"), bugs);
    let middle = &truth.issues[&100].updated_at;
    let since = truth.issues.values().filter(|i| i.updated_at >= *middle).count();
    assert_eq!(count(&format!("state=all&since={middle}")), since);
    assert_eq!(count(&format!("state=all&sort=updated&direction=asc&since={middle}")), since);
    assert_eq!(get(&forge, "/repos/acme/api/issues?state=weird").status, 422);
    assert_eq!(get(&forge, "/repos/acme/api/issues?since=yesterday").status, 422);
}

#[test]
fn one_page_holds_thirty_and_never_more_than_a_hundred() {
    let forge = small();
    let len = |query: &str| {
        get(&forge, &format!("/repos/acme/api/issues?state=all{query}")).numbers("id").len()
    };
    assert_eq!((len(""), len("&per_page=1000"), len("&per_page=0")), (30, 100, 30));
}

#[test]
fn what_is_gone_says_so() {
    let forge = small();
    let truth = forge.truth("acme/api").unwrap();
    let deleted = truth.gone_issues.iter().find(|(_, gone)| gone.moved_to.is_none()).unwrap().0;
    let (moved, gone) = truth.gone_issues.iter().find(|(_, gone)| gone.moved_to.is_some()).unwrap();
    assert_eq!(get(&forge, &format!("/repos/acme/api/issues/{deleted}")).status, 410);
    assert_eq!(get(&forge, "/repos/acme/api/issues/9999").status, 404);
    let reply = get(&forge, &format!("/repos/acme/api/issues/{moved}"));
    let (repo, number) = gone.moved_to.unwrap();
    assert_eq!(reply.status, 301);
    let target = reply.header("location").unwrap();
    assert!(target.ends_with(&format!("/repositories/{repo}/issues/{number}")));
    assert_eq!(get(&forge, target).status, 200);
}

#[test]
fn renamed_repositories_redirect_to_their_id() {
    let forge = small();
    let reply = get(&forge, "/repos/acme/old-api/issues?state=all");
    assert_eq!(reply.status, 301);
    let location = reply.header("location").unwrap();
    assert_eq!(location, format!("{}/repositories/70000000/issues?state=all", forge.url()));
    forge.change("acme/repo-001", &Change::RenameRepo { to: "new-name".into() }).unwrap();
    assert_eq!(get(&forge, "/repos/acme/repo-001").status, 301);
    assert_eq!(get(&forge, "/repos/ACME/New-Name").json()["full_name"], "acme/new-name");
}

#[test]
fn the_gate_is_strict() {
    let forge = small();
    let url = format!("{}/user", forge.url());
    let bearer = format!("Bearer {}", forge.token());
    let status = |headers: &[(&str, &str)]| send("GET", &url, headers, "").unwrap().status;
    assert_eq!(status(&[("authorization", &bearer)]), 403);
    assert_eq!(status(&[("user-agent", "t"), ("authorization", "Bearer wrong")]), 401);
    assert_eq!(status(&[("user-agent", "t")]), 401);
    assert_eq!(
        status(&[("user-agent", "t"), ("authorization", &format!("token {}", forge.token()))]),
        200
    );
    let version =
        |v: &str| get_with(&forge, "/user", &[("x-github-api-version", v)]).unwrap().status;
    assert_eq!(
        (version("2022-11-28"), version("2026-03-10"), version("2020-01-01")),
        (200, 200, 400)
    );
}

#[test]
fn private_repositories_do_not_exist_for_strangers() {
    let forge = relaxed(Config { repos: 4, ..Config::small() });
    assert_eq!(get(&forge, "/repos/acme/repo-004").status, 200);
    assert_eq!(anonymous(&forge, "/repos/acme/repo-004").status, 404);
    let listed = |names: &[String]| names.iter().any(|name| name == "repo-004");
    let names = |reply: crate::client::Reply| -> Vec<String> {
        let items = reply.json();
        items.as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(listed(&names(get(&forge, "/orgs/acme/repos?per_page=100"))));
    assert!(!listed(&names(anonymous(&forge, "/orgs/acme/repos?per_page=100"))));
    assert!(!listed(&names(get(&forge, "/users/acme/repos?per_page=100"))));
}

#[test]
fn sso_withholds_or_refuses() {
    let token = |sso_required, sso_partial| Token { sso_required, sso_partial, ..Token::default() };
    let forge = relaxed(Config { tokens: vec![token(false, true)], repos: 4, ..Config::small() });
    let reply = get(&forge, "/orgs/acme/repos?per_page=100");
    assert!(reply.header("x-github-sso").unwrap().starts_with("partial-results; organizations="));
    assert!(!String::from_utf8_lossy(&reply.body).contains("acme/repo-004\""));
    let forge = relaxed(Config { tokens: vec![token(true, false)], ..Config::small() });
    let reply = get(&forge, "/repos/acme/api/issues");
    assert_eq!(reply.status, 403);
    assert!(reply.header("x-github-sso").unwrap().starts_with("required; url="));
}

#[test]
fn a_known_tag_is_not_modified() {
    let forge = small();
    let tag = get(&forge, ALL).header("etag").unwrap().to_owned();
    let again = |tag: &str| get_with(&forge, ALL, &[("if-none-match", tag)]).unwrap().status;
    assert_eq!(again(&tag), 304);
    let first = get(&forge, ALL).numbers("number")[0];
    let edit =
        Change::EditIssue { number: first, title: Some("new".into()), body: None, state: None };
    forge.change("acme/api", &edit).unwrap();
    assert_eq!(again(&tag), 200);
}

#[test]
fn the_recorded_repository_is_served_whole() {
    let forge = relaxed(Config { recorded: true, ..Config::small() });
    let path = "/repos/hub4j/github-api/issues?state=all&per_page=100";
    let (found, _) = walk(&forge, path, "number");
    assert_eq!(found.len(), 606);
    let (comments, _) = walk(&forge, "/repos/hub4j/github-api/issues/comments?per_page=100", "id");
    assert_eq!(comments.len(), 1_375);
    let issue = get(&forge, "/repos/hub4j/github-api/issues/660").json();
    assert_eq!(issue["id"], 546_672_197);
    assert_eq!(issue["url"], format!("{}/repos/hub4j/github-api/issues/660", forge.url()));
    assert!(issue["body"].as_str().unwrap().contains("https://github.com/square/okhttp"));
}

#[test]
fn writing_works_and_a_lost_reply_has_written() {
    let forge = small();
    let bearer = format!("Bearer {}", forge.token());
    let post = || {
        let url = format!("{}/repos/acme/api/issues/30/comments", forge.url());
        send("POST", &url, &[("user-agent", "t"), ("authorization", &bearer)], "{\"body\":\"hi\"}")
    };
    let count = || forge.truth("acme/api").unwrap().issues[&30].comments.len();
    let before = count();
    assert_eq!(post().unwrap().status, 201);
    assert_eq!(count(), before + 1);
    forge.configure(|b| {
        let (fault, firing) = (jobctl_forge::Fault::LoseReply, jobctl_forge::Firing::Next(1));
        b.faults = vec![jobctl_forge::FaultRule { fault, firing, path: None }];
    });
    assert!(post().is_err());
    assert_eq!(count(), before + 2);
}

#[test]
fn large_worlds_are_served_too() {
    let issues = IssueVolume::default();
    let forge = relaxed(Config { issues, repos: 1, recorded: false, ..Config::default() });
    let path = "/repos/acme/api/issues?state=all&sort=created&direction=asc&per_page=100";
    let (found, _) = walk(&forge, path, "number");
    assert_eq!(found.len(), 12_495);
}
