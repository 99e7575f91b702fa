//! What a command line asks for, before it is a job.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jobctl_core::Kind;
use jobctl_store::digest;
use serde_json::{Value, json};

use crate::args::{CloneArgs, CommentChoice, ForgeArgs, ImportArgs, PullChoice, QueueArgs};
use crate::error::Failure;
use crate::pattern::Pattern;
use crate::session::Session;
use crate::sources::{self, Group, Known};
use crate::work::options::{CloneOptions, Connection, Dialect, ImportOptions, comparable};
use crate::{environment, since, text};

use super::command::storable;
use super::terms::{BadTerm, Terms};

/// The longest description in characters.
pub(super) const DESCRIPTION: usize = 200;

/// A job to be.
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) description: String,
    pub(super) sources: Vec<String>,
    pub(super) options: Value,
    pub(super) terms: Terms,
    pub(super) lent: Lent,
    /// The line of the batch that asks for it; 1 where there is none.
    pub(super) line: usize,
}

/// What its work needs of this call.
pub(super) enum Lent {
    /// The credential of a connection. Such work is the same whoever asks for it.
    Credential(Connection),
    /// The environment, stored or not.
    Environment { keep: bool },
}

impl Draft {
    /// What this call has in common with one that asks for the same, where one such job at a
    /// time is enough.
    pub(super) fn identity(&self) -> Option<String> {
        match self.lent {
            Lent::Credential(_) => {
                let options = comparable(&self.options);
                Some(digest(&json!([self.kind, self.sources, options]).to_string()))
            }
            Lent::Environment { .. } => None,
        }
    }
}

/// The jobs of a `clone`: one for each connection.
pub(super) fn clones(session: &Session, args: &CloneArgs) -> Result<Vec<Draft>, Failure> {
    for pattern in args.matching.iter().chain(&args.exclude) {
        Pattern::parse(pattern)?;
    }
    let into = storable(&match &args.into {
        Some(into) => plain(&session.directory.join(into)),
        None => session.directory.clone(),
    })?;
    let groups = groups(session, &args.sources, &args.forge)?;
    let terms = terms(&args.queue, &groups)?;
    let draft = |group: Group| {
        let options = CloneOptions {
            connection: group.connection.clone(),
            wanted: group.wanted,
            into: into.clone(),
            flat: args.into.is_some(),
            matching: args.matching.clone(),
            exclude: args.exclude.clone(),
            archived: args.archived,
            forks: args.forks,
            jobs: args.jobs,
            depth: args.depth,
        };
        Draft {
            kind: Kind::CloneRepos,
            description: describe("clone", &group.texts),
            sources: group.texts,
            options: value(&options),
            terms: terms.clone(),
            lent: Lent::Credential(group.connection),
            line: 1,
        }
    };
    Ok(groups.into_iter().map(draft).collect())
}

/// The jobs of an `import`: one for each connection.
pub(super) fn imports(session: &Session, args: &ImportArgs) -> Result<Vec<Draft>, Failure> {
    let now = environment::now();
    let since_at = match &args.since {
        Some(text) => Some(since::since(text, now, &TimeZone::system())?),
        None => None,
    };
    let groups = groups(session, &args.sources, &args.forge)?;
    let terms = terms(&args.queue, &groups)?;
    if let Some(group) = groups.iter().find(|group| group.connection.dialect == Dialect::Git) {
        return Err(Failure::usage(
            format!("a git address has no issues: {}", group.texts.join(" ")),
            "name a forge: github:OWNER/REPO",
        ));
    }
    let draft = |group: Group| {
        let options = ImportOptions {
            connection: group.connection.clone(),
            wanted: group.wanted,
            since: args.since.clone(),
            since_at,
            state: args.state.name().to_owned(),
            labels: args.labels.clone(),
            pulls: args.with.contains(&PullChoice::Pulls),
            comments: !args.without.contains(&CommentChoice::Comments),
            limit: args.limit,
        };
        Draft {
            kind: Kind::ImportIssues,
            description: describe("import", &group.texts),
            sources: group.texts,
            options: value(&options),
            terms: terms.clone(),
            lent: Lent::Credential(group.connection),
            line: 1,
        }
    };
    Ok(groups.into_iter().map(draft).collect())
}

/// What is asked of the queue for each of them.
fn terms(args: &QueueArgs, groups: &[Group]) -> Result<Terms, Failure> {
    if args.name.is_some() && groups.len() > 1 {
        return Err(Failure::usage(
            format!("one name for {} jobs: each connection makes one", groups.len()),
            "leave --name out, or name the sources of one connection at a time",
        ));
    }
    Terms::of(args, environment::now()).map_err(BadTerm::into_failure)
}

fn groups(session: &Session, texts: &[String], args: &ForgeArgs) -> Result<Vec<Group>, Failure> {
    let settings = session.user_settings()?;
    let known = Known {
        connections: &settings.connections,
        api_url: args.api_url.as_deref(),
        allow_http: args.allow_http,
        directory: &session.directory,
    };
    Ok(sources::parse(texts, &known)?)
}

fn describe(verb: &str, texts: &[String]) -> String {
    text::clip(&format!("{verb} {}", texts.join(" ")), DESCRIPTION)
}

pub(super) fn value(options: &impl serde::Serialize) -> Value {
    serde_json::to_value(options).expect("options have string keys and finite numbers")
}

/// A path without `.` in it; `..` stays, since links may make it mean something else.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}
