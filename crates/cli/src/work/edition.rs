//! Which Jira answers at an address that does not tell: Cloud has the third version of the
//! interface, which Data Center never had.

use jobctl_http::Client;
use jobctl_import::{Asked, ask};
use jobctl_provider::{Order, Provider, Rest, Task};
use jobctl_runner::{Desk, Go};

use crate::text;

/// How often it is asked while nothing comes that tells.
const TRIES: u32 = 3;

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// Atlassian's cloud.
    Cloud,
    /// A server of one's own.
    Center,
}

/// Why it is not known.
pub(crate) enum Undecided {
    /// It could not be asked.
    Unasked(String),
    /// The work is to stop.
    Stopped,
}

/// Asks the site, as the cloud. Without a desk no rest is taken.
pub(crate) async fn edition(
    desk: Option<&Desk>,
    cloud: &dyn Provider,
    client: &Client,
) -> Result<Edition, Undecided> {
    let plan = cloud.plan(&Order::Identity);
    let plan = plan.map_err(|error| Undecided::Unasked(error.to_string()))?;
    let mut why = "nothing is asked".to_owned();
    for task in plan.iter().take(1) {
        for _ in 0..TRIES {
            match answer(desk, cloud, client, task).await? {
                Ok(edition) => return Ok(edition),
                Err(message) => why = message,
            }
        }
    }
    Err(Undecided::Unasked(why))
}

async fn answer(
    desk: Option<&Desk>,
    cloud: &dyn Provider,
    client: &Client,
    task: &Task,
) -> Result<Result<Edition, String>, Undecided> {
    Ok(match ask(cloud, client, task).await {
        // Who is refused met the cloud all the same.
        Asked::Step { .. } | Asked::Unauthorized { .. } => Ok(Edition::Cloud),
        Asked::Forbidden { .. } => Ok(Edition::Center),
        Asked::Again { says: message } | Asked::InVain { message } => Err(message),
        Asked::Limited { rest: Rest { until, bucket, message }, .. } => {
            let Some(desk) = desk else { return Err(Undecided::Unasked(message)) };
            match desk.limited(until, &bucket.unwrap_or_default(), &text::line(&message)).await {
                Go::On => Err(message),
                Go::Stop => return Err(Undecided::Stopped),
            }
        }
    })
}
