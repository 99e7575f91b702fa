//! Issues by words and filters.

use rusqlite::params_from_iter;
use rusqlite::types::Value;

use crate::error::While;
use crate::export::{With, issue, whole};
use crate::time::signed;
use crate::{ExportIssue, IssueRow, Kinds, Query, Warehouse, WarehouseError, Word};

/// How many candidates an ambiguous name tells.
const CANDIDATES: usize = 10;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How many fit.
    pub total: u64,
    /// The first of them: those with all words in the title, then the others, each by latest
    /// change.
    pub issues: Vec<IssueRow>,
}

impl Warehouse {
    /// Searches. Never fails for what the query says.
    pub fn search(&self, query: &Query, limit: u64) -> Result<Found, WarehouseError> {
        let verb = "search issues";
        let snapshot = self.conn.unchecked_transaction().to(verb)?;
        let mut wanted = Wanted::of(query);
        let condition = wanted.sql();
        let in_title = wanted.in_title(query);
        let sql = format!(
            "SELECT i.id FROM issue_row i WHERE {condition}
             ORDER BY {in_title}i.updated_at DESC, i.source, i.number DESC, i.key"
        );
        // All of them: looking for the words costs far more than their numbers take.
        let ids = self.ids(&sql, &wanted)?;
        let issues = ids
            .iter()
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|id| issue(&snapshot, *id).to(verb))
            .collect::<Result<_, _>>()?;
        Ok(Found { total: ids.len() as u64, issues })
    }

    /// The issue that goes by this name, with its history: its key, or the end of one, such as `acme/api#12`,
    /// `api#12` or `#12`, if that fits one alone.
    pub fn issue(&self, name: &str) -> Result<Option<ExportIssue>, WarehouseError> {
        let verb = "find an issue";
        let name = name.trim();
        let snapshot = self.conn.unchecked_transaction().to(verb)?;
        let mut fits = self.keyed(
            "SELECT id, source, key FROM issue_row WHERE key = ?1 COLLATE NOCASE LIMIT 11",
            name,
        )?;
        if fits.is_empty()
            && let Some(number) = number_of(name)
        {
            // `#12` ends a key as it stands; `api#12` must begin where a part of a key begins.
            let sql = format!(
                "SELECT id, source, key FROM issue_row i
                 WHERE number = {number} AND (?1 LIKE '#%' OR substr(key, -length(?1) - 1, 1) IN (':', '/'))
                     AND substr(key, -length(?1)) = ?1 COLLATE NOCASE
                 ORDER BY source LIMIT 11"
            );
            fits = self.keyed(&sql, &name_with_hash(name))?;
        }
        match fits.as_slice() {
            [] => Ok(None),
            [(id, _)] => whole(&snapshot, *id, With { history: true, raw: false }).map(Some),
            several => Err(WarehouseError::Ambiguous {
                name: name.into(),
                candidates: several.iter().take(CANDIDATES).map(|(_, key)| key.clone()).collect(),
            }),
        }
    }

    /// The rows that fit, by source and number.
    pub(crate) fn by_number(&self, query: &Query) -> Result<Vec<i64>, WarehouseError> {
        let wanted = Wanted::of(query);
        let sql = format!(
            "SELECT i.id FROM issue_row i WHERE {} ORDER BY i.source, i.number, i.key",
            wanted.sql()
        );
        self.ids(&sql, &wanted)
    }

    fn ids(&self, sql: &str, wanted: &Wanted) -> Result<Vec<i64>, WarehouseError> {
        self.all(sql, params_from_iter(&wanted.values), |row| row.get(0), "search issues")
    }

    fn keyed(&self, sql: &str, name: &str) -> Result<Vec<(i64, String)>, WarehouseError> {
        self.all(sql, [name], |row| Ok((row.get(0)?, row.get(2)?)), "find an issue")
    }
}

/// The number at the end of `api#12`, `#12` or `12`.
fn number_of(name: &str) -> Option<u64> {
    name.rsplit('#').next().and_then(|digits| digits.parse().ok())
}

fn name_with_hash(name: &str) -> String {
    if name.contains('#') { name.into() } else { format!("#{name}") }
}

/// A query as conditions on `issue_row i`, its values apart from them: nothing a person typed
/// becomes SQL.
struct Wanted {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Wanted {
    fn of(query: &Query) -> Self {
        let mut wanted = Self { conditions: Vec::new(), values: Vec::new() };
        wanted.standing(query);
        wanted.fields(query);
        for word in &query.words {
            wanted.word(word);
        }
        wanted
    }

    fn sql(&self) -> String {
        if self.conditions.is_empty() { "1".into() } else { self.conditions.join(" AND ") }
    }

    /// Keeps a value and tells its place holder.
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    /// Adds a condition; `@` in it stands for the text.
    fn with(&mut self, condition: &str, text: &str) {
        let place = self.value(Value::Text(text.into()));
        self.conditions.push(condition.replace('@', &place));
    }

