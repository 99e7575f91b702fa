//! A warehouse in a directory of its own, and rows to put into it.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use jobctl_provider::{
    Category, Comment, Entry, Fact, Issue, IssueKind, Item, Passed, Step, Task, Time,
};
use jobctl_warehouse::{Committed, ExportIssue, Kinds, Query, Warehouse};
use serde_json::json;

pub(crate) const SCOPE: &str = "github:acme/api";
pub(crate) const JOB: &str = "00c0ffee";

/// So many seconds into the tests' day.
pub(crate) fn at(seconds: i64) -> Time {
    Time::from_second(1_700_000_000 + seconds).unwrap()
}

pub(crate) struct Site {
    dir: tempfile::TempDir,
    pub(crate) house: Warehouse,
}

impl Site {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let house = Warehouse::open(&dir.path().join("issues.db")).unwrap();
        Self { dir, house }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("issues.db")
    }

    /// What the next worker finds after this one was killed: the files as they are, with no
    /// connection ever closed.
    pub(crate) fn reopened(self) -> Self {
        self.after_power_loss(u64::MAX)
    }

    /// The same, where only so many bytes of the log had reached the disk.
    pub(crate) fn after_power_loss(&self, kept: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("issues.db");
        fs::copy(self.path(), &path).unwrap();
        let log = dir.path().join("issues.db-wal");
        if fs::copy(self.log(), &log).is_ok_and(|length| length > kept) {
            OpenOptions::new().write(true).open(&log).unwrap().set_len(kept).unwrap();
        }
        Self { house: Warehouse::open(&path).unwrap(), dir }
    }

    /// Where the log lies.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("issues.db-wal")
    }

    /// Commits a step as the answer to a task made for it alone.
    pub(crate) fn give(&mut self, seen: i64, step: &Step) -> Committed {
        self.give_as(JOB, seen, step)
    }

    pub(crate) fn give_as(&mut self, job: &str, seen: i64, step: &Step) -> Committed {
        self.house.set_phase(job, 1, "test", &[task("page")]).unwrap();
        let (id, _) = self.house.frontier(job).unwrap().remove(0);
        self.house.commit(job, 1, id, step, at(seen)).unwrap()
    }

    pub(crate) fn everything(&self) -> Vec<ExportIssue> {
        let query = Query {
            deleted: true,
            history: true,
            raw: true,
            kinds: Kinds::Both,
            ..Query::default()
        };
        self.exported(&query)
    }

    pub(crate) fn exported(&self, query: &Query) -> Vec<ExportIssue> {
        let mut issues = Vec::new();
        self.house
            .export(query, &mut |issue| {
                issues.push(issue);
                Ok(())
            })
            .unwrap();
        issues
    }

    /// Numbers of the live issues.
    pub(crate) fn live(&self) -> Vec<u64> {
        self.exported(&Query::default()).into_iter().map(|issue| issue.issue.number).collect()
    }
}

pub(crate) fn task(kind: &str) -> Task {
    Task { scope: SCOPE.into(), kind: kind.into(), state: json!({ "of": kind }), version: 1 }
}

pub(crate) fn key(number: u64) -> String {
    format!("{SCOPE}#{number}")
}

pub(crate) fn issue(number: u64, updated: i64) -> Issue {
    Issue {
        key: key(number),
        source: SCOPE.into(),
        provider: "github".into(),
        number,
        kind: IssueKind::Issue,
        title: format!("Issue {number}"),
        body: Some(format!("Body of {number} as of {updated}")),
        state: "open".into(),
        state_category: Category::Open,
        author: Some("ann".into()),
        assignees: vec!["bob".into()],
        labels: vec!["bug".into()],
        url: format!("https://github.com/acme/api/issues/{number}"),
        created_at: at(0),
        updated_at: at(updated),
        closed_at: None,
        comments: None,
        raw: json!({ "number": number, "updated": updated }),
        ..Issue::default()
    }
}

pub(crate) fn comment(id: u64, of: u64, updated: i64) -> Comment {
    Comment {
        issue: key(of),
        id: id.to_string(),
        author: Some("cid".into()),
        body: Some(format!("Comment {id} as of {updated}")),
        created_at: at(0),
        updated_at: at(updated),
        raw: json!({ "id": id }),
    }
}

/// An entry that was made so many seconds into the tests' day.
pub(crate) fn entry(id: u64, of: u64, made: i64) -> Entry {
    Entry {
        issue: key(of),
        id: id.to_string(),
        what: "labeled".into(),
        author: Some("dan".into()),
        at: at(made),
        from: None,
        to: Some("bug".into()),
        raw: json!({ "id": id }),
    }
}

pub(crate) fn passed(number: u64) -> Item {
    Item::Passed(Passed { key: key(number), number, source: SCOPE.into() })
}

pub(crate) fn issues(all: impl IntoIterator<Item = Issue>) -> Step {
    Step {
        items: all.into_iter().map(|issue| Item::Issue(Box::new(issue))).collect(),
        ..Step::default()
    }
}

pub(crate) fn comments(all: impl IntoIterator<Item = Comment>) -> Step {
    Step {
        items: all.into_iter().map(|comment| Item::Comment(Box::new(comment))).collect(),
        ..Step::default()
    }
}

pub(crate) fn entries(all: impl IntoIterator<Item = Entry>) -> Step {
    Step {
        items: all.into_iter().map(|entry| Item::Entry(Box::new(entry))).collect(),
        ..Step::default()
    }
}

pub(crate) fn facts(facts: impl IntoIterator<Item = Fact>) -> Step {
    Step { facts: facts.into_iter().collect(), ..Step::default() }
}
