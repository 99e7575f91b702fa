//! Credentials that other programs keep.

use std::process::{Command, Stdio};

use super::NoCredential;

/// What Azure DevOps is called where Entra gives out tokens; the same for everybody.
const AZURE_DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// What the `gh` program has for a host, where it is installed and logged in.
pub(super) fn ask_gh(host: &str) -> Option<String> {
    ask("gh", &["auth", "token", "--hostname", host])
}

/// A token of Entra's for Azure DevOps, where the `az` program is installed and logged in.
pub(super) fn ask_az() -> Option<String> {
    let query = ["--query", "accessToken", "--output", "tsv"];
    let args = ["account", "get-access-token", "--resource", AZURE_DEVOPS];
    ask("az", &[&args[..], &query].concat())
}

/// What a program prints, where it is there and succeeds.
pub(super) fn ask(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then_some(text)
}

/// What the `token_command` of a connection prints.
pub(super) fn run(
    connection: &str,
    program: &str,
    arguments: &[String],
) -> Result<String, NoCredential> {
    let connection = connection.to_owned();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| NoCredential::Run { connection: connection.clone(), source })?;
    if !output.status.success() {
        return Err(NoCredential::Failed { connection, status: output.status });
    }
    String::from_utf8(output.stdout)
        .map_err(|_| NoCredential::NotAToken("token_command".to_owned()))
}
