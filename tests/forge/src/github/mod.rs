//! The REST interface.

pub(crate) mod access;
mod edit;
pub(crate) mod graphql;
mod lists;
mod paging;
pub(crate) mod refuse;
mod route;
mod search;
mod show;
mod show_repo;
mod single;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::behaviour::{Behaviour, Fault};
use crate::clock::http_date;
use crate::faults;
use crate::limits::{Charge, Who};
use crate::log::Auth;
use crate::shared::{Exchange, Shared, locked};
use crate::wire::{Cut, Reply, Request};
use crate::world::{Links, World};
use access::{Caller, Credential};
use route::Route;

const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// One question to the world as it is now.
pub(crate) struct Asked<'a> {
    world: &'a World,
    behaviour: &'a Behaviour,
    request: &'a Request,
    links: &'a Links,
    caller: &'a Caller,
    v2026: bool,
}

/// Answers one REST request: gate, limits, delay, faults, then the reply itself.
pub(crate) async fn answer(exchange: &mut Exchange, request: &Request) -> Reply {
    let shared = exchange.shared().clone();
    let behaviour = shared.behaviour();
    let (base, route) = route::route(request);
    let endpoint = route.endpoint();
    exchange.note(|entry| entry.endpoint.clone_from(&endpoint));
    let caller = match gate(&shared, exchange, request) {
        Ok(caller) => caller,
        Err(Gated::Edge(reply)) => return *reply,
        Err(Gated::Refused(reply)) => {
            let nobody = Caller { who: Who::Anonymous, token: None };
            return finish(*reply, &shared, &behaviour, &nobody, &endpoint, request);
        }
    };
    let free = matches!(route, Route::RateLimit | Route::GraphQl | Route::Search);
    let charge = charge(&shared, &caller, &endpoint, request, free);
    let spent = route == Route::Search && !may_search(&shared, &behaviour, &charge);
    let refusal = refused(exchange, &behaviour, &charge);
    if let Some(reply) = refusal.or(spent.then(|| refuse::exhausted(403, caller.who))) {
        return finish(reply, &shared, &behaviour, &caller, &endpoint, request);
    }
    let fault = locked(&shared.faults).pick(&behaviour.faults, &request.target);
    exchange.note(|entry| entry.fault = fault);
    wait(behaviour.delay_ms, fault).await;
    if let Some(reply) = fault.and_then(|f| faults::instead(f, &shared.other_url, &request.target))
    {
        return finish(reply, &shared, &behaviour, &caller, &endpoint, request);
    }
    let links = Links::new(&shared.url, base);
    let reply = if route == Route::GraphQl {
        graphql::answer(&shared, &behaviour, request, &caller, &charge)
    } else {
        compute(&shared, &behaviour, request, &links, &caller, &route)
    };
    let mut reply = conditional(reply, &shared, &caller, request);
    if let Some(fault) = fault {
        faults::spoil(fault, &mut reply, &shared.url, &shared.other_url);
    }
    finish(reply, &shared, &behaviour, &caller, &endpoint, request)
}

async fn wait(delay_ms: u64, fault: Option<Fault>) {
    let extra = if let Some(Fault::Slow(ms)) = fault { ms } else { 0 };
    if delay_ms + extra > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms + extra)).await;
    }
}

/// What is refused before anything is counted.
enum Gated {
    /// By what stands before the interface: none of its headers.
    Edge(Box<Reply>),
    Refused(Box<Reply>),
}

fn gate(shared: &Shared, exchange: &Exchange, request: &Request) -> Result<Caller, Gated> {
    if request.header("user-agent").is_none_or(str::is_empty) {
        return Err(Gated::Edge(Box::new(refuse::no_user_agent())));
    }
    let version = request.header("x-github-api-version");
    if let Some(version) = version.filter(|version| !VERSIONS.contains(version)) {
        return Err(Gated::Refused(Box::new(refuse::bad_version(version))));
    }
    let Credential::Good(caller) = access::credential(shared, request) else {
        return Err(Gated::Refused(Box::new(refuse::bad_credentials())));
    };
    if let Some(token) = &caller.token {
        exchange.note(|entry| {
            entry.auth = Auth::Ok;
            entry.login = Some(token.login.clone());
        });
    }
    Ok(caller)
}

fn charge<'a>(
    shared: &Shared,
    caller: &Caller,
    endpoint: &'a str,
    request: &Request,
    free: bool,
) -> Charge<'a> {
    // A query is cheap although it is posted.
    let cheap =
        matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") || endpoint == route::GRAPHQL;
    Charge {
        who: caller.who,
        endpoint,
        points: if cheap { 1 } else { 5 },
        free,
        limit: caller.token.as_ref().and_then(|token| token.limit),
        now_ms: shared.clock.now_ms(),
        uptime_ms: shared.clock.uptime_ms(),
    }
}

/// Counts a search in the budget of its own.
fn may_search(shared: &Shared, behaviour: &Behaviour, charge: &Charge<'_>) -> bool {
    let most = behaviour.search.per_minute;
    most.is_none_or(|most| locked(&shared.meter).search(most, charge, true).1)
}

