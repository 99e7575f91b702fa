//! Rows in: what replaces what.
//!
//! Of all versions of a row that a job meets, the one with the newest `updated_at` stays, and of
//! several with the same one the one received last: both are maxima, so the order of commits does
//! not matter. Between jobs the later commit wins a tie, so that a clock that went back cannot
//! make answers unreadable.

use std::borrow::Cow;

use jobctl_provider::{Comment, Issue, Passed};
use rusqlite::{OptionalExtension, params};

use crate::commit::Page;
use crate::digest;
use crate::time::{signed, stored};
use crate::write::json;

/// What is known of a row before it is met again.
struct Known {
    id: i64,
    updated_at: i64,
    read_at: i64,
    digest: Vec<u8>,
    job: i64,
    deleted: bool,
}

/// What meeting a row again does to it.
struct Meeting {
    /// Its content is the present one, at least for what can be known.
    newer: bool,
    /// That content differs from what is held.
    differs: bool,
    /// It is known to be gone.
    deleted: bool,
}

const ISSUE_SEEN: &str = "UPDATE issue_row
    SET seen_at = max(seen_at, ?2), job = ?3, deleted = ?4, read_at = ?5 WHERE id = ?1";
const COMMENT_SEEN: &str = "UPDATE comment_row
    SET seen_at = max(seen_at, ?2), job = ?3, deleted = ?4, read_at = ?5 WHERE id = ?1";

