//! Rows in: their columns, texts and words.
//!
//! Whether a row was there before is known when it is written.

use std::collections::BTreeMap;

use jobctl_provider::{Comment, Entry, Issue};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use crate::commit::Page;
use crate::time::{signed, stored};

impl Page<'_> {
    /// Writes a new issue and tells its row.
    pub(crate) fn insert_issue(
        &self,
        issue: &Issue,
        digest: &[u8],
        seen: i64,
        gone: bool,
    ) -> rusqlite::Result<i64> {
        self.tx
            .prepare_cached(
                "INSERT INTO issue_row (source, key, provider, number, kind, title, state,
                     state_category, author, priority, milestone, parent, url, created_at,
                     updated_at, closed_at, comments, digest, type_name, read_at, job, seen_at,
                     deleted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                     ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
            )?
            .insert(params![
                self.scope,
                issue.key,
                issue.provider,
                signed(issue.number),
                issue.kind.name(),
                issue.title,
                issue.state,
                issue.state_category.name(),
                issue.author,
                issue.priority,
                issue.milestone,
                issue.parent,
                issue.url,
                stored(issue.created_at),
                stored(issue.updated_at),
                issue.closed_at.map(stored),
                issue.comments.map(signed),
                digest,
                issue.type_name,
                self.seen,
                self.job,
                seen,
                gone,
            ])
    }

    /// Writes a newer version of an issue in place of the older one. Its comments were verified
    /// for the version held; another one needs it anew.
    pub(crate) fn update_issue(
        &self,
        id: i64,
        issue: &Issue,
        digest: &[u8],
    ) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "UPDATE issue_row SET provider = ?2, number = ?3, kind = ?4, title = ?5,
                     state = ?6, state_category = ?7, author = ?8, priority = ?9, milestone = ?10,
                     parent = ?11, url = ?12, created_at = ?13, updated_at = ?14, closed_at = ?15,
                     comments = ?16, digest = ?17, type_name = ?18,
                     verified = verified AND updated_at = ?14 AND comments IS ?16
                 WHERE id = ?1",
            )?
            .execute(params![
                id,
                issue.provider,
                signed(issue.number),
                issue.kind.name(),
                issue.title,
                issue.state,
                issue.state_category.name(),
                issue.author,
                issue.priority,
                issue.milestone,
                issue.parent,
                issue.url,
                stored(issue.created_at),
                stored(issue.updated_at),
                issue.closed_at.map(stored),
                issue.comments.map(signed),
                digest,
                issue.type_name,
            ])
            .map(drop)
    }

    /// Writes the texts of an issue, in place of older ones.
    pub(crate) fn issue_text(&self, id: i64, issue: &Issue) -> rusqlite::Result<()> {
        let attachments = (!issue.attachments.is_empty()).then(|| json(&issue.attachments));
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO issue_text
                     (id, body, acceptance_criteria, fields, attachments, reactions, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                issue.body,
                issue.acceptance_criteria,
                map(&issue.fields),
                attachments,
                map(&issue.reactions),
                json(&issue.raw),
            ])
            .map(drop)
    }

    pub(crate) fn forget_children(&self, id: i64) -> rusqlite::Result<()> {
        for sql in [
            "DELETE FROM label_row WHERE issue = ?1",
            "DELETE FROM assignee_row WHERE issue = ?1",
            "DELETE FROM link_row WHERE issue = ?1",
        ] {
            self.tx.prepare_cached(sql)?.execute([id])?;
        }
        Ok(())
    }

    pub(crate) fn children(&self, id: i64, issue: &Issue) -> rusqlite::Result<()> {
        let mut label = self
            .tx
            .prepare_cached("INSERT OR IGNORE INTO label_row (issue, name) VALUES (?1, ?2)")?;
        for name in &issue.labels {
            label.execute(params![id, name])?;
        }
        let mut assignee = self.tx.prepare_cached(
            "INSERT INTO assignee_row (issue, position, name) VALUES (?1, ?2, ?3)",
        )?;
        for (position, name) in (0_i64..).zip(&issue.assignees) {
            assignee.execute(params![id, position, name])?;
        }
        let mut link = self.tx.prepare_cached(
            "INSERT OR IGNORE INTO link_row (issue, relation, target) VALUES (?1, ?2, ?3)",
        )?;
        for tie in &issue.links {
            link.execute(params![id, tie.relation, tie.target])?;
        }
        Ok(())
    }

    /// Writes a new comment and tells its row.
    pub(crate) fn insert_comment(
        &self,
        comment: &Comment,
        digest: &[u8],
        gone: bool,
    ) -> rusqlite::Result<i64> {
        self.tx
            .prepare_cached(
                "INSERT INTO comment_row (source, name, issue, author, created_at, updated_at,
                     digest, read_at, job, seen_at, deleted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8, ?10)",
            )?
            .insert(params![
                self.scope,
                comment.id,
                comment.issue,
                comment.author,
                stored(comment.created_at),
                stored(comment.updated_at),
                digest,
                self.seen,
                self.job,
                gone,
            ])
    }

    /// Writes a newer version of a comment in place of the older one.
    pub(crate) fn update_comment(
        &self,
        id: i64,
        comment: &Comment,
        digest: &[u8],
    ) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "UPDATE comment_row SET issue = ?2, author = ?3, created_at = ?4, updated_at = ?5,
                     digest = ?6 WHERE id = ?1",
            )?
            .execute(params![
                id,
                comment.issue,
                comment.author,
                stored(comment.created_at),
                stored(comment.updated_at),
                digest,
            ])
            .map(drop)
    }

    /// Writes the texts of a comment, in place of older ones.
    pub(crate) fn comment_text(&self, id: i64, comment: &Comment) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO comment_text (id, body, raw) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id, comment.body, json(&comment.raw)])
            .map(drop)
    }

    /// An entry of an issue's history: written once, and kept as it was received last.
    pub(crate) fn entry(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        let known: Option<(i64, i64, i64)> = self
            .tx
            .prepare_cached(
                "SELECT id, job, seen_at FROM entry_row
                 WHERE source = ?1 AND issue = ?2 AND name = ?3",
            )?
            .query_row(params![self.scope, entry.issue, entry.id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let is_ours = known.is_some_and(|(_, job, _)| job == self.job);
        self.counts.entries += u64::from(!is_ours);
        self.counts.changed += u64::from(known.is_none());
        if known.is_some_and(|(_, _, seen)| is_ours && seen > self.seen) {
            return Ok(());
        }
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO entry_row (id, source, issue, name, job, seen_at, at,
                     what, author, from_value, to_value, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                known.map(|(id, _, _)| id),
                self.scope,
                entry.issue,
                entry.id,
                self.job,
                self.seen,
                stored(entry.at),
                entry.what,
                entry.author,
                entry.from,
                entry.to,
                json(&entry.raw),
            ])
            .map(drop)
    }

    /// Makes the words of a row findable, in the same transaction as the row.
    pub(crate) fn words(&self, id: i64, title: &str, text: &str) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached("INSERT INTO words (rowid, title, text) VALUES (?1, ?2, ?3)")?
            .execute(params![id, title, text])
            .map(drop)
    }

    pub(crate) fn forget_words(&self, id: i64) -> rusqlite::Result<()> {
        self.tx.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([id]).map(drop)
    }
}

/// A map as a column keeps it: nothing where it is empty.
fn map(map: &BTreeMap<String, impl Serialize>) -> Option<String> {
    (!map.is_empty()).then(|| json(map))
}

/// As long as most replies are: texts that grow are copied again and again.
const ROOM: usize = 4096;

/// The value as JSON text.
pub(crate) fn json(value: &impl Serialize) -> String {
    let mut text = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut text, value).expect("texts, numbers and maps by name are JSON");
    String::from_utf8(text).expect("JSON is written as UTF-8")
}
