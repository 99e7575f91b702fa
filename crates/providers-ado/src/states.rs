use std::collections::{BTreeMap, BTreeSet};

use jobctl_provider::Category;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reply::text;

/// What the states of a project's types mean, by type and state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct States(BTreeMap<String, BTreeMap<String, Category>>);

impl States {
    /// From the rows of `workitemtypes`; servers whose rows have no states leave them to their
    /// names.
    pub(crate) fn of(types: &[Value]) -> Self {
        let of_type = |row: &Value| {
            let states = row.get("states").and_then(Value::as_array)?;
            let states = states.iter().filter_map(|state| {
                let name = text(state, "name")?.to_owned();
                Some((name, by_category(text(state, "category")?)?))
            });
            Some((text(row, "name")?.to_owned(), states.collect()))
        };
        Self(types.iter().filter_map(of_type).collect())
    }

    /// What a state of a type means.
    pub(crate) fn category(&self, type_name: &str, state: &str) -> Category {
        let known = self.0.get(type_name).and_then(|states| states.get(state));
        known.copied().unwrap_or_else(|| by_name(state))
    }

    /// The names of all states that may be over, or may not be; types differ in what a name
    /// means, so rows are looked at again.
    pub(crate) fn named(&self, done: bool) -> BTreeSet<&str> {
        let states = self.0.values().flatten();
        let fitting = states.filter(|(_, category)| (**category == Category::Done) == done);
        fitting.map(|(name, _)| name.as_str()).collect()
    }
}

/// The categories that Azure DevOps sorts every state into ("About workflow states").
fn by_category(category: &str) -> Option<Category> {
    match category {
        "Proposed" => Some(Category::Open),
        "InProgress" | "Resolved" => Some(Category::InProgress),
        "Completed" | "Removed" => Some(Category::Done),
        _ => None,
    }
}

/// The states of the processes that come with Azure DevOps.
fn by_name(state: &str) -> Category {
    match state.to_lowercase().as_str() {
        "new" | "to do" | "proposed" | "approved" | "design" | "open" => Category::Open,
        "done" | "closed" | "completed" | "removed" | "inactive" => Category::Done,
        _ => Category::InProgress,
    }
}
