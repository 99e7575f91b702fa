//! Rows in: what replaces what.
//!
//! Of all versions of a row that a job meets, the one with the newest `updated_at` stays, and of
//! several with the same one the one received last: both are maxima, so the order of commits does
//! not matter. Between jobs the later commit wins a tie, so that a clock that went back cannot
//! make answers unreadable.

use jobctl_provider::{Comment, Issue, Passed};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::commit::Page;
use crate::time::{signed, stored};

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

impl Page<'_> {
    pub(crate) fn issue(&mut self, issue: &Issue) -> rusqlite::Result<()> {
        let digest = issue_digest(issue);
        let seen = self.seen.max(self.no_longer_passed(&issue.key)?);
        let gone = self.is_gone(&issue.key, seen)?;
        let Some(known) = self.known_issue(&issue.key)? else {
            self.write_issue(issue, &digest, gone, seen)?;
            let id = self.tx.last_insert_rowid();
            self.children(id, issue)?;
            self.words(2 * id, &issue.title, issue.body.as_deref(), true)?;
            self.counts.issues += 1;
            self.counts.changed += 1;
            return Ok(());
        };
        let meeting = self.meet(&known, stored(issue.updated_at), &digest, gone);
        if meeting.differs {
            self.note_fewer(known.id, issue, meeting.newer)?;
        }
        if meeting.newer && meeting.differs {
            self.write_issue(issue, &digest, gone, seen)?;
            self.children(known.id, issue)?;
            self.words(2 * known.id, &issue.title, issue.body.as_deref(), false)?;
        } else if meeting.newer {
            self.refresh(
                "UPDATE issue_row SET raw = ?2, read_at = ?3 WHERE id = ?1",
                known.id,
                &issue.raw,
            )?;
        }
        self.see(
            "UPDATE issue_row SET seen_at = max(seen_at, ?2), job = ?3, deleted = ?4 WHERE id = ?1",
            &known,
            &meeting,
            seen,
        )?;
        self.counts.issues += u64::from(known.job != self.job);
        Ok(())
    }

    pub(crate) fn comment(&mut self, comment: &Comment) -> rusqlite::Result<()> {
        let gone = self.absent("comments", &comment.issue, self.seen)?;
        let digest = comment_digest(comment);
        let Some(known) = self.known_comment(&comment.id)? else {
            self.write_comment(comment, &digest, gone)?;
            let id = self.tx.last_insert_rowid();
            self.words(2 * id + 1, "", comment.body.as_deref(), true)?;
            self.counts.comments += 1;
            self.counts.changed += 1;
            return Ok(());
        };
        let meeting = self.meet(&known, stored(comment.updated_at), &digest, gone);
        if meeting.newer && meeting.differs {
            self.write_comment(comment, &digest, gone)?;
            self.words(2 * known.id + 1, "", comment.body.as_deref(), false)?;
        } else if meeting.newer {
            self.refresh(
                "UPDATE comment_row SET raw = ?2, read_at = ?3 WHERE id = ?1",
                known.id,
                &comment.raw,
            )?;
        }
        self.see(
            "UPDATE comment_row SET seen_at = max(seen_at, ?2), job = ?3, deleted = ?4 WHERE id = ?1",
            &known,
            &meeting,
            self.seen,
        )?;
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
        self.see(
            "UPDATE issue_row SET seen_at = max(seen_at, ?2), job = ?3, deleted = ?4 WHERE id = ?1",
            &known,
            &meeting,
            self.seen,
        )?;
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
        self.tx.prepare_cached(sql)?.execute(params![known.id, seen, self.job, meeting.deleted])?;
        let changed = meeting.newer && meeting.differs;
        let revived = known.deleted && !meeting.deleted;
        self.counts.changed += u64::from(changed || revived);
        Ok(())
    }

    fn refresh(&self, sql: &str, id: i64, raw: &serde_json::Value) -> rusqlite::Result<()> {
        self.tx.prepare_cached(sql)?.execute(params![id, raw.to_string(), self.seen]).map(drop)
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

    /// Writes an issue, new or in place of an older version. Where it was met and whether
    /// it is gone is left to [`Self::see`] when a row is there already. Its comments were verified
    /// for the version held; another one needs it anew.
    ///
    /// `RETURNING id` would spare the callers to know the id, and costs a fifth of an import.
    fn write_issue(
        &self,
        issue: &Issue,
        digest: &[u8],
        gone: bool,
        seen: i64,
    ) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO issue_row (source, key, provider, number, kind, title, state,
                     state_category, author, priority, milestone, parent, url, created_at,
                     updated_at, closed_at, comments, digest, body, raw, read_at,
                     job, seen_at, deleted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                     ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)
                 ON CONFLICT (source, key) DO UPDATE SET
                     provider = excluded.provider, number = excluded.number, kind = excluded.kind,
                     title = excluded.title, state = excluded.state,
                     state_category = excluded.state_category, author = excluded.author,
                     priority = excluded.priority, milestone = excluded.milestone,
                     parent = excluded.parent, url = excluded.url,
                     created_at = excluded.created_at, updated_at = excluded.updated_at,
                     closed_at = excluded.closed_at, comments = excluded.comments,
                     digest = excluded.digest, body = excluded.body, raw = excluded.raw,
                     read_at = excluded.read_at,
                     verified = verified AND updated_at = excluded.updated_at
                         AND comments IS excluded.comments",
            )?
            .execute(params![
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
                issue.body,
                issue.raw.to_string(),
                self.seen,
                self.job,
                seen,
                gone,
            ])
            .map(drop)
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

    fn children(&self, id: i64, issue: &Issue) -> rusqlite::Result<()> {
        self.tx.prepare_cached("DELETE FROM label_row WHERE issue = ?1")?.execute([id])?;
        let mut label = self
            .tx
            .prepare_cached("INSERT OR IGNORE INTO label_row (issue, name) VALUES (?1, ?2)")?;
        for name in &issue.labels {
            label.execute(params![id, name])?;
        }
        self.tx.prepare_cached("DELETE FROM assignee_row WHERE issue = ?1")?.execute([id])?;
        let mut assignee = self.tx.prepare_cached(
            "INSERT INTO assignee_row (issue, position, name) VALUES (?1, ?2, ?3)",
        )?;
        for (position, name) in (0_i64..).zip(&issue.assignees) {
            assignee.execute(params![id, position, name])?;
        }
        Ok(())
    }

    /// Writes a comment as [`Self::write_issue`] an issue.
    fn write_comment(&self, comment: &Comment, digest: &[u8], gone: bool) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO comment_row (source, name, issue, author, created_at, updated_at,
                     digest, body, raw, read_at, job, seen_at, deleted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?10, ?12)
                 ON CONFLICT (source, name) DO UPDATE SET
                     issue = excluded.issue, author = excluded.author,
                     created_at = excluded.created_at, updated_at = excluded.updated_at,
                     digest = excluded.digest, body = excluded.body, raw = excluded.raw,
                     read_at = excluded.read_at",
            )?
            .execute(params![
                self.scope,
                comment.id,
                comment.issue,
                comment.author,
                stored(comment.created_at),
                stored(comment.updated_at),
                digest,
                comment.body,
                comment.raw.to_string(),
                self.seen,
                self.job,
                gone,
            ])
            .map(drop)
    }

    /// Makes the words of a row findable, in the same transaction as the row.
    fn words(&self, id: i64, title: &str, text: Option<&str>, new: bool) -> rusqlite::Result<()> {
        if !new {
            self.tx.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([id])?;
        }
        self.tx
            .prepare_cached("INSERT INTO words (rowid, title, text) VALUES (?1, ?2, ?3)")?
            .execute(params![id, title, text.unwrap_or_default()])
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
        self.tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM absence WHERE job = ?1 AND sort = ?2
                     AND scope = ?3 AND item = ?4 AND at > ?5)",
            )?
            .query_row(params![self.job, sort, self.scope, item, seen], |row| row.get(0))
    }
}

/// Says whether two versions of an issue say the same. The forge's own reply does not count: it
/// may carry what differs with every request.
fn issue_digest(issue: &Issue) -> Vec<u8> {
    let mut labels: Vec<_> = issue.labels.iter().collect();
    labels.sort_unstable();
    let content = (
        (issue.number, issue.kind, &issue.title, &issue.body, &issue.state, issue.state_category),
        (&issue.author, &issue.assignees, labels, &issue.priority, &issue.milestone, &issue.parent),
        (&issue.url, issue.created_at, issue.updated_at, issue.closed_at, issue.comments),
    );
    digest(&content)
}

fn comment_digest(comment: &Comment) -> Vec<u8> {
    let times = (comment.created_at, comment.updated_at);
    digest(&(&comment.issue, &comment.author, &comment.body, times))
}

fn digest(content: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_vec(content).expect("texts, numbers and times are always JSON");
    Sha256::digest(text)[..16].to_vec()
}
