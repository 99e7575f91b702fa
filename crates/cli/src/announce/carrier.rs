//! The ways of an announcement, ready to be used.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jobctl_http::{BadSecret, Delivery, Secret, Undelivered, Webhook, WebhookError};
use tokio::sync::Semaphore;

use super::message::Message;
use super::program::{Program, ProgramError};
use crate::environment;
use crate::settings::announce::{Announcement, SecretSource, Way};
use crate::text;

/// How many commands or notifications of one announcement may be under way at once.
const AT_ONCE: usize = 4;
/// How much of a command's output goes into the log.
const LINES: usize = 20;
/// The largest JSON that is put into a variable: the system takes about twice that.
const VARIABLE: usize = 64 * 1024;

/// One announcement, ready to be made.
#[derive(Debug)]
pub(crate) struct Carrier {
    name: String,
    timeout: Duration,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Webhook(Webhook),
    Desktop(Semaphore),
    Command(Semaphore, Vec<String>),
}

/// Why an announcement was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unannounced {
    /// The webhook's address cannot be used.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The secret's file cannot be read.
    #[error("could not read the secret in {}", .path.display())]
    SecretFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the secret's file.
    #[error("{} can be read by others", .0.display())]
    Open(PathBuf),
    /// The secret's command failed.
    #[error("no secret")]
    SecretCommand(#[source] ProgramError),
    /// What was read is no secret. Says nothing of it.
    #[error("the secret cannot be used")]
    BadSecret(#[source] BadSecret),
    /// The receiver did not take it.
    #[error(transparent)]
    Undelivered(#[from] Undelivered),
    /// A program failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

impl Unannounced {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Webhook(WebhookError::Insecure { .. }) => {
                Some("use https, or set allow_http = true beside the address".to_owned())
            }
            Self::Open(path) => Some(format!("chmod 600 {}", path.display())),
            Self::BadSecret(_) => Some("openssl rand -hex 32 makes a good one".to_owned()),
            Self::Undelivered(Undelivered::Redirected { .. }) => {
                Some("set the webhook to the address that it is redirected to".to_owned())
            }
            Self::Program(ProgramError::Start { program, .. }) if program == NOTIFY_SEND => {
                Some("install notify-send (libnotify)".to_owned())
            }
            Self::Webhook(WebhookError::NotHttp { .. } | WebhookError::SetUp { .. })
            | Self::SecretFile { .. }
            | Self::SecretCommand(_)
            | Self::Undelivered(
                Undelivered::Refused { .. }
                | Undelivered::Barred { .. }
                | Undelivered::GivenUp { .. },
            )
            | Self::Program(_) => None,
        }
    }
}

impl Carrier {
    /// Reads the secret, where there is one; `config` is where the user's settings are.
    pub(crate) async fn open(
        name: &str,
        announcement: &Announcement,
        config: &Path,
    ) -> Result<Self, Unannounced> {
        let timeout = announcement.timeout;
        let kind = match &announcement.way {
            Way::Webhook { url, secret, allow_http } => {
                let secret = match secret {
                    Some(source) => Some(read_secret(source, config, timeout).await?),
                    None => None,
                };
                Kind::Webhook(Webhook::new(url.clone(), secret, *allow_http, timeout)?)
            }
            Way::Desktop => Kind::Desktop(Semaphore::new(AT_ONCE)),
            Way::Command(line) => Kind::Command(Semaphore::new(AT_ONCE), line.clone()),
        };
        Ok(Self { name: name.to_owned(), timeout, kind })
    }

    /// Makes the announcement. What people should know on the way goes to `said`.
    pub(crate) async fn carry(
        &self,
        message: &Message,
        patience: Duration,
        said: &(dyn Fn(&str) + Sync),
    ) -> Result<(), Unannounced> {
        match &self.kind {
            Kind::Webhook(webhook) => {
                let id = message.delivery(&self.name);
                let event = message.cue().name();
                let delivery = Delivery { id: &id, event, patience };
                let body = |at| message.json(&self.name, at).into_bytes();
                let tries = webhook.deliver(&delivery, body, said).await?;
                if tries > 1 {
                    said(&format!("delivered at try {tries}"));
                }
                Ok(())
            }
            Kind::Desktop(places) => {
                let _place = places.acquire().await.ok();
                let line = notification(message);
                self.program(&line, &[], b"").run().await?;
                Ok(())
            }
            Kind::Command(places, line) => {
                let _place = places.acquire().await.ok();
                let json = message.json(&self.name, environment::now());
                let mut variables = message.variables().to_vec();
                if json.len() <= VARIABLE {
                    variables.push(("JOBCTL_JOB_JSON", json.clone()));
                }
                let printed = self.program(line, &variables, json.as_bytes()).run().await?;
                for (stream, bytes) in [("out", &printed.out), ("err", &printed.err)] {
                    let all = String::from_utf8_lossy(bytes);
                    for line in all.lines().take(LINES) {
                        said(&format!("{stream}| {}", text::clip(line, 500)));
                    }
                    if all.lines().nth(LINES).is_some() {
                        said(&format!("{stream}| …"));
                    }
                }
                Ok(())
            }
        }
    }

    fn program<'a>(
        &self,
        line: &'a [String],
        variables: &'a [(&'static str, String)],
        stdin: &'a [u8],
    ) -> Program<'a> {
        Program { line, variables, directory: Path::new("/"), stdin, limit: self.timeout }
    }
}

