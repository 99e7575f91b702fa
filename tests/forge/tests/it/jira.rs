//! The simulated Jira is as strict and as unpleasant as it says.

mod bulk;
mod center;
mod jql;
mod limits;
mod search;
mod world;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jobctl_forge::jira::{JiraBehaviour, JiraConfig};
use jobctl_forge::{Config, Forge};
use serde_json::{Value, json};

use crate::client::{Reply, send};

pub(crate) fn with(jira: JiraConfig) -> Forge {
    let config = Config { jira: Some(jira), repos: 0, ..Config::small() };
    Forge::start(config).expect("the forge starts")
}

pub(crate) fn small() -> Forge {
    with(JiraConfig::small())
}

pub(crate) fn behaving(change: impl FnOnce(&mut JiraBehaviour)) -> Forge {
    let forge = small();
    forge.jira().configure(change);
    forge
}

pub(crate) fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

/// Sends to a path of Cloud or Data Center with this credential.
pub(crate) fn ask(forge: &Forge, method: &str, path: &str, auth: &str, body: &str) -> Reply {
    let mut headers = vec![("user-agent", "test"), ("content-type", "application/json")];
    if !auth.is_empty() {
        headers.push(("authorization", auth));
    }
    send(method, &format!("{}{path}", forge.url()), &headers, body).expect("a whole reply")
}

pub(crate) fn get(forge: &Forge, path: &str) -> Reply {
    let config = forge.jira().config();
    let auth = basic(&config.email, &config.token);
    ask(forge, "GET", &format!("/jira/rest/api/3/{path}"), &auth, "")
}

pub(crate) fn post(forge: &Forge, path: &str, body: &Value) -> Reply {
    let config = forge.jira().config();
    let auth = basic(&config.email, &config.token);
    ask(forge, "POST", &format!("/jira/rest/api/3/{path}"), &auth, &body.to_string())
}

/// Data Center with its personal access token.
pub(crate) fn center(forge: &Forge, path: &str) -> Reply {
    let auth = format!("Bearer {}", forge.jira().config().pat);
    ask(forge, "GET", &format!("/jira-dc/rest/api/2/{path}"), &auth, "")
}

pub(crate) fn search(forge: &Forge, jql: &str, more: &Value) -> Reply {
    let mut body = json!({ "jql": jql });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    post(forge, "search/jql", &body)
}

/// The keys of one page of results.
pub(crate) fn keys(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let issues = reply.json()["issues"].as_array().expect("issues").clone();
    issues.iter().map(|issue| issue["key"].as_str().expect("a key").to_owned()).collect()
}

/// All keys of a search, page by page, and how many pages there were.
pub(crate) fn walk(forge: &Forge, jql: &str, more: &Value) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut token) = (Vec::new(), 0, Value::Null);
    loop {
        let mut more = more.clone();
        more["nextPageToken"] = token;
        let reply = search(forge, jql, &more);
        found.extend(keys(&reply));
        pages += 1;
        token = reply.json()["nextPageToken"].clone();
        assert_eq!(reply.json()["isLast"], token.is_null());
        if token.is_null() {
            return (found, pages);
        }
    }
}

/// What a refusal says.
pub(crate) fn message(reply: &Reply) -> String {
    reply.json()["errorMessages"][0].as_str().expect("a message").to_owned()
}
