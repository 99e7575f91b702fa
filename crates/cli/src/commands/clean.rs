use jiff::tz::TimeZone;
use jobctl_core::{Because, Choice, JobId, Rule, Time};
use jobctl_store::{ClaimError, Judged, REMOVED_TOGETHER, RemoveError};

use crate::args::CleanArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::session::{Opened, Session};
use crate::settings::Settings;
use crate::views::clean::{Cleaned, Telling, render};
use crate::{engine, environment, json, since};

use super::change::first_failure;

/// How many damaged jobs are named.
const NAMED: usize = 5;

/// What `clean --json` prints.
#[derive(serde::Serialize)]
struct Shape {
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Vec<JobId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_remove: Option<Vec<JobId>>,
    kept: usize,
    damaged: Vec<JobId>,
}

/// Removes ended jobs that have had their time, or those that the flags choose.
pub(crate) fn clean(session: &Session, args: &CleanArgs) -> Result<Code, Failure> {
    let now = environment::now();
    let choice = choice(args, now)?;
    let Some(opened) = session.open()? else {
        let settings = session.user_settings()?;
        return print(session, args, &settings, &Cleaned::default(), Vec::new());
    };
    opened.must_be_ours()?;
    let rule = choice.map_or(Rule::Retention(opened.settings.retention), Rule::Chosen);
    let mut judged = opened.store.judge(&rule, now)?;
    let mut damaged = std::mem::take(&mut judged.damaged);
    let mut cleaned = Cleaned::default();
    for (_, because) in &judged.stay {
        *cleaned.kept.entry(*because).or_default() += 1;
    }
    let mut failures = Vec::new();
    if args.dry_run {
        cleaned.gone = judged.go;
    } else {
        failures = remove(&opened, &judged, &mut cleaned, &mut damaged, now);
        failures.extend(opened.store.sweep(now).err().map(Failure::from));
        engine::mirror(&opened);
    }
    print(session, args, &opened.settings, &cleaned, damaged)?;
    first_failure(session, failures)
}

/// What the flags choose; `None` where there are none.
fn choice(args: &CleanArgs, now: Time) -> Result<Option<Choice>, Failure> {
    let until = match &args.older_than {
        Some(text) => Some(since::since(text, now, &TimeZone::system())?),
        None => None,
    };
    let any = args.all || until.is_some() || !args.status.is_empty();
    Ok(any.then(|| Choice { until, statuses: args.status.clone(), kept: args.all }))
}

/// Removes what is to go. What went on or went away meanwhile is no failure.
fn remove(
    opened: &Opened,
    judged: &Judged,
    cleaned: &mut Cleaned,
    damaged: &mut Vec<JobId>,
    now: Time,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (at, some) in judged.go.chunks(REMOVED_TOGETHER).enumerate() {
        let ids: Vec<JobId> = some.iter().map(|ended| ended.id).collect();
        let removed = match opened.store.remove_all(&ids, now) {
            Ok(removed) => removed,
            Err(error) => {
                failures.push(error.into());
                cleaned.stuck += judged.go.len() - at * REMOVED_TOGETHER;
                break;
            }
        };
        cleaned.gone.extend(some.iter().filter(|job| removed.gone.contains(&job.id)).cloned());
        for (id, error) in removed.left {
            match error {
                RemoveError::NotEnded(_) | RemoveError::Claim(ClaimError::NoSuchJob(_)) => {}
                RemoveError::Shared(_) => {
                    *cleaned.kept.entry(Because::Unfinished).or_default() += 1;
                }
                RemoveError::Claim(ClaimError::Damaged { .. }) => damaged.push(id),
                RemoveError::Claim(ClaimError::Held(_) | ClaimError::Leftover(_)) => {
                    cleaned.stuck += 1;
                }
                error @ (RemoveError::File { .. }
                | RemoveError::Claim(
                    ClaimError::Foreign { .. } | ClaimError::File { .. },
                )) => {
                    cleaned.stuck += 1;
                    failures.push(error.into());
                }
            }
        }
    }
    failures
}

fn print(
    session: &Session,
    args: &CleanArgs,
    settings: &Settings,
    cleaned: &Cleaned,
    damaged: Vec<JobId>,
) -> Result<Code, Failure> {
    if !damaged.is_empty() {
        let names: Vec<_> = damaged.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if damaged.len() > NAMED { " …" } else { "" };
        session.screen.warn(&format!(
            "{} damaged and not touched: {}{more} (jobctl doctor explains)",
            damaged.len(),
            names.join(", ")
        ));
    }
    if session.globals.json {
        let gone = cleaned.gone.iter().map(|ended| ended.id).collect();
        let (removed, would_remove) =
            if args.dry_run { (None, Some(gone)) } else { (Some(gone), None) };
        let kept = cleaned.kept();
        let shape = Shape { schema: json::SCHEMA, removed, would_remove, kept, damaged };
        session.screen.say(&json::text(&shape))?;
        return Ok(Code::Fine);
    }
    let telling = Telling {
        foreseen: args.dry_run,
        all: session.globals.verbose,
        retention: settings.retention,
    };
    session.screen.say(&render(cleaned, telling, &session.screen.scene()))?;
    Ok(Code::Fine)
}
