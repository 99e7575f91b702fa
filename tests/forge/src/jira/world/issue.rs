//! Issues as they are before they are shown, and the words a Jira has for them.

use super::blocks::Block;

/// A type of issue: id, name, level in the hierarchy.
pub(crate) const KINDS: [(&str, &str, i8); 6] = [
    ("10000", "Epic", 1),
    ("10001", "Story", 0),
    ("10002", "Task", 0),
    ("10003", "Sub-task", -1),
    ("10004", "Bug", 0),
    ("10005", "Spike", 0),
];
pub(crate) const EPIC: usize = 0;
pub(crate) const STORY: usize = 1;
pub(crate) const TASK: usize = 2;
pub(crate) const SUBTASK: usize = 3;
pub(crate) const BUG: usize = 4;
pub(crate) const SPIKE: usize = 5;

/// A status: id, name, index of its category.
pub(crate) const STATUSES: [(&str, &str, usize); 6] = [
    ("10010", "To Do", 0),
    ("3", "In Progress", 1),
    ("10011", "In Review", 1),
    ("10012", "Done", 2),
    ("10013", "Won't Do", 2),
    ("10014", "Wartet (auf Kunden)", 1),
];

/// A status category: id, key, name, colour.
pub(crate) const CATEGORIES: [(u8, &str, &str, &str); 3] = [
    (2, "new", "To Do", "blue-gray"),
    (4, "indeterminate", "In Progress", "yellow"),
    (3, "done", "Done", "green"),
];

/// A priority's name; its id is its place counted from 1.
pub(crate) const PRIORITIES: [&str; 5] = ["Highest", "High", "Medium", "Low", "Lowest"];

/// Labels have no blanks.
pub(crate) const LABELS: [&str; 8] =
    ["backend", "frontend", "Saas", "日本語", "needs-info?", "a,b", "\u{1F525}hot", "q3"];

/// A sprint: name and state; its id is its place counted from 1.
pub(crate) const SPRINTS: [(&str, &str); 6] = [
    ("Sprint 1", "closed"),
    ("Sprint 2, the long one", "closed"),
    ("Sprint 3", "closed"),
    ("Sprint 4", "closed"),
    ("Sprint 5 [now]", "active"),
    ("Sprint 6", "future"),
];

/// Versions; the first two are released.
pub(crate) const VERSIONS: [&str; 4] = ["v1.0", "v1.1", "v2.0", "2027 \u{2013} later"];

/// A select field's options.
pub(crate) const AREAS: [&str; 3] = ["Checkout", "Ledger & books", "Reports"];

/// A type of link: id, name, inward and outward words.
pub(crate) const TIES: [(&str, &str, &str, &str); 4] = [
    ("10000", "Blocks", "is blocked by", "blocks"),
    ("10001", "Cloners", "is cloned by", "clones"),
    ("10002", "Duplicate", "is duplicated by", "duplicates"),
    ("10003", "Relates", "relates to", "relates to"),
];

/// What an issue is, but for its long texts.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Index into [`KINDS`], and so on.
    pub(crate) kind: usize,
    pub(crate) status: usize,
    pub(crate) priority: Option<usize>,
    pub(crate) summary: String,
    pub(crate) labels: Vec<String>,
    pub(crate) assignee: Option<usize>,
    pub(crate) reporter: Option<usize>,
    /// The id of the parent, which may be gone.
    pub(crate) parent: Option<u64>,
    pub(crate) sprints: Vec<usize>,
    pub(crate) versions: Vec<usize>,
    pub(crate) points: Option<u32>,
    pub(crate) area: Option<usize>,
    /// What a field of its own says must hold.
    pub(crate) acceptance: Option<String>,
    /// Names of files.
    pub(crate) files: Vec<String>,
    pub(crate) ties: Vec<Tie>,
    pub(crate) resolved: Option<i64>,
}

/// A link, seen from one side.
#[derive(Debug, Clone)]
pub(crate) struct Tie {
    pub(crate) id: u64,
    /// Index into [`TIES`].
    pub(crate) kind: usize,
    pub(crate) outward: bool,
    /// The other's id; it may be gone.
    pub(crate) other: u64,
}

/// A comment.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: Option<usize>,
    pub(crate) body: Vec<Block>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

/// One entry of the changelog.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) id: u64,
    pub(crate) author: Option<usize>,
    pub(crate) at: i64,
    pub(crate) items: Vec<Changed>,
}

/// One field in an entry.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) field: &'static str,
    pub(crate) from: Option<(String, String)>,
    pub(crate) to: Option<(String, String)>,
}

/// What was changed of an issue; what is `None` is still as it was grown.
#[derive(Debug)]
pub(crate) struct Edits {
    pub(crate) head: Head,
    pub(crate) body: Option<Vec<Block>>,
    pub(crate) comments: Option<Vec<Comment>>,
    pub(crate) histories: Vec<History>,
}

/// The status as ids and words of a changelog.
pub(crate) fn status_words(at: usize) -> (String, String) {
    let (id, name, _) = STATUSES[at];
    (id.to_owned(), name.to_owned())
}
