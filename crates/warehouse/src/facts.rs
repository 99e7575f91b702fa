//! What an answer said besides its rows.

use jobctl_provider::{Fact, Mark};
use rusqlite::params;

use crate::commit::Page;
use crate::time::{signed, stored};

impl Page<'_> {
    pub(crate) fn fact(&mut self, fact: &Fact) -> rusqlite::Result<()> {
        match fact {
            Fact::Estimate { what, count } => self.learn(&format!("about {what}"), *count),
            Fact::Total { count } => self.learn("total", *count),
            Fact::Mark { chain, mark } => self.mark(chain, mark),
            // Whoever asked wants to know, nobody later.
            Fact::Identity { .. } => Ok(()),
            Fact::Comments { issue, since } => self.comments_listed(issue, stored(*since)),
            Fact::Listed { since } => self.listed(stored(*since)),
            Fact::Gone { key } => self.gone(key),
            Fact::Moved { to } => {
                self.note("moved", to, &format!("{} is now called {to}", self.scope)).map(drop)
            }
            Fact::Partial { what } => self.note("partial", "", what).map(drop),
        }
    }

    fn learn(&self, what: &str, count: u64) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO learnt (job, scope, what, count, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET count = excluded.count, seen_at = excluded.seen_at
                 WHERE excluded.seen_at >= seen_at",
            )?
            .execute(params![self.job, self.scope, what, signed(count), self.seen])
            .map(drop)
    }

    /// Of two marks of a chain the later place counts, with its word; of equal places the word that
    /// came last.
    fn mark(&self, chain: &str, mark: &Mark) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO mark (job, scope, chain, at, token) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET at = excluded.at, token = excluded.token
                 WHERE excluded.at >= at",
            )?
            .execute(params![self.job, self.scope, chain, stored(mark.at), mark.token])
            .map(drop)
    }

    /// All comments of an issue were listed.
    fn comments_listed(&self, issue: &str, since: i64) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "UPDATE comment_row SET deleted = 1
                 WHERE source = ?1 AND issue = ?2 AND deleted = 0 AND seen_at < ?3",
            )?
            .execute(params![self.scope, issue, since])?;
        self.tx
            .prepare_cached(
                "UPDATE issue_row SET verified = 1, fewer = 0 WHERE source = ?1 AND key = ?2",
            )?
            .execute(params![self.scope, issue])?;
        self.prove("comments", issue, since)
    }

    /// Everything in the scope was listed. Where more than a tenth would be gone, the listing is
    /// not believed: each must be asked for on its own, or a person must look.
    fn listed(&self, since: i64) -> rusqlite::Result<()> {
        let (live, missing): (i64, i64) = self
            .tx
            .prepare_cached(
                "SELECT count(*), coalesce(sum(seen_at < ?2), 0) FROM issue_row
                 WHERE source = ?1 AND deleted = 0",
            )?
            .query_row(params![self.scope, since], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if missing.saturating_mul(10) > live {
            let text = format!(
                "{missing} of {live} issues of {} were not listed any more: too many to believe, \
                 so none was marked deleted",
                self.scope
            );
            return self.note("withheld", "", &text).map(drop);
        }
        for table in ["issue_row", "passed_row"] {
            let sql = format!(
                "UPDATE {table} SET deleted = 1 WHERE source = ?1 AND deleted = 0 AND seen_at < ?2"
            );
            self.tx.execute(&sql, params![self.scope, since])?;
        }
        self.prove("listed", "", since)
    }

    /// An item is gone: what was known of it up to this answer.
    fn gone(&self, key: &str) -> rusqlite::Result<()> {
        for table in ["issue_row", "passed_row"] {
            let sql = format!(
                "UPDATE {table} SET deleted = 1 WHERE source = ?1 AND key = ?2 AND seen_at <= ?3"
            );
            self.tx.execute(&sql, params![self.scope, key, self.seen])?;
        }
        self.prove("gone", key, self.seen)
    }

    /// Keeps a proof of absence for rows that are committed later and were seen before.
    fn prove(&self, sort: &str, item: &str, at: i64) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO absence (job, sort, scope, item, at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
            )?
            .execute(params![self.job, sort, self.scope, item, at])
            .map(drop)
    }
}
