//! What every test of an import against a Jira needs.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jobctl_forge::jira::{JiraBehaviour, JiraConfig};
use jobctl_forge::{Config, Entry, Forge};
use jobctl_http::{Client, Credential, Endpoint, Scheme, Secret};
use jobctl_import::{Ended, Go, Import, ImportError, Mode, Report, Watch};
use jobctl_provider::{IssueOrder, Provider, Time};
use jobctl_providers_jira::Jira;
use jobctl_warehouse::Warehouse;
use tokio::sync::Notify;
use url::Url;

pub(crate) const SCOPE: &str = "jira:PAY";

/// Which Jira is read, and with which sort of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Cloud, with a user's token.
    Cloud,
    /// Cloud through the gateway, with a token that has scopes.
    Scoped,
    /// Data Center, with a personal access token.
    Center,
    /// Data Center, with a password.
    CenterPassword,
}

impl Way {
    pub(crate) const BOTH: [Self; 2] = [Self::Cloud, Self::Center];
}

/// Notes what it is told, and stops after so many answers.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) rests: Mutex<Vec<String>>,
    answers: Mutex<usize>,
    stop_after: Option<usize>,
    /// It is not asked to stop.
    kill: bool,
    stop: Notify,
}

impl Notes {
    pub(crate) fn stopping_after(answers: usize) -> Self {
        Self { stop_after: Some(answers), ..Self::default() }
    }
}

/// Runs until so many answers are kept, then is dropped as by a kill: whatever is in flight is
/// lost. Whether it came to its end before.
pub(crate) async fn killed_after(mut import: Import, answers: usize) -> bool {
    let notes = Notes { kill: true, ..Notes::stopping_after(answers) };
    tokio::select! {
        ended = import.run(&notes) => matches!(ended.unwrap(), Ended::Done(_)),
        () = notes.stop.notified() => false,
    }
}

#[async_trait]
impl Watch for Notes {
    fn progress(&self, _: &jobctl_import::Standing) {
        let mut answers = self.answers.lock().unwrap();
        *answers += 1;
        if self.stop_after == Some(*answers) {
            self.stop.notify_one();
        }
    }

    fn say(&self, _: &str) {}

    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "the test is the caller with the clock")]
        Time::now()
    }

    async fn limited(&self, until: Time, bucket: &str, _: &str) -> Go {
        self.rests.lock().unwrap().push(bucket.to_owned());
        let left = until.duration_since(self.now());
        if left > jiff::SignedDuration::from_secs(10) {
            return Go::Stop;
        }
        tokio::time::sleep(left.try_into().unwrap_or_default()).await;
        Go::On
    }

    async fn stopped(&self) {
        if self.kill {
            std::future::pending::<()>().await;
        }
        self.stop.notified().await;
    }
}

pub(crate) fn with(jira: JiraConfig) -> Forge {
    Forge::start(Config { jira: Some(jira), repos: 0, empty_repos: 0, ..Config::small() }).unwrap()
}

/// A Jira of some hundred issues, of which four have more comments than come inline; its pages
/// are so short that there are several.
pub(crate) fn middling() -> Forge {
    let jira = JiraConfig { issues: 180, comments: 400, cut_comments: 4, ..JiraConfig::default() };
    let forge = with(jira);
    forge.jira().configure(|b| (b.page_of_ids, b.page_of_fields) = (70, 40));
    forge
}

pub(crate) fn behaving(change: impl FnOnce(&mut JiraBehaviour)) -> Forge {
    let forge = middling();
    forge.jira().configure(change);
    forge
}

pub(crate) fn order() -> IssueOrder {
    IssueOrder::all(SCOPE)
}

fn basic(user: &str, secret: &str) -> Credential {
    let secret = Secret::new(secret.to_owned()).unwrap();
    Credential { scheme: Scheme::Basic { user: user.to_owned() }, secret, expires_at: None }
}

/// The first attempt of a job over the whole project.
pub(crate) fn import(forge: &Forge, dir: &Path, way: Way) -> Import {
    let config = forge.jira().config();
    let bearer = |secret: &str| Credential::bearer(Secret::new(secret.to_owned()).unwrap());
    let (base, credential) = match way {
        Way::Cloud => (forge.jira().cloud_url(), basic(&config.email, &config.token)),
        Way::Scoped => (forge.jira().scoped_url(), basic(&config.email, &config.scoped_token)),
        Way::Center => (forge.jira().center_url(), bearer(&config.pat)),
        Way::CenterPassword => (forge.jira().center_url(), basic(&config.user, &config.password)),
    };
    import_as(&base, dir, way, credential)
}

pub(crate) fn import_as(base: &str, dir: &Path, way: Way, credential: Credential) -> Import {
    let base = Url::parse(base).unwrap();
    let provider = match way {
        Way::Cloud | Way::Scoped => Jira::cloud(base.clone()),
        Way::Center | Way::CenterPassword => Jira::data_center(base.clone()),
    };
    let endpoint = Endpoint {
        name: "jira".to_owned(),
        hosts: vec![format!("{}:{}", base.host_str().unwrap(), base.port().unwrap())],
        base,
        credentials: vec![credential],
        allow_http: false,
    };
    let transport = Client::new(endpoint, provider.describe()).unwrap();
    Import {
        provider: Arc::new(provider),
        transport: Arc::new(transport),
        warehouse: Warehouse::open(&dir.join("issues.db")).unwrap(),
        job: "1".to_owned(),
        epoch: 1,
        orders: vec![order()],
        mode: Mode::Import,
    }
}

/// A later job that brings what changed.
pub(crate) fn sync(forge: &Forge, dir: &Path, way: Way, job: &str) -> Import {
    let mode = Mode::Sync { full: false };
    Import { job: job.to_owned(), mode, ..import(forge, dir, way) }
}

pub(crate) async fn run(mut import: Import, notes: &Notes) -> Result<Ended, ImportError> {
    import.run(notes).await
}

/// Runs to the end, and nothing is left to say.
pub(crate) async fn done(import: Import, notes: &Notes) -> Report {
    match run(import, notes).await.unwrap() {
        Ended::Done(report) => {
            assert_eq!((&report.warnings, &report.failures), (&vec![], &vec![]));
            report
        }
        other @ (Ended::Stopped | Ended::Limited { .. }) => panic!("not done: {other:?}"),
    }
}

/// Requests of an endpoint, such as `search/jql`.
pub(crate) fn asked(forge: &Forge, endpoint: &str) -> usize {
    forge.log().iter().filter(|entry| entry.endpoint.ends_with(endpoint)).count()
}

/// Requests made although the client had long read that it should rest: what was on its way then
/// arrives within a second on the slowest machine.
pub(crate) fn hasty(forge: &Forge) -> Vec<Entry> {
    let read = |entry: &Entry| entry.after_notice_ms.is_some_and(|ms| ms > 1_000.0);
    forge.log().into_iter().filter(read).collect()
}
