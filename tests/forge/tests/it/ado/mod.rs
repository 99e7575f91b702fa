//! The simulated Azure DevOps, as a client sees it.

mod access;
mod items;
mod limits;
mod places;
mod stream;
mod wiql;

use jobctl_forge::ado::{AdoBehaviour, AdoConfig};
use jobctl_forge::{Config, Forge};
use serde_json::{Value, json};

use crate::client::{Reply, send};

/// A forge with a small Azure DevOps and hardly anything else.
fn forge(change: impl FnOnce(&mut AdoConfig)) -> Forge {
    let mut ado = AdoConfig::small();
    change(&mut ado);
    let config = Config { ado: Some(ado), repos: 0, ..Config::small() };
    Forge::start(config).expect("the forge starts")
}

fn behaving(change: impl FnOnce(&mut AdoBehaviour)) -> Forge {
    forge(|ado| change(&mut ado.behaviour))
}

fn basic(forge: &Forge) -> String {
    use base64::Engine;
    let pair = format!(":{}", forge.ado().token());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// A request below `/ado/` with the ordinary token.
fn ask(forge: &Forge, method: &str, path: &str, body: &str) -> Reply {
    ask_as(forge, &basic(forge), method, &format!("/ado/{path}"), body)
}

fn ask_as(forge: &Forge, authorization: &str, method: &str, path: &str, body: &str) -> Reply {
    let headers = [("authorization", authorization), ("content-type", "application/json")];
    send(method, &format!("{}{path}", forge.url()), &headers, body).expect("a whole reply")
}

fn get(forge: &Forge, path: &str) -> Reply {
    ask(forge, "GET", path, "")
}

/// The message of a refusal.
fn message(reply: &Reply) -> String {
    reply.json()["message"].as_str().unwrap_or_default().to_owned()
}

/// The ids that a query in `contoso/Shop` finds; the reply when it is refused.
fn query(forge: &Forge, wiql: &str, more: &str) -> Result<Vec<u64>, Reply> {
    let path = format!("contoso/Shop/_apis/wit/wiql?api-version=7.1{more}");
    let reply = ask(forge, "POST", &path, &json!({ "query": wiql }).to_string());
    if reply.status == 200 { Ok(ids(&reply.json()["workItems"])) } else { Err(reply) }
}

fn ids(items: &Value) -> Vec<u64> {
    let id = |item: &Value| item["id"].as_u64().expect("an id");
    items.as_array().expect("a list").iter().map(id).collect()
}
