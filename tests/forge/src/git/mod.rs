//! git over smart HTTP, answered by the real `git http-backend`.

mod bare;
mod cgi;
mod trojan;

pub(crate) use bare::GitRoot;

use std::time::Duration;

use crate::config::Broken;
use crate::faults;
use crate::github::access::{Access, Caller, Credential, credential};
use crate::limits::Who;
use crate::log::Auth;
use crate::shared::{Exchange, Shared, locked};
use crate::wire::{Cut, Reply, Request, decode, encode};
use crate::world::Found;
use crate::world::repo::{GitKind, Repo};

/// What of a repository git asks for.
struct Place {
    owner: String,
    name: String,
    /// The path after the repository, with its slash.
    service: &'static str,
}

const SERVICES: [&str; 3] = ["/info/refs", "/git-upload-pack", "/git-receive-pack"];

/// Whether git asks: all others are for the REST interface.
pub(crate) fn is_git(request: &Request) -> bool {
    place(request).is_some()
}

fn place(request: &Request) -> Option<Place> {
    let path = request.path();
    let (repo, service) = SERVICES
        .iter()
        .find_map(|service| path.strip_suffix(service).map(|repo| (repo, *service)))?;
    let (owner, name) = repo.strip_prefix('/')?.split_once('/')?;
    if name.contains('/') || owner.is_empty() {
        return None;
    }
    let name = decode(&name.replace('+', "%2B"));
    let name = name.strip_suffix(".git").filter(|short| !short.is_empty()).unwrap_or(&name);
    Some(Place { owner: decode(owner), name: name.to_owned(), service })
}

/// What a repository needs to be served; taken out of the world, so that its lock is free.
struct Served {
    id: u64,
    full_name: String,
    kind: GitKind,
    branch: String,
}

/// Answers one git request.
pub(crate) async fn answer(exchange: &mut Exchange, request: &Request) -> Reply {
    let shared = exchange.shared().clone();
    let behaviour = shared.behaviour();
    exchange.note(|entry| "git".clone_into(&mut entry.endpoint));
    let Some(place) = place(request) else { return not_found() };
    let caller = match credential(&shared, request) {
        Credential::Bad => return unauthorized(),
        Credential::Good(caller) => caller,
    };
    if caller.who != Who::Anonymous {
        exchange.note(|entry| {
            entry.auth = Auth::Ok;
            entry.login = caller.token.as_ref().map(|token| token.login.clone());
        });
    }
    let mut others = 0;
    exchange.note(|entry| others = entry.in_flight - 1);
    if behaviour.git_concurrent.is_some_and(|most| others >= most) {
        return Reply::text(429, "Too many requests\n").with("retry-after", "1");
    }
    let fault = locked(&shared.faults).pick(&behaviour.faults, &request.target);
    exchange.note(|entry| entry.fault = fault);
    if behaviour.git_delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(behaviour.git_delay_ms)).await;
    }
    if let Some(reply) = fault.and_then(|f| faults::instead(f, &shared.other_url, &request.target))
    {
        return reply;
    }
    let mut reply = match admit(&shared, &caller, &place, request) {
        Ok(served) => serve(&shared, &served, place.service, request).await,
        Err(refusal) => *refusal,
    };
    if let Some(fault) = fault {
        faults::spoil(fault, &mut reply, &shared.url, &shared.other_url);
    }
    reply
}

/// Whether this caller gets this repository, as the real forge decides it: what may not be seen
/// asks for a login first, and does not exist afterwards.
fn admit(
    shared: &Shared,
    caller: &Caller,
    place: &Place,
    request: &Request,
) -> Result<Served, Box<Reply>> {
    let anonymous = caller.who == Who::Anonymous;
    let hidden = || Box::new(if anonymous { unauthorized() } else { not_found() });
    let world = locked(&shared.world);
    let (repo, renamed) = match world.find(&place.owner, &place.name) {
        Found::Here(repo) => (repo, false),
        Found::Renamed(repo) => (repo, true),
        Found::Nowhere => return Err(hidden()),
    };
    match caller.access(&world, repo) {
        Access::Hidden => return Err(hidden()),
        Access::Sso => return Err(Box::new(sso())),
        Access::Granted => {}
    }
    let full_name = world.full_name(repo);
    if renamed {
        return Err(Box::new(moved(shared, &place.owner, repo, place.service, request)));
    }
    if place.service == "/git-receive-pack" || request.raw_query().contains("git-receive-pack") {
        return Err(Box::new(Reply::text(403, "Write access to repository not granted.\n")));
    }
    if place.service == "/info/refs" && request.query("service").is_none() {
        return Err(Box::new(Reply::text(403, "Please upgrade your git client.\n")));
    }
    Ok(Served { id: repo.id, full_name, kind: repo.git, branch: repo.default_branch.clone() })
}

