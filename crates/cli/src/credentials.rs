//! Where credentials come from. Values go from here to the runner and nowhere else.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use jobctl_core::Need;
use jobctl_runner::{Offer, Value};

use crate::environment::Environment;
use crate::settings::ConnectionSettings;
use crate::work::options::{Connection, Dialect};

/// The user's file of credentials, beside the settings.
const FILE: &str = "credentials.toml";

/// Where this call can look for credentials.
#[derive(Debug)]
pub(crate) struct Wallet<'a> {
    /// Variables.
    pub(crate) env: &'a Environment,
    /// The user's connections.
    pub(crate) connections: &'a BTreeMap<String, ConnectionSettings>,
}

/// Why a credential that should be there is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoCredential {
    /// `--token-env` names a variable that is not set.
    #[error("the variable {0} is not set, or empty")]
    Variable(String),
    /// A value with line breaks or control characters in it.
    #[error("what {0} gives is not a token: it holds white space or control characters")]
    NotAToken(String),
    /// The user's `token_command` could not be started.
    #[error("could not run the token_command of connection {connection}")]
    Run {
        /// Whose.
        connection: String,
        /// What the system said.
        source: io::Error,
    },
    /// The user's `token_command` failed.
    #[error("the token_command of connection {connection} ended with {status}")]
    Failed {
        /// Whose.
        connection: String,
        /// How.
        status: std::process::ExitStatus,
    },
    /// The file of credentials cannot be read.
    #[error("could not read {}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of credentials can be read by others.
    #[error("{} can be read by others", .0.display())]
    Open(PathBuf),
    /// The file of credentials is not what it should be. Says nothing of its contents.
    #[error("{} is not a table of connections, each with a token", .0.display())]
    NotATable(PathBuf),
}

impl NoCredential {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Variable(name) => Some(format!("export {name}, or leave --token-env out")),
            Self::Open(path) => Some(format!("chmod 600 {}", path.display())),
            Self::NotATable(_) => Some("write [github] and below it token = \"…\"".to_owned()),
            Self::NotAToken(_) | Self::Run { .. } | Self::Failed { .. } | Self::File { .. } => None,
        }
    }
}

#[derive(serde::Deserialize)]
struct Kept {
    token: String,
}

impl Wallet<'_> {
    /// The credential of a connection: the first place that has one. `None` reads anonymously.
    ///
    /// `named` is `--token-env`; with `given_address` (`--api-url`) the variables of github.com
    /// count for that server.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        named: Option<&str>,
        given_address: bool,
    ) -> Result<Option<Offer>, NoCredential> {
        if let Some(name) = named {
            let origin = format!("env:{name}");
            let missing = || NoCredential::Variable(name.to_owned());
            let text = self.env.text(name).ok_or_else(missing)?;
            return offer(&connection.name, origin, text).map(Some);
        }
        for origin in origins(connection, given_address) {
            if let Some(text) = self.read(&connection.name, &origin)? {
                return offer(&connection.name, origin, &text).map(Some);
            }
        }
        Ok(None)
    }

    /// The value that a job needs, if this call has it. Never fails: others may have it.
    pub(crate) fn again(&self, need: &Need) -> Option<Offer> {
        let text = self.read(&need.connection, &need.origin).ok()??;
        offer(&need.connection, need.origin.clone(), &text).ok()
    }

    fn read(&self, connection: &str, origin: &str) -> Result<Option<String>, NoCredential> {
        match origin.split_once(':').unwrap_or((origin, "")) {
            ("env", name) => Ok(self.env.text(name).map(Into::into)),
            ("command", _) => self.run_command(connection),
            ("gh", host) => Ok(ask_gh(host)),
            ("file", _) => self.look_up(connection),
            (_, _) => Ok(None),
        }
    }

    fn run_command(&self, connection: &str) -> Result<Option<String>, NoCredential> {
        let settings = self.connections.get(connection);
        let Some((program, arguments)) = settings.and_then(|s| s.token_command.split_first())
        else {
            return Ok(None);
        };
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
        let text = String::from_utf8(output.stdout);
        text.map(Some).map_err(|_| NoCredential::NotAToken("token_command".to_owned()))
    }

    fn look_up(&self, connection: &str) -> Result<Option<String>, NoCredential> {
        let Some(path) = self.env.user_config().map(|dir| dir.join(FILE)) else { return Ok(None) };
        let mode = match path.metadata() {
            Ok(found) => found.mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(NoCredential::File { path, source }),
        };
        if mode & 0o077 != 0 {
            return Err(NoCredential::Open(path));
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|source| NoCredential::File { path: path.clone(), source })?;
        // The parser's own message would quote the file.
        let mut kept: BTreeMap<String, Kept> =
            toml::from_str(&text).map_err(|_| NoCredential::NotATable(path))?;
        Ok(kept.remove(connection).map(|kept| kept.token))
    }
}

