use std::sync::Arc;

use jobctl_http::{Identity, Left, Sent, Transport};
use jobctl_provider::{Answer, Provider, Refusal, Request, Rest, Step, Task, Time};

/// What became of a task that was asked once.
#[derive(Debug)]
pub enum Asked {
    /// An answer that gave something.
    Step {
        /// What.
        step: Box<Step>,
        /// When it came.
        at: Time,
    },
    /// Nothing yet: it is worth asking again at once, because the transport knows more now.
    Again {
        /// What happened, for the log.
        says: String,
    },
    /// Not asked: nothing is left of its budget.
    Limited {
        /// Which bucket's tasks wait.
        bucket: &'static str,
        /// Until when, and why.
        rest: Rest,
    },
    /// The credential was refused, and there is no other.
    Unauthorized {
        /// What the forge said.
        message: String,
        /// Where.
        url: String,
    },
    /// It will not be answered.
    Forbidden {
        /// What the forge said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Nothing that can be read: worth trying again soon.
    InVain {
        /// What went wrong.
        message: String,
    },
}

/// Asks a task once, and tells the transport what the answer says of budgets, limits and the
/// credential: the one way in which tasks are asked.
pub async fn ask(provider: &dyn Provider, transport: &dyn Transport, task: &Task) -> Asked {
    match provider.request(task) {
        Ok(request) => send(provider, transport, task, &request).await,
        Err(refusal) => unasked(refusal),
    }
}

/// [`ask`], owning what it needs.
pub(crate) async fn ask_owned(
    provider: Arc<dyn Provider>,
    transport: Arc<dyn Transport>,
    task: &Task,
    request: &Request,
) -> Asked {
    send(provider.as_ref(), transport.as_ref(), task, request).await
}

async fn send(
    provider: &dyn Provider,
    transport: &dyn Transport,
    task: &Task,
    request: &Request,
) -> Asked {
    let (answer, by) = match transport.send(request).await {
        Sent::Answer { answer, by } => (answer, by),
        Sent::Limited { until, bucket, message } => {
            let rest = Rest { until, bucket: Some(bucket), message };
            return Asked::Limited { bucket: request.bucket, rest };
        }
    };
    let at = match &answer {
        Answer::Reply { received_at, .. } => *received_at,
        Answer::Fault { at, .. } => *at,
    };
    match provider.read(task, &answer) {
        Ok(step) => {
            if let Some(budget) = &step.budget {
                transport.learn(by, budget);
            }
            if let Some(rest) = &step.rest {
                transport.rest(by, rest, at);
            }
            Asked::Step { step: Box::new(step), at }
        }
        Err(Refusal::Throttled { until, bucket, message }) => {
            transport.hold(by, until, bucket.as_deref(), &message, at);
            Asked::Again { says: message }
        }
        Err(Refusal::Unauthorized { message }) => {
            unauthorized(transport, by, message, request).await
        }
        Err(Refusal::Forbidden { message, hint }) => Asked::Forbidden { message, hint },
        Err(Refusal::Transient { message } | Refusal::Malformed { message }) => {
            Asked::InVain { message }
        }
    }
}

async fn unauthorized(
    transport: &dyn Transport,
    by: Identity,
    message: String,
    request: &Request,
) -> Asked {
    match transport.refused(by).await {
        Left::Renewed => Asked::Again { says: format!("the credential was renewed: {message}") },
        Left::Others(1) => Asked::Again {
            says: format!("a credential was refused and is set aside, one is left: {message}"),
        },
        Left::Others(count) => Asked::Again {
            says: format!("a credential was refused and is set aside, {count} are left: {message}"),
        },
        Left::Nothing { why } => {
            let message = why.map_or(message.clone(), |why| format!("{message}; {why}"));
            Asked::Unauthorized { message, url: request.url.to_string() }
        }
    }
}

/// A task that its own provider makes no request of.
pub(crate) fn unasked(refusal: Refusal) -> Asked {
    match refusal {
        Refusal::Forbidden { message, hint } => Asked::Forbidden { message, hint },
        Refusal::Throttled { message, .. }
        | Refusal::Unauthorized { message }
        | Refusal::Transient { message }
        | Refusal::Malformed { message } => Asked::InVain { message },
    }
}
