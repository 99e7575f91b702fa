//! The entries of a history: what is asked of each sort, and what it becomes.
//!
//! Left out are comments, which are read as such, and mentions and subscriptions, which say
//! nothing of the issue and outnumber the rest.

use jobctl_provider::{Entry, Time};
use serde_json::Value;

/// One sort of entry.
struct Sort {
    /// Its type in GraphQL.
    type_name: &'static str,
    /// Its name in the REST interface, by which people know it.
    word: &'static str,
    /// What is asked besides who and when.
    fields: &'static str,
    /// Where the value before is; the first that is there.
    from: &'static [&'static str],
    /// Where the value after is, likewise.
    to: &'static [&'static str],
    at: Where,
}

/// Where a sort of entry is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Everywhere,
    /// Since sub-issues came; Enterprise Servers may be older.
    Newer,
    Pulls,
}

const fn sort(
    type_name: &'static str,
    word: &'static str,
    fields: &'static str,
    from: &'static [&'static str],
    to: &'static [&'static str],
) -> Sort {
    Sort { type_name, word, fields, from, to, at: Where::Everywhere }
}

const fn newer(
    type_name: &'static str,
    word: &'static str,
    fields: &'static str,
    from: &'static [&'static str],
    to: &'static [&'static str],
) -> Sort {
    Sort { at: Where::Newer, ..sort(type_name, word, fields, from, to) }
}

const fn of_pull(
    type_name: &'static str,
    word: &'static str,
    fields: &'static str,
    to: &'static [&'static str],
) -> Sort {
    Sort { at: Where::Pulls, ..sort(type_name, word, fields, &[], to) }
}

/// A person in the fields below; who did it stands in every entry.
const PERSON: &str = "{...on User{login} ...on Bot{login} ...on Mannequin{login} \
                      ...on Organization{login}}";

/// An issue or pull request in the fields below.
const TIE: &str = "{...on Issue{number repository{nameWithOwner}} \
                   ...on PullRequest{number repository{nameWithOwner}}}";

const SORTS: [Sort; 36] = [
    sort("LabeledEvent", "labeled", "label{name}", &[], &["/label"]),
    sort("UnlabeledEvent", "unlabeled", "label{name}", &["/label"], &[]),
    sort("AssignedEvent", "assigned", "assignee%P", &[], &["/assignee"]),
    sort("UnassignedEvent", "unassigned", "assignee%P", &["/assignee"], &[]),
    sort("MilestonedEvent", "milestoned", "milestoneTitle", &[], &["/milestoneTitle"]),
    sort("DemilestonedEvent", "demilestoned", "milestoneTitle", &["/milestoneTitle"], &[]),
    sort(
        "RenamedTitleEvent",
        "renamed",
        "previousTitle currentTitle",
        &["/previousTitle"],
        &["/currentTitle"],
    ),
    sort(
        "ClosedEvent",
        "closed",
        "stateReason closer{...on Commit{oid} ...on PullRequest{number repository{nameWithOwner}}}",
        &[],
        &["/closer", "/stateReason"],
    ),
    sort("ReopenedEvent", "reopened", "", &[], &[]),
    sort("LockedEvent", "locked", "lockReason", &[], &["/lockReason"]),
    sort("UnlockedEvent", "unlocked", "", &[], &[]),
    sort("CrossReferencedEvent", "cross-referenced", "willCloseTarget source%T", &[], &["/source"]),
    sort("ReferencedEvent", "referenced", "commit{oid}", &[], &["/commit"]),
    sort("ConnectedEvent", "connected", "subject%T", &[], &["/subject"]),
    sort("DisconnectedEvent", "disconnected", "subject%T", &["/subject"], &[]),
    sort("MarkedAsDuplicateEvent", "marked_as_duplicate", "canonical%T", &[], &["/canonical"]),
    sort("UnmarkedAsDuplicateEvent", "unmarked_as_duplicate", "canonical%T", &["/canonical"], &[]),
    sort(
        "TransferredEvent",
        "transferred",
        "fromRepository{nameWithOwner}",
        &["/fromRepository"],
        &[],
    ),
    sort("PinnedEvent", "pinned", "", &[], &[]),
    sort("UnpinnedEvent", "unpinned", "", &[], &[]),
    sort("ConvertedToDiscussionEvent", "converted_to_discussion", "", &[], &[]),
    sort("CommentDeletedEvent", "comment_deleted", "", &[], &[]),
    sort("UserBlockedEvent", "user_blocked", "", &[], &[]),
    newer("ParentIssueAddedEvent", "parent_issue_added", "parent%I", &[], &["/parent"]),
    newer("ParentIssueRemovedEvent", "parent_issue_removed", "parent%I", &["/parent"], &[]),
    newer("SubIssueAddedEvent", "sub_issue_added", "subIssue%I", &[], &["/subIssue"]),
    newer("SubIssueRemovedEvent", "sub_issue_removed", "subIssue%I", &["/subIssue"], &[]),
    of_pull("MergedEvent", "merged", "mergeRefName commit{oid}", &["/commit", "/mergeRefName"]),
    of_pull("ReviewRequestedEvent", "review_requested", REVIEWER, &["/requestedReviewer"]),
    of_pull("ReviewRequestRemovedEvent", "review_request_removed", REVIEWER, &[]),
    of_pull("ReviewDismissedEvent", "review_dismissed", "", &[]),
    of_pull("ReadyForReviewEvent", "ready_for_review", "", &[]),
    of_pull("ConvertToDraftEvent", "convert_to_draft", "", &[]),
    of_pull("HeadRefForcePushedEvent", "head_ref_force_pushed", "", &[]),
    of_pull("HeadRefDeletedEvent", "head_ref_deleted", "", &[]),
    of_pull("BaseRefChangedEvent", "base_ref_changed", "", &[]),
];

