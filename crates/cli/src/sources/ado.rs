//! What names something of Azure DevOps.

use super::{BadSource, address};
use crate::work::options::Wanted;

/// Where organisations used to live, each on a host of its own.
const OLD: &str = ".visualstudio.com";

/// The hosts of its ssh addresses, now and then.
const SSH: [&str; 2] = ["ssh.dev.azure.com", "vs-ssh.visualstudio.com"];

/// Where one host of Azure DevOps's cloud leads.
pub(super) enum Host<'a> {
    /// To all organisations.
    All,
    /// To this one.
    Organisation(&'a str),
    /// To all, in the form of ssh addresses.
    Ssh,
}

impl<'a> Host<'a> {
    /// What a host of the cloud is; `None` for all others.
    pub(super) fn of(host: &'a str) -> Option<Self> {
        if SSH.contains(&host) {
            return Some(Self::Ssh);
        }
        if host == "dev.azure.com" {
            return Some(Self::All);
        }
        host.strip_suffix(OLD).map(Self::Organisation)
    }

    /// What the path of an address on this host names.
    pub(super) fn read(&self, path: &str, text: &str) -> Result<Wanted, BadSource> {
        match self {
            Self::All => self::path(path, text),
            Self::Organisation(name) => {
                let path = path.trim_start_matches('/');
                self::path(
                    &format!("{name}/{}", path.trim_start_matches("DefaultCollection/")),
                    text,
                )
            }
            // `v3/ORG/PROJECT/REPO`
            Self::Ssh => name(path.trim_start_matches('/').trim_start_matches("v3/"), text),
        }
    }
}

/// `ORG`, `ORG/PROJECT` or `ORG/PROJECT/REPO`, as after `ado:`.
pub(super) fn name(name: &str, text: &str) -> Result<Wanted, BadSource> {
    let parts = address::parts(name);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [organisation] => owner(organisation, text),
        [organisation, project] => a_project(organisation, project, text),
        [organisation, project, repository] => {
            a_repository(organisation, project, repository, text)
        }
        [] => bad(text, "it is empty"),
        _ => bad(text, "it has more than three parts"),
    }
}

/// The path of a browser or clone address: pages begin with `_`, and everything after one that is
/// no repository is a page of its project.
pub(super) fn path(path: &str, text: &str) -> Result<Wanted, BadSource> {
    let parts = address::parts(path);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [] => bad(text, "its path is empty"),
        // The repository that is called as its project.
        [organisation, "_git", name, ..] => a_repository(organisation, name, name, text),
        [organisation, project, "_git", name, ..] => {
            a_repository(organisation, project, name, text)
        }
        [organisation, page, ..] if page.starts_with('_') => owner(organisation, text),
        [organisation] => owner(organisation, text),
        [organisation, project, ..] => a_project(organisation, project, text),
    }
}

fn owner(organisation: &str, text: &str) -> Result<Wanted, BadSource> {
    Ok(Wanted::Owner { owner: checked(organisation, text)?.to_owned() })
}

fn a_project(organisation: &str, project: &str, text: &str) -> Result<Wanted, BadSource> {
    Ok(Wanted::Project { name: joined(organisation, project, text)? })
}

fn a_repository(
    organisation: &str,
    project: &str,
    name: &str,
    text: &str,
) -> Result<Wanted, BadSource> {
    let owner = joined(organisation, project, text)?;
    Ok(Wanted::Repository { owner, name: checked(name, text)?.to_owned() })
}

fn joined(organisation: &str, project: &str, text: &str) -> Result<String, BadSource> {
    Ok(format!("{}/{}", checked(organisation, text)?, checked(project, text)?))
}

/// Names may hold blanks and much else; what no path and no name of Azure DevOps may hold is
/// refused here, so that it never becomes part of an address.
fn checked<'a>(name: &'a str, text: &str) -> Result<&'a str, BadSource> {
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|#".contains(c);
    if name.trim() != name || name.is_empty() || name == "." || name == ".." {
        return bad(text, "a part of it is empty, or begins or ends with a blank");
    }
    if name.chars().any(forbidden) {
        return bad(text, "a name of Azure DevOps does not hold / \\ : * ? \" < > | #");
    }
    Ok(name)
}

fn bad<T>(text: &str, why: &'static str) -> Result<T, BadSource> {
    Err(BadSource::BadName { text: text.to_owned(), why })
}