async fn read_secret(
    source: &SecretSource,
    config: &Path,
    limit: Duration,
) -> Result<Secret, Unannounced> {
    let text = match source {
        SecretSource::File(path) => read_private(&config.join(path))?,
        SecretSource::Command(line) => {
            let directory = Path::new("/");
            let program = Program { line, variables: &[], directory, stdin: b"", limit };
            let printed = program.run().await.map_err(Unannounced::SecretCommand)?;
            String::from_utf8(printed.out)
                .map_err(|_| Unannounced::BadSecret(BadSecret::Character))?
        }
    };
    Secret::new(text.trim().to_owned()).map_err(Unannounced::BadSecret)
}

fn read_private(path: &Path) -> Result<String, Unannounced> {
    const OTHERS: u32 = 0o077;
    let failed = |source| Unannounced::SecretFile { path: path.to_owned(), source };
    if path.metadata().map_err(failed)?.mode() & OTHERS != 0 {
        return Err(Unannounced::Open(path.to_owned()));
    }
    std::fs::read_to_string(path).map_err(failed)
}

const NOTIFY_SEND: &str = "notify-send";

/// The command line of a desktop notification. Names and errors come from elsewhere: they are
/// arguments of their own, never part of a script, and their markup is text.
fn notification(message: &Message) -> Vec<String> {
    let (title, body) = (message.title().to_owned(), message.body());
    if cfg!(target_os = "macos") {
        let script = "on run words\n\
            display notification (item 2 of words) with title (item 1 of words)\n\
            end run";
        return ["osascript", "-e", script, &title, &body].map(str::to_owned).to_vec();
    }
    let body = body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    [NOTIFY_SEND, "--app-name=jobctl", "--", &title, &body].map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_secret_is_read_from_a_private_file_beside_the_settings() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = File::create(directory.path().join("key")).unwrap();
        file.write_all(b"sesame\n").unwrap();
        let source = SecretSource::File("key".into());
        file.set_permissions(Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&source, directory.path(), LIMIT).await.unwrap_err();
        assert!(matches!(error, Unannounced::Open(_)), "{error}");
        file.set_permissions(Permissions::from_mode(0o600)).unwrap();
        let secret = read_secret(&source, directory.path(), LIMIT).await.unwrap();
        assert_eq!(secret.expose(), "sesame");
    }

    #[tokio::test]
    async fn a_secret_is_what_a_command_prints_and_never_told() {
        let command = |script: &str| {
            SecretSource::Command(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
        };
        let nowhere = Path::new("/");
        let secret = read_secret(&command("echo sesame"), nowhere, LIMIT).await.unwrap();
        assert_eq!(secret.expose(), "sesame");
        for script in ["echo open sesame", "printf ''", "printf 'sesame\\377'"] {
            let error = read_secret(&command(script), nowhere, LIMIT).await.unwrap_err();
            assert!(matches!(error, Unannounced::BadSecret(_)), "{script}: {error}");
            assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
        }
        let error = read_secret(&command("exit 1"), nowhere, LIMIT).await.unwrap_err();
        assert!(matches!(error, Unannounced::SecretCommand(_)), "{error}");
    }
}
