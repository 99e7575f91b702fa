//! Single work items and batches of them.

use serde::Deserialize;
use serde_json::Value;

use super::asked::{Answered, Asked, Scope, list, named};
use super::field::Field;
use super::refuse;
use super::show::Expand;
use crate::clock;
use crate::wire::Reply;

/// More ids than this are refused.
const MOST: usize = 200;

/// The body of a batch. Unknown names are refused, since they would do nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Batch {
    #[serde(default)]
    ids: Vec<u64>,
    fields: Option<Vec<String>>,
    #[serde(rename = "$expand")]
    expand: Option<String>,
    as_of: Option<String>,
    error_policy: Option<String>,
}

/// What of some work items is wanted.
struct Wanted {
    ids: Vec<u64>,
    fields: Option<Vec<Field>>,
    expand: Expand,
    as_of: Option<i64>,
    omits: bool,
}

impl Asked<'_> {
    /// `POST …/wit/workitemsbatch`.
    pub(crate) fn batch(&self, scope: Option<Scope<'_>>) -> Answered {
        let batch: Batch = self.body()?;
        let omits = batch.error_policy.as_deref();
        let wanted = wanted(
            batch.ids,
            batch.fields,
            batch.expand.as_deref(),
            batch.as_of.as_deref(),
            omits,
        )?;
        self.several(scope, &wanted)
    }

    /// `GET …/wit/workitems?ids=`.
    pub(crate) fn items(&self, scope: Option<Scope<'_>>) -> Answered {
        let text = self.request.query("ids").unwrap_or_default();
        let ids: Result<Vec<u64>, _> = text.split(',').map(|id| id.trim().parse()).collect();
        let ids = ids.map_err(|_| refuse::invalid("ids", "The ids are not valid."))?;
        let fields = self.request.query("fields").filter(|text| !text.is_empty());
        let fields =
            fields.map(|text| text.split(',').map(|name| name.trim().to_owned()).collect());
        let expand = self.request.query("$expand");
        let as_of = self.request.query("asOf");
        let omits = self.request.query("errorPolicy");
        let wanted = wanted(ids, fields, expand.as_deref(), as_of.as_deref(), omits.as_deref())?;
        self.several(scope, &wanted)
    }

    /// `GET …/wit/workitems/{id}`.
    pub(crate) fn item(&self, scope: Option<Scope<'_>>, id: u64) -> Answered {
        let fields = self.request.query("fields").filter(|text| !text.is_empty());
        let fields =
            fields.map(|text| text.split(',').map(|name| name.trim().to_owned()).collect());
        let expand = self.request.query("$expand");
        let as_of = self.request.query("asOf");
        let wanted = wanted(vec![id], fields, expand.as_deref(), as_of.as_deref(), None)?;
        let shown = self.shown(scope, id, &wanted).ok_or_else(|| refuse::no_item(id))?;
        Ok((shown, 0.01))
    }

    fn several(&self, scope: Option<Scope<'_>>, wanted: &Wanted) -> Answered {
        let mut items = Vec::with_capacity(wanted.ids.len());
        for id in &wanted.ids {
            match self.shown(scope, *id, wanted) {
                Some(item) => items.push(item),
                // What may not be seen keeps its place.
                None if wanted.omits => items.push(Value::Null),
                None => return Err(refuse::no_item(*id)),
            }
        }
        let cost = 0.01 + 0.001 * f64::from(u32::try_from(items.len()).unwrap_or(0));
        Ok((list(&items), cost))
    }

    fn shown(&self, scope: Option<Scope<'_>>, id: u64, wanted: &Wanted) -> Option<Value> {
        let mut now = self.found(scope, id)?;
        if let Some(ms) = wanted.as_of {
            let rev = now.item.rev_at(ms);
            if rev == 0 {
                return None;
            }
            now = now.item.at(self.organisation, rev);
        }
        let project = scope.map(|scope| scope.project.id.as_str());
        Some(self.show().item(&now, wanted.fields.as_deref(), wanted.expand, project))
    }
}

fn wanted(
    ids: Vec<u64>,
    fields: Option<Vec<String>>,
    expand: Option<&str>,
    as_of: Option<&str>,
    error_policy: Option<&str>,
) -> Result<Wanted, Reply> {
    if ids.is_empty() {
        return Err(refuse::invalid("ids", "The collection must contain at least one element."));
    }
    if ids.len() > MOST {
        return Err(refuse::too_many_ids(ids.len()));
    }
    let expand = match expand {
        None => Expand::None,
        Some(name) => Expand::named(name).ok_or_else(|| {
            refuse::invalid("$expand", &format!("The value '{name}' is not valid for $expand."))
        })?,
    };
    let fields = fields.filter(|names| !names.is_empty());
    if fields.is_some() && !matches!(expand, Expand::None | Expand::Links) {
        return Err(refuse::fields_and_expand());
    }
    let omits = match error_policy.map(str::to_ascii_lowercase).as_deref() {
        None | Some("fail") => false,
        Some("omit") => true,
        Some(name) => {
            let text = format!("The value '{name}' is not valid for errorPolicy.");
            return Err(refuse::invalid("errorPolicy", &text));
        }
    };
    let as_of = match as_of {
        None => None,
        Some(text) => {
            let time = clock::parse_time(text);
            let wrong = || refuse::invalid("asOf", "The date is not valid.");
            Some(time.ok_or_else(wrong)? * 1_000 + 999)
        }
    };
    Ok(Wanted { ids, fields: fields.as_deref().map(named).transpose()?, expand, as_of, omits })
}
