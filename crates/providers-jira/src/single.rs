//! Questions about one thing: the account, the project.

use jobctl_provider::{Fact, IssueOrder, Refusal, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Jira;
use crate::ask::Ask;
use crate::legend::Opening;
use crate::reply::Reply;
use crate::rows::person;
use crate::scope::Project;
use crate::search::renamed;
use crate::verdict::{budget, check};

/// What is wanted once the account is known. Jira answers strangers too, with less: what they
/// are shown looks like an empty project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    /// Its name.
    Tell,
    /// An import.
    Begin(IssueOrder),
    /// What a list without a row says.
    Believe(Vec<Fact>),
}

/// A list without a row: what it says counts once it is known that no stranger asked. A mark
/// would skip, and an end would delete, what only the account may see.
pub(crate) fn doubted(task: &Task, mut step: Step) -> Step {
    if step.next.is_empty() {
        let then = Then::Believe(std::mem::take(&mut step.facts));
        step.next.push(Ask::Myself { then }.task(&task.scope));
    }
    step
}

/// Reads whose credential it is.
pub(crate) fn read_myself(
    jira: &Jira,
    task: &Task,
    then: &Then,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let Some(name) = person(&reply.object()?) else {
        return Err(Refusal::Malformed { message: "the account has no name".to_owned() });
    };
    let mut step = Step { budget: budget(reply), ..Step::default() };
    match then {
        Then::Begin(order) => {
            let list = jira.list(order, None);
            let opening = Opening::new(order, vec![], vec![list]);
            step.next.push(Ask::Legend(opening).task(&task.scope));
        }
        Then::Believe(facts) => step.facts.clone_from(facts),
        Then::Tell => step.facts.push(Fact::Identity { name, scopes: vec![], expires_at: None }),
    }
    Ok(step)
}

/// The project answers, so issues of it that were not given are gone.
pub(crate) fn read_absent(
    task: &Task,
    numbers: &[u64],
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let body = reply.object()?;
    let project = Project::of(task)?;
    match body.get("key").and_then(Value::as_str) {
        Some(key) if key.eq_ignore_ascii_case(project.key) => {}
        Some(key) => return Err(renamed(project, key)),
        None => {
            return Err(Refusal::Malformed { message: "the project has no key".to_owned() });
        }
    }
    let gone = |number: &u64| Fact::Gone { key: project.issue(*number) };
    let facts = numbers.iter().map(gone).collect();
    Ok(Step { facts, budget: budget(reply), ..Step::default() })
}