    fn standing(&mut self, query: &Query) {
        if !query.deleted {
            self.conditions.push("i.deleted = 0".into());
        }
        match query.kinds {
            Kinds::Issues => self.conditions.push("i.kind <> 'pull_request'".into()),
            Kinds::Pulls => self.conditions.push("i.kind = 'pull_request'".into()),
            Kinds::Both => {}
        }
        let state = query.state.as_deref().map(str::to_ascii_lowercase);
        match state.as_deref() {
            None | Some("all") => {}
            Some("open") => self.conditions.push("i.state_category <> 'done'".into()),
            Some("closed" | "done") => self.conditions.push("i.state_category = 'done'".into()),
            Some("in_progress") => self.conditions.push("i.state_category = 'in_progress'".into()),
            Some(word) => self.with("i.state = @ COLLATE NOCASE", word),
        }
    }

    fn fields(&mut self, query: &Query) {
        if let Some(source) = &query.source {
            let within = "(i.source = @ COLLATE NOCASE OR (substr(i.source, 1, length(@)) = @ \
                          COLLATE NOCASE AND substr(i.source, length(@) + 1, 1) IN ('/', ':')))";
            self.with(within, source.trim_end_matches(['/', ':']));
        }
        if let Some(author) = &query.author {
            self.with("i.author = @ COLLATE NOCASE", author);
        }
        if let Some(milestone) = &query.milestone {
            self.with("i.milestone = @ COLLATE NOCASE", milestone);
        }
        if let Some(number) = query.number {
            let place = self.value(signed(number).into());
            self.conditions.push(format!("i.number = {place}"));
        }
        if let Some(kind) = query.kind {
            self.with("i.kind = @", kind.name());
        }
        if let Some(type_name) = &query.type_name {
            self.with("i.type_name = @ COLLATE NOCASE", type_name);
        }
        if let Some(parent) = &query.parent {
            self.below(parent);
        }
        if let Some(assignee) = &query.assignee {
            let has = "EXISTS (SELECT 1 FROM assignee_row a WHERE a.issue = i.id AND a.name = @ \
                       COLLATE NOCASE)";
            self.with(has, assignee);
        }
        for label in &query.labels {
            let has = "EXISTS (SELECT 1 FROM label_row l WHERE l.issue = i.id AND l.name = @ \
                       COLLATE NOCASE)";
            self.with(has, label);
        }
    }

    /// The parent's key is this, or ends with it where a part of a key begins.
    fn below(&mut self, parent: &str) {
        let is_number = parent.bytes().all(|b| b.is_ascii_digit());
        let text = if is_number { format!("#{parent}") } else { parent.into() };
        let is = "(i.parent = @ COLLATE NOCASE OR substr(i.parent, -length(@)) = @ COLLATE NOCASE
             AND (@ LIKE '#%' OR substr(i.parent, -length(@) - 1, 1) IN (':', '/')))";
        self.with(is, &text);
    }

    /// The word is in the title, the body, what must hold, or a live comment.
    fn word(&mut self, word: &Word) {
        let (Word::Start(text) | Word::Phrase(text)) = word;
        if unindexed(text) {
            let has = "(instr(lower(i.title), @)
                 OR EXISTS (SELECT 1 FROM issue_text t WHERE t.id = i.id
                     AND (instr(lower(coalesce(t.body, '')), @)
                         OR instr(lower(coalesce(t.acceptance_criteria, '')), @)))
                 OR EXISTS (SELECT 1 FROM comment_row c JOIN comment_text t ON t.id = c.id
                     WHERE c.source = i.source AND c.issue = i.key AND c.deleted = 0
                     AND instr(lower(coalesce(t.body, '')), @)))";
            return self.with(has, &text.to_ascii_lowercase());
        }
        let has = "i.id IN (SELECT CASE words.rowid % 2 WHEN 0 THEN words.rowid / 2 ELSE
                 (SELECT o.id FROM comment_row c
                      JOIN issue_row o ON o.source = c.source AND o.key = c.issue
                  WHERE c.id = words.rowid / 2 AND c.deleted = 0) END
             FROM words WHERE words MATCH @)";
        self.with(has, &pattern(word));
    }

    /// The first thing to sort by, where there is one: whether all words are in the title.
    fn in_title(&mut self, query: &Query) -> String {
        let patterns: Vec<_> = query
            .words
            .iter()
            .filter(|word| {
                let (Word::Start(text) | Word::Phrase(text)) = word;
                !unindexed(text)
            })
            .map(pattern)
            .collect();
        if patterns.is_empty() {
            return String::new();
        }
        let place = self.value(Value::Text(format!("title : ({})", patterns.join(" AND "))));
        format!("(i.id * 2 IN (SELECT rowid FROM words WHERE words MATCH {place})) DESC, ")
    }
}

/// The word in the language of the index, where everything between quotes is text.
fn pattern(word: &Word) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace(['"', '\0'], " "));
    match word {
        Word::Start(text) => format!("{} *", quoted(text)),
        Word::Phrase(text) => quoted(text),
    }
}

/// Whether the index cannot find this: it keeps words of letters and digits, and cuts at spaces,
/// which some scripts do not use. Such texts are looked for letter by letter.
fn unindexed(text: &str) -> bool {
    !text.chars().any(char::is_alphanumeric)
        || text.chars().any(|letter| {
            matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}'
                | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
                | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        })
}
