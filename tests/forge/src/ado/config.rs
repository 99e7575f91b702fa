use serde::{Deserialize, Serialize};

/// What the simulated Azure DevOps holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdoConfig {}
