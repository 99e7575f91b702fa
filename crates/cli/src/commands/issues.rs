use jobctl_warehouse::{ExportIssue, Found, IssueRow, Query, Warehouse, WarehouseError};
use serde::Serialize;

use crate::args::IssuesArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::json;
use crate::session::Session;
use crate::views::issues;
use crate::work::issues_path;

/// `{schema, total, issues}`, without comments.
#[derive(Serialize)]
struct FoundShape<'a> {
    schema: u32,
    total: u64,
    issues: &'a [IssueRow],
}

/// `{schema, issue}`.
#[derive(Serialize)]
struct IssueShape<'a> {
    schema: u32,
    issue: &'a ExportIssue,
}

/// The warehouse of the state directory; `None` where nothing was imported yet.
pub(super) fn warehouse(session: &Session) -> Result<Option<Warehouse>, Failure> {
    let Some(opened) = session.open()? else { return Ok(None) };
    // Even reading leaves files beside a database, and a stranger's database is not read at all.
    opened.must_be_ours()?;
    match Warehouse::open_reading(&issues_path(opened.store.root())) {
        Ok(warehouse) => Ok(Some(warehouse)),
        Err(WarehouseError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the words of a command line and `--source` look for.
pub(super) fn query(words: &[String], source: Option<&str>) -> Query {
    let mut query = Query::parse(&words.join(" "));
    if let Some(source) = source {
        query.source = Some(source.to_owned());
    }
    query
}

/// Searches imported issues.
pub(crate) fn search(session: &Session, args: &IssuesArgs) -> Result<Code, Failure> {
    let query = query(&args.query, args.source.as_deref());
    let Some(warehouse) = warehouse(session)? else {
        print(session, &Found { total: 0, issues: Vec::new() })?;
        session.screen.note("No issues were imported yet. Next: jobctl import github:OWNER/REPO");
        return Ok(Code::Fine);
    };
    print(session, &warehouse.search(&query, args.limit)?)?;
    Ok(Code::Fine)
}

fn print(session: &Session, found: &Found) -> Result<(), Failure> {
    if session.globals.json {
        let shape = FoundShape { schema: json::SCHEMA, total: found.total, issues: &found.issues };
        return session.screen.say(&json::text(&shape));
    }
    session.screen.say(&issues::list(&found.issues, &session.screen.scene()))?;
    let shown = u64::try_from(found.issues.len()).unwrap_or(u64::MAX);
    session.screen.note(&if shown < found.total {
        format!("{shown} of {} issues; more with -L N", found.total)
    } else {
        format!("{} issues", found.total)
    });
    Ok(())
}

/// Prints one issue with its comments.
pub(crate) fn view(session: &Session, key: &str) -> Result<Code, Failure> {
    let issue = match warehouse(session)? {
        Some(warehouse) => warehouse.issue(key)?,
        None => None,
    };
    let Some(issue) = issue else {
        return Err(Failure::no_such(
            format!("no imported issue {}", crate::text::clip(key, 80)),
            "keys look like github:acme/api#12; jobctl issues WORDS searches",
        ));
    };
    if session.globals.json {
        let shape = IssueShape { schema: json::SCHEMA, issue: &issue };
        session.screen.say(&json::text(&shape))?;
    } else {
        session.screen.say(&issues::whole(&issue, &session.screen.scene()))?;
    }
    Ok(Code::Fine)
}
