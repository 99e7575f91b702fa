//! The simulated Jira: Cloud below `/jira` (and `/ex/jira/{cloudId}` for scoped tokens), Data
//! Center below `/jira-dc`. All show the same world.

mod access;
mod behaviour;
mod bulk;
mod center;
mod config;
mod jql;
mod limits;
mod question;
mod refuse;
mod route;
mod script;
mod search;
pub(crate) mod show;
mod show_field;
mod single;
mod time;
mod walk;
mod world;

pub use behaviour::{
    CenterLimit, JiraAction, JiraBehaviour, JiraForm, JiraLimits, JiraRefusalRule, JiraScript,
};
pub use config::JiraConfig;
pub use world::change::{JiraChange, JiraChangeError, JiraChanged};
pub use world::truth::{JiraPerson, JiraTruth, JiraTruthComment, JiraTruthIssue};

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::behaviour::Fault;
use crate::clock::{Clock, http_date};
use crate::faults;
use crate::log::Auth;
use crate::shared::{Exchange, locked};
use crate::wire::{Cut, Reply, Request};
use access::Caller;
use limits::{Charge, Meter};
use question::Question;
use route::{Flavour, Route};
use script::ScriptCount;
use time::Zone;
use world::World;
use world::change::Moment;

/// A running Jira.
#[derive(Debug)]
pub struct Jira {
    config: JiraConfig,
    /// `http://127.0.0.1:PORT`.
    url: String,
    zone: Zone,
    clock: Arc<Clock>,
    world: Mutex<World>,
    behaviour: Mutex<JiraBehaviour>,
    meter: Mutex<Meter>,
    counts: Mutex<Counts>,
}

/// What is counted beside the limits.
#[derive(Debug)]
struct Counts {
    searches: u64,
    wrong_passwords: u64,
    /// Issues that failed to load once, and load from now on.
    failed: HashSet<u64>,
    script: ScriptCount,
}

impl Jira {
    pub(crate) fn new(config: &JiraConfig, url: &str, seed: u64, clock: &Arc<Clock>) -> Self {
        Jira {
            url: url.to_owned(),
            zone: Zone::new(config.utc_offset_minutes),
            clock: Arc::clone(clock),
            world: Mutex::new(World::new(config, url, seed)),
            behaviour: Mutex::new(config.behaviour.clone()),
            meter: Mutex::new(Meter::default()),
            counts: Mutex::new(Counts {
                searches: 0,
                wrong_passwords: 0,
                failed: HashSet::new(),
                script: ScriptCount::new(seed),
            }),
            config: config.clone(),
        }
    }

    /// What Cloud was configured with: the credentials among it.
    #[must_use]
    pub fn config(&self) -> &JiraConfig {
        &self.config
    }

    /// The base of Cloud's addresses, `http://127.0.0.1:PORT/jira/`.
    #[must_use]
    pub fn cloud_url(&self) -> String {
        format!("{}/jira/", self.url)
    }

    /// The base that takes scoped tokens.
    #[must_use]
    pub fn scoped_url(&self) -> String {
        format!("{}/ex/jira/{}/", self.url, self.config.cloud_id)
    }

    /// The base of Data Center's addresses.
    #[must_use]
    pub fn center_url(&self) -> String {
        format!("{}/jira-dc/", self.url)
    }

    /// The complete present state of a project; `None` when there is no such project.
    #[must_use]
    pub fn truth(&self, project: &str) -> Option<JiraTruth> {
        locked(&self.world).truth(project)
    }

    /// Changes the world, dated now by the forge's clock.
    pub fn change(&self, change: &JiraChange) -> Result<JiraChanged, JiraChangeError> {
        let moment = self.moment(&locked(&self.behaviour));
        locked(&self.world).change(change, moment)
    }

    /// Changes the Jira's manners.
    pub fn configure(&self, change: impl FnOnce(&mut JiraBehaviour)) {
        change(&mut locked(&self.behaviour));
    }

    /// The Jira's manners.
    #[must_use]
    pub fn behaviour(&self) -> JiraBehaviour {
        locked(&self.behaviour).clone()
    }

    /// Forgets all counts of limits.
    pub fn reset_limits(&self) {
        locked(&self.meter).reset();
    }

    fn moment(&self, behaviour: &JiraBehaviour) -> Moment {
        Moment {
            now: self.clock.now_ms(),
            lag: behaviour.lag,
            silent_comments: behaviour.silent_comments,
        }
    }

    /// Counts wrong passwords of Data Center; the captcha once there were too many, until the
    /// right one would come from a browser.
    fn captcha(&self, behaviour: &JiraBehaviour, basic: bool, wrong: bool) -> Option<Reply> {
        let most = behaviour.captcha_after.filter(|_| basic)?;
        let mut counts = locked(&self.counts);
        if counts.wrong_passwords >= most {
            return Some(refuse::center_captcha(&format!("{}/jira-dc", self.url)));
        }
        counts.wrong_passwords += u64::from(wrong);
        None
    }
}

/// Whether a request is for this forge.
pub(crate) fn is_jira(request: &Request) -> bool {
    let path = request.path();
    path.starts_with("/jira/") || path.starts_with("/jira-dc/") || path.starts_with("/ex/jira/")
}

