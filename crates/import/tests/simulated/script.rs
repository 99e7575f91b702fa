//! The real client over a script: everything but the network, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_http::{Client, Credential, Endpoint, Fault, Reply, Secret, Wire};
use jobctl_import::{Go, Import, Mode, Standing, Watch};
use jobctl_provider::{Answer, IssueOrder, Provider, Request, Time};
use jobctl_providers_github::GitHub;
use jobctl_warehouse::Warehouse;
use tokio::time::Instant;
use url::Url;

use crate::pages::Way;
use crate::world::World;

/// What a script says instead of a good reply.
pub(crate) type Says = Box<dyn Fn(&Asked) -> Option<Reply> + Send + Sync>;

/// One request as the script saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) at: Time,
    pub(crate) token: String,
    pub(crate) path: String,
    pub(crate) bucket: &'static str,
}

/// A forge that answers after so long what the world holds, unless it says something else.
pub(crate) struct Script {
    pub(crate) way: Way,
    pub(crate) latency: Duration,
    pub(crate) says: Says,
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// Requests an hour that each token has; `None` tells of no budget.
    pub(crate) quota: Option<u64>,
    /// The rest in seconds that every good answer asks for.
    pub(crate) rests: Option<i64>,
    spent: Mutex<BTreeMap<(String, i64), u64>>,
    begun: Instant,
}

impl Script {
    pub(crate) fn new(world: World, latency: Duration, says: Says) -> Self {
        Self {
            way: Way::new(world, vec![], usize::MAX),
            latency,
            says,
            asked: Mutex::default(),
            quota: None,
            rests: None,
            spent: Mutex::default(),
            begun: Instant::now(),
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn tokens(&self) -> BTreeSet<String> {
        self.asked().into_iter().map(|asked| asked.token).collect()
    }

    /// The headers of a budget, and whether it was spent before.
    fn charge(&self, token: &str, now: Time) -> (Vec<(&'static str, String)>, bool) {
        let Some(quota) = self.quota else { return (vec![], false) };
        let hour = now.as_second() / 3_600;
        let mut spent = self.spent.lock().unwrap();
        let spent = spent.entry((token.to_owned(), hour)).or_default();
        let is_over = *spent >= quota;
        *spent = quota.min(*spent + 1);
        let headers = vec![
            ("x-ratelimit-resource", "core".to_owned()),
            ("x-ratelimit-limit", quota.to_string()),
            ("x-ratelimit-remaining", (quota - *spent).to_string()),
            ("x-ratelimit-reset", ((hour + 1) * 3_600).to_string()),
        ];
        (headers, is_over)
    }
}

#[async_trait]
impl Wire for Script {
    async fn exchange(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<Reply, Fault> {
        let (at, token) = (self.now(), credential.map(|it| it.secret.expose().to_owned()));
        let asked = {
            let mut all = self.asked.lock().unwrap();
            let (path, bucket) = (request.url.path().to_owned(), request.bucket);
            let asked = Asked { at, token: token.unwrap_or_default(), path, bucket };
            all.push(asked.clone());
            asked
        };
        tokio::time::sleep(self.latency).await;
        if let Some(reply) = (self.says)(&asked) {
            return Ok(reply);
        }
        let (budget, is_over) = self.charge(&asked.token, at);
        let Answer::Reply { status, headers, body, .. } = self.way.answer(request) else {
            panic!("the world answers")
        };
        let link = headers.get("link").map(|link| ("link", link.to_owned()));
        let rest = self.rests.map(|rest| ("x-rest", rest.to_string()));
        let headers = budget.into_iter().chain(link).chain(rest).collect();
        if is_over {
            return Ok(Reply {
                status: 403,
                headers,
                body: br#"{"message":"API rate limit exceeded"}"#.into(),
            });
        }
        Ok(Reply { status, headers, body })
    }

    fn now(&self) -> Time {
        let passed = SignedDuration::try_from(self.begun.elapsed()).unwrap();
        // On the hour, long after everything in the world.
        Time::from_second(1_800_000_000).unwrap().checked_add(passed).unwrap()
    }
}

pub(crate) fn said(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    Reply { status, headers: headers.iter().copied().collect(), body: body.into() }
}

/// The caller of an import, with the script's clock: waits for what it is told to, unless it is
/// impatient.
pub(crate) struct Desk {
    pub(crate) script: Arc<Script>,
    pub(crate) patient: bool,
    pub(crate) heard: Mutex<Vec<(Time, String, String)>>,
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) standings: Mutex<Vec<Standing>>,
}

impl Desk {
    pub(crate) fn new(script: &Arc<Script>) -> Self {
        Self {
            script: script.clone(),
            patient: true,
            heard: Mutex::default(),
            lines: Mutex::default(),
            standings: Mutex::default(),
        }
    }
}

#[async_trait]
impl Watch for Desk {
    fn progress(&self, standing: &Standing) {
        self.standings.lock().unwrap().push(standing.clone());
    }

    fn say(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn now(&self) -> Time {
        self.script.now()
    }

    async fn limited(&self, until: Time, bucket: &str, message: &str) -> Go {
        self.heard.lock().unwrap().push((until, bucket.to_owned(), message.to_owned()));
        if !self.patient {
            return Go::Stop;
        }
        let left = until.duration_since(self.now());
        tokio::time::sleep(left.try_into().unwrap_or_default()).await;
        Go::On
    }

    async fn stopped(&self) {
        std::future::pending::<()>().await;
    }
}

pub(crate) fn token(text: &str) -> Credential {
    Credential::bearer(Secret::new(text.to_owned()).unwrap())
}

pub(crate) fn github() -> Arc<dyn Provider> {
    Arc::new(GitHub::new(Url::parse("https://api.github.com/").unwrap()))
}

pub(crate) fn client(
    script: &Arc<Script>,
    provider: &dyn Provider,
    credentials: Vec<Credential>,
) -> Client {
    let endpoint = Endpoint {
        name: "scripted".to_owned(),
        base: Url::parse("https://api.github.com/").unwrap(),
        hosts: vec!["api.github.com".to_owned()],
        credentials,
        allow_http: false,
    };
    Client::scripted(endpoint, provider.describe(), script.clone()).unwrap()
}

pub(crate) fn import(
    provider: Arc<dyn Provider>,
    client: &Client,
    dir: &Path,
    scope: &str,
) -> Import {
    Import {
        provider,
        transport: Arc::new(client.clone()),
        warehouse: Warehouse::open(&dir.join("issues.db")).unwrap(),
        job: "1".to_owned(),
        epoch: 1,
        orders: vec![IssueOrder::all(scope)],
        mode: Mode::Import,
    }
}