/// Where the credential of a connection may be, in the order in which places are asked.
fn origins(connection: &Connection, given_address: bool) -> Vec<String> {
    match connection.dialect {
        // A server of which nothing is known gets what the user wrote down for it, or nothing.
        Dialect::Git => return vec!["command".to_owned(), "file".to_owned()],
        Dialect::GitHub => {}
    }
    let host = connection.api_url.host_str().unwrap_or_default();
    let public = host == "api.github.com";
    let mut origins = vec!["command".to_owned()];
    if !public {
        origins.push("env:GH_ENTERPRISE_TOKEN".to_owned());
    }
    if public || given_address {
        origins.push("env:GH_TOKEN".to_owned());
        origins.push("env:GITHUB_TOKEN".to_owned());
    }
    origins.push(format!("gh:{}", if public { "github.com" } else { host }));
    origins.push("file".to_owned());
    origins
}

fn offer(connection: &str, origin: String, text: &str) -> Result<Offer, NoCredential> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NoCredential::NotAToken(origin));
    }
    let need = Need { connection: connection.to_owned(), origin };
    Ok(Offer { need, value: Value::new(text.to_owned()) })
}

/// What the `gh` program has for a host, where it is installed and logged in.
fn ask_gh(host: &str) -> Option<String> {
    let output = Command::new("gh")
        .args(["auth", "token", "--hostname", host])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn connection(name: &str, api: &str) -> Connection {
        Connection {
            name: name.into(),
            dialect: Dialect::GitHub,
            api_url: api.parse().unwrap(),
            hosts: Vec::new(),
            allow_http: false,
        }
    }

    fn found(env: &Environment, connection: &Connection, given: bool) -> Option<(String, String)> {
        let connections = BTreeMap::new();
        let wallet = Wallet { env, connections: &connections };
        let offer = wallet.find(connection, None, given).unwrap()?;
        Some((offer.need.origin, offer.value.expose().to_owned()))
    }

    #[test]
    fn variables_count_for_their_own_servers() {
        let env: Environment =
            [("GITHUB_TOKEN", "b"), ("GH_TOKEN", "a"), ("GH_ENTERPRISE_TOKEN", "e")]
                .into_iter()
                .collect();
        let some = |origin: &str, value: &str| Some((origin.to_owned(), value.to_owned()));
        let public = connection("github", "https://api.github.com/");
        let other = connection("github@forge.example", "https://forge.example/api/v3/");
        assert_eq!(found(&env, &public, false), some("env:GH_TOKEN", "a"));
        assert_eq!(found(&env, &other, false), some("env:GH_ENTERPRISE_TOKEN", "e"));
        let env: Environment = [("GITHUB_TOKEN", "b"), ("GH_TOKEN", "")].into_iter().collect();
        assert_eq!(found(&env, &public, false), some("env:GITHUB_TOKEN", "b"));
        assert_eq!(found(&env, &other, true), some("env:GITHUB_TOKEN", "b"));
    }

    #[test]
    fn a_plain_git_server_never_gets_a_forges_token() {
        let env: Environment = [("GH_TOKEN", "a")].into_iter().collect();
        let mut server = connection("git@git.example.org", "https://git.example.org/");
        server.dialect = Dialect::Git;
        assert_eq!(found(&env, &server, true), None);
    }

    #[test]
    fn a_named_variable_must_be_there_and_be_a_token() {
        let env: Environment = [("MINE", "x\ny")].into_iter().collect();
        let connections = BTreeMap::new();
        let wallet = Wallet { env: &env, connections: &connections };
        let public = connection("github", "https://api.github.com/");
        let error = wallet.find(&public, Some("OTHER"), false).unwrap_err();
        assert_eq!(error.to_string(), "the variable OTHER is not set, or empty");
        let error = wallet.find(&public, Some("MINE"), false).unwrap_err();
        assert!(!error.to_string().contains('x'), "{error}");
    }

    #[test]
    fn the_file_must_be_private() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("jobctl")).unwrap();
        let path = directory.path().join("jobctl").join(FILE);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"[work]\ntoken = \"t\"\n").unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
        let env: Environment =
            [("XDG_CONFIG_HOME", directory.path().to_str().unwrap())].into_iter().collect();
        let connections = BTreeMap::new();
        let wallet = Wallet { env: &env, connections: &connections };
        let work = connection("work", "https://forge.example/");
        assert!(matches!(wallet.find(&work, None, false), Err(NoCredential::Open(_))));
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
        let offer = wallet.find(&work, None, false).unwrap().unwrap();
        assert_eq!((offer.need.origin.as_str(), offer.value.expose()), ("file", "t"));
        let again = wallet.again(&offer.need).unwrap();
        assert_eq!(again.value.expose(), "t");
    }
}
