//! What rows need besides themselves: the names of the fields, and where a browser finds the
//! site. Read once for each reading and carried in its tasks, because a provider has no memory.

use std::collections::BTreeMap;

use jobctl_provider::{IssueOrder, Refusal, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::ask::Ask;
use crate::fetch::{Found, forks};
use crate::reply::Reply;
use crate::verdict::{budget, check};

/// Fields that software keeps for itself.
const INTERNAL: [&str; 2] = [
    "com.pyxis.greenhopper.jira:gh-lexo-rank",
    "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummarycf",
];
const SPRINT: &str = "com.pyxis.greenhopper.jira:gh-sprint";
const EPIC: &str = "com.pyxis.greenhopper.jira:gh-epic-link";

/// Names of custom fields, and which of them mean something to us.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Legend {
    /// By the field's id, such as `customfield_10020`.
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) sprints: Vec<String>,
    pub(crate) epics: Vec<String>,
    pub(crate) criteria: Vec<String>,
    /// The site for browsers, where that is not the address that is asked.
    pub(crate) site: Option<String>,
}

/// A reading that waits for its legend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) order: IssueOrder,
    /// Issues that are to be fetched.
    pub(crate) found: Vec<Found>,
    /// How the reading goes on.
    pub(crate) next: Vec<Ask>,
    /// Present once only the site is missing.
    pub(crate) legend: Option<Legend>,
}

impl Opening {
    pub(crate) fn new(order: &IssueOrder, found: Vec<Found>, next: Vec<Ask>) -> Self {
        Self { order: order.clone(), found, next, legend: None }
    }

    fn opened(&self, task: &Task, legend: &Legend) -> Vec<Task> {
        let next = self.next.iter().map(|ask| ask.clone().with_legend(legend));
        forks(&self.order, &self.found, legend, next)
            .iter()
            .map(|ask| ask.task(&task.scope))
            .collect()
    }
}

/// Reads the list of fields.
pub(crate) fn read(
    base: &Url,
    task: &Task,
    opening: &Opening,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let Value::Array(fields) = reply.json()? else {
        return Err(Refusal::Malformed { message: "the answer is no list of fields".to_owned() });
    };
    let legend = legend(&fields);
    let next = if is_gateway(base) {
        let opening = Opening { legend: Some(legend), ..opening.clone() };
        vec![Ask::Site(opening).task(&task.scope)]
    } else {
        opening.opened(task, &legend)
    };
    Ok(Step { next, budget: budget(reply), ..Step::default() })
}

/// Reads where the site is.
pub(crate) fn read_site(
    task: &Task,
    opening: &Opening,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let body = reply.object()?;
    let site = body.get("baseUrl").and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
    let Some(site) = site else {
        return Err(Refusal::Malformed { message: "the answer has no baseUrl".to_owned() });
    };
    let legend = opening.legend.clone().unwrap_or_default();
    let legend = Legend { site: Some(site.into()), ..legend };
    Ok(Step { next: opening.opened(task, &legend), budget: budget(reply), ..Step::default() })
}

/// Whether the interface is asked through Atlassian's gateway: the site is elsewhere then.
fn is_gateway(base: &Url) -> bool {
    base.path().starts_with("/ex/jira/")
}

fn legend(fields: &[Value]) -> Legend {
    let mut legend = Legend::default();
    for field in fields.iter().filter(|field| field.get("custom") == Some(&Value::Bool(true))) {
        let text = |name: &str| field.get(name).and_then(Value::as_str);
        let (Some(id), Some(name)) = (text("id"), text("name")) else { continue };
        let sort = field.get("schema").and_then(|schema| schema.get("custom"));
        let sort = sort.and_then(Value::as_str).unwrap_or_default();
        if INTERNAL.contains(&sort) {
            continue;
        }
        let own = match (sort, name.to_lowercase().as_str()) {
            (SPRINT, _) | (_, "sprint") => Some(&mut legend.sprints),
            (EPIC, _) => Some(&mut legend.epics),
            (_, name) if name.contains("acceptance criteri") => Some(&mut legend.criteria),
            (_, _) => None,
        };
        if let Some(own) = own {
            own.push(id.to_owned());
        }
        legend.names.insert(id.to_owned(), name.trim().to_owned());
    }
    legend
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_mean_something_are_known_by_their_sort_or_name() {
        let field = |id: &str, name: &str, sort: &str| json!({ "id": id, "name": name, "custom": true, "schema": { "custom": sort } });
        let legend = legend(&[
            json!({ "id": "summary", "name": "Summary", "custom": false }),
            field("customfield_1", "Спринт", SPRINT),
            field("customfield_2", "Epic Link", EPIC),
            field("customfield_3", "Acceptance Criteria ", "textarea"),
            field("customfield_4", "Rank", INTERNAL[0]),
            field("customfield_5", "Story Points", "float"),
            json!({ "custom": true }),
        ]);
        assert_eq!(legend.sprints, ["customfield_1"]);
        assert_eq!(legend.epics, ["customfield_2"]);
        assert_eq!(legend.criteria, ["customfield_3"]);
        assert_eq!(legend.names.len(), 4);
        assert_eq!(legend.names["customfield_3"], "Acceptance Criteria");
    }
}
