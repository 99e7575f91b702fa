//! Projects, repositories, types and clones.

use serde_json::Value;

use super::{ask, basic, forge, get, message};

fn names(list: &Value) -> Vec<String> {
    let name = |item: &Value| item["name"].as_str().expect("a name").to_owned();
    list["value"].as_array().expect("a list").iter().map(name).collect()
}

#[test]
fn projects_are_paged_by_a_token_in_a_header() {
    let forge = forge(|_| {});
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("contoso/_apis/projects?$top=4&api-version=7.1{token}");
        let reply = get(&forge, &path);
        let body = reply.json();
        assert_eq!(body["count"], body["value"].as_array().unwrap().len());
        assert_eq!(body.as_object().unwrap().len(), 2, "the body does not tell of the next page");
        found.extend(names(&body));
        match reply.header("x-ms-continuationtoken") {
            Some(next) => token = format!("&continuationToken={next}"),
            None => break,
        }
    }
    let wanted =
        ["Shop", "Fabrikam Fiber", "100% Done", "Project 001", "Project 002", "Project 003"];
    assert_eq!(found, wanted);
    let all = get(&forge, "contoso/_apis/projects?stateFilter=all&api-version=7.1").json();
    assert!(names(&all).contains(&"Going away".to_owned()));
}

#[test]
fn names_with_blanks_and_percent_signs_are_paths() {
    let forge = forge(|_| {});
    for path in ["Fabrikam%20Fiber", "100%25%20Done", "fabrikam%20fiber"] {
        let reply = get(&forge, &format!("contoso/{path}/_apis/git/repositories?api-version=7.1"));
        assert_eq!(reply.status, 200, "{path}");
    }
    assert_eq!(get(&forge, "contoso/100%%20Done/_apis/wit/fields?api-version=7.1").status, 400);
    let id = get(&forge, "contoso/_apis/projects/Shop?api-version=7.1").json()["id"].clone();
    let by_id = format!("contoso/{}/_apis/wit/workitemtypes?api-version=7.1", id.as_str().unwrap());
    assert_eq!(get(&forge, &by_id).status, 200);
    let reply = get(&forge, "contoso/Nothing/_apis/wit/fields?api-version=7.1");
    assert_eq!(reply.status, 404);
    assert!(
        message(&reply).starts_with("TF200016: The following project does not exist: Nothing.")
    );
    assert_eq!(reply.json()["typeKey"], "ProjectDoesNotExistWithNameException");
    assert_eq!(ask(&forge, "PUT", "contoso/_apis/projects?api-version=7.1", "").status, 405);
}

#[test]
fn repositories_tell_what_is_odd_about_them() {
    let forge = forge(|_| {});
    let list = get(&forge, "contoso/Shop/_apis/git/repositories?api-version=7.1").json();
    assert_eq!(names(&list), ["Shop", "web front", "web fork", "old", "nothing yet", "busy"]);
    let named = |name: &str| {
        list["value"].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap().clone()
    };
    assert_eq!(named("Shop")["defaultBranch"], "refs/heads/main");
    assert_eq!(named("old")["isDisabled"], true);
    assert_eq!(named("busy")["isInMaintenance"], true);
    assert_eq!(named("web fork")["isFork"], true);
    assert!(named("nothing yet").get("defaultBranch").is_none());
    let remote = named("web front")["remoteUrl"].as_str().unwrap().to_owned();
    assert!(remote.starts_with("http://contoso@127.0.0.1:"), "{remote}");
    assert!(remote.ends_with("/ado/contoso/Shop/_git/web%20front"), "{remote}");
    let hidden = "contoso/Shop/_apis/git/repositories?includeHidden=true&api-version=7.1";
    assert!(names(&get(&forge, hidden).json()).contains(&"secret plans".to_owned()));
    let whole = get(&forge, "contoso/_apis/git/repositories?api-version=7.1").json();
    assert!(whole["count"].as_u64().unwrap() > list["count"].as_u64().unwrap());
}

#[test]
fn states_have_categories() {
    let forge = forge(|_| {});
    let path = "contoso/Fabrikam%20Fiber/_apis/wit/workitemtypes/Product%20Backlog%20Item/states";
    let states = get(&forge, &format!("{path}?api-version=7.1")).json();
    let categories: Vec<&str> = states["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|state| state["category"].as_str().unwrap())
        .collect();
    assert_eq!(categories, ["Proposed", "Proposed", "InProgress", "Completed", "Removed"]);
    let types = get(&forge, "contoso/Shop/_apis/wit/workitemtypes?api-version=7.1").json();
    assert!(names(&types).contains(&"User Story".to_owned()));
    assert_eq!(types["value"][0]["states"][1]["category"], "InProgress");
    let connection = "contoso/_apis/connectionData?api-version=7.1-preview";
    let connection = get(&forge, connection).json();
    assert_eq!(connection["authenticatedUser"]["providerDisplayName"], "octo");
}

#[test]
fn git_clones_with_the_token_and_not_without() {
    let forge = forge(|_| {});
    let dir = tempfile::tempdir().unwrap();
    let clone = |repository: &str, header: &str, into: &str| {
        let url = format!("{}contoso/Shop/_git/{repository}", forge.ado().url());
        let status = std::process::Command::new("git")
            .args(["-c", &format!("http.extraHeader=Authorization: {header}"), "clone", "-q", &url])
            .arg(dir.path().join(into))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stderr(std::process::Stdio::null())
            .status();
        status.unwrap().success()
    };
    assert!(clone("web%20front", &basic(&forge), "good"));
    assert!(dir.path().join("good/README.md").exists());
    assert!(clone("nothing%20yet", &basic(&forge), "empty"));
    assert!(!clone("web%20front", "Basic Og==", "stranger"));
    assert!(!clone("old", &basic(&forge), "disabled"));
    assert!(!clone("busy", &basic(&forge), "busy"));
}

#[test]
fn another_process_changes_it_over_http() {
    let forge = forge(|_| {});
    let control = |method: &str, path: &str, body: &str| {
        let url = format!("{}/_forge/ado/{path}", forge.url());
        crate::client::send(method, &url, &[], body).expect("a whole reply")
    };
    let first = *forge.ado().truth("contoso", "Shop").unwrap().items.keys().next().unwrap();
    let edit =
        format!(r#"{{"organisation": "contoso", "action": "edit", "id": {first}, "title": "T"}}"#);
    assert_eq!(control("POST", "edit", &edit).status, 200);
    let truth = control("GET", "truth?project=contoso/Shop", "").json();
    assert_eq!(truth["items"][first.to_string()]["title"], "T");
    assert_eq!(control("POST", "configure", r#"{"stream_scan": 1}"#).json()["stream_scan"], 1);
    assert_eq!(forge.ado().behaviour().stream_scan, 1);
    assert_eq!(control("POST", "configure", r#"{"no_such": 1}"#).status, 400);
}
