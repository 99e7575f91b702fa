//! Projects of Jira, in the cloud and on a server of one's own.

use std::collections::BTreeMap;

use jobctl_forge::jira::JiraConfig;
use jobctl_forge::{Config, Forge};
use jobctl_tests::{Sandbox, worlds};
use serde_json::{Value, json};

fn forge() -> Forge {
    worlds::start(Config { jira: Some(JiraConfig::small()), ..Config::small() })
}

/// The address of the interface: it says which Jira it is.
fn cloud(forge: &Forge) -> String {
    format!("{}rest/api/3", forge.jira().cloud_url())
}

/// A machine whose shell holds this token of the cloud's account.
fn sandbox(forge: &Forge, token: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.set("JIRA_EMAIL", &forge.jira().config().email);
    sandbox.set("JIRA_API_TOKEN", token);
    sandbox
}

fn submit(sandbox: &Sandbox, api: &str, more: &[&str]) -> String {
    let args = [&["import", "jira:PAY", "--api-url", api], more].concat();
    sandbox.submit_as(sandbox.call(&args))
}

/// Keys, titles and the ids of comments.
type Held = BTreeMap<String, (String, Vec<String>)>;

fn held(sandbox: &Sandbox) -> Held {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: Value| {
        let comments = row["comments"].as_array().expect("comments are a list");
        let ids = comments.iter().map(|comment| text(&comment["id"])).collect();
        (text(&row["key"]), (text(&row["title"]), ids))
    };
    sandbox.export(&["is:any"]).into_iter().map(row).collect()
}

fn true_ones(forge: &Forge) -> Held {
    let truth = forge.jira().truth("PAY").expect("it is there");
    let issue = |issue: jobctl_forge::jira::JiraTruthIssue| {
        let mut ids: Vec<_> = issue.comments.iter().map(|comment| comment.id.to_string()).collect();
        ids.sort();
        (issue.key, (issue.title, ids))
    };
    truth.issues.into_values().map(issue).collect()
}

#[track_caller]
fn assert_whole(sandbox: &Sandbox, forge: &Forge) {
    let mut held = held(sandbox);
    for (_, ids) in held.values_mut() {
        ids.sort();
    }
    assert_eq!(held, true_ones(forge));
}

#[test]
fn a_project_of_the_cloud_arrives_whole() {
    let forge = forge();
    let sandbox = sandbox(&forge, &forge.jira().config().token);
    let id = submit(&sandbox, &cloud(&forge), &[]);
    sandbox.waits(&id, 90, 0);
    assert_eq!(sandbox.job(&id)["warnings"], json!([]), "{:#}", sandbox.job(&id));
    assert_whole(&sandbox, &forge);
    let epic = forge.jira().truth("PAY").expect("it is there");
    let epic = epic.issues.into_values().find(|issue| issue.type_name == "Epic").expect("an epic");
    let told = sandbox.run(&["issue", "view", &epic.key]).ok();
    assert!(told.stdout.contains("Epic"), "{}", told.stdout);
    assert_eq!(worlds::while_limited(&forge), 0);
}

#[test]
fn a_project_of_a_server_arrives_whole() {
    let forge = forge();
    let sandbox = Sandbox::new();
    sandbox.set("JIRA_TOKEN", &forge.jira().config().pat);
    let api = format!("{}rest/api/2", forge.jira().center_url());
    let id = submit(&sandbox, &api, &[]);
    sandbox.waits(&id, 90, 0);
    assert_whole(&sandbox, &forge);
}

#[test]
fn a_site_is_asked_which_jira_it_is() {
    let forge = forge();
    let jira = forge.jira().config().clone();
    for site in [forge.jira().cloud_url(), forge.jira().center_url()] {
        let sandbox = Sandbox::new();
        sandbox.set("JIRA_URL", &site);
        if site == forge.jira().center_url() {
            sandbox.set("JIRA_TOKEN", &jira.pat);
        } else {
            sandbox.set("JIRA_EMAIL", &jira.email);
            sandbox.set("JIRA_API_TOKEN", &jira.token);
        }
        let id = sandbox.submit_as(sandbox.call(&["import", "jira:PAY"]));
        sandbox.waits(&id, 90, 0);
        assert_whole(&sandbox, &forge);
    }
}

#[test]
fn a_scoped_token_reads_by_way_of_the_gateway() {
    let forge = forge();
    let jira = forge.jira().config().clone();
    let sandbox = Sandbox::new();
    sandbox.set("SCOPED", &jira.scoped_token);
    sandbox.configure(&format!(
        "[connections.scoped]\nprovider = \"jira\"\napi_url = \"{}ex/jira\"\ncloud_id = \"{}\"\n\
         user = \"{}\"\ntokens = [{{ env = \"SCOPED\" }}]\n",
        forge.jira().cloud_url().trim_end_matches("jira/"),
        jira.cloud_id,
        jira.email
    ));
    let id = sandbox.submit_as(sandbox.call(&["import", "scoped:PAY"]));
    sandbox.waits(&id, 90, 0);
    assert_whole(&sandbox, &forge);
}

#[test]
fn a_wrong_token_is_no_empty_success() {
    let forge = forge();
    let sandbox = sandbox(&forge, "not-the-token");
    let id = submit(&sandbox, &cloud(&forge), &[]);
    sandbox.waits(&id, 30, 7);
    let job = sandbox.job(&id);
    assert_eq!(job["reason"]["kind"], "unauthorized", "{job:#}");
    assert_eq!(sandbox.export(&["is:any"]), Vec::<Value>::new());
}

#[test]
fn a_query_of_its_own_narrows_and_another_forges_does_not() {
    let forge = forge();
    let sandbox = sandbox(&forge, &forge.jira().config().token);
    let api = cloud(&forge);
    let id = submit(&sandbox, &api, &["--jql", "issuetype = Epic"]);
    sandbox.waits(&id, 90, 0);
    let epics = forge.jira().truth("PAY").expect("it is there").issues.into_values();
    let epics = epics.filter(|issue| issue.type_name == "Epic").count();
    assert_eq!((sandbox.export(&["is:any"]).len(), epics > 0), (epics, true));
    let told = sandbox.run(&["import", "jira:PAY", "--api-url", &api, "--wiql", "x"]).exits(2);
    assert!(told.stderr.contains("--jql"), "{}", told.stderr);
}
