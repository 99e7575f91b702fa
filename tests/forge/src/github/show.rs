//! Issues, pull requests and comments as JSON. Written by hand, field by field: a page of a
//! hundred must not cost a test build tens of milliseconds.

use std::fmt::Write;

use serde_json::Value;

use crate::clock::rfc3339;
use crate::wire::encode;
use crate::world::repo::{Comment, Issue, Label, Milestone, Repo};
use crate::world::timeline::Event;
use crate::world::{Links, RECORDED_API, RECORDED_WEB, World};

/// What every item of one repository needs.
pub(crate) struct Show<'a> {
    pub(crate) world: &'a World,
    pub(crate) repo: &'a Repo,
    pub(crate) links: &'a Links,
    /// `API/repos/owner/name`.
    pub(crate) api: String,
    /// `WEB/owner/name`.
    pub(crate) web: String,
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quoted)
}

fn time(at: Option<i64>) -> String {
    at.map_or_else(|| "null".to_owned(), |at| format!("\"{}\"", rfc3339(at)))
}

impl<'a> Show<'a> {
    pub(crate) fn new(world: &'a World, repo: &'a Repo, links: &'a Links) -> Self {
        let owner = &world.people.get(repo.owner).login;
        let path = format!("{}/{}", encode(owner), encode(&repo.name));
        let (api, web) = (format!("{}/repos/{path}", links.api), format!("{}/{path}", links.web));
        Show { world, repo, links, api, web }
    }

    fn user(&self, at: Option<usize>) -> &str {
        self.world.people.json_or_null(at, self.links.base)
    }

    /// An issue as the lists give it.
    pub(crate) fn issue(&self, out: &mut String, issue: &Issue) {
        if let Some(recorded) = &issue.recorded {
            let text = recorded.replace(RECORDED_API, &self.links.api);
            out.push_str(&text.replace(RECORDED_WEB, &self.links.web));
            return;
        }
        let n = issue.number;
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        let _ = write!(
            out,
            "{{\"url\":\"{api}/issues/{n}\",\"repository_url\":\"{api}\",\
             \"labels_url\":\"{api}/issues/{n}/labels{{/name}}\",\
             \"comments_url\":\"{api}/issues/{n}/comments\",\
             \"events_url\":\"{api}/issues/{n}/events\",\"html_url\":\"{web}/{kind}/{n}\",\
             \"id\":{id},\"node_id\":\"I_kwDO{repo:08x}{id:x}\",\"number\":{n},\"title\":{title},\
             \"user\":{user},\"labels\":[",
            api = self.api,
            web = self.web,
            id = issue.id,
            repo = self.repo.id,
            title = quoted(&issue.title),
            user = self.user(issue.user),
        );
        self.labels_of(out, issue);
        let _ = write!(
            out,
            "],\"state\":\"{}\",\"locked\":{},\"assignee\":{},\"assignees\":[",
            state(issue.open),
            issue.locked,
            self.user(issue.assignees.first().copied()),
        );
        list(out, &issue.assignees, |out, at| out.push_str(self.user(Some(*at))));
        out.push_str("],\"milestone\":");
        match issue.milestone {
            Some(at) => self.milestone(out, at),
            None => out.push_str("null"),
        }
        self.issue_rest(out, issue);
    }

    fn issue_rest(&self, out: &mut String, issue: &Issue) {
        let n = issue.number;
        let _ = write!(
            out,
            ",\"comments\":{},\"created_at\":\"{}\",\"updated_at\":\"{}\",\"closed_at\":{},\
             \"author_association\":\"{}\",\"type\":{},\"active_lock_reason\":{},",
            issue.comments,
            rfc3339(issue.created),
            rfc3339(issue.updated),
            time(issue.closed),
            association(issue.user),
            issue_type(issue),
            if issue.locked { "\"resolved\"" } else { "null" },
        );
        if let Some(pull) = &issue.pull {
            let _ = write!(
                out,
                "\"draft\":{},\"pull_request\":{{\"url\":\"{}/pulls/{n}\",\
                 \"html_url\":\"{web}/pull/{n}\",\"diff_url\":\"{web}/pull/{n}.diff\",\
                 \"patch_url\":\"{web}/pull/{n}.patch\",\"merged_at\":{}}},",
                pull.draft,
                self.api,
                time(pull.merged),
                web = self.web,
            );
        } else {
            self.ties(out, n);
        }
        let _ = write!(out, "\"body\":{},", optional(issue.body.as_deref()));
        self.reactions(out, &format!("issues/{n}"), issue.id);
        let _ = write!(
            out,
            ",\"timeline_url\":\"{}/issues/{n}/timeline\",\"performed_via_github_app\":null,\
             \"state_reason\":{}}}",
            self.api,
            optional(issue.state_reason),
        );
    }

