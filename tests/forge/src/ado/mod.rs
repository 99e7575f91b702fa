//! The simulated Azure DevOps: organisations below `/ado`, a server of one's own below `/tfs`
//! with the same contents, where the collection takes the organisation's place.
//!
//! What a client could trip over is as on the real one: pages of the revisions stream may be
//! empty, queries end at 20,000 results, a bad token gets a sign-in page with a status of
//! success, and whoever asks for much is answered late before being refused.

mod access;
mod asked;
mod behaviour;
mod config;
mod field;
mod git;
mod items;
mod kind;
mod places;
mod refuse;
mod route;
mod script;
mod show;
mod stream;
mod text;
mod thread;
mod throttle;
mod version;
mod wiql;
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use behaviour::{AdoAction, AdoBehaviour, AdoLimits, AdoScript, AdoStage, AdoThrottle, SignIn};
pub use config::{AdoConfig, AdoToken, AdoTokenKind};
pub use world::change::{AdoChange, AdoChangeError, AdoChanged};
pub use world::truth::{AdoGone, AdoTruth, AdoTruthComment, AdoTruthItem};

use crate::behaviour::Fault;
use crate::clock::{Clock, http_date};
use crate::faults;
use crate::limits::LimitKind;
use crate::log::Auth;
use crate::shared::{Exchange, Shared, locked};
use crate::wire::{Reply, Request};
use access::Caller;
use asked::Asked;
use route::{Place, Route, Server};
use script::ScriptCount;
pub(crate) use throttle::Notice;
use throttle::{Meter, Verdict};
use world::World;

/// A running Azure DevOps.
#[derive(Debug)]
pub struct Ado {
    /// Of the whole forge.
    url: String,
    tokens: Vec<AdoToken>,
    server_version: String,
    clock: Arc<Clock>,
    world: Mutex<World>,
    behaviour: Mutex<AdoBehaviour>,
    meter: Mutex<Meter>,
    script: Mutex<ScriptCount>,
}

impl Ado {
    pub(crate) fn new(config: &AdoConfig, url: &str, seed: u64, clock: &Arc<Clock>) -> Self {
        Ado {
            url: url.to_owned(),
            tokens: config.tokens.clone(),
            server_version: config.server_version.clone(),
            clock: Arc::clone(clock),
            world: Mutex::new(world::grow::world(config, seed)),
            behaviour: Mutex::new(config.behaviour.clone()),
            meter: Mutex::new(Meter::default()),
            script: Mutex::new(ScriptCount::new(seed)),
        }
    }

    /// The parent of all organisations, `http://127.0.0.1:PORT/ado/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/ado/", self.url)
    }

    /// The parent of all collections of the server of one's own, `http://127.0.0.1:PORT/tfs/`.
    #[must_use]
    pub fn server_url(&self) -> String {
        format!("{}/tfs/", self.url)
    }

    /// The value of the first token.
    ///
    /// # Panics
    /// When it was configured without tokens.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.tokens[0].value
    }

    /// The complete present state of a project; `None` when there is no such one.
    #[must_use]
    pub fn truth(&self, organisation: &str, project: &str) -> Option<AdoTruth> {
        locked(&self.world).truth(organisation, project)
    }

    /// Changes a work item of an organisation, dated now by the forge's clock.
    pub fn change(
        &self,
        organisation: &str,
        change: &AdoChange,
    ) -> Result<AdoChanged, AdoChangeError> {
        let now = self.clock.now_ms();
        locked(&self.world).change(organisation, change, now)
    }

    /// Its present manners.
    #[must_use]
    pub fn behaviour(&self) -> AdoBehaviour {
        locked(&self.behaviour).clone()
    }

    /// Changes its manners.
    pub fn configure(&self, change: impl FnOnce(&mut AdoBehaviour)) {
        change(&mut locked(&self.behaviour));
    }

    /// Forgets all usage and blocks.
    pub fn reset_limits(&self) {
        locked(&self.meter).reset();
    }

    /// A reply with `Retry-After` has reached the client.
    pub(crate) fn told(&self, notice: &Notice) {
        let now = self.clock.now_ms();
        locked(&self.meter).told(notice, now);
    }
}

/// Whether a request is for this forge.
pub(crate) fn is_ado(request: &Request) -> bool {
    let path = request.path();
    path.starts_with("/ado/") || path.starts_with("/tfs/")
}

/// Answers one request: path, credential, version, limits, delay, faults, then the reply itself.
pub(crate) async fn answer(exchange: &mut Exchange, request: &Request) -> Reply {
    let shared = exchange.shared().clone();
    let Some(ado) = &shared.ado else { return refuse::nothing_here(request.path()) };
    let place = match route::place(request) {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let endpoint = place.endpoint();
    exchange.note(|entry| {
        entry.endpoint = endpoint;
        entry.api_version = request.query("api-version");
    });
    let caller = match admit(ado, exchange, &place, request) {
        Ok(caller) => caller,
        Err(refusal) => return ado.dressed(*refusal, None),
    };
    if let Route::Git(repository, service) = &place.route {
        let delay = shared.behaviour().git_delay_ms;
        tokio::time::sleep(Duration::from_millis(delay)).await;
        return git::answer(&shared, ado, &caller, &place, repository, service, request).await;
    }
    let checked = version::check(request, place.server, &ado.server_version, &place.route);
    let version = match checked {
        Ok(version) => version,
        Err(refusal) => return ado.dressed(refusal, Some(&caller)),
    };
    let who = (caller.number, place.organisation.clone());
    let verdict = ado.throttled(exchange, &who);
    let reply = if let Some(refusal) = verdict.refusal() {
        refusal
    } else {
        let (caller, version) = (caller.clone(), version.clone());
        let asking = Asking { place, caller, request, version };
        reply(exchange, &shared, ado, &asking, &verdict, &who).await
    };
    let limits = locked(&ado.behaviour).limits.clone();
    let reply = ado.dressed(verdict.headers(&limits, reply), Some(&caller));
    with_version(reply, &version)
}

/// One request with all that is known of it.
struct Asking<'a> {
    place: Place,
    caller: Caller,
    request: &'a Request,
    version: String,
}

