use jobctl_provider::{Refusal, Task, Unsupported, below};
use url::Url;

/// A scope such as `github:acme/api`, taken apart. The part before the colon is the connection's
/// name and never looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repo<'a> {
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Repo<'a> {
    pub(crate) fn parse(scope: &'a str) -> Result<Self, Unsupported> {
        let path = scope.split_once(':').map_or(scope, |(_, path)| path);
        match path.split_once('/') {
            Some((owner, name)) if is_name(owner) && is_name(name) => Ok(Self { owner, name }),
            _ => Err(Unsupported(format!(
                "cannot read issues of {scope:?}: wanted is a repository, as OWNER/NAME"
            ))),
        }
    }

    /// The repository that a task belongs to.
    pub(crate) fn of(task: &'a Task) -> Result<Self, Refusal> {
        Self::parse(&task.scope).map_err(|error| Refusal::Malformed { message: error.to_string() })
    }

    /// `/repos/owner/name` and what follows, below the base.
    pub(crate) fn url(self, base: &Url, rest: &[&str]) -> Url {
        let mut path = vec!["repos", self.owner, self.name];
        path.extend_from_slice(rest);
        below(base, &path)
    }

    pub(crate) fn path(self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// Names that need no escape anywhere and cannot leave their place in a path.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(plain) && text != "." && text != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_exactly_one_repository() {
        let repo = Repo::parse("github:acme/api.rs").unwrap();
        assert_eq!((repo.owner, repo.name), ("acme", "api.rs"));
        for bad in
            ["github:acme", "github:acme/", "github:a/b/c", "github:../x", "github:a/b c", ""]
        {
            assert!(Repo::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_base_path_of_an_enterprise_server_stays() {
        for base in ["https://ghe.example/api/v3", "https://ghe.example/api/v3/"] {
            let base = Url::parse(base).unwrap();
            let url = Repo::parse("ghe:a/b").unwrap().url(&base, &["issues"]);
            assert_eq!(url.as_str(), "https://ghe.example/api/v3/repos/a/b/issues");
        }
    }
}
