//! What a command line asks for, before it is a job.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jobctl_core::Kind;
use jobctl_store::digest;
use serde_json::{Value, json};

use crate::args::{CloneArgs, CommentChoice, ForgeArgs, ImportArgs, QueueArgs, WithChoice};
use crate::error::Failure;
use crate::pattern::Pattern;
use crate::session::Session;
use crate::settings::Settings;
use crate::sources::{self, Group, Known};
use crate::work::options::{CloneOptions, Connection, Dialect, ImportOptions, Wanted, comparable};
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
    let settings = session.user_settings()?;
    let groups = groups(session, &settings, &args.sources, &args.forge)?;
    for group in &groups {
        has_repositories(group)?;
    }
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
            reserve: args.forge.reserve.unwrap_or(settings.reserve),
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
    let settings = session.user_settings()?;
    let groups = groups(session, &settings, &args.sources, &args.forge)?;
    let terms = terms(&args.queue, &groups)?;
    for group in &groups {
        has_issues(group)?;
        takes_query(group, args)?;
    }
    let draft = |group: Group| {
        let options = ImportOptions {
            connection: group.connection.clone(),
            wanted: group.wanted,
            since: args.since.clone(),
            since_at,
            state: args.state.name().to_owned(),
            labels: args.labels.clone(),
            pulls: args.with.contains(&WithChoice::Pulls),
            comments: !args.without.contains(&CommentChoice::Comments),
            timeline: args.with.contains(&WithChoice::Timeline),
            query: [&args.jql, &args.wiql, &args.search].into_iter().find_map(Clone::clone),
            limit: args.limit,
            reserve: args.forge.reserve.unwrap_or(settings.reserve),
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

/// Fails where a connection has nothing to clone.
fn has_repositories(group: &Group) -> Result<(), Failure> {
    match group.connection.dialect {
        Dialect::GitHub | Dialect::AzureDevOps | Dialect::Git => Ok(()),
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => Err(Failure::usage(
            format!("Jira has no repositories: {}", group.texts.join(" ")),
            "jobctl import reads its issues",
        )),
    }
}

/// Fails where a connection, or what is wanted of it, has no issues.
fn has_issues(group: &Group) -> Result<(), Failure> {
    match group.connection.dialect {
        Dialect::GitHub | Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => Ok(()),
        Dialect::AzureDevOps => {
            let repository = group.wanted.iter().find_map(|wanted| match wanted {
                Wanted::Repository { owner, .. } => Some(owner),
                Wanted::Owner { .. } | Wanted::Project { .. } | Wanted::Address { .. } => None,
            });
            let Some(project) = repository else { return Ok(()) };
            Err(Failure::usage(
                format!("work items belong to projects: {}", group.texts.join(" ")),
                format!("name the project: {}:{project}", group.connection.prefix()),
            ))
        }
        Dialect::Git => Err(Failure::usage(
            format!("a git address has no issues: {}", group.texts.join(" ")),
            "name a forge: github:OWNER/REPO",
        )),
    }
}

/// Fails where the query is of another forge's language.
fn takes_query(group: &Group, args: &ImportArgs) -> Result<(), Failure> {
    let given = [("--jql", &args.jql), ("--wiql", &args.wiql), ("--search", &args.search)];
    let Some((flag, _)) = given.into_iter().find(|(_, query)| query.is_some()) else {
        return Ok(());
    };
    let (own, forge) = match group.connection.dialect {
        Dialect::GitHub => ("--search", "GitHub"),
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => ("--jql", "Jira"),
        Dialect::AzureDevOps => ("--wiql", "Azure DevOps"),
        Dialect::Git => return Ok(()),
    };
    if flag == own {
        return Ok(());
    }
    Err(Failure::usage(
        format!("{flag} is not {forge}'s: {}", group.texts.join(" ")),
        format!("{forge} takes {own} QUERY"),
    ))
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

fn groups(
    session: &Session,
    settings: &Settings,
    texts: &[String],
    args: &ForgeArgs,
) -> Result<Vec<Group>, Failure> {
    let known = Known {
        connections: &settings.connections,
        api_url: args.api_url.as_deref(),
        jira_url: session.env.text("JIRA_URL"),
        allow_http: args.allow_http,
        directory: &session.directory,
    };
    let groups = sources::parse(texts, &known)?;
    if args.token_env.is_some() && groups.len() > 1 {
        let names: Vec<_> = groups.iter().map(|group| group.connection.name.as_str()).collect();
        return Err(Failure::usage(
            format!("--token-env names one token for {}", names.join(" and ")),
            "name the sources of one connection at a time",
        ));
    }
    Ok(groups)
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
