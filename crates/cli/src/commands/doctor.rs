//! Damage and what lies around: explained and, with `--repair`, mended.

use std::path::Path;
use std::sync::Arc;

use jobctl_store::{Checkup, FileStore, Finding, OpenError, RealFs, Standing, Unread};

use crate::args::DoctorArgs;
use crate::error::{Failure, remedy, with_causes};
use crate::exit::Code;
use crate::session::Session;
use crate::views::doctor::{Diagnosis, Outcome, render};
use crate::{environment, json};

/// What `doctor --json` prints.
#[derive(serde::Serialize)]
struct Shape {
    schema: u32,
    state_dir: String,
    jobs: usize,
    findings: Vec<FindingShape>,
}

#[derive(serde::Serialize)]
struct FindingShape {
    kind: &'static str,
    damage: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    path: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_repaired: Option<String>,
}

/// Looks at everything in the state directory, and mends it if asked to.
pub(crate) fn doctor(session: &Session, args: &DoctorArgs) -> Result<Code, Failure> {
    let place = session.place()?;
    let Some(store) = peek(session, &place.path)? else {
        session.screen.say("No problems found (no jobs yet)")?;
        return Ok(Code::Fine);
    };
    let Checkup { findings, jobs } = store.examine(environment::now())?;
    let mut diagnosis = Diagnosis { jobs, findings: Vec::new(), damaged: false };
    if args.repair {
        if let Standing::Foreign { why } = store.standing() {
            let path = store.root();
            let message = format!("{} is not a state directory of yours: {why}", path.display());
            return Err(Failure::not_allowed(message, remedy(path, why)));
        }
        for finding in findings {
            let outcome = repaired(&store, &finding);
            diagnosis.findings.push((finding, outcome));
        }
        // Opened as every other call does, which makes again what was moved out of the way.
        if let Some(store) = session.open_at(&place.path)? {
            diagnosis.damaged = is_damaged(&store.examine(environment::now())?.findings);
        }
    } else {
        diagnosis.damaged = is_damaged(&findings);
        diagnosis.findings =
            findings.into_iter().map(|finding| (finding, Outcome::Untouched)).collect();
    }
    tell(session, &store, &diagnosis)?;
    Ok(if diagnosis.damaged { Code::Damaged } else { Code::Fine })
}

/// The state directory as it is: opening it in the usual way would make its index anew.
fn peek(session: &Session, path: &Path) -> Result<Option<FileStore>, Failure> {
    match FileStore::peek(path, &session.registry()?, Arc::new(RealFs), &session.env.boot()) {
        Ok(store) => Ok(Some(store)),
        Err(OpenError::Missing(_)) => Ok(None),
        Err(error @ (OpenError::NotADirectory(_) | OpenError::File(_))) => Err(error.into()),
    }
}

fn is_damaged(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.kind.is_damage())
}

fn repaired(store: &FileStore, finding: &Finding) -> Outcome {
    let Some(repair) = &finding.repair else { return Outcome::Untouched };
    match store.repair(repair, environment::now()) {
        Ok(done) => Outcome::Repaired(done),
        Err(error) => Outcome::Failed(with_causes(&error)),
    }
}

fn tell(session: &Session, store: &FileStore, diagnosis: &Diagnosis) -> Result<(), Failure> {
    if session.globals.json {
        let findings = diagnosis.findings.iter().map(FindingShape::of).collect();
        let state_dir = store.root().display().to_string();
        let shape = Shape { schema: json::SCHEMA, state_dir, jobs: diagnosis.jobs, findings };
        return session.screen.say(&json::text(&shape));
    }
    session.screen.say(&render(diagnosis, &session.screen.scene()))?;
    if let Standing::Foreign { why } = store.standing() {
        session.screen.note(&format!("To use it, {}", remedy(store.root(), why)));
    }
    let can_repair = |(finding, outcome): &(Finding, Outcome)| {
        finding.repair.is_some() && *outcome == Outcome::Untouched
    };
    if diagnosis.findings.iter().any(can_repair) {
        session.screen.note("Mend it: jobctl doctor --repair (keeps a copy of all it changes)");
    }
    Ok(())
}

impl FindingShape {
    fn of((finding, outcome): &(Finding, Outcome)) -> Self {
        let (repaired, not_repaired) = match outcome {
            Outcome::Untouched => (None, None),
            Outcome::Repaired(done) => (Some(done.clone()), None),
            Outcome::Failed(why) => (None, Some(why.clone())),
        };
        Self {
            kind: finding.kind.name(),
            damage: finding.kind.is_damage(),
            id: finding.id.map(|id| id.to_string()),
            path: finding.path.display().to_string(),
            message: finding.message.clone(),
            repair: finding.repair.as_ref().map(|repair| repair.words().to_owned()),
            repaired,
            not_repaired,
        }
    }
}

/// Warns of submitted jobs that cannot even be named: those that can are listed as damaged.
pub(crate) fn warn_of_unread(session: &Session, unread: &[Unread]) {
    for line in unread.iter().filter(|line| line.id.is_none()) {
        session.screen.warn(&format!(
            "{line}: a submitted job may be lost. jobctl doctor explains and repairs it"
        ));
    }
}
