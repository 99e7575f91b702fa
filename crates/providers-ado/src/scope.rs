use jobctl_provider::{Refusal, Unsupported, below};
use url::Url;

/// A scope such as `ado:contoso/Shop`, taken apart. The part before the colon is the connection's
/// name and never looked at; names are as people write them, not encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Project<'a> {
    pub(crate) organisation: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Project<'a> {
    pub(crate) fn parse(scope: &'a str) -> Result<Self, Unsupported> {
        match without_connection(scope).split_once('/') {
            Some((organisation, name)) if is_name(organisation) && is_name(name) => {
                Ok(Self { organisation, name })
            }
            _ => Err(Unsupported(format!(
                "cannot read work items of {scope:?}: wanted is a project, as ORGANISATION/PROJECT"
            ))),
        }
    }

    /// The project of a stored task.
    pub(crate) fn of(scope: &'a str) -> Result<Self, Refusal> {
        Self::parse(scope).map_err(|error| Refusal::Malformed { message: error.to_string() })
    }

    /// `/organisation/project` and what follows, below the base.
    pub(crate) fn url(self, base: &Url, rest: &[&str]) -> Url {
        let mut path = vec![self.organisation, self.name];
        path.extend_from_slice(rest);
        below(base, &path)
    }
}

/// The connection that a scope begins with, if it names one.
pub(crate) fn connection(scope: &str) -> Option<&str> {
    scope.split_once(':').map(|(connection, _)| connection)
}

/// What follows the connection's name; no name here has a colon.
pub(crate) fn without_connection(scope: &str) -> &str {
    scope.split_once(':').map_or(scope, |(_, rest)| rest)
}

/// The key of a work item, such as `ado:contoso/Shop#77`.
pub(crate) fn key(scope: &str, id: u64) -> String {
    format!("{scope}#{id}")
}

/// Names may have blanks and `%`, which are encoded; what could leave its place in a path is
/// no name.
pub(crate) fn is_name(text: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '#' | '?');
    !text.trim().is_empty() && text != "." && text != ".." && !text.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_exactly_one_project() {
        let project = Project::parse("work:contoso/Web Shop").unwrap();
        assert_eq!((project.organisation, project.name), ("contoso", "Web Shop"));
        for bad in ["ado:contoso", "ado:contoso/", "ado:/Shop", "ado:a/b/c", "ado:../x", "a/..", ""]
        {
            assert!(Project::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_encoded_and_the_path_of_the_base_stays() {
        let base = Url::parse("https://tfs.example/tfs/").unwrap();
        let url = Project::parse("ado:Main/100% Web Shop").unwrap().url(&base, &["_apis", "wit"]);
        assert_eq!(url.as_str(), "https://tfs.example/tfs/Main/100%25%20Web%20Shop/_apis/wit");
    }
}
