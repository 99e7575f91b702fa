//! Writing what the interface shows of accounts and work items.

use serde_json::{Map, Value, json};

use super::field::{Cell, Field, FieldType};
use super::world::{Organisation, Snapshot};
use crate::wire::encode;

/// `2017-10-04T23:32:02.18Z`: three digits at most, none that says nothing.
pub(crate) fn time(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.to_string()
}

/// Writes for one organisation, with the addresses that one request came in by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show<'a> {
    pub(crate) organisation: &'a Organisation,
    /// `http://127.0.0.1:PORT/ado/contoso`.
    pub(crate) base: &'a str,
}

/// What of a work item is to be shown beside its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expand {
    None,
    Relations,
    Fields,
    Links,
    All,
}

impl Expand {
    /// The value of `$expand`; names ignore case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "none" => Some(Expand::None),
            "relations" => Some(Expand::Relations),
            "fields" => Some(Expand::Fields),
            "links" => Some(Expand::Links),
            "all" => Some(Expand::All),
            _ => None,
        }
    }
}

impl Show<'_> {
    /// An account as an object.
    pub(crate) fn person(&self, at: u16) -> Value {
        let person = &self.organisation.people[usize::from(at)];
        let descriptor = format!("aad.{}", person.id.replace('-', ""));
        let avatar = format!("{}/_apis/GraphProfile/MemberAvatars/{descriptor}", self.base);
        json!({
            "displayName": person.name,
            "url": format!("{}/_apis/Identities/{}", self.base, person.id),
            "_links": {"avatar": {"href": avatar}},
            "id": person.id,
            "uniqueName": person.unique,
            "imageUrl": avatar,
            "descriptor": descriptor,
        })
    }

    /// What a field holds, as JSON; `None` when it is empty.
    pub(crate) fn value(&self, cell: Cell<'_>) -> Option<Value> {
        Some(match cell {
            Cell::Empty => return None,
            Cell::Number(number) => json!(number),
            Cell::Text(text) => json!(text),
            Cell::Date(ms) => json!(time(ms)),
            Cell::Person(at) => self.person(at),
            Cell::Bool(yes) => json!(yes),
        })
    }

    /// The same with accounts as `Name <mail>`.
    pub(crate) fn plain_value(&self, cell: Cell<'_>) -> Option<Value> {
        if let Cell::Person(at) = cell {
            let person = &self.organisation.people[usize::from(at)];
            return Some(json!(format!("{} <{}>", person.name, person.unique)));
        }
        self.value(cell)
    }

    /// A work item with these fields; `None`: all that this expansion has.
    pub(crate) fn item(
        &self,
        now: &Snapshot<'_>,
        fields: Option<&[Field]>,
        expand: Expand,
        project: Option<&str>,
    ) -> Value {
        let whole = matches!(expand, Expand::All | Expand::Fields);
        let mut shown = Map::new();
        let all = Field::ALL.iter().filter(|field| whole || !field.is_core());
        let wanted: Vec<Field> = fields.map_or_else(|| all.copied().collect(), <[Field]>::to_vec);
        for field in wanted {
            // Only the recycle bin shows this one.
            let kept = field != Field::IsDeleted || now.deleted;
            let value = kept.then(|| self.value(now.cell(field))).flatten();
            shown.extend(value.map(|value| (field.reference().to_owned(), value)));
        }
        let url = self.item_url(now.item.id, project);
        let mut item = json!({
            "id": now.item.id, "rev": now.rev, "fields": shown, "url": url,
        });
        if now.is_markdown() && fields.is_none() {
            item["multilineFieldsFormat"] = json!({"System.Description": "markdown"});
        }
        if matches!(expand, Expand::All | Expand::Relations) {
            let relations = self.relations(now);
            if !relations.is_empty() {
                item["relations"] = Value::Array(relations);
            }
        }
        if matches!(expand, Expand::All | Expand::Links) {
            item["_links"] = self.links(now, &url);
        }
        item
    }

    pub(crate) fn item_url(&self, id: u32, project: Option<&str>) -> String {
        match project {
            Some(project) => format!("{}/{project}/_apis/wit/workItems/{id}", self.base),
            None => format!("{}/_apis/wit/workItems/{id}", self.base),
        }
    }

    fn links(&self, now: &Snapshot<'_>, url: &str) -> Value {
        let project = encode(now.project_name());
        let kind = encode(now.kind().name);
        let href = |href: String| json!({ "href": href });
        json!({
            "self": href(url.to_owned()),
            "workItemUpdates": href(format!("{url}/updates")),
            "workItemRevisions": href(format!("{url}/revisions")),
            "workItemComments": href(format!("{url}/comments")),
            "html": href(format!("{}/{project}/_workitems/edit/{}", self.base, now.item.id)),
            "workItemType": href(format!("{}/{project}/_apis/wit/workItemTypes/{kind}", self.base)),
            "fields": href(format!("{}/{project}/_apis/wit/fields", self.base)),
        })
    }

    /// Its ties: hierarchy, related items, hyperlinks, attached files, commits.
    fn relations(&self, now: &Snapshot<'_>) -> Vec<Value> {
        let id = now.item.id;
        let tie = |rel: &str, name: &str, to: u32| {
            json!({
                "rel": rel,
                "url": self.item_url(to, None),
                "attributes": {"isLocked": false, "name": name},
            })
        };
        let mut relations = Vec::new();
        if self.organisation.present(now.item.parent).is_some() {
            let parent = tie("System.LinkTypes.Hierarchy-Reverse", "Parent", now.item.parent);
            relations.push(parent);
        }
        let children = self.organisation.children.get(&id).into_iter().flatten();
        let present = children.filter(|child| self.organisation.present(**child).is_some());
        relations.extend(
            present.map(|child| tie("System.LinkTypes.Hierarchy-Forward", "Child", *child)),
        );
        let related = now.related();
        relations.extend(related.map(|other| tie("System.LinkTypes.Related", "Related", other)));
        if now.has_hyperlink() {
            relations.push(json!({
                "rel": "Hyperlink",
                "url": format!("https://example.com/notes/{id}"),
                "attributes": {"id": u64::from(id) * 10, "comment": "see also"},
            }));
        }
        if now.has_attachment() {
            let file = super::world::guid(self.organisation.seed, 0xF11E + u64::from(id));
            relations.push(json!({
                "rel": "AttachedFile",
                "url": format!("{}/_apis/wit/attachments/{file}", self.base),
                "attributes": {
                    "authorizedDate": time(now.item.revisions[0].at),
                    "id": u64::from(id) * 10 + 1,
                    "resourceCreatedDate": time(now.item.revisions[0].at),
                    "resourceSize": 2_048,
                    "name": format!("log {id} 100%.txt"),
                },
            }));
        }
        if id.is_multiple_of(21) {
            let project = &self.organisation.projects[usize::from(now.project)].id;
            relations.push(json!({
                "rel": "ArtifactLink",
                "url": format!("vstfs:///Git/Commit/{project}%2f{project}%2fc0ffee{id:034}"),
                "attributes": {"id": u64::from(id) * 10 + 2, "name": "Fixed in Commit"},
            }));
        }
        relations
    }
}

/// A field's definition.
pub(crate) fn definition(base: &str, field: Field) -> Value {
    let kind = field.kind();
    json!({
        "name": field.name(),
        "referenceName": field.reference(),
        "description": null,
        "type": kind.name(),
        "usage": "workItem",
        "readOnly": field.is_core(),
        "canSortBy": kind != FieldType::Html,
        "isQueryable": true,
        "supportedOperations": [],
        "isIdentity": kind == FieldType::Identity,
        "isPicklist": false,
        "isPicklistSuggested": false,
        "isDeleted": false,
        "url": format!("{base}/_apis/wit/fields/{}", field.reference()),
    })
}
