use jobctl_provider::{Refusal, Task, Unsupported};

/// A scope such as `jira:PAY`, taken apart. The part before the colon is the connection's name
/// and never looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Project<'a> {
    pub(crate) key: &'a str,
}

impl<'a> Project<'a> {
    pub(crate) fn parse(scope: &'a str) -> Result<Self, Unsupported> {
        let key = scope.rsplit_once(':').map_or(scope, |(_, key)| key);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.bytes().all(plain);
        if is_key {
            return Ok(Self { key });
        }
        Err(Unsupported(format!(
            "cannot read issues of {scope:?}: wanted is the key of a project, such as PAY"
        )))
    }

    /// The project that a task belongs to.
    pub(crate) fn of(task: &'a Task) -> Result<Self, Refusal> {
        Self::parse(&task.scope).map_err(|error| Refusal::Malformed { message: error.to_string() })
    }

    /// Its key as Jira writes it: in capitals. Only queries take it otherwise.
    pub(crate) fn name(self) -> String {
        self.key.to_ascii_uppercase()
    }

    /// The key of an issue of this project.
    pub(crate) fn issue(self, number: u64) -> String {
        format!("{}-{number}", self.name())
    }

    /// The number in an issue's key; `None` if it is of another project.
    pub(crate) fn number(self, key: &str) -> Option<u64> {
        let (project, number) = split(key)?;
        project.eq_ignore_ascii_case(self.key).then_some(number)
    }
}

/// `PAY-42` as project and number.
pub(crate) fn split(key: &str) -> Option<(&str, u64)> {
    let (project, number) = key.rsplit_once('-')?;
    Some((project, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_exactly_one_project() {
        for (scope, key) in [("jira:PAY", "PAY"), ("work:K5_X", "K5_X"), ("PAY", "PAY")] {
            assert_eq!(Project::parse(scope).unwrap().key, key);
        }
        for bad in ["jira:", "jira:5A", "jira:A B", "jira:A/B", "jira:A-B", "jira:A\" OR", ""] {
            assert!(Project::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_of_other_projects_are_not_ours() {
        let project = Project::parse("jira:pay").unwrap();
        assert_eq!(project.issue(42), "PAY-42");
        assert_eq!(project.number("PAY-42"), Some(42));
        for other in ["PAYX-42", "PAY-x", "PAY", "-1", ""] {
            assert_eq!(project.number(other), None, "{other}");
        }
    }
}