/// Answers one request: credential, limits, delay, faults, then the reply itself.
pub(crate) async fn answer(exchange: &mut Exchange, request: &Request) -> Reply {
    let shared = Arc::clone(exchange.shared());
    let Some(jira) = &shared.jira else { return refuse::not_found() };
    let (flavour, cloud_id, route) = route::route(request);
    let path = route.endpoint(flavour);
    exchange.note(|entry| entry.endpoint.clone_from(&path));
    let (general, behaviour) = (shared.behaviour(), jira.behaviour());
    let endpoint = format!("{} {path}", request.method);
    let charge = Charge {
        flavour,
        endpoint: &endpoint,
        target: &request.target,
        now_ms: shared.clock.now_ms(),
        uptime_ms: shared.clock.uptime_ms(),
    };
    let caller = match jira.gate(exchange, request, &behaviour, flavour, cloud_id.as_deref()) {
        Ok(caller) => caller,
        Err(reply) => return jira.finish(reply, &behaviour, &charge),
    };
    // Bound first: the lock is not to be held across the wait.
    let refused = locked(&jira.meter).admit(&behaviour, &charge);
    if let Some(refused) = refused {
        exchange.note(|entry| {
            entry.limited = Some(refused.kind);
            entry.while_limited = refused.after_notice_ms.is_some();
            entry.after_notice_ms = refused.after_notice_ms;
        });
        return jira.finish(refused.reply, &behaviour, &charge);
    }
    let fault = locked(&shared.faults).pick(&general.faults, &request.target);
    exchange.note(|entry| entry.fault = fault);
    let slow = if let Some(Fault::Slow(ms)) = fault { ms } else { 0 };
    if general.delay_ms + slow > 0 {
        tokio::time::sleep(Duration::from_millis(general.delay_ms + slow)).await;
    }
    let instead = fault.and_then(|f| faults::instead(f, &shared.other_url, &request.target));
    if let Some(reply) = instead {
        return jira.finish(reply, &behaviour, &charge);
    }
    let mut reply = jira.compute(request, &behaviour, flavour, &route, caller);
    if let Some(fault) = fault {
        faults::spoil(fault, &mut reply, &shared.url, &shared.other_url);
    }
    jira.finish(reply, &behaviour, &charge)
}

impl Jira {
    /// Who asks, unless that alone is refused.
    fn gate(
        &self,
        exchange: &Exchange,
        request: &Request,
        behaviour: &JiraBehaviour,
        flavour: Flavour,
        cloud_id: Option<&str>,
    ) -> Result<Caller, Reply> {
        let caller = access::caller(&self.config, flavour, cloud_id, request);
        if flavour == Flavour::Center {
            let header = request.header("authorization").unwrap_or_default();
            let basic = header.to_lowercase().starts_with("basic");
            if let Some(reply) = self.captcha(behaviour, basic, caller.is_err()) {
                return Err(reply);
            }
        }
        let caller = caller?;
        if caller == Caller::Known {
            exchange.note(|entry| {
                entry.auth = Auth::Ok;
                entry.login = Some(self.config.user.clone());
            });
        }
        Ok(caller)
    }

    /// Asks the world; after a page of a list the script has its turn.
    fn compute(
        &self,
        request: &Request,
        behaviour: &JiraBehaviour,
        flavour: Flavour,
        route: &Route,
        caller: Caller,
    ) -> Reply {
        if !route.takes(&request.method) {
            return refuse::wrong_method();
        }
        let mut world = locked(&self.world);
        let mut counts = locked(&self.counts);
        let body = serde_json::from_slice(&request.body).ok();
        if *route == Route::Search {
            counts.searches += 1;
            world.search_begins(&search::reconciled(request, body.as_ref()));
        }
        let site = match flavour {
            Flavour::Site => format!("{}/jira", self.url),
            Flavour::Scoped => format!("{}/ex/jira/{}", self.url, self.config.cloud_id),
            Flavour::Center => format!("{}/jira-dc", self.url),
        };
        let show = show::Show { world: &world, flavour, site: &site, zone: self.zone };
        let (searches, now) = (counts.searches, self.clock.now_ms());
        let mut question = Question {
            request,
            body: body.as_ref(),
            show,
            world: &world,
            behaviour,
            config: &self.config,
            zone: self.zone,
            now,
            caller,
            searches,
            failed: &mut counts.failed,
        };
        let reply = match question.answer(route) {
            Ok((body, points)) => {
                locked(&self.meter).spend(points);
                Reply::json(200, body)
            }
            Err(reply) => reply,
        };
        if reply.status == 200 && route.is_list() {
            let moment = self.moment(behaviour);
            counts.script.page_served(&behaviour.script, &mut world, moment);
        }
        match caller {
            Caller::Nobody { refused: true } => {
                reply.with("x-seraph-loginreason", "AUTHENTICATED_FAILED")
            }
            Caller::Nobody { refused: false } => reply,
            Caller::Known => reply.with("x-aaccountid", "712020%3Aocto"),
        }
    }

    /// Adds what every reply has.
    fn finish(&self, reply: Reply, behaviour: &JiraBehaviour, charge: &Charge<'_>) -> Reply {
        if reply.cut == Cut::BeforeHead || reply.cut == Cut::Stall {
            return reply;
        }
        let reply = locked(&self.meter).dress(reply, &behaviour.limits, charge);
        let server = match charge.flavour {
            Flavour::Site | Flavour::Scoped => "AtlassianEdge",
            Flavour::Center => "Apache",
        };
        reply
            .with("server", server)
            .with("date", http_date(charge.now_ms))
            .with("cache-control", "no-cache, no-store, no-transform")
            .with("x-arequestid", format!("{:032x}", charge.now_ms))
    }
}