    /// How an issue hangs together with others: numbers, and the address of its parent.
    fn ties(&self, out: &mut String, n: u64) {
        if let Some(parent) = self.repo.parent_of(n) {
            let _ = write!(out, "\"parent_issue_url\":\"{}/issues/{parent}\",", self.api);
        }
        let (children, blocking) = (self.repo.children_of(n), self.repo.blocking(n));
        let blocked_by = self.repo.blocked_by.get(&n).map_or(0, Vec::len);
        let closed = |number: &&u64| self.repo.issues.get(number).is_some_and(|i| !i.open);
        let done = children.iter().filter(closed).count();
        let percent = (done * 100).checked_div(children.len()).unwrap_or_default();
        let _ = write!(
            out,
            "\"sub_issues_summary\":{{\"total\":{},\"completed\":{done},\
             \"percent_completed\":{percent}}},\"issue_dependencies_summary\":{{\
             \"blocked_by\":{blocked_by},\"total_blocked_by\":{blocked_by},\
             \"blocking\":{blocking},\"total_blocking\":{blocking}}},",
            children.len(),
            blocking = blocking.len(),
        );
    }

    fn labels_of(&self, out: &mut String, issue: &Issue) {
        list(out, &issue.labels, |out, at| self.label(out, &self.repo.labels[*at]));
    }

    pub(crate) fn label(&self, out: &mut String, label: &Label) {
        let _ = write!(
            out,
            "{{\"id\":{id},\"node_id\":\"LA_kwDO{id:x}\",\"url\":\"{}/labels/{}\",\"name\":{},\
             \"color\":\"{}\",\"default\":{},\"description\":{}}}",
            self.api,
            encode(&label.name),
            quoted(&label.name),
            label.color,
            label.name == "bug",
            optional(label.description.as_deref()),
            id = label.id,
        );
    }

    /// The milestone of this index.
    pub(crate) fn milestone(&self, out: &mut String, at: usize) {
        let Milestone { id, title, open, creator, created, due } = &self.repo.milestones[at];
        let number = at + 1;
        let _ = write!(
            out,
            "{{\"url\":\"{api}/milestones/{number}\",\"html_url\":\"{}/milestone/{number}\",\
             \"labels_url\":\"{api}/milestones/{number}/labels\",\"id\":{id},\
             \"node_id\":\"MI_kwDO{id:x}\",\"number\":{number},\"title\":{},\"description\":null,\
             \"creator\":{},\"open_issues\":1,\"closed_issues\":2,\"state\":\"{}\",\
             \"created_at\":\"{made}\",\"updated_at\":\"{made}\",\"due_on\":{},\"closed_at\":null}}",
            self.web,
            quoted(title),
            self.user(Some(*creator)),
            state(*open),
            time(*due),
            api = self.api,
            made = rfc3339(*created),
        );
    }

    fn reactions(&self, out: &mut String, path: &str, id: u64) {
        let (up, heart) = (id % 3, id % 2);
        let _ = write!(
            out,
            "\"reactions\":{{\"url\":\"{}/{path}/reactions\",\"total_count\":{},\"+1\":{up},\
             \"-1\":0,\"laugh\":0,\"hooray\":0,\"confused\":0,\"heart\":{heart},\"rocket\":0,\
             \"eyes\":0}}",
            self.api,
            up + heart,
        );
    }

