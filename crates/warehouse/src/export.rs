//! Issues out, in the shape that every reader of `--json` and exports relies on.

use std::io;

use jobctl_provider::{Category, IssueKind, Time};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::While;
use crate::time::{moment, unsigned};
use crate::{Query, Warehouse, WarehouseError};

/// An issue, without its comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRow {
    /// The scope it was read from, such as `github:acme/api`.
    pub source: String,
    /// The provider's name.
    pub provider: String,
    /// Its name across forges.
    pub key: String,
    /// Its number within the source.
    pub number: u64,
    /// Issue or pull request.
    pub kind: IssueKind,
    /// Title.
    pub title: String,
    /// Body.
    pub body: Option<String>,
    /// The forge's own word for its state.
    pub state: String,
    /// What that word means.
    pub state_category: Category,
    /// Who wrote it.
    pub author: Option<String>,
    /// Who is to do it.
    pub assignees: Vec<String>,
    /// Names of its labels, sorted.
    pub labels: Vec<String>,
    /// Its priority.
    pub priority: Option<String>,
    /// The title of its milestone.
    pub milestone: Option<String>,
    /// The key of its parent.
    pub parent: Option<String>,
    /// Where a browser shows it.
    pub url: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it was closed.
    pub closed_at: Option<Time>,
    /// Whether it is gone from its forge.
    pub deleted: bool,
}

/// An issue with its comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportIssue {
    /// The issue.
    #[serde(flatten)]
    pub issue: IssueRow,
    /// Its live comments, oldest first.
    pub comments: Vec<ExportComment>,
    /// The forge's own reply for it, where asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportComment {
    /// Its id within the forge.
    pub id: String,
    /// Who wrote it.
    pub author: Option<String>,
    /// Text.
    pub body: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Warehouse {
    /// Hands over all issues that fit, by source and number, and tells how many. Ends at the first
    /// that the receiver refuses. What it reads is one moment's state, however long it takes.
    pub fn export(
        &self,
        query: &Query,
        each: &mut dyn FnMut(ExportIssue) -> io::Result<()>,
    ) -> Result<u64, WarehouseError> {
        let snapshot = self.conn.unchecked_transaction().to("export issues")?;
        let ids = self.by_number(query)?;
        for id in &ids {
            let issue = whole(&snapshot, *id, query.raw)?;
            each(issue).map_err(|source| WarehouseError::Export { source })?;
        }
        Ok(ids.len() as u64)
    }
}

/// The issue of this row.
pub(crate) fn issue(conn: &Connection, id: i64) -> rusqlite::Result<IssueRow> {
    let mut row = conn
        .prepare_cached(
            "SELECT source, provider, key, number, kind, title, body, state, state_category,
                 author, priority, milestone, parent, url, created_at, updated_at, closed_at, deleted
             FROM issue_row WHERE id = ?1",
        )?
        .query_row([id], issue_row)?;
    let labels = "SELECT name FROM label_row WHERE issue = ?1 ORDER BY name";
    row.labels = names(conn, labels, id)?;
    let assignees = "SELECT name FROM assignee_row WHERE issue = ?1 ORDER BY position";
    row.assignees = names(conn, assignees, id)?;
    Ok(row)
}

/// The issue of this row with its comments.
pub(crate) fn whole(conn: &Connection, id: i64, raw: bool) -> Result<ExportIssue, WarehouseError> {
    let verb = "read an issue";
    let issue = issue(conn, id).to(verb)?;
    let comments = comments(conn, &issue.source, &issue.key).to(verb)?;
    let raw = if raw { Some(raw_of(conn, id)?) } else { None };
    Ok(ExportIssue { issue, comments, raw })
}

fn raw_of(conn: &Connection, id: i64) -> Result<Value, WarehouseError> {
    let verb = "read a stored reply";
    let text: String = conn
        .prepare_cached("SELECT raw FROM issue_row WHERE id = ?1")
        .and_then(|mut select| select.query_row([id], |row| row.get(0)))
        .to(verb)?;
    serde_json::from_str(&text).to(verb)
}

fn issue_row(row: &Row<'_>) -> rusqlite::Result<IssueRow> {
    let Named(kind) = row.get(4)?;
    let Named(state_category) = row.get(8)?;
    Ok(IssueRow {
        source: row.get(0)?,
        provider: row.get(1)?,
        key: row.get(2)?,
        number: unsigned(row.get(3)?),
        kind,
        title: row.get(5)?,
        body: row.get(6)?,
        state: row.get(7)?,
        state_category,
        author: row.get(9)?,
        assignees: Vec::new(),
        labels: Vec::new(),
        priority: row.get(10)?,
        milestone: row.get(11)?,
        parent: row.get(12)?,
        url: row.get(13)?,
        created_at: moment(row.get(14)?),
        updated_at: moment(row.get(15)?),
        closed_at: row.get::<_, Option<i64>>(16)?.map(moment),
        deleted: row.get(17)?,
    })
}

fn names(conn: &Connection, sql: &str, id: i64) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached(sql)?.query_map([id], |row| row.get(0))?.collect()
}

/// Oldest first; of the same moment, by id: as a number where it is one.
fn comments(conn: &Connection, source: &str, key: &str) -> rusqlite::Result<Vec<ExportComment>> {
    let mut comments = conn
        .prepare_cached(
            "SELECT name, author, body, created_at, updated_at FROM comment_row
             WHERE source = ?1 AND issue = ?2 AND deleted = 0",
        )?
        .query_map([source, key], |row| {
            Ok(ExportComment {
                id: row.get(0)?,
                author: row.get(1)?,
                body: row.get(2)?,
                created_at: moment(row.get(3)?),
                updated_at: moment(row.get(4)?),
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    comments.sort_by_cached_key(|comment| {
        let number = comment.id.parse::<u128>().unwrap_or(u128::MAX);
        (comment.created_at, number, comment.id.clone())
    });
    Ok(comments)
}

/// A word of the provider's, as it is spelled in JSON.
struct Named<T>(T);

impl FromSql for Named<IssueKind> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value, &IssueKind::ALL, |kind| kind.name())
    }
}

impl FromSql for Named<Category> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value, &Category::ALL, |category| category.name())
    }
}

fn named<T: Copy>(
    value: ValueRef<'_>,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> FromSqlResult<Named<T>> {
    let text = value.as_str()?;
    let found = all.iter().find(|one| name(**one) == text);
    found.map(|one| Named(*one)).ok_or(FromSqlError::InvalidType)
}
