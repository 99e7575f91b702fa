//! What belongs to one work item: its comments and the updates that made it what it is.

use serde_json::{Map, Value, json};

use super::asked::{Answered, Asked, Scope, list};
use super::field::{Cell, Field};
use super::refuse;
use super::show::time;
use super::version::has_old_comments;
use super::world::{Comment, Edit, Snapshot};
use crate::wire::encode;

impl Asked<'_> {
    /// `GET …/wit/workItems/{id}/comments`: the newest first, unless asked otherwise.
    pub(crate) fn comments(&self, scope: Option<Scope<'_>>, id: u64) -> Answered {
        // Documented below a project only.
        let scope = scope.ok_or_else(|| refuse::nothing_here(self.request.path()))?;
        let now = self.found(Some(scope), id).ok_or_else(|| refuse::no_item(id))?;
        if has_old_comments(self.version) {
            return self.old_comments(scope, &now);
        }
        let mut comments = now.item.comments();
        if !self.flag("includeDeleted")? {
            comments.retain(|comment| !comment.deleted);
        }
        let total = comments.len();
        let asked = self.request.query("ids").filter(|ids| !ids.is_empty());
        if let Some(ids) = asked {
            let ids: Vec<&str> = ids.split(',').map(str::trim).collect();
            comments.retain(|comment| ids.contains(&comment.id.to_string().as_str()));
        }
        let ascending = match self.request.query("order").map(|o| o.to_ascii_lowercase()).as_deref()
        {
            Some("asc") => true,
            None | Some("desc") => false,
            Some(_) => return Err(refuse::invalid("order", "The value is not valid.")),
        };
        comments.sort_by_key(|comment| (comment.created.0, comment.id));
        if !ascending {
            comments.reverse();
        }
        let most = self.behaviour.comment_page;
        let size = self.number("$top", 1)?.unwrap_or(most).min(most);
        let start = self.comment_start(&comments)?;
        let end = comments.len().min(start + size);
        let rendered = self.rendered()?;
        let page: Vec<Value> = comments[start..end]
            .iter()
            .map(|comment| self.one(scope, id, comment, rendered))
            .collect();
        let mut body = json!({ "totalCount": total, "count": page.len(), "comments": page });
        if end < comments.len() {
            // The token names the last comment shown, so that edits meanwhile shift nothing.
            let token = token_of(&comments[end - 1]);
            let mut next = format!(
                "{}/{}/_apis/wit/workItems/{id}/comments?continuationToken={}",
                self.base,
                scope.project.id,
                encode(&token)
            );
            for name in ["$top", "order", "$expand", "includeDeleted", "api-version"] {
                let value = self.request.query(name);
                next.extend(value.map(|value| format!("&{}={}", encode(name), encode(&value))));
            }
            body["nextPage"] = json!(next);
            body["continuationToken"] = json!(token);
        }
        Ok((body, 0.02))
    }

    /// Comments before 5.1: named by the revision that added each, and paged by it; deleted ones
    /// are left out and edited ones have their new text.
    fn old_comments(&self, scope: Scope<'_>, now: &Snapshot<'_>) -> Answered {
        let from = self.number("fromRevision", 1)?.unwrap_or(1);
        let size = self.number("$top", 1)?.unwrap_or(200).min(self.behaviour.comment_page);
        let ascending = self.request.query("order").is_none_or(|order| order == "asc");
        let comments = now.item.comments();
        let total = comments.iter().filter(|comment| !comment.deleted).count();
        let mut rows: Vec<(usize, &Comment<'_>)> = Vec::new();
        for (rev, revision) in (1..).zip(&now.item.revisions) {
            let Edit::CommentAdded(id, _) = &revision.edit else { continue };
            let added = comments.iter().find(|comment| comment.id == *id && !comment.deleted);
            rows.extend(added.filter(|_| rev >= from).map(|comment| (rev, comment)));
        }
        let left = rows.len();
        if !ascending {
            rows.reverse();
        }
        let id = now.item.id;
        let show = |(rev, comment): &(usize, &Comment<'_>)| {
            json!({
                "revision": rev,
                "text": comment.text(self.organisation.seed),
                "revisedBy": self.show().person(comment.created.1),
                "revisedDate": time(comment.created.0),
                "url": format!(
                    "{}/{}/_apis/wit/workItems/{id}/comments/{rev}",
                    self.base, scope.project.id
                ),
            })
        };
        let page: Vec<Value> = rows.iter().take(size).map(show).collect();
        let body = json!({
            "totalCount": total,
            "fromRevisionCount": left,
            "count": page.len(),
            "comments": page,
        });
        Ok((body, 0.02))
    }

    /// `GET …/wit/workItems/{id}/comments/{comment}`.
    pub(crate) fn comment(&self, scope: Option<Scope<'_>>, id: u64, number: u64) -> Answered {
        let scope = scope.ok_or_else(|| refuse::nothing_here(self.request.path()))?;
        let now = self.found(Some(scope), id).ok_or_else(|| refuse::no_item(id))?;
        let shown_deleted = self.flag("includeDeleted")?;
        let comments = now.item.comments();
        let found = comments.iter().find(|comment| u64::from(comment.id) == number);
        let found = found.filter(|comment| shown_deleted || !comment.deleted);
        let found = found.ok_or_else(|| refuse::no_comment(number))?;
        Ok((self.one(scope, id, found, self.rendered()?), 0.01))
    }

    fn rendered(&self) -> Result<bool, crate::wire::Reply> {
        match self.request.query("$expand").map(|e| e.to_ascii_lowercase()).as_deref() {
            None | Some("none" | "reactions") => Ok(false),
            Some("renderedtext" | "renderedtextonly" | "all") => Ok(true),
            Some(_) => Err(refuse::invalid("$expand", "The value is not valid.")),
        }
    }

    /// Where a page begins.
    fn comment_start(&self, comments: &[Comment<'_>]) -> Result<usize, crate::wire::Reply> {
        let token = self.request.query("continuationToken").filter(|token| !token.is_empty());
        let Some(token) = token else { return Ok(0) };
        let wrong = || refuse::invalid("continuationToken", "The continuation token is not valid.");
        let number: u32 =
            token.strip_prefix("AQAA").and_then(|rest| rest.parse().ok()).ok_or_else(wrong)?;
        let after = comments.iter().position(|comment| comment.id == number);
        // What the token names may be deleted by now; numbers grow with time.
        Ok(after.map_or_else(
            || comments.iter().position(|comment| comment.id > number).unwrap_or(comments.len()),
            |at| at + 1,
        ))
    }

    fn one(&self, scope: Scope<'_>, id: u64, comment: &Comment<'_>, rendered: bool) -> Value {
        let text = comment.text(self.organisation.seed);
        let show = self.show();
        let mut body = json!({
            "workItemId": id,
            "id": comment.id,
            "version": comment.version,
            "text": text,
            "createdBy": show.person(comment.created.1),
            "createdDate": time(comment.created.0),
            "modifiedBy": show.person(comment.modified.1),
            "modifiedDate": time(comment.modified.0),
            "format": if comment.is_markdown() { "markdown" } else { "html" },
            "isDeleted": comment.deleted,
            "url": format!(
                "{}/{}/_apis/wit/workItems/{id}/comments/{}",
                self.base, scope.project.id, comment.id
            ),
        });
        if rendered {
            let html =
                if comment.is_markdown() { format!("<p>{text}</p>") } else { text.into_owned() };
            body["renderedText"] = json!(html);
        }
        body
    }

    /// `GET …/wit/workItems/{id}/updates`: what each revision changed.
    pub(crate) fn updates(&self, scope: Option<Scope<'_>>, id: u64) -> Answered {
        let now = self.found(scope, id).ok_or_else(|| refuse::no_item(id))?;
        let skip = self.number("$skip", 0)?.unwrap_or(0);
        let top = self.number("$top", 1)?.unwrap_or(200).min(200);
        let revs = (1..=now.rev).skip(skip).take(top);
        let updates: Vec<Value> = revs.map(|rev| self.update(&now, rev)).collect();
        Ok((list(&updates), 0.02))
    }

    fn update(&self, now: &Snapshot<'_>, rev: u32) -> Value {
        let after = now.item.at(self.organisation, rev);
        let before = (rev > 1).then(|| now.item.at(self.organisation, rev - 1));
        let show = self.show();
        let mut fields = Map::new();
        for field in Field::ALL.iter().filter(|field| **field != Field::Id) {
            let old = before.as_ref().map_or(Cell::Empty, |before| before.cell(*field));
            let new = after.cell(*field);
            if old == new {
                continue;
            }
            let mut change = Map::new();
            change.extend(show.value(old).map(|old| ("oldValue".to_owned(), old)));
            change.extend(show.value(new).map(|new| ("newValue".to_owned(), new)));
            fields.insert(field.reference().to_owned(), Value::Object(change));
        }
        let url = show.item_url(now.item.id, None);
        let mut update = json!({
            "id": rev,
            "workItemId": now.item.id,
            "rev": rev,
            "revisedBy": show.person(after.revised_by()),
            "revisedDate": show.value(after.cell(Field::RevisedDate)),
            "fields": fields,
            "url": format!("{url}/updates/{rev}"),
        });
        if rev == 1 && now.item.parent != 0 {
            update["relations"] = json!({"added": [{
                "rel": "System.LinkTypes.Hierarchy-Reverse",
                "url": show.item_url(now.item.parent, None),
                "attributes": {"isLocked": false, "name": "Parent"},
            }]});
        }
        update
    }
}

fn token_of(comment: &Comment<'_>) -> String {
    format!("AQAA{}", comment.id)
}
