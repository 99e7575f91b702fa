//! Projects and repositories of Azure DevOps.

use std::collections::BTreeMap;

use jobctl_forge::ado::AdoConfig;
use jobctl_forge::{Config, Forge};
use jobctl_tests::{Sandbox, worlds};
use serde_json::{Value, json};

fn forge() -> Forge {
    worlds::start(Config { ado: Some(AdoConfig::small()), ..Config::small() })
}

fn sandbox(token: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.set("AZURE_DEVOPS_EXT_PAT", token);
    sandbox
}

fn submit(sandbox: &Sandbox, forge: &Forge, args: &[&str]) -> String {
    let url = forge.ado().url();
    let args = [args, &["--api-url", &url]].concat();
    sandbox.submit_as(sandbox.call(&args))
}

/// Titles and the numbers of comments, by key.
type Held = BTreeMap<String, (String, usize)>;

fn held(sandbox: &Sandbox, source: &str) -> Held {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: Value| {
        let comments = row["comments"].as_array().map_or(0, Vec::len);
        (text(&row["key"]), (text(&row["title"]), comments))
    };
    sandbox.export(&["is:any", "--source", source]).into_iter().map(row).collect()
}

fn true_ones(forge: &Forge, organisation: &str, project: &str) -> Held {
    let truth = forge.ado().truth(organisation, project).expect("it is there");
    let item = |item: jobctl_forge::ado::AdoTruthItem| {
        let key = format!("ado:{organisation}/{project}#{}", item.id);
        (key, (item.title, item.comments.len()))
    };
    truth.items.into_values().map(item).collect()
}

#[test]
fn a_project_arrives_whole() {
    let forge = forge();
    let sandbox = sandbox(forge.ado().token());
    let id = submit(&sandbox, &forge, &["import", "ado:contoso/Shop"]);
    sandbox.waits(&id, 90, 0);
    assert_eq!(sandbox.job(&id)["warnings"], json!([]), "{:#}", sandbox.job(&id));
    assert_eq!(held(&sandbox, "ado:contoso/Shop"), true_ones(&forge, "contoso", "Shop"));
    assert_eq!(worlds::while_limited(&forge), 0);
}

#[test]
fn an_organisation_arrives_project_by_project() {
    let forge = forge();
    let sandbox = sandbox(forge.ado().token());
    let id = submit(&sandbox, &forge, &["import", "ado:contoso"]);
    sandbox.waits(&id, 120, 0);
    for project in ["Shop", "Fabrikam Fiber", "100% Done"] {
        let source = format!("ado:contoso/{project}");
        assert_eq!(held(&sandbox, &source), true_ones(&forge, "contoso", project), "{project}");
    }
}

#[test]
fn an_expired_token_is_no_empty_success() {
    let forge = forge();
    let sandbox = sandbox("not-the-token");
    let id = submit(&sandbox, &forge, &["import", "ado:contoso/Shop"]);
    sandbox.waits(&id, 30, 7);
    assert_eq!(sandbox.reason(&id).as_deref(), Some("unauthorized"));
}

#[test]
fn repositories_go_below_their_projects_and_disabled_ones_are_told_of() {
    let forge = forge();
    let sandbox = sandbox(forge.ado().token());
    let id = submit(&sandbox, &forge, &["clone", "ado:contoso/Shop"]);
    sandbox.waits(&id, 90, 0);
    let job = sandbox.job(&id);
    let warnings = job["warnings"].to_string();
    assert!(warnings.contains("contoso/Shop/old is disabled"), "{job:#}");
    assert!(sandbox.work().join("contoso/Shop/web front/.git").is_dir(), "{job:#}");
    assert!(!sandbox.work().join("contoso/Shop/old").exists());
}

#[test]
fn work_items_belong_to_projects() {
    let forge = forge();
    let sandbox = sandbox(forge.ado().token());
    let url = forge.ado().url();
    let args = ["import", "ado:contoso/Shop/web front", "--api-url", &url];
    let told = sandbox.run(&args).exits(2);
    assert!(told.stderr.contains("ado:contoso/Shop"), "{}", told.stderr);
    let told = sandbox.run(&["import", "ado:contoso/Shop", "--api-url", &url, "--jql", "x"]);
    assert!(told.exits(2).stderr.contains("--wiql"));
}
