//! Credentials for people: whose they are, never what they are.

use std::fmt::Write as _;

use super::{Scene, moments};
use crate::commands::auth::status::{ConnectionShape, CredentialShape};
use crate::text;

/// Where a credential comes from, in words.
pub(crate) fn origin(origin: &str) -> String {
    match origin.split_once(':').unwrap_or((origin, "")) {
        ("env", name) => format!("the variable {}", text::line(name)),
        ("command", "") => "token_command".to_owned(),
        ("command", at) => format!("the command of tokens[{}]", text::line(at)),
        ("app", _) => "the App's key".to_owned(),
        ("gh", _) => "gh auth token".to_owned(),
        ("az", _) => "az account get-access-token".to_owned(),
        ("keyring", _) => "the keyring".to_owned(),
        ("file", _) => "credentials.toml".to_owned(),
        (other, _) => text::line(other),
    }
}

/// What `auth status` prints.
pub(crate) fn status(connections: &[ConnectionShape], scene: &Scene) -> String {
    if connections.is_empty() {
        return "No connections: no provider is built in.\n".to_owned();
    }
    let each = connections.iter().map(|connection| {
        let name = scene.paint.bold(&text::line(&connection.name));
        let mut out = format!("{name} · {}\n", text::line(&connection.url));
        if let Some(problem) = &connection.problem {
            let _ = writeln!(out, "  {} {}", scene.paint.red("Problem:"), text::line(problem));
        } else if connection.credentials.is_empty() {
            // Only within an organisation does Azure DevOps say whose a token is.
            let within = if connection.provider == Some("ado") { ":ORGANISATION" } else { "" };
            let login = format!("jobctl auth login {}{within}", text::line(&connection.name));
            let _ = writeln!(out, "  No credential: only what is public can be read. {login}");
        }
        for credential in &connection.credentials {
            out.push_str(&one(credential, scene));
        }
        out
    });
    each.collect::<Vec<_>>().join("\n")
}

fn one(credential: &CredentialShape, scene: &Scene) -> String {
    let account = credential
        .account
        .as_deref()
        .map_or_else(String::new, |account| format!("{}, ", text::line(account)));
    let mut out = format!("  {account}from {}\n", origin(&credential.origin));
    if !credential.scopes.is_empty() {
        let scopes: Vec<_> = credential.scopes.iter().map(|scope| text::line(scope)).collect();
        let _ = writeln!(out, "    May: {}", scopes.join(", "));
    }
    if let Some(at) = credential.expires_at {
        let _ = writeln!(out, "    Ends: {}", moments::local(at, scene));
    }
    for budget in &credential.budgets {
        let _ = write!(
            out,
            "    Left in {}: {}",
            text::line(&budget.bucket),
            text::count(budget.remaining)
        );
        if let Some(limit) = budget.limit {
            let _ = write!(out, " of {}", text::count(limit));
        }
        if let Some(at) = budget.resets_at.filter(|at| *at > scene.now) {
            let _ = write!(out, " (full again {})", moments::ahead(at, scene));
        }
        out.push('\n');
    }
    if let Some(problem) = &credential.problem {
        let _ = writeln!(out, "    {} {}", scene.paint.red("Problem:"), text::line(problem));
    }
    out
}
