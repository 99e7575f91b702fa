//! Questions that come before the others: the project, what its states mean, whose token it is.

use jobctl_provider::{Fact, Mark, Refusal, Step, below, line};
use serde_json::Value;
use url::Url;

use crate::AzureDevOps;
use crate::ask::{Ask, Reading, begin};
use crate::reply::{Reply, text};
use crate::scope::{Project, connection};
use crate::states::States;
use crate::verdict::check;
use crate::window::{Aim, Window};

pub(crate) fn url(ado: &AzureDevOps, reading: &Reading) -> Result<Url, Refusal> {
    let Project { organisation, name } = Project::of(&reading.order.scope)?;
    Ok(below(&ado.base, &[organisation, "_apis", "projects", name]))
}

/// Reads the project that an import begins with, and opens the listing of its work items.
///
/// The mark is set here, before anything is listed: what changes from now on, the first sync
/// reads.
pub(crate) fn read(reading: &Reading, reply: &Reply<'_>) -> Result<Step, Refusal> {
    check(reply)?;
    let value = reply.object()?;
    let Some(name) = text(&value, "name") else {
        return Err(Refusal::Malformed { message: "the project has no name".to_owned() });
    };
    let order = &reading.order;
    let asked = Project::of(&order.scope)?;
    let mut step = reply.step();
    if name.to_lowercase() != asked.name.to_lowercase() {
        let connection = connection(&order.scope).unwrap_or(crate::NAME);
        let to = format!("{connection}:{}/{}", asked.organisation, line(name, 200));
        step.facts.push(Fact::Moved { to });
    }
    let first = if let Some(limit) = order.limit {
        Ask::Newest { limit }
    } else {
        let mark = Mark::from(reply.server_time());
        let (chain, _) = begin(order, None);
        step.facts.push(Fact::Mark { chain, mark });
        Ask::Window(Window::new(Aim::Import))
    };
    step.next.push(reading.task(Ask::States { then: vec![first] }));
    Ok(step)
}

pub(crate) fn states_url(ado: &AzureDevOps, reading: &Reading) -> Result<Url, Refusal> {
    Ok(Project::of(&reading.order.scope)?.url(&ado.base, &["_apis", "wit", "workitemtypes"]))
}

/// Learns what the states of the project's types mean, and asks what waited for it.
pub(crate) fn read_states(
    reading: &Reading,
    then: &[Ask],
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let (_, types) = reply.rows("value")?;
    let reading = Reading { states: Some(States::of(&types)), ..reading.clone() };
    let next = then.iter().map(|ask| reading.task(ask.clone())).collect();
    Ok(Step { next, ..reply.step() })
}

pub(crate) fn identity_url(ado: &AzureDevOps, reading: &Reading) -> Url {
    below(&ado.base, &[&reading.order.scope, "_apis", "connectionData"])
}

/// Who asks, as the organisation sees it. Azure DevOps tells neither what a token may do nor
/// when it ends.
pub(crate) fn read_identity(reply: &Reply<'_>) -> Result<Step, Refusal> {
    check(reply)?;
    let value = reply.object()?;
    let Some(user) = value.get("authenticatedUser").filter(|user| user.is_object()) else {
        return Err(Refusal::Malformed { message: "the answer names no user".to_owned() });
    };
    let account = user.pointer("/properties/Account/$value").and_then(Value::as_str);
    let shown = text(user, "customDisplayName").or_else(|| text(user, "providerDisplayName"));
    if shown == Some("Anonymous") {
        return Err(Refusal::Unauthorized {
            message: "Azure DevOps takes this credential for nobody's".to_owned(),
        });
    }
    let name = match (shown, account) {
        (Some(shown), Some(account)) if shown != account => format!("{shown} <{account}>"),
        (Some(name), _) | (None, Some(name)) => name.to_owned(),
        (None, None) => text(user, "id").unwrap_or("somebody without a name").to_owned(),
    };
    let identity = Fact::Identity { name: line(&name, 200), scopes: vec![], expires_at: None };
    Ok(Step { facts: vec![identity], ..reply.step() })
}
