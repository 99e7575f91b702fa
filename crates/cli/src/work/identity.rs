//! Whose a credential is: asked of its forge.

use jobctl_http::{Credential, Transport as _};
use jobctl_import::{Asked, ask};
use jobctl_provider::{Budget, Fact, Order, Step, Time};

use crate::error::with_causes;
use crate::views::auth;
use crate::work::options::{Connection, Dialect};
use crate::work::reach::open;

/// How often it is asked while nothing comes that can be read.
const TRIES: u32 = 3;

/// What a forge says of a credential.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    /// The account's name.
    pub(crate) name: String,
    /// What it may do, where the forge says so.
    pub(crate) scopes: Vec<String>,
    /// When it ends, where the forge says so.
    pub(crate) expires_at: Option<Time>,
    /// What is left of its budgets.
    pub(crate) budgets: Vec<Budget>,
}

/// Why it is not known whose a credential is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unidentified {
    /// The forge does not take it.
    #[error("refused: {0}")]
    Refused(String),
    /// The forge could not be asked, or does not say.
    #[error("the forge could not be asked: {0}")]
    Unasked(String),
}

/// Asks the forge of a connection whose credential this is.
pub(crate) async fn identify(
    connection: &Connection,
    credential: Credential,
) -> Result<Identity, Unidentified> {
    let expires_at = credential.expires_at;
    let reach = open(None, connection, vec![credential])
        .await
        .map_err(|error| Unidentified::Unasked(with_causes(&error)))?;
    let Some(provider) = reach.provider.clone() else {
        return Err(Unidentified::Unasked("only git is spoken there".to_owned()));
    };
    if connection.dialect == Dialect::AzureDevOps && connection.organisation.is_none() {
        return Err(Unidentified::Unasked(format!(
            "Azure DevOps says whose a token is only within an organisation; name the connection \
             as {}, or the organisation in your configuration",
            auth::within(&connection.name)
        )));
    }
    let mut identity = Identity { expires_at, ..Identity::default() };
    let plan = provider.plan(&Order::Identity);
    let mut left: Vec<_> =
        plan.map_err(|error| Unidentified::Unasked(error.to_string()))?.into_iter().rev().collect();
    let mut tries = 0;
    while let Some(task) = left.pop() {
        match ask(provider.as_ref(), &reach.client, &task).await {
            Asked::Step { step, .. } => {
                let Step { next, facts, .. } = *step;
                left.extend(next);
                identity.learn(facts);
            }
            Asked::Again { .. } if tries < TRIES => {
                tries += 1;
                left.push(task);
            }
            Asked::Unauthorized { message, .. } => return Err(Unidentified::Refused(message)),
            Asked::Forbidden { message, hint } => {
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                return Err(Unidentified::Unasked(message + &hint));
            }
            Asked::Again { says: message }
            | Asked::InVain { message }
            | Asked::Limited { rest: jobctl_provider::Rest { message, .. }, .. } => {
                return Err(Unidentified::Unasked(message));
            }
        }
    }
    identity.budgets = reach.client.budgets();
    Ok(identity)
}

impl Identity {
    fn learn(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            match fact {
                Fact::Identity { name, scopes, expires_at } => {
                    self.name = name;
                    self.scopes = scopes;
                    self.expires_at = expires_at.or(self.expires_at);
                }
                Fact::Estimate { .. }
                | Fact::Total { .. }
                | Fact::Mark { .. }
                | Fact::Comments { .. }
                | Fact::Listed { .. }
                | Fact::Gone { .. }
                | Fact::Moved { .. }
                | Fact::Partial { .. } => {}
            }
        }
    }
}