/// Counts the request; the refusal if it hits a limit.
fn refused(exchange: &mut Exchange, behaviour: &Behaviour, charge: &Charge<'_>) -> Option<Reply> {
    let shared = exchange.shared().clone();
    let verdict = locked(&shared.meter).admit(&behaviour.limits, charge);
    exchange.entered = Some(charge.who);
    let (kind, reply) = verdict.refused?;
    exchange.told = Some(charge.who);
    exchange.note(|entry| {
        entry.limited = Some(kind);
        entry.while_limited = verdict.after_notice_ms.is_some();
        entry.after_notice_ms = verdict.after_notice_ms;
    });
    Some(reply)
}

/// Asks the world; after a page of a list the script has its turn.
fn compute(
    shared: &Shared,
    behaviour: &Behaviour,
    request: &Request,
    links: &Links,
    caller: &Caller,
    route: &Route,
) -> Reply {
    let v2026 = request.header("x-github-api-version") == Some("2026-03-10");
    if *route == Route::RateLimit {
        let charge = charge(shared, caller, "/rate_limit", request, true);
        let primary = locked(&shared.meter).primary(&behaviour.limits, &charge);
        return single::rate_limit(primary, v2026);
    }
    let mut world = locked(&shared.world);
    if request.method != "GET" && request.method != "HEAD" {
        let now = shared.clock.now();
        let edit = edit::Edit { request, links, caller, now };
        return edit.answer(&mut world, route).unwrap_or_else(|refusal| refusal);
    }
    let asked = Asked { world: &world, behaviour, request, links, caller, v2026 };
    let reply = asked.answer(route).unwrap_or_else(|refusal| refusal);
    if reply.status == 200 && matches!(route, Route::Repo(_, part) if part.is_list()) {
        let now = shared.clock.now();
        locked(&shared.script).list_served(&behaviour.script, &mut world, now);
    }
    reply
}

/// Adds the `ETag`, and answers 304 when the client has it already: free of charge, if it has a
/// token. Like the real ones, tags depend on who asks.
fn conditional(reply: Reply, shared: &Shared, caller: &Caller, request: &Request) -> Reply {
    if reply.status != 200 || request.method == "POST" {
        return reply;
    }
    let mut hasher = DefaultHasher::new();
    (&reply.body, caller.who, request.header("accept")).hash(&mut hasher);
    let tag = format!("W/\"{:032x}\"", hasher.finish());
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = request.header("if-none-match").unwrap_or_default();
    if !known.split(',').any(|one| bare(one) == bare(&tag)) {
        return reply.with("etag", tag);
    }
    if caller.token.is_some() {
        locked(&shared.meter).refund(caller.who);
    }
    let mut unchanged = Reply::new(304).with("etag", tag);
    unchanged.headers.extend(reply.headers.into_iter().filter(|(name, _)| name == "link"));
    unchanged
}

/// Adds what every counted reply has.
fn finish(
    reply: Reply,
    shared: &Shared,
    behaviour: &Behaviour,
    caller: &Caller,
    endpoint: &str,
    request: &Request,
) -> Reply {
    let charge = charge(shared, caller, endpoint, request, false);
    let (primary, resource) = match endpoint {
        route::GRAPHQL => {
            let most = behaviour.graphql.limit;
            (locked(&shared.meter).graphql(most, &behaviour.limits, &charge), "graphql")
        }
        route::SEARCH => {
            let most = behaviour.search.per_minute;
            (most.map(|most| locked(&shared.meter).search(most, &charge, false).0), "search")
        }
        _ => (locked(&shared.meter).primary(&behaviour.limits, &charge), "core"),
    };
    let mut reply = with_common(reply, shared, request);
    if let Some(token) = &caller.token {
        reply = reply.with("x-oauth-scopes", token.scopes.clone());
        if let Some(at) = &token.expires {
            reply = reply.with("github-authentication-token-expiration", at.clone());
        }
    }
    if reply.cut == Cut::BeforeHead {
        return reply;
    }
    match primary {
        None => reply,
        Some(primary) => reply
            .with("x-ratelimit-limit", primary.limit.to_string())
            .with("x-ratelimit-remaining", primary.remaining().to_string())
            .with("x-ratelimit-used", primary.used.to_string())
            .with("x-ratelimit-reset", primary.reset.to_string())
            .with("x-ratelimit-resource", resource),
    }
}

/// Adds what every reply has.
fn with_common(reply: Reply, shared: &Shared, request: &Request) -> Reply {
    let version = request.header("x-github-api-version").unwrap_or(VERSIONS[0]);
    let now = shared.clock.now_ms();
    reply
        .with("server", "github.com")
        .with("date", http_date(now))
        .with("cache-control", "private, max-age=60, s-maxage=60")
        .with("vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding")
        .with("x-github-media-type", "github.v3; format=json")
        .with("x-github-api-version-selected", version)
        .with("x-github-request-id", format!("{now:X}:0:0:0:0"))
}
