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

/// What to type to keep a credential. Only within an organisation does Azure DevOps say whose a
/// token is.
pub(crate) fn login(connection: &str, is_ado: bool) -> String {
    format!(
        "jobctl auth login {}",
        if is_ado { within(connection) } else { text::line(connection) }
    )
}

/// A connection of Azure DevOps with the place of an organisation.
pub(crate) fn within(connection: &str) -> String {
    let name = text::line(connection);
    if name.contains('@') { format!("{name}/COLLECTION") } else { format!("{name}:ORGANISATION") }
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
            let login = login(&connection.name, connection.provider == Some("ado"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::BudgetShape;
    use crate::views::samples;

    fn credential(origin: &str) -> CredentialShape {
        CredentialShape {
            origin: origin.to_owned(),
            account: None,
            scopes: Vec::new(),
            expires_at: None,
            budgets: Vec::new(),
            problem: None,
            is_refused: false,
        }
    }

    fn connection(name: &'static str, credentials: Vec<CredentialShape>) -> ConnectionShape {
        ConnectionShape {
            name: name.to_owned(),
            provider: Some(name),
            url: format!("https://{name}.example/"),
            credentials,
            problem: None,
        }
    }

    #[test]
    fn whose_and_where_and_what_is_left() {
        let resets_at = samples::now().checked_add(std::time::Duration::from_secs(2_100)).ok();
        let (limit, bucket) = (Some(5_000), "core".to_owned());
        let good = CredentialShape {
            account: Some("octo\u{1b}[31m".to_owned()),
            scopes: vec!["repo".to_owned(), "read:org".to_owned()],
            expires_at: Some(samples::now()),
            budgets: vec![BudgetShape { bucket, remaining: 4_321, limit, resets_at }],
            ..credential("env:GH_TOKEN")
        };
        let bad = CredentialShape {
            problem: Some("refused: Bad credentials".to_owned()),
            is_refused: true,
            ..credential("command:1")
        };
        let broken = ConnectionShape {
            problem: Some("JIRA_API_TOKEN is set".to_owned()),
            ..connection("jira", Vec::new())
        };
        let all = [connection("github", vec![good, bad]), connection("ado", Vec::new()), broken];
        let text = status(&all, &samples::scene());
        assert!(!text.contains('\u{1b}'), "{text}");
        insta::assert_snapshot!(text, @r"
        github · https://github.example/
          octo, from the variable GH_TOKEN
            May: repo, read:org
            Ends: 2026-01-15 10:53:15
            Left in core: 4,321 of 5,000 (full again in 35 min)
          from the command of tokens[1]
            Problem: refused: Bad credentials

        ado · https://ado.example/
          No credential: only what is public can be read. jobctl auth login ado:ORGANISATION

        jira · https://jira.example/
          Problem: JIRA_API_TOKEN is set
        ");
    }
}