/// What a request that was let in gets.
async fn reply(
    exchange: &Exchange,
    shared: &Shared,
    ado: &Ado,
    asking: &Asking<'_>,
    verdict: &Verdict,
    who: &throttle::Who,
) -> Reply {
    let behaviour = shared.behaviour();
    let target = &asking.request.target;
    let fault = locked(&shared.faults).pick(&behaviour.faults, target);
    exchange.note(|entry| entry.fault = fault);
    let slow = if let Some(Fault::Slow(ms)) = fault { ms } else { 0 };
    let wait = behaviour.delay_ms + slow + verdict.delay_ms;
    if wait > 0 {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    if let Some(reply) = fault.and_then(|fault| faults::instead(fault, &shared.other_url, target)) {
        return reply;
    }
    let (mut reply, cost) = ado.compute(asking);
    locked(&ado.meter).charge(who, cost, ado.clock.now_ms());
    if let Some(fault) = fault {
        spoil(fault, &mut reply, shared);
    }
    reply
}

/// Who asks, if it may.
fn admit(
    ado: &Ado,
    exchange: &Exchange,
    place: &Place,
    request: &Request,
) -> Result<Caller, Box<Reply>> {
    let Some(caller) = access::caller(&ado.tokens, request, &place.organisation) else {
        let form = locked(&ado.behaviour).sign_in;
        let base = format!("{}{}/{}", ado.url, place.server.root(), place.organisation);
        return Err(Box::new(match (place.server, &place.route) {
            (Server::OnPremises, _) | (Server::Cloud, Route::Git(..)) => refuse::log_in(),
            (Server::Cloud, _) => refuse::sign_in(form, &base, &request.target),
        }));
    };
    exchange.note(|entry| {
        entry.auth = Auth::Ok;
        entry.login = Some(caller.token.login.clone());
    });
    if !caller.may(&place.route) {
        return Err(Box::new(refuse::not_authorized(&caller.token.login)));
    }
    if place.route == Route::Unknown {
        return Err(Box::new(refuse::nothing_here(request.path())));
    }
    if !place.route.methods().contains(&request.method.as_str()) {
        return Err(Box::new(refuse::method_not_supported(&request.method)));
    }
    Ok(caller)
}

impl Ado {
    /// Counts one request, and notes what becomes of it.
    fn throttled(&self, exchange: &mut Exchange, who: &throttle::Who) -> Verdict {
        let behaviour = self.behaviour();
        let verdict = locked(&self.meter).admit(who, &behaviour, self.clock.now_ms());
        exchange.notice = verdict.notice(who.clone());
        exchange.note(|entry| {
            entry.limited = verdict.seconds.map(|_| LimitKind::Secondary);
            entry.while_limited = verdict.while_limited;
            entry.after_notice_ms = verdict.after_notice_ms;
        });
        verdict
    }

    /// Asks the world, and what that cost; after a page of a list the script has its turn.
    fn compute(&self, asking: &Asking<'_>) -> (Reply, f64) {
        let behaviour = self.behaviour();
        let mut world = locked(&self.world);
        let place = &asking.place;
        let Some(organisation) = world.organisation(&place.organisation) else {
            return (refuse::nothing_here(asking.request.path()), 0.0);
        };
        let base = format!("{}{}/{}", self.url, place.server.root(), organisation.name);
        let asked = Asked {
            organisation,
            behaviour: &behaviour,
            place,
            caller: &asking.caller,
            request: asking.request,
            base: &base,
            now_ms: self.clock.now_ms(),
            version: &asking.version,
        };
        let (reply, cost) = asked.answer();
        if reply.status == 200 && place.route.is_list() {
            let now = self.clock.now_ms();
            locked(&self.script).list_served(&behaviour.script, &mut world, now);
        }
        (reply, cost)
    }

    /// Adds what every reply has.
    fn dressed(&self, reply: Reply, caller: Option<&Caller>) -> Reply {
        let now = self.clock.now_ms();
        let activity = world::guid(now.unsigned_abs(), 0xAC);
        let reply = reply
            .with("date", http_date(now))
            .with("cache-control", "no-cache, no-store, must-revalidate")
            .with("x-tfs-processid", "17aa7385-4f16-4de3-9513-425337341e2b")
            .with("activityid", activity.clone())
            .with("x-vss-e2eid", activity);
        match caller {
            Some(caller) => reply.with("x-vss-userdata", format!("user:{}", caller.token.login)),
            None => reply,
        }
    }
}

/// The content type repeats the version, as the recordings show.
fn with_version(mut reply: Reply, version: &str) -> Reply {
    for (name, value) in &mut reply.headers {
        if name == "content-type" && value.starts_with("application/json") {
            *value = format!("application/json; charset=utf-8; api-version={version}");
        }
    }
    reply
}

/// Spoils a right reply; links to further pages are in the body here.
fn spoil(fault: Fault, reply: &mut Reply, shared: &Shared) {
    if fault == Fault::LinkElsewhere {
        let body = String::from_utf8_lossy(&reply.body).replace(&shared.url, &shared.other_url);
        reply.body = body.into_bytes();
    }
    faults::spoil(fault, reply, &shared.url, &shared.other_url);
}
