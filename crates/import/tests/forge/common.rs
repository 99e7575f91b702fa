//! What every test of an import against a forge needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jobctl_forge::{Forge, Truth};
use jobctl_http::{Client, Credential, Endpoint, Secret};
use jobctl_import::{Ended, Go, Import, ImportError, Mode, Report, Standing, Watch};
use jobctl_provider::{IssueOrder, Provider, Time};
use jobctl_providers_github::GitHub;
use jobctl_warehouse::{ExportIssue, Kinds, Query, Warehouse};
use tokio::sync::Notify;
use url::Url;

/// Notes what it is told, and stops after so many answers.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) standings: Mutex<Vec<Standing>>,
    pub(crate) rests: Mutex<Vec<(Time, String, String)>>,
    pub(crate) stop_after: Option<usize>,
    stop: Notify,
}

impl Notes {
    pub(crate) fn stopping_after(answers: usize) -> Self {
        Self { stop_after: Some(answers), ..Self::default() }
    }
}

#[async_trait]
impl Watch for Notes {
    fn progress(&self, standing: &Standing) {
        let mut standings = self.standings.lock().unwrap();
        standings.push(standing.clone());
        if self.stop_after == Some(standings.len()) {
            self.stop.notify_one();
        }
    }

    fn say(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "the test is the caller with the clock")]
        Time::now()
    }

    async fn limited(&self, until: Time, bucket: &str, message: &str) -> Go {
        self.rests.lock().unwrap().push((until, bucket.to_owned(), message.to_owned()));
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

pub(crate) fn order(scope: &str) -> IssueOrder {
    IssueOrder::all(scope)
}

pub(crate) fn import(
    forge: &Forge,
    dir: &Path,
    job: &str,
    epoch: u64,
    order: IssueOrder,
) -> Import {
    let base = Url::parse(forge.url()).unwrap();
    let provider = GitHub::new(base.clone());
    let host = format!("{}:{}", base.host_str().unwrap(), base.port().unwrap());
    let endpoint = Endpoint {
        name: "github".to_owned(),
        base,
        hosts: vec![host],
        credentials: vec![Credential::bearer(Secret::new(forge.token().to_owned()).unwrap())],
        allow_http: false,
    };
    let transport = Client::new(endpoint, provider.describe()).unwrap();
    Import {
        provider: Arc::new(provider),
        transport: Arc::new(transport),
        warehouse: Warehouse::open(&dir.join("issues.db")).unwrap(),
        job: job.to_owned(),
        epoch,
        orders: vec![order],
        mode: Mode::Import,
    }
}

pub(crate) async fn run(mut import: Import, notes: &Notes) -> Result<Ended, ImportError> {
    import.run(notes).await
}

/// Runs to the end.
pub(crate) async fn done(import: Import, notes: &Notes) -> Report {
    match run(import, notes).await.unwrap() {
        Ended::Done(report) => report,
        other @ (Ended::Stopped | Ended::Limited { .. }) => panic!("not done: {other:?}"),
    }
}

/// Everything that is held, by number.
pub(crate) fn held(dir: &Path, kinds: Kinds) -> BTreeMap<u64, ExportIssue> {
    let warehouse = Warehouse::open_reading(&dir.join("issues.db")).unwrap();
    let query = Query { kinds, ..Query::default() };
    let mut issues = BTreeMap::new();
    warehouse
        .export(&query, &mut |issue| {
            issues.insert(issue.issue.number, issue);
            Ok(())
        })
        .unwrap();
    issues
}

/// What is held must be what is there: no more, no less, nothing old.
pub(crate) fn assert_equal(dir: &Path, truth: &Truth, kinds: Kinds) {
    let pulls = kinds != Kinds::Issues;
    let held = held(dir, kinds);
    let wanted: BTreeSet<u64> =
        truth.issues.values().filter(|issue| pulls || !issue.is_pull).map(|i| i.number).collect();
    let found: BTreeSet<u64> = held.keys().copied().collect();
    assert_eq!(wanted.difference(&found).collect::<Vec<_>>(), Vec::<&u64>::new(), "missing");
    assert_eq!(found.difference(&wanted).collect::<Vec<_>>(), Vec::<&u64>::new(), "too many");
    for (number, issue) in &held {
        let there = &truth.issues[number];
        assert_eq!(issue.issue.title, there.title, "title of {number}");
        assert_eq!(issue.issue.body, there.body, "body of {number}");
        assert_eq!(issue.issue.state, there.state, "state of {number}");
        assert_eq!(issue.issue.author, there.author, "author of {number}");
        let mut labels = there.labels.clone();
        labels.sort();
        assert_eq!(issue.issue.labels, labels, "labels of {number}");
        let comments: BTreeMap<String, String> = issue
            .comments
            .iter()
            .map(|comment| (comment.id.clone(), comment.body.clone().unwrap_or_default()))
            .collect();
        let wanted: BTreeMap<String, String> = there
            .comments
            .iter()
            .map(|comment| (comment.id.to_string(), comment.body.clone()))
            .collect();
        assert_eq!(comments, wanted, "comments of {number}");
    }
}