fn moved(shared: &Shared, owner: &str, repo: &Repo, service: &str, request: &Request) -> Reply {
    let path = format!("{}/{}/{}.git{service}", shared.url, encode(owner), encode(&repo.name));
    let query = request.raw_query();
    let location = if query.is_empty() { path } else { format!("{path}?{query}") };
    Reply::new(301).with("location", location)
}

/// A repository of another forge: ordinary, or without a commit. `id` must be its alone.
pub(crate) async fn serve_plain(
    shared: &Shared,
    id: u64,
    full_name: &str,
    empty: bool,
    service: &str,
    request: &Request,
) -> Reply {
    let kind = if empty { GitKind::Empty } else { GitKind::Ordinary };
    let branch = "main".to_owned();
    let served = Served { id, full_name: full_name.to_owned(), kind, branch };
    serve(shared, &served, service, request).await
}

async fn serve(shared: &Shared, served: &Served, service: &str, request: &Request) -> Reply {
    match served.kind {
        GitKind::Broken(Broken::Missing) => return not_found(),
        GitKind::Broken(Broken::Forbidden) => {
            return Reply::text(403, "Access to this repository has been disabled by staff.\n");
        }
        GitKind::Broken(Broken::Stalls) => {
            let mut reply = Reply::new(0);
            reply.cut = Cut::Stall;
            return reply;
        }
        GitKind::Broken(Broken::DiesMidPack)
        | GitKind::Ordinary
        | GitKind::Empty
        | GitKind::Trojan => {}
    }
    let made = shared.git.ensure(served.id, &served.full_name, served.kind, &served.branch).await;
    if let Err(error) = made {
        return Reply::text(500, &format!("cannot make the repository: {error}\n"));
    }
    let path = format!("/{}.git{service}", served.id);
    let mut reply = match cgi::run(&shared.git, &path, request).await {
        Ok(reply) => reply,
        Err(error) => return Reply::text(500, &format!("cannot run git http-backend: {error}\n")),
    };
    let dying = served.kind == GitKind::Broken(Broken::DiesMidPack);
    if dying && reply.body.windows(4).any(|four| four == b"PACK") {
        reply.cut = Cut::MidBody;
    }
    reply
}

fn unauthorized() -> Reply {
    Reply::text(401, "Repository not found.").with("www-authenticate", "Basic realm=\"GitHub\"")
}

fn not_found() -> Reply {
    Reply::text(404, "Repository not found.")
}

fn sso() -> Reply {
    Reply::text(
        403,
        "The 'acme' organization has enabled or enforced SAML SSO. To access this repository, you \
         must use the HTTPS remote with a personal access token or SSH with an SSH key and \
         passphrase that has been authorized for this organization.\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(target: &str) -> Option<(String, String)> {
        let request = Request { target: target.to_owned(), ..Request::default() };
        place(&request).map(|place| (place.owner, place.name))
    }

    #[test]
    fn repositories_are_found_with_and_without_suffix() {
        let api = Some(("acme".to_owned(), "api".to_owned()));
        assert_eq!(parsed("/acme/api.git/info/refs?service=git-upload-pack"), api);
        assert_eq!(parsed("/acme/api/git-upload-pack"), api);
        assert_eq!(parsed("/acme/%2Egit/info/refs").unwrap().1, ".git");
        assert_eq!(parsed("/repos/acme/api/issues"), None);
    }
}
