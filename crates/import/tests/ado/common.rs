//! What every test of an import against an Azure DevOps needs.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jobctl_forge::ado::{AdoBehaviour, AdoChange, AdoConfig, AdoToken};
use jobctl_forge::{Config, Forge};
use jobctl_http::{Client, Credential, Endpoint, Scheme, Secret};
use jobctl_import::{Ended, Go, Import, ImportError, Mode, Report, Watch};
use jobctl_provider::{IssueOrder, Provider, Time};
use jobctl_providers_ado::AzureDevOps;
use jobctl_warehouse::Warehouse;
use tokio::sync::Notify;
use url::Url;

pub(crate) const SCOPE: &str = "ado:contoso/Shop";

/// Notes what it is told, and stops after so many answers.
#[derive(Default)]
pub(crate) struct Notes {
    /// Bucket and message of each rest.
    pub(crate) rests: Mutex<Vec<(String, String)>>,
    answers: Mutex<usize>,
    stop_after: Option<usize>,
    stop: Notify,
}

impl Notes {
    pub(crate) fn stopping_after(answers: usize) -> Self {
        Self { stop_after: Some(answers), ..Self::default() }
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

    async fn limited(&self, until: Time, bucket: &str, message: &str) -> Go {
        self.rests.lock().unwrap().push((bucket.to_owned(), message.to_owned()));
        let left = until.duration_since(self.now());
        if left > jiff::SignedDuration::from_secs(10) {
            return Go::Stop;
        }
        tokio::time::sleep(left.try_into().unwrap_or_default()).await;
        Go::On
    }

    async fn stopped(&self) {
        self.stop.notified().await;
    }
}

pub(crate) fn with(ado: AdoConfig) -> Forge {
    Forge::start(Config { ado: Some(ado), repos: 0, empty_repos: 0, ..Config::small() }).unwrap()
}

/// Some hundred work items, one of them with more comments than a page.
pub(crate) fn middling() -> Forge {
    with(AdoConfig { items: 700, comments: 360, ..AdoConfig::default() })
}

pub(crate) fn behaving(change: impl FnOnce(&mut AdoBehaviour)) -> Forge {
    let forge = middling();
    forge.ado().configure(change);
    forge
}

/// A personal access token.
pub(crate) fn basic(secret: &str) -> Credential {
    let secret = Secret::new(secret.to_owned()).unwrap();
    Credential { scheme: Scheme::Basic { user: String::new() }, secret, expires_at: None }
}

/// A token of Entra.
pub(crate) fn entra() -> Credential {
    Credential::bearer(Secret::new(AdoToken::entra().value).unwrap())
}

/// The first attempt of a job over the whole project.
pub(crate) fn import(forge: &Forge, dir: &Path) -> Import {
    import_as(&forge.ado().url(), dir, basic(forge.ado().token()))
}

pub(crate) fn import_as(base: &str, dir: &Path, credential: Credential) -> Import {
    let base = Url::parse(base).unwrap();
    let provider = AzureDevOps::new(base.clone());
    let endpoint = Endpoint {
        name: "ado".to_owned(),
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
        orders: vec![IssueOrder::all(SCOPE)],
        mode: Mode::Import,
    }
}

/// A later job that brings what changed.
pub(crate) fn sync(forge: &Forge, dir: &Path, job: &str) -> Import {
    let mode = Mode::Sync { full: false };
    Import { job: job.to_owned(), mode, ..import(forge, dir) }
}

pub(crate) async fn run(mut import: Import, notes: &Notes) -> Result<Ended, ImportError> {
    import.run(notes).await
}

/// Runs to the end.
pub(crate) async fn done(import: Import, notes: &Notes) -> Report {
    match run(import, notes).await.unwrap() {
        Ended::Done(report) => {
            assert_eq!(report.failures, []);
            report
        }
        other @ (Ended::Stopped | Ended::Limited { .. }) => panic!("not done: {other:?}"),
    }
}

/// Makes changes in `contoso`.
pub(crate) fn change(forge: &Forge, changes: impl IntoIterator<Item = AdoChange>) {
    for change in changes {
        forge.ado().change("contoso", &change).unwrap();
    }
}

/// How many requests the forge saw on an endpoint.
pub(crate) fn asked(forge: &Forge, endpoint: &str) -> usize {
    forge.log().iter().filter(|entry| entry.endpoint.ends_with(endpoint)).count()
}

pub(crate) fn while_limited(forge: &Forge) -> usize {
    forge.log().iter().filter(|entry| entry.while_limited).count()
}