impl Page<'_> {
    pub(crate) fn issue(&mut self, issue: &Issue) -> rusqlite::Result<()> {
        let digest = digest::of_issue(issue);
        let seen = self.seen.max(self.no_longer_passed(&issue.key)?);
        let gone = self.is_gone(&issue.key, seen)?;
        let Some(known) = self.known_issue(&issue.key)? else {
            let id = self.insert_issue(issue, &digest, seen, gone)?;
            self.issue_text(id, issue)?;
            self.children(id, issue)?;
            self.words(2 * id, &issue.title, &texts(issue))?;
            self.counts.issues += 1;
            self.counts.changed += 1;
            return Ok(());
        };
        let meeting = self.meet(&known, stored(issue.updated_at), &digest, gone);
        if meeting.differs {
            self.note_fewer(known.id, issue, meeting.newer)?;
        }
        if meeting.newer && meeting.differs {
            self.update_issue(known.id, issue, &digest)?;
            self.issue_text(known.id, issue)?;
            self.forget_children(known.id)?;
            self.children(known.id, issue)?;
            self.forget_words(2 * known.id)?;
            self.words(2 * known.id, &issue.title, &texts(issue))?;
        } else if meeting.newer {
            let sql = "UPDATE issue_text SET raw = ?2 WHERE id = ?1 AND raw <> ?2";
            self.refresh(sql, known.id, &issue.raw)?;
        }
        self.see(ISSUE_SEEN, &known, &meeting, seen)?;
        self.counts.issues += u64::from(known.job != self.job);
        Ok(())
    }

    pub(crate) fn comment(&mut self, comment: &Comment) -> rusqlite::Result<()> {
        let gone = self.absent("comments", &comment.issue, self.seen)?;
        let digest = digest::of_comment(comment);
        let Some(known) = self.known_comment(&comment.id)? else {
            let id = self.insert_comment(comment, &digest, gone)?;
            self.comment_text(id, comment)?;
            self.words(2 * id + 1, "", comment.body.as_deref().unwrap_or_default())?;
            self.counts.comments += 1;
            self.counts.changed += 1;
            return Ok(());
        };
        let meeting = self.meet(&known, stored(comment.updated_at), &digest, gone);
        if meeting.newer && meeting.differs {
            self.update_comment(known.id, comment, &digest)?;
            self.comment_text(known.id, comment)?;
            self.forget_words(2 * known.id + 1)?;
            self.words(2 * known.id + 1, "", comment.body.as_deref().unwrap_or_default())?;
        } else if meeting.newer {
            let sql = "UPDATE comment_text SET raw = ?2 WHERE id = ?1 AND raw <> ?2";
            self.refresh(sql, known.id, &comment.raw)?;
        }
        self.see(COMMENT_SEEN, &known, &meeting, self.seen)?;
        self.counts.comments += u64::from(known.job != self.job);
        Ok(())
    }

    /// An item that was listed by its name alone. What is not held stays a gap.
    pub(crate) fn met(&mut self, key: &str) -> rusqlite::Result<()> {
        if self.meet_held(key)? {
            return Ok(());
        }
        let gone = self.is_gone(key, self.seen)?;
        self.tx
            .prepare_cached(
                "UPDATE passed_row SET seen_at = max(seen_at, ?3), deleted = deleted AND ?4
                 WHERE source = ?1 AND key = ?2",
            )?
            .execute(params![self.scope, key, self.seen, gone])
            .map(drop)
    }

    /// Notes that an issue was met, if it is held.
    fn meet_held(&mut self, key: &str) -> rusqlite::Result<bool> {
        let Some(known) = self.known_issue(key)? else { return Ok(false) };
        let gone = self.is_gone(key, self.seen)?;
        let meeting = Meeting { newer: false, differs: false, deleted: known.deleted && gone };
        self.see(ISSUE_SEEN, &known, &meeting, self.seen)?;
        self.counts.issues += u64::from(known.job != self.job);
        Ok(true)
    }

    /// An item that is left out. If it is held as an issue, from an import that took it in, it
    /// stays one and is only met.
    pub(crate) fn passed(&mut self, passed: &Passed) -> rusqlite::Result<()> {
        if self.meet_held(&passed.key)? {
            return Ok(());
        }
        let gone = self.is_gone(&passed.key, self.seen)?;
        let known = self
            .tx
            .prepare_cached("SELECT job, deleted FROM passed_row WHERE source = ?1 AND key = ?2")?
            .query_row(params![self.scope, passed.key], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
            })
            .optional()?;
        let deleted = gone && known.is_none_or(|(_, deleted)| deleted);
        self.tx
            .prepare_cached(
                "INSERT INTO passed_row (source, key, number, job, seen_at, deleted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET number = excluded.number, job = excluded.job,
                     seen_at = max(seen_at, excluded.seen_at), deleted = excluded.deleted",
            )?
            .execute(params![
                self.scope,
                passed.key,
                signed(passed.number),
                self.job,
                self.seen,
                deleted
            ])?;
        self.counts.passed += u64::from(known.is_none_or(|(job, _)| job != self.job));
        self.counts.changed += u64::from(known.is_none_or(|(_, was)| was && !deleted));
        Ok(())
    }

    fn meet(&self, known: &Known, updated_at: i64, digest: &[u8], gone: bool) -> Meeting {
        let later = known.job != self.job || self.seen >= known.read_at;
        Meeting {
            newer: updated_at > known.updated_at || (updated_at == known.updated_at && later),
            differs: known.digest != digest,
            deleted: known.deleted && gone,
        }
    }

    /// Notes that a row was met, which may have been earlier under another guise.
    fn see(
        &mut self,
        sql: &str,
        known: &Known,
        meeting: &Meeting,
        seen: i64,
    ) -> rusqlite::Result<()> {
        let read = if meeting.newer { self.seen } else { known.read_at };
        self.tx.prepare_cached(sql)?.execute(params![
            known.id,
            seen,
            self.job,
            meeting.deleted,
            read
        ])?;
        let changed = meeting.newer && meeting.differs;
        let revived = known.deleted && !meeting.deleted;
        self.counts.changed += u64::from(changed || revived);
        Ok(())
    }

    /// Keeps the newest reply of a row whose content is the same: reading it costs less than writing
    /// it again.
    fn refresh(&self, sql: &str, id: i64, raw: &serde_json::Value) -> rusqlite::Result<()> {
        self.tx.prepare_cached(sql)?.execute(params![id, json(raw)]).map(drop)
    }

    fn known_issue(&self, key: &str) -> rusqlite::Result<Option<Known>> {
        self.known(
            "SELECT id, updated_at, read_at, digest, job, deleted FROM issue_row
             WHERE source = ?1 AND key = ?2",
            key,
        )
    }

    fn known_comment(&self, id: &str) -> rusqlite::Result<Option<Known>> {
        self.known(
            "SELECT id, updated_at, read_at, digest, job, deleted FROM comment_row
             WHERE source = ?1 AND name = ?2",
            id,
        )
    }

    fn known(&self, sql: &str, name: &str) -> rusqlite::Result<Option<Known>> {
        self.tx
            .prepare_cached(sql)?
            .query_row(params![self.scope, name], |row| {
                Ok(Known {
                    id: row.get(0)?,
                    updated_at: row.get(1)?,
                    read_at: row.get(2)?,
                    digest: row.get(3)?,
                    job: row.get(4)?,
                    deleted: row.get(5)?,
                })
            })
            .optional()
    }

    /// Takes note if the newer of two versions says fewer comments, whichever is met first.
    fn note_fewer(&self, id: i64, met: &Issue, met_is_newer: bool) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "UPDATE issue_row SET fewer = 1, verified = 0
                 WHERE id = ?1 AND CASE WHEN ?3 THEN comments > ?2 ELSE comments < ?2 END",
            )?
            .execute(params![id, met.comments.map(signed), met_is_newer])
            .map(drop)
    }

    /// An item that is now an issue of ours; tells when it was met while it was left out.
    fn no_longer_passed(&self, key: &str) -> rusqlite::Result<i64> {
        self.tx
            .prepare_cached(
                "DELETE FROM passed_row WHERE source = ?1 AND key = ?2 RETURNING seen_at",
            )?
            .query_row(params![self.scope, key], |row| row.get(0))
            .optional()
            .map(|seen| seen.unwrap_or(i64::MIN))
    }

    /// Whether this job knows that an item seen then is gone since.
    fn is_gone(&self, key: &str, seen: i64) -> rusqlite::Result<bool> {
        Ok(self.absent("gone", key, seen)? || self.absent("listed", "", seen)?)
    }

    fn absent(&self, sort: &str, item: &str, seen: i64) -> rusqlite::Result<bool> {
        if !self.proofs {
            return Ok(false);
        }
        self.tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM absence WHERE job = ?1 AND sort = ?2
                     AND scope = ?3 AND item = ?4 AND at > ?5)",
            )?
            .query_row(params![self.job, sort, self.scope, item, seen], |row| row.get(0))
    }
}

/// What people wrote in an issue. What must hold is often a part of the body, and once is enough.
fn texts(issue: &Issue) -> Cow<'_, str> {
    let body = issue.body.as_deref().unwrap_or_default();
    match issue.acceptance_criteria.as_deref() {
        Some(criteria) if !body.contains(criteria) => format!("{body}\n{criteria}").into(),
        Some(_) | None => body.into(),
    }
}