    pub(crate) fn comment(&self, out: &mut String, comment: &Comment) {
        let (id, n) = (comment.id, comment.number);
        let pull = self.repo.issues.get(&n).is_some_and(|issue| issue.pull.is_some());
        let kind = if pull { "pull" } else { "issues" };
        let _ = write!(
            out,
            "{{\"url\":\"{api}/issues/comments/{id}\",\
             \"html_url\":\"{}/{kind}/{n}#issuecomment-{id}\",\"issue_url\":\"{api}/issues/{n}\",\
             \"id\":{id},\"node_id\":\"IC_kwDO{:08x}{id:x}\",\"user\":{},\"created_at\":\"{}\",\
             \"updated_at\":\"{}\",\"body\":{},\"author_association\":\"{}\",",
            self.web,
            self.repo.id,
            self.user(comment.user),
            rfc3339(comment.created),
            rfc3339(comment.updated),
            quoted(&comment.body),
            association(comment.user),
            api = self.api,
        );
        self.reactions(out, &format!("issues/comments/{id}"), id);
        out.push_str(",\"performed_via_github_app\":null}");
    }

    /// An entry of an issue's history that is no comment: what all of them have.
    pub(crate) fn event(&self, event: &Event) -> String {
        let (id, what, at) = (event.id, event.what.rest_word(), rfc3339(event.at));
        format!(
            "{{\"id\":{id},\"event\":\"{what}\",\"actor\":{},\"created_at\":\"{at}\"}}",
            self.user(event.actor)
        )
    }

    /// A pull request as `/pulls` gives it.
    pub(crate) fn pull(&self, out: &mut String, issue: &Issue) {
        let Some(pull) = &issue.pull else { return };
        let n = issue.number;
        let _ = write!(
            out,
            "{{\"url\":\"{api}/pulls/{n}\",\"id\":{id},\"node_id\":\"PR_kwDO{id:x}\",\
             \"html_url\":\"{web}/pull/{n}\",\"diff_url\":\"{web}/pull/{n}.diff\",\
             \"patch_url\":\"{web}/pull/{n}.patch\",\"issue_url\":\"{api}/issues/{n}\",\
             \"commits_url\":\"{api}/pulls/{n}/commits\",\
             \"comments_url\":\"{api}/issues/{n}/comments\",\"number\":{n},\"state\":\"{}\",\
             \"locked\":{},\"title\":{},\"user\":{},\"body\":{},\"labels\":[",
            state(issue.open),
            issue.locked,
            quoted(&issue.title),
            self.user(issue.user),
            optional(issue.body.as_deref()),
            api = self.api,
            web = self.web,
            // The id of a pull request is not that of its issue.
            id = issue.id + 700_000_000,
        );
        self.labels_of(out, issue);
        let _ = write!(
            out,
            "],\"milestone\":null,\"active_lock_reason\":null,\"created_at\":\"{}\",\
             \"updated_at\":\"{}\",\"closed_at\":{},\"merged_at\":{},\"merge_commit_sha\":null,\
             \"assignee\":null,\"assignees\":[],\"requested_reviewers\":[],\"draft\":{},\
             \"head\":{{\"label\":\"octo:topic-{n}\",\"ref\":\"topic-{n}\",\"sha\":\"{n:040x}\",\
             \"repo\":null}},\"base\":{{\"label\":\"base\",\"ref\":{},\"sha\":\"{:040x}\"}},\
             \"author_association\":\"{}\",\"auto_merge\":null}}",
            rfc3339(issue.created),
            rfc3339(issue.updated),
            time(issue.closed),
            time(pull.merged),
            pull.draft,
            quoted(&self.repo.default_branch),
            n + 1,
            association(issue.user),
        );
    }
}

/// Writes elements with commas between them.
pub(crate) fn list<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

/// The type of an issue, an object; most of the real ones are without.
fn issue_type(issue: &Issue) -> String {
    issue.type_name().map_or_else(
        || "null".to_owned(),
        |name| {
            let id = name.len();
            format!(
                "{{\"id\":{id},\"node_id\":\"IT_kwDO{id:08x}\",\"name\":\"{name}\",\
                 \"description\":null,\"color\":\"blue\",\"is_enabled\":true}}"
            )
        },
    )
}

fn state(open: bool) -> &'static str {
    if open { "open" } else { "closed" }
}

fn association(user: Option<usize>) -> &'static str {
    match user {
        Some(at) if at % 3 == 0 => "MEMBER",
        Some(at) if at % 3 == 1 => "CONTRIBUTOR",
        Some(_) | None => "NONE",
    }
}
