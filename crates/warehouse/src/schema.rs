//! The tables. Everything else reaches them by name, so their shape is said once, here: as what
//! each version changed. A new file takes the same steps as an old one, only without rows; what
//! they lead to is the snapshot `the_tables` of the tests.

/// Marks the file as ours: `jobs` in ASCII.
pub(crate) const APPLICATION: i64 = 0x6a6f_6273;

/// The newest shape this version knows; `PRAGMA user_version` of the file.
pub(crate) const VERSION: i64 = 2;

/// What leads from each version to the next, beginning with an empty file.
pub(crate) const STEPS: [&str; 2] = [FIRST, SECOND];

/// From an empty file to version 1. Never changed: files of that version are out there.
///
/// Times are nanoseconds since 1970, so that they compare as numbers and lose nothing. `seen_at`
/// is when a row was last met, `read_at` when its present content was: a version that is older
/// moves only the first. `job` is the job that met the row last, so that each job counts it once.
const FIRST: &str = "
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    phase TEXT,
    finished INTEGER NOT NULL DEFAULT 0,
    issues INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,
    comments INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- AUTOINCREMENT: an id that came back would let a late answer take out somebody else's task.
CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL,
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX task_of_job ON task (job);

CREATE TABLE failure (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    item TEXT NOT NULL,
    error TEXT NOT NULL,
    hint TEXT,
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX failure_of_job ON failure (job);

-- sort: skipped, partial, moved, withheld. Once each: catch-up rounds meet the same again.
CREATE TABLE note (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    sort TEXT NOT NULL,
    scope TEXT NOT NULL,
    item TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (job, sort, scope, item, text)
) STRICT;

-- What a job learnt of a scope: estimates and the total.
CREATE TABLE learnt (
    job INTEGER NOT NULL,
    scope TEXT NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (job, scope, what)
) STRICT, WITHOUT ROWID;

-- job 0 holds the real marks; a job's own become real when it finishes.
CREATE TABLE mark (
    job INTEGER NOT NULL,
    scope TEXT NOT NULL,
    chain TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (job, scope, chain)
) STRICT, WITHOUT ROWID;

-- Proofs of absence of a running job: rows of it seen before `at` are gone, also when they are
-- committed after the proof. sort: gone (an issue), comments (of an issue), listed (a scope).
CREATE TABLE absence (
    job INTEGER NOT NULL,
    sort TEXT NOT NULL,
    scope TEXT NOT NULL,
    item TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (job, sort, scope, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE issue_row (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    provider TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    state_category TEXT NOT NULL,
    author TEXT,
    priority TEXT,
    milestone TEXT,
    parent TEXT,
    url TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,
    comments INTEGER,
    digest BLOB NOT NULL,
    job INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0,
    fewer INTEGER NOT NULL DEFAULT 0,
    body TEXT,
    raw TEXT NOT NULL,
    UNIQUE (source, key)
) STRICT;
CREATE INDEX issue_by_number ON issue_row (source, number, deleted);

CREATE TABLE label_row (
    issue INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (issue, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX label_by_name ON label_row (name COLLATE NOCASE);

CREATE TABLE assignee_row (
    issue INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (issue, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE comment_row (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    issue TEXT NOT NULL,
    author TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    job INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    body TEXT,
    raw TEXT NOT NULL,
    UNIQUE (source, name)
) STRICT;
CREATE INDEX comment_of_issue ON comment_row (source, issue, deleted);

-- Met and left out: counted, so that totals can be compared.
CREATE TABLE passed_row (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    job INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;

-- One row an issue (rowid 2 * id) and one a comment (2 * id + 1). Keeps no second copy of texts.
CREATE VIRTUAL TABLE words USING fts5 (
    title, text, content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE VIEW issue AS SELECT
    i.key, i.source, i.provider, i.number, i.kind, i.title, i.body, i.state, i.state_category,
    i.author,
    (SELECT json_group_array(name) FROM
        (SELECT name FROM assignee_row WHERE issue = i.id ORDER BY position)) AS assignees,
    (SELECT json_group_array(name) FROM
        (SELECT name FROM label_row WHERE issue = i.id ORDER BY name)) AS labels,
    i.priority, i.milestone, i.parent, i.url,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.created_at / 1000000000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.updated_at / 1000000000, 'unixepoch') AS updated_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.closed_at / 1000000000, 'unixepoch') AS closed_at,
    i.deleted, i.raw
FROM issue_row i;

CREATE VIEW comment AS SELECT
    c.source, c.issue, c.name AS id, c.author, c.body,
    strftime('%Y-%m-%dT%H:%M:%SZ', c.created_at / 1000000000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', c.updated_at / 1000000000, 'unixepoch') AS updated_at,
    c.deleted, c.raw
FROM comment_row c;

CREATE VIEW label AS SELECT i.source, i.key AS issue, l.name
FROM label_row l JOIN issue_row i ON i.id = l.issue;

CREATE VIEW link AS SELECT source, key AS issue, 'parent' AS relation, parent AS target
FROM issue_row WHERE parent IS NOT NULL;
";

/// From version 1 to 2: what more trackers say of an issue, and its history.
///
/// Texts move to tables of their own: what is looked at for every issue of a scope (when it was
/// met, how many comments it has) lies close together, however long the replies are. Rows keep
/// the digests of version 1, which say less: a row differs when it is met again, and gets the new
/// columns then.
const SECOND: &str = "
DROP VIEW issue;
DROP VIEW comment;
DROP VIEW link;

ALTER TABLE job ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
UPDATE job SET skipped = (SELECT count(*) FROM note WHERE job = job.id AND sort = 'skipped');

-- The forge's own word for the place that `at` tells.
ALTER TABLE mark ADD COLUMN token TEXT;

-- fields, attachments, reactions: JSON, NULL where empty.
CREATE TABLE issue_text (
    id INTEGER PRIMARY KEY,
    body TEXT,
    acceptance_criteria TEXT,
    fields TEXT,
    attachments TEXT,
    reactions TEXT,
    raw TEXT NOT NULL
) STRICT;
INSERT INTO issue_text (id, body, raw) SELECT id, body, raw FROM issue_row;
ALTER TABLE issue_row DROP COLUMN body;
ALTER TABLE issue_row DROP COLUMN raw;
ALTER TABLE issue_row ADD COLUMN type_name TEXT;

CREATE TABLE comment_text (
    id INTEGER PRIMARY KEY,
    body TEXT,
    raw TEXT NOT NULL
) STRICT;
INSERT INTO comment_text (id, body, raw) SELECT id, body, raw FROM comment_row;
ALTER TABLE comment_row DROP COLUMN body;
ALTER TABLE comment_row DROP COLUMN raw;

CREATE TABLE link_row (
    issue INTEGER NOT NULL,
    relation TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (issue, relation, target)
) STRICT, WITHOUT ROWID;

-- History. Its texts stay in the row: nothing but an export reads many of them.
CREATE TABLE entry_row (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    issue TEXT NOT NULL,
    name TEXT NOT NULL,
    job INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    author TEXT,
    from_value TEXT,
    to_value TEXT,
    raw TEXT NOT NULL,
    UNIQUE (source, issue, name)
) STRICT;

-- The index of words joins its parts when eight of a size are there, not four: each word is
-- copied half as often, and a search opens a few parts more.
INSERT INTO words (words, rank) VALUES ('automerge', 8);

CREATE INDEX passed_by_number ON passed_row (source, number, deleted);

CREATE VIEW issue AS SELECT
    i.key, i.source, i.provider, i.number, i.kind, i.title, t.body, i.state, i.state_category,
    i.author,
    (SELECT json_group_array(name) FROM
        (SELECT name FROM assignee_row WHERE issue = i.id ORDER BY position)) AS assignees,
    (SELECT json_group_array(name) FROM
        (SELECT name FROM label_row WHERE issue = i.id ORDER BY name)) AS labels,
    i.priority, i.milestone, i.parent, i.url,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.created_at / 1000000000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.updated_at / 1000000000, 'unixepoch') AS updated_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.closed_at / 1000000000, 'unixepoch') AS closed_at,
    i.deleted, t.raw, i.type_name, t.acceptance_criteria,
    coalesce(t.fields, '{}') AS fields, coalesce(t.attachments, '[]') AS attachments,
    coalesce(t.reactions, '{}') AS reactions
FROM issue_row i JOIN issue_text t ON t.id = i.id;

CREATE VIEW comment AS SELECT
    c.source, c.issue, c.name AS id, c.author, t.body,
    strftime('%Y-%m-%dT%H:%M:%SZ', c.created_at / 1000000000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', c.updated_at / 1000000000, 'unixepoch') AS updated_at,
    c.deleted, t.raw
FROM comment_row c JOIN comment_text t ON t.id = c.id;

CREATE VIEW link AS
SELECT source, key AS issue, 'parent' AS relation, parent AS target
FROM issue_row WHERE parent IS NOT NULL
UNION ALL SELECT i.source, i.key, l.relation, l.target
FROM link_row l JOIN issue_row i ON i.id = l.issue;

CREATE VIEW history AS SELECT
    e.source, e.issue, e.name AS id, e.what, e.author,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000000000, 'unixepoch') AS at,
    e.from_value, e.to_value, e.raw
FROM entry_row e;
";
