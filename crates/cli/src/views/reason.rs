//! Why a job stands still, and what to do about it.

use std::fmt::Write as _;

use jobctl_core::{Job, Reason, Refused, Time};

use super::{Scene, auth, moments};
use crate::text;

/// The reason in words, and when the job goes on.
pub(crate) fn with_resume(reason: &Reason, resumes_at: Option<Time>, scene: &Scene) -> String {
    let words = words(reason);
    match resumes_at {
        Some(at) => format!("{words} (resumes {})", moments::ahead(at, scene)),
        None => words,
    }
}

/// The reason in words.
pub(crate) fn words(reason: &Reason) -> String {
    match reason {
        Reason::User => "Paused by you".to_owned(),
        Reason::RateLimited { bucket, message, .. } => {
            let (bucket, message) = (text::clip(bucket, 40), text::clip(message, 120));
            match (bucket.is_empty(), message.is_empty()) {
                (true, true) => "Rate limited".to_owned(),
                (false, true) => format!("Rate limited [{bucket}]"),
                (true, false) => format!("Rate limited: {message}"),
                (false, false) => format!("Rate limited [{bucket}]: {message}"),
            }
        }
        Reason::Interrupted { attempt, cause } => {
            format!("Attempt {attempt} {cause}")
        }
        Reason::Unauthorized { connection, cause, message, url } => {
            let what = match cause {
                Refused::Missing => "Credential missing",
                Refused::Refused => "Credential refused",
            };
            let mut words =
                format!("{what} for {}: {}", text::line(connection), text::line(message));
            if let Some(url) = url {
                let _ = write!(words, " ({})", text::line(url));
            }
            words
        }
        Reason::Environment => "The environment it was submitted from is gone".to_owned(),
        Reason::Approval { phase } => format!("Phase {} waits for approval", text::line(phase)),
        Reason::Storage { message } => format!("Storage: {}", text::line(message)),
        Reason::Dependency { on } => format!("Job {on} did not end as asked"),
        Reason::Leftover { pids } => {
            let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
            format!("Programs of an earlier attempt are still running: {}", pids.join(", "))
        }
    }
}

/// What tells `auth login` where a job's connection is, unless its name does.
fn address(job: &Job, connection: &str) -> String {
    let Some((forge, host)) = connection.split_once('@') else { return String::new() };
    let usual = match forge {
        "github" => format!("https://{host}/api/v3/"),
        _ => format!("https://{host}/"),
    };
    match job.spec.options.pointer("/connection/api_url").and_then(serde_json::Value::as_str) {
        Some(url) if url != usual => format!(" --api-url {}", text::line(url)),
        Some(_) | None => String::new(),
    }
}

/// The next command for a paused job, after a label.
pub(crate) fn advice(
    job: &Job,
    reason: &Reason,
    resumes_at: Option<Time>,
) -> (&'static str, String) {
    let resume = format!("jobctl resume {}", job.id);
    match reason {
        Reason::Unauthorized { cause, connection, .. } => {
            let otherwise = match cause {
                Refused::Missing => {
                    "set the variable that holds the token, then any jobctl command"
                }
                Refused::Refused => &format!("renew the token, then {resume}"),
            };
            // A server of which nothing is known but git cannot be asked about a token.
            if connection.starts_with("git@") {
                ("Resume", otherwise.to_owned())
            } else {
                let is_ado = connection == "ado" || connection.starts_with("ado@");
                let login = auth::login(connection, is_ado) + &address(job, connection);
                ("Resume", format!("{login}; or {otherwise}"))
            }
        }
        Reason::Environment => ("Resume", "any jobctl command in the same environment".to_owned()),
        Reason::Storage { .. } => ("Resume", format!("make room, then {resume}")),
        Reason::Leftover { .. } => ("Resume", format!("stop them, then {resume}")),
        Reason::User
        | Reason::RateLimited { .. }
        | Reason::Interrupted { .. }
        | Reason::Approval { .. }
        | Reason::Dependency { .. } => {
            (if resumes_at.is_some() { "Sooner" } else { "Resume" }, resume)
        }
    }
}
