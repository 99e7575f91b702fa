use serde::{Deserialize, Serialize};

/// What the simulated Jira holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JiraConfig {}
