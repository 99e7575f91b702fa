//! Whether two versions of a row say the same. The forge's own reply does not count: it may carry
//! what differs with every request.

use jobctl_provider::{Comment, Issue};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::time::stored;
use crate::write::json;

pub(crate) fn of_issue(issue: &Issue) -> Vec<u8> {
    let mut labels: Vec<_> = issue.labels.iter().collect();
    labels.sort_unstable();
    let mut links: Vec<_> = issue.links.iter().collect();
    links.sort_unstable();
    let content = (
        (issue.number, issue.kind, &issue.type_name, &issue.title, &issue.body),
        (&issue.state, issue.state_category, &issue.priority, &issue.milestone, &issue.parent),
        (&issue.author, &issue.assignees, labels, links),
        (&issue.fields, &issue.acceptance_criteria, &issue.attachments, &issue.reactions),
        (stored(issue.created_at), stored(issue.updated_at), issue.closed_at.map(stored)),
        (&issue.url, issue.comments),
    );
    digest(&content)
}

/// Unchanged since version 1 of the file, so that its comments say what they said.
pub(crate) fn of_comment(comment: &Comment) -> Vec<u8> {
    let times = (comment.created_at, comment.updated_at);
    digest(&(&comment.issue, &comment.author, &comment.body, times))
}

fn digest(content: &impl Serialize) -> Vec<u8> {
    Sha256::digest(json(content))[..16].to_vec()
}
