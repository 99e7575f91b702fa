//! What names something of GitHub.

use super::{BadSource, address};
use crate::work::options::Wanted;

/// The authorities of a GitHub whose API is at `authority`: itself, and its git host where the
/// API has one of its own, as `api.github.com` and `api.TENANT.ghe.com` do.
pub(super) fn hosts_of_api(authority: &str) -> Vec<String> {
    let mut hosts = vec![authority.to_owned()];
    if let Some(git) = authority.strip_prefix("api.")
        && (git == "github.com" || git.ends_with(".ghe.com"))
    {
        hosts.push(git.to_owned());
    }
    hosts
}

/// `acme` or `acme/api`, as after `github:`.
pub(super) fn name(name: &str, text: &str) -> Result<Wanted, BadSource> {
    let name = address::decoded(name);
    let parts: Vec<&str> = name.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        [owner] => Ok(Wanted::Owner { owner: owner_name(owner, text)? }),
        [owner, name] => repository(owner, name, text),
        _ => Err(BadSource::BadName { text: text.to_owned(), why: "it has more than two parts" }),
    }
}

/// The path of a browser or clone address: everything after owner and name is a page of theirs.
pub(super) fn path(path: &str, text: &str) -> Result<Wanted, BadSource> {
    let path = address::decoded(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => Err(BadSource::BadName { text: text.to_owned(), why: "its path is empty" }),
        ["orgs" | "users", owner, ..] | [owner] => {
            Ok(Wanted::Owner { owner: owner_name(owner, text)? })
        }
        [owner, name, ..] => repository(owner, name, text),
    }
}

fn repository(owner: &str, name: &str, text: &str) -> Result<Wanted, BadSource> {
    let name = name.strip_suffix(".git").unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name == "." || name == ".." || !name.chars().all(allowed) {
        let why = "a repository's name has letters, digits, `-`, `_` and `.`";
        return Err(BadSource::BadName { text: text.to_owned(), why });
    }
    Ok(Wanted::Repository { owner: owner_name(owner, text)?, name: name.to_owned() })
}

fn owner_name(owner: &str, text: &str) -> Result<String, BadSource> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if owner.is_empty() || !owner.chars().all(allowed) {
        let why = "an owner's name has letters, digits and `-`";
        return Err(BadSource::BadName { text: text.to_owned(), why });
    }
    Ok(owner.to_owned())
}
