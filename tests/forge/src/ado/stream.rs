//! The two streams of the reporting interface. Their tokens are watermarks: a later call with
//! the last token gives what came since.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::asked::{Answered, Asked, Scope, named};
use super::field::Field;
use super::refuse;
use super::show::time;
use super::world::{Event, Snapshot};
use crate::wire::{Reply, encode};

/// What of the revisions is wanted, from the query or, with `POST`, from the body.
#[derive(Debug, Default, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the documented body has them")]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Filter {
    fields: Option<Vec<String>>,
    types: Option<Vec<String>>,
    include_identity_ref: bool,
    include_deleted: bool,
    include_tag_ref: bool,
    include_latest_only: bool,
    include_discussion_changes_only: bool,
}

impl Asked<'_> {
    /// `GET` and `POST …/wit/reporting/workitemrevisions`.
    pub(crate) fn revisions(&self, scope: Option<Scope<'_>>) -> Answered {
        let filter = self.filter()?;
        let fields = filter.fields.as_deref().map(named).transpose()?;
        let expanded =
            match self.request.query("$expand").map(|e| e.to_ascii_lowercase()).as_deref() {
                None | Some("none") => false,
                Some("fields") => true,
                Some(_) => return Err(refuse::invalid("$expand", "The value is not valid.")),
            };
        let size = self.number("$maxPageSize", 1)?.unwrap_or(200);
        let size = size.min(self.behaviour.stream_page.max(1));
        let events = &self.organisation.events;
        let start = self.start(events)?;
        let end = events.len().min(start + size * self.behaviour.stream_scan.max(1));
        let mut at = start;
        let mut rows = Vec::new();
        while at < end && rows.len() < size {
            let event = events[at];
            at += 1;
            let Some(snapshot) = self.row(scope, &filter, event) else { continue };
            rows.push(self.revision(&snapshot, &filter, fields.as_deref(), expanded));
        }
        let last = at.checked_sub(1).map_or(Event { id: 0, rev: 0 }, |last| events[last]);
        let token = format!("{at};{};{}", last.id, last.rev);
        let cost = 0.02 + 0.0005 * f64::from(u32::try_from(at - start).unwrap_or(0));
        let body = json!({
            "values": rows,
            "nextLink": self.next_link(scope, "workItemRevisions", &token),
            "continuationToken": token,
            "isLastBatch": at == events.len(),
        });
        Ok((body, cost))
    }

    fn filter(&self) -> Result<Filter, Reply> {
        if self.request.method == "POST" {
            return if self.request.body.is_empty() { Ok(Filter::default()) } else { self.body() };
        }
        let names = |name: &str| {
            let text = self.request.query(name).filter(|text| !text.is_empty());
            text.map(|text| text.split(',').map(|name| name.trim().to_owned()).collect())
        };
        Ok(Filter {
            fields: names("fields"),
            types: names("types"),
            include_identity_ref: self.flag("includeIdentityRef")?,
            include_deleted: self.flag("includeDeleted")?,
            include_tag_ref: self.flag("includeTagRef")?,
            include_latest_only: self.flag("includeLatestOnly")?,
            include_discussion_changes_only: self.flag("includeDiscussionChangesOnly")?,
        })
    }

    /// How many events are behind the client.
    fn start(&self, events: &[Event]) -> Result<usize, Reply> {
        let token = self.request.query("continuationToken").filter(|text| !text.is_empty());
        let since = self.request.query("startDateTime").filter(|text| !text.is_empty());
        match (token, since) {
            (Some(_), Some(_)) => {
                let text = "startDateTime cannot be used in conjunction with continuationToken.";
                Err(refuse::invalid("startDateTime", text))
            }
            (Some(token), None) => {
                let watermark = token.split(';').next().and_then(|text| text.parse().ok());
                let text = format!("The continuation token '{token}' is not valid.");
                let watermark = watermark.filter(|_| token.split(';').count() <= 3);
                let at: usize =
                    watermark.ok_or_else(|| refuse::invalid("continuationToken", &text))?;
                Ok(at.min(events.len()))
            }
            (None, Some(since)) => {
                let time: Result<jiff::Timestamp, _> = since.parse();
                let text = format!("The date '{since}' is not valid.");
                let time = time.map_err(|_| refuse::invalid("startDateTime", &text))?;
                let ms = time.as_millisecond();
                Ok(events.partition_point(|event| self.organisation.time_of(*event) <= ms))
            }
            (None, None) => Ok(0),
        }
    }

    /// The revision of an event, if it is wanted.
    fn row(&self, scope: Option<Scope<'_>>, filter: &Filter, event: Event) -> Option<Snapshot<'_>> {
        let item = self.organisation.items.get(&event.id).filter(|item| !item.destroyed)?;
        if filter.include_latest_only && item.rev() != event.rev {
            return None;
        }
        let snapshot = item.at(self.organisation, event.rev);
        let kind = snapshot.kind().name;
        let wanted = filter
            .types
            .as_ref()
            .is_none_or(|types| types.iter().any(|name| name.eq_ignore_ascii_case(kind)));
        let commented = !filter.include_discussion_changes_only
            || snapshot.cell(Field::History) != super::field::Cell::Empty;
        // A deleted item is deleted in all of its revisions.
        let deleted = item.now(self.organisation).deleted;
        (wanted && commented && (filter.include_deleted || !deleted) && self.sees(scope, &snapshot))
            .then_some(snapshot)
    }

    fn revision(
        &self,
        snapshot: &Snapshot<'_>,
        filter: &Filter,
        fields: Option<&[Field]>,
        expanded: bool,
    ) -> Value {
        let all = Field::ALL.iter().filter(|field| {
            let unknown = matches!(field, Field::AreaId | Field::IterationId | Field::NodeName);
            !unknown && (expanded || !field.kind().is_long())
        });
        let wanted: Vec<Field> = fields.map_or_else(|| all.copied().collect(), <[Field]>::to_vec);
        let show = self.show();
        let mut shown = Map::new();
        for field in wanted {
            let cell = snapshot.cell(field);
            let value = if field == Field::IsDeleted && !filter.include_deleted {
                None
            } else if field == Field::Tags && filter.include_tag_ref {
                tag_refs(&snapshot.tags())
            } else if filter.include_identity_ref {
                show.value(cell)
            } else {
                show.plain_value(cell)
            };
            shown.extend(value.map(|value| (field.reference().to_owned(), value)));
        }
        json!({ "id": snapshot.item.id, "rev": snapshot.rev, "fields": shown })
    }

    /// Where the next page is: the same question with the new token.
    fn next_link(&self, scope: Option<Scope<'_>>, stream: &str, token: &str) -> String {
        let project = scope.map_or_else(String::new, |scope| format!("/{}", scope.project.id));
        let kept = self.request.raw_pairs().filter(|(name, _)| {
            !name.eq_ignore_ascii_case("continuationToken")
                && !name.eq_ignore_ascii_case("startDateTime")
        });
        let kept = kept.fold(String::new(), |kept, (name, value)| kept + "&" + name + "=" + value);
        format!(
            "{}{project}/_apis/wit/reporting/{stream}?continuationToken={}{kept}",
            self.base,
            encode(token)
        )
    }

    /// `GET …/wit/reporting/workitemlinks`: the hierarchy, in the order of the children's making.
    pub(crate) fn links(&self, scope: Option<Scope<'_>>) -> Answered {
        let token = self.number("continuationToken", 0)?.unwrap_or(0);
        let since = self.request.query("startDateTime");
        if token > 0 && since.is_some() {
            let text = "startDateTime cannot be used in conjunction with continuationToken.";
            return Err(refuse::invalid("startDateTime", text));
        }
        let since = since.map(|text| text.parse::<jiff::Timestamp>());
        let since = since
            .transpose()
            .map_err(|_| refuse::invalid("startDateTime", "The date is not valid."))?;
        let from = u32::try_from(token + 1).unwrap_or(u32::MAX);
        let mut rows = Vec::new();
        let mut last = u32::try_from(token).unwrap_or(u32::MAX);
        let mut whole = true;
        for item in self.organisation.items.range(from..).map(|(_, item)| item) {
            if rows.len() == 200 {
                whole = false;
                break;
            }
            last = item.id;
            let now = item.now(self.organisation);
            let made = item.revisions[0].at;
            let late = since.is_none_or(|since| made > since.as_millisecond());
            if item.parent == 0 || item.destroyed || !late || !self.sees(scope, &now) {
                continue;
            }
            let active = !now.deleted && self.organisation.present(item.parent).is_some();
            rows.push(json!({
                "rel": "System.LinkTypes.Hierarchy",
                "sourceId": item.parent,
                "targetId": item.id,
                "changedDate": time(made),
                "changedBy": self.show().person(item.revisions[0].by),
                "isActive": active,
                "changedOperation": if active { "create" } else { "remove" },
                "sourceProjectId": self.organisation.projects[usize::from(now.project)].id,
            }));
        }
        let body = json!({
            "values": rows,
            "nextLink": self.next_link(scope, "workItemLinks", &last.to_string()),
            "continuationToken": last.to_string(),
            "isLastBatch": whole,
        });
        Ok((body, 0.1))
    }
}

/// Tags as objects.
fn tag_refs(tags: &str) -> Option<Value> {
    let names: Vec<Value> =
        tags.split("; ").filter(|tag| !tag.is_empty()).map(|tag| json!({ "name": tag })).collect();
    (!names.is_empty()).then_some(Value::Array(names))
}