const REVIEWER: &str =
    "requestedReviewer{...on User{login} ...on Bot{login} ...on Mannequin{login} ...on Team{name}}";

/// The sorts that are asked of an issue or a pull request; `classic` leaves out what an older
/// server does not know.
fn asked(pulls: bool, classic: bool) -> impl Iterator<Item = &'static Sort> {
    SORTS.iter().filter(move |sort| match sort.at {
        Where::Everywhere => true,
        Where::Newer => !classic,
        Where::Pulls => pulls,
    })
}

/// What is selected of each entry.
pub(crate) fn selections(pulls: bool, classic: bool) -> String {
    let mut text = "__typename".to_owned();
    for Sort { type_name, fields, .. } in asked(pulls, classic) {
        let fields = fields
            .replace("%P", PERSON)
            .replace("%T", TIE)
            .replace("%I", "{number repository{nameWithOwner}}");
        let fields =
            format!(" ...on {type_name}{{id createdAt actor{{__typename login}} {fields}}}");
        text.push_str(&fields);
    }
    text
}

/// The sorts as GraphQL's `itemTypes` names them, such as `LABELED_EVENT`.
pub(crate) fn item_types(pulls: bool, classic: bool) -> Vec<String> {
    let shouted = |name: &str| {
        let mut word = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !word.is_empty() {
                word.push('_');
            }
            word.push(letter.to_ascii_uppercase());
        }
        word
    };
    asked(pulls, classic).map(|sort| shouted(sort.type_name)).collect()
}

/// Reads one entry of the issue with this key; the connection's name begins the keys it names.
pub(crate) fn entry(node: &Value, issue: &str, connection: &str) -> Result<Entry, String> {
    let text = |field: &str| node.get(field).and_then(Value::as_str);
    let type_name = text("__typename").ok_or("it has no type")?;
    let sort = SORTS.iter().find(|sort| sort.type_name == type_name);
    let sort = sort.ok_or_else(|| format!("{type_name} was not asked for"))?;
    let at = text("createdAt").and_then(|at| at.parse::<Time>().ok()).ok_or("it has no time")?;
    let value =
        |places: &[&str]| places.iter().find_map(|place| told(node.pointer(place)?, connection));
    Ok(Entry {
        issue: issue.to_owned(),
        id: text("id").ok_or("it has no id")?.to_owned(),
        what: sort.word.to_owned(),
        author: node.get("actor").and_then(|actor| told(actor, connection)),
        at,
        from: value(sort.from),
        to: value(sort.to),
        raw: node.clone(),
    })
}

/// A value in a word or two: a text, a person, a label, a commit, a repository, an issue's key.
fn told(value: &Value, connection: &str) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    if let (Some(number), Some(repo)) = (
        value.get("number").and_then(Value::as_u64),
        value.pointer("/repository/nameWithOwner").and_then(Value::as_str),
    ) {
        return Some(format!("{connection}:{repo}#{number}"));
    }
    if let Some(login) = field("login") {
        // REST shows bots with this ending; one account has one name here.
        let bot = field("__typename") == Some("Bot") && !login.ends_with("[bot]");
        return Some(if bot { format!("{login}[bot]") } else { login.to_owned() });
    }
    ["name", "oid", "nameWithOwner"].into_iter().find_map(field).map(str::to_owned)
}
