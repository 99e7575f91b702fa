//! What an import would take, before there is a job.

use jobctl_core::Time;
use jobctl_import::{Preview, PreviewError, preview};
use serde::{Deserialize as _, Serialize};

use crate::commands::auth::block_on;
use crate::credentials::{self, Found, NoCredential};
use crate::error::{Failure, with_causes};
use crate::exit::Code;
use crate::json::{self, BudgetShape};
use crate::session::Session;
use crate::work::listing::Unlisted;
use crate::work::options::ImportOptions;
use crate::work::reach::{Reach, open};
use crate::work::renew;
use crate::work::scopes::Scopes;
use crate::{environment, text, views};

use super::drafts::{Draft, Lent};
use crate::args::ForgeArgs;

/// `{schema, previews}`.
#[derive(Serialize)]
struct PreviewsShape {
    schema: u32,
    previews: Vec<PreviewShape>,
}

/// What one job would take.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewShape {
    pub(crate) description: String,
    pub(crate) sources: Vec<String>,
    pub(crate) scopes: usize,
    pub(crate) issues: u64,
    pub(crate) comments: Option<u64>,
    pub(crate) requests: u64,
    /// Percent of one window's quota.
    pub(crate) share: Option<u64>,
    /// The budget that it takes the largest share of.
    pub(crate) budget: Option<BudgetShape>,
    pub(crate) seconds: u64,
    pub(crate) warnings: Vec<String>,
    pub(crate) failures: Vec<PreviewFailure>,
}

/// Something that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewFailure {
    pub(crate) item: String,
    pub(crate) error: String,
    pub(crate) hint: Option<String>,
}

/// `import --dry-run`: asks how much there is, and makes nothing.
pub(super) fn dry_run(
    session: &Session,
    forge: &ForgeArgs,
    drafts: Vec<Draft>,
) -> Result<Code, Failure> {
    let mut previews = Vec::new();
    for draft in drafts {
        previews.push(of(session, forge, draft)?);
    }
    let is_failed = previews.iter().any(|preview| !preview.failures.is_empty());
    if session.globals.json {
        let shape = PreviewsShape { schema: json::SCHEMA, previews };
        session.screen.say(&json::text(&shape))?;
    } else {
        session.screen.say(&views::preview::render(&previews, &session.screen.scene()))?;
        session.screen.note("Nothing was read, and no job was made.");
    }
    Ok(if is_failed { Code::Failed } else { Code::Fine })
}

fn of(session: &Session, forge: &ForgeArgs, draft: Draft) -> Result<PreviewShape, Failure> {
    let Draft { description, sources, options, lent, .. } = draft;
    let Lent::Credential(connection) = lent else {
        return Err(Failure::usage("only imports can be looked at before", "leave --dry-run out"));
    };
    let options = ImportOptions::deserialize(&options)
        .map_err(|error| Failure::usage(error.to_string(), "leave --dry-run out"))?;
    let settings = session.user_settings()?;
    let named = forge.token_env.as_deref();
    let all = session.wallet(&settings).find(&connection, named, forge.api_url.as_deref())?;
    let (scopes, preview) = block_on(async {
        let reach = reach(&options, &all).await?;
        let scopes = Scopes::find(None, &options, &reach).await.map_err(unlisted)?;
        let Some(provider) = &reach.provider else {
            return Err(Failure::usage("a git address has no issues", "name a forge"));
        };
        let now = environment::now();
        let preview = preview(provider.as_ref(), &reach.client, &scopes.orders, now).await;
        Ok((scopes, preview.map_err(refused)?))
    })??;
    Ok(PreviewShape { description, sources, ..shape(scopes, preview) })
}

/// The connection with all its credentials, as its job would have them.
async fn reach(options: &ImportOptions, all: &[Found]) -> Result<Reach, Failure> {
    let connection = &options.connection;
    let mut credentials = Vec::new();
    for Found { need, value } in all {
        let made = match value {
            Some(value) => credentials::credential(connection.dialect, value.expose())
                .map(Some)
                .map_err(|_| NoCredential::NotAToken(need.origin.clone()))?,
            None => renew::anew(connection, need)
                .await
                .map_err(|error| asked(connection, with_causes(&error)))?,
        };
        credentials.extend(made);
    }
    let reach = open(None, connection, credentials)
        .await
        .map_err(|error| asked(connection, with_causes(&error)))?;
    reach.client.set_reserve(options.reserve);
    Ok(reach)
}

fn asked(connection: &crate::work::options::Connection, message: String) -> Failure {
    let connection = connection.name.clone();
    NoCredential::Unasked { connection, message }.into()
}

fn unlisted(unlisted: Unlisted) -> Failure {
    match unlisted {
        Unlisted::Failed { error, hint } => Failure::Forge { message: error, hint },
        Unlisted::Unauthorized { message, url } => Failure::Unauthorized { message, url },
        Unlisted::Limited(rest) => limited(&rest.message, rest.until),
        Unlisted::Stopped => limited("it was stopped", environment::now()),
    }
}

fn refused(error: PreviewError) -> Failure {
    match error {
        PreviewError::Limited { until, message, .. } => limited(&message, until),
        PreviewError::Unauthorized { message, url } => Failure::Unauthorized { message, url },
        PreviewError::Unsupported(unsupported) => {
            Failure::Usage { message: unsupported.to_string(), hint: None }
        }
    }
}

fn limited(message: &str, until: Time) -> Failure {
    Failure::Forge {
        message: format!("the forge answers nothing until {until:.0}: {}", text::line(message)),
        hint: Some("import without --dry-run: the job waits for it".to_owned()),
    }
}

fn shape(scopes: Scopes, preview: Preview) -> PreviewShape {
    let failure = |item, error, hint| PreviewFailure { item, error, hint };
    let share = preview.share();
    let unread = scopes.unread.into_iter().map(|(item, error, hint)| failure(item, error, hint));
    let unknown = preview.failures.into_iter().map(|f| failure(f.item, f.error, f.hint));
    PreviewShape {
        description: String::new(),
        sources: Vec::new(),
        scopes: scopes.orders.len(),
        issues: preview.issues,
        comments: preview.comments,
        requests: preview.requests,
        share,
        budget: preview.budget.map(BudgetShape::from),
        seconds: u64::try_from(preview.time.as_secs()).unwrap_or_default(),
        warnings: scopes.warnings,
        failures: unread.chain(unknown).collect(),
    }
}
