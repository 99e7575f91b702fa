//! Issues out, in the shape that every reader of `--json` and exports relies on.

use std::collections::BTreeMap;
use std::io;

use jobctl_provider::{Attachment, Category, IssueKind, Link, Time};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Type, ValueRef};
use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::While;
use crate::time::{moment, unsigned};
use crate::{Query, Warehouse, WarehouseError};

/// An issue, without its comments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRow {
    /// The scope it was read from, such as `github:acme/api`.
    pub source: String,
    /// The provider's name.
    pub provider: String,
    /// Its name across forges.
    pub key: String,
    /// Its number within the source.
    pub number: u64,
    /// What sort of work it is.
    pub kind: IssueKind,
    /// The forge's own word for its sort.
    pub type_name: Option<String>,
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
    /// The title of its milestone, sprint or iteration.
    pub milestone: Option<String>,
    /// The key of its parent.
    pub parent: Option<String>,
    /// How it is tied to others, its parent apart; sorted.
    pub links: Vec<Link>,
    /// Its custom fields, by the names that people see.
    pub fields: BTreeMap<String, Value>,
    /// What must hold for it to be done.
    pub acceptance_criteria: Option<String>,
    /// Files that hang on it.
    pub attachments: Vec<Attachment>,
    /// How often people reacted, by the reaction's name.
    pub reactions: BTreeMap<String, u64>,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportIssue {
    /// The issue.
    #[serde(flatten)]
    pub issue: IssueRow,
    /// Its live comments, oldest first.
    pub comments: Vec<ExportComment>,
    /// Its history, oldest first, where asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<ExportEntry>,
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

/// An entry of an issue's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportEntry {
    /// Its id within the issue.
    pub id: String,
    /// What happened, or the field that was changed.
    pub what: String,
    /// Who did it.
    pub author: Option<String>,
    /// When.
    pub at: Time,
    /// What was there before.
    pub from: Option<String>,
    /// What is there now.
    pub to: Option<String>,
}

/// What comes with an issue besides its comments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct With {
    pub(crate) history: bool,
    pub(crate) raw: bool,
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
        let with = With { history: query.history, raw: query.raw };
        for id in &ids {
            let issue = whole(&snapshot, *id, with)?;
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
                 author, priority, milestone, parent, url, created_at, updated_at, closed_at,
                 deleted, type_name, acceptance_criteria, fields, attachments, reactions
             FROM issue_row JOIN issue_text USING (id) WHERE id = ?1",
        )?
        .query_row([id], issue_row)?;
    let labels = "SELECT name FROM label_row WHERE issue = ?1 ORDER BY name";
    row.labels = names(conn, labels, id)?;
    let assignees = "SELECT name FROM assignee_row WHERE issue = ?1 ORDER BY position";
    row.assignees = names(conn, assignees, id)?;
    let links = "SELECT relation, target FROM link_row WHERE issue = ?1 ORDER BY relation, target";
    row.links = conn
        .prepare_cached(links)?
        .query_map([id], |row| Ok(Link { relation: row.get(0)?, target: row.get(1)? }))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(row)
}

/// The issue of this row with its comments.
pub(crate) fn whole(conn: &Connection, id: i64, with: With) -> Result<ExportIssue, WarehouseError> {
    let verb = "read an issue";
    let issue = issue(conn, id).to(verb)?;
    let comments = comments(conn, &issue.source, &issue.key).to(verb)?;
    let history =
        if with.history { history(conn, &issue.source, &issue.key).to(verb)? } else { vec![] };
    let raw = if with.raw { Some(raw_of(conn, id)?) } else { None };
    Ok(ExportIssue { issue, comments, history, raw })
}

fn raw_of(conn: &Connection, id: i64) -> Result<Value, WarehouseError> {
    let verb = "read a stored reply";
    let text: String = conn
        .prepare_cached("SELECT raw FROM issue_text WHERE id = ?1")
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
        type_name: row.get(18)?,
        acceptance_criteria: row.get(19)?,
        fields: json(row, 20)?,
        attachments: json(row, 21)?,
        reactions: json(row, 22)?,
        links: Vec::new(),
    })
}

/// A column of JSON, or what stands for none.
fn json<T: DeserializeOwned + Default>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let Some(text) = row.get::<_, Option<String>>(column)? else { return Ok(T::default()) };
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, e.into()))
}

fn names(conn: &Connection, sql: &str, id: i64) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached(sql)?.query_map([id], |row| row.get(0))?.collect()
}

/// Oldest first; of the same moment, by id: as a number where it is one.
fn comments(conn: &Connection, source: &str, key: &str) -> rusqlite::Result<Vec<ExportComment>> {
    let mut comments = conn
        .prepare_cached(
            "SELECT name, author, body, created_at, updated_at
             FROM comment_row JOIN comment_text USING (id)
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

/// Oldest first; of the same moment, in the order they were read.
fn history(conn: &Connection, source: &str, key: &str) -> rusqlite::Result<Vec<ExportEntry>> {
    conn.prepare_cached(
        "SELECT name, what, author, at, from_value, to_value FROM entry_row
         WHERE source = ?1 AND issue = ?2 ORDER BY at, id",
    )?
    .query_map([source, key], |row| {
        Ok(ExportEntry {
            id: row.get(0)?,
            what: row.get(1)?,
            author: row.get(2)?,
            at: moment(row.get(3)?),
            from: row.get(4)?,
            to: row.get(5)?,
        })
    })?
    .collect()
}

/// A word of the provider's, as it is spelled in JSON.
struct Named<T>(T);

impl FromSql for Named<IssueKind> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value, &IssueKind::ALL, IssueKind::name)
    }
}

impl FromSql for Named<Category> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value, &Category::ALL, Category::name)
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
