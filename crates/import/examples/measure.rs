//! How long a large import takes, and how many requests: `measure [DELAY_MS] [ISSUES] [COMMENTS]`.
#![expect(clippy::print_stdout, reason = "an example that measures prints")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jobctl_forge::{Config, Forge, IssueVolume};
use jobctl_http::{Client, Credential, Endpoint, Secret, Transport};
use jobctl_import::{Go, Import, Mode, Standing, Watch};
use jobctl_provider::{IssueOrder, Provider, Time};
use jobctl_providers_github::GitHub;
use jobctl_warehouse::Warehouse;
use url::Url;

struct Quiet(Arc<Client>);

#[async_trait]
impl Watch for Quiet {
    fn progress(&self, standing: &Standing) {
        if standing.requests.is_multiple_of(100) {
            println!("{standing:?} in flight: {}", self.0.in_flight_limit());
        }
    }
    fn say(&self, line: &str) {
        println!("{line}");
    }
    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "the caller has the clock")]
        Time::now()
    }
    async fn limited(&self, until: Time, bucket: &str, message: &str) -> Go {
        println!("limited until {until} by {bucket}: {message}");
        Go::Stop
    }
    async fn stopped(&self) {
        std::future::pending::<()>().await;
    }
}

fn import(forge: &Forge, dir: &Path, client: &Arc<Client>) -> Import {
    let order = IssueOrder::all("github:acme/api");
    let base = Url::parse(forge.url()).expect("the forge has an address");
    Import {
        provider: Arc::new(GitHub::new(base)),
        transport: client.clone(),
        warehouse: Warehouse::open(&dir.join("issues.db")).expect("a fresh directory"),
        job: "measure".to_owned(),
        epoch: 1,
        orders: vec![order],
        mode: Mode::Import,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|n| n.parse().ok()).collect();
    let number = |at: usize, otherwise| numbers.get(at).copied().unwrap_or(otherwise);
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let issues = IssueVolume {
        issues: small(number(1, 12_500)),
        comments: small(number(2, 45_000)),
        ..IssueVolume::default()
    };
    let forge = Forge::start(Config { issues, recorded: false, ..Config::default() })
        .expect("the forge starts");
    forge.configure(|behaviour| behaviour.delay_ms = number(0, 0));
    let base = Url::parse(forge.url()).expect("the forge has an address");
    let host = format!("{}:{}", base.host_str().unwrap_or_default(), base.port().unwrap_or(80));
    let endpoint = Endpoint {
        name: "github".to_owned(),
        base: base.clone(),
        hosts: vec![host],
        credentials: Secret::new(forge.token().to_owned())
            .map(Credential::bearer)
            .into_iter()
            .collect(),
        allow_http: false,
    };
    let client = Client::new(endpoint, GitHub::new(base).describe()).expect("a client");
    let client = Arc::new(client);
    let dir = tempfile::tempdir().expect("a directory");
    let start = Instant::now();
    let ended = import(&forge, dir.path(), &client).run(&Quiet(client.clone())).await;
    println!("{ended:?}\n{:?}, {} requests", start.elapsed(), client.sent());
}
