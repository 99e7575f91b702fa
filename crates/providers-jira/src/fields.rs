//! Custom fields: what people see of them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::adf;
use crate::legend::Legend;

/// What one value stands for, in the order in which Jira's objects have it: options, people,
/// versions and groups, links to issues.
const FACES: [&str; 5] = ["value", "displayName", "name", "key", "title"];

/// The custom fields that hold something, by their names. Two fields of one name are told apart
/// by their ids.
pub(crate) fn named(fields: &Value, legend: &Legend) -> BTreeMap<String, Value> {
    let mut named = BTreeMap::new();
    for (id, name) in &legend.names {
        let Some(value) = fields.get(id).and_then(face) else { continue };
        let name = if named.contains_key(name) { format!("{name} ({id})") } else { name.clone() };
        named.insert(name, value);
    }
    named
}

/// What people see of a value; `None` for an empty one.
fn face(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::String(text) => match sprint_word(text, "name") {
            Some(name) => Some(Value::from(name)),
            None => (!text.is_empty()).then(|| value.clone()),
        },
        Value::Array(list) => {
            let faces: Vec<Value> = list.iter().filter_map(face).collect();
            (!faces.is_empty()).then_some(Value::Array(faces))
        }
        Value::Object(map) if map.is_empty() => None,
        Value::Object(_) if adf::is_document(value) => adf::text(value).map(Value::from),
        Value::Object(map) => {
            let own = FACES.iter().find_map(|name| map.get(*name).and_then(Value::as_str));
            let Some(own) = own else { return Some(value.clone()) };
            // An option that is chosen below another.
            let child = map.get("child").and_then(|child| child.get("value")?.as_str());
            Some(Value::from(child.map_or_else(|| own.to_owned(), |c| format!("{own} - {c}"))))
        }
    }
}

/// The acceptance criteria, where a field of that name holds them.
pub(crate) fn criteria(fields: &Value, legend: &Legend) -> Option<String> {
    legend.criteria.iter().find_map(|id| match face(fields.get(id)?)? {
        Value::String(text) => Some(text),
        Value::Array(list) => {
            let points = list.iter().filter_map(Value::as_str).map(|point| format!("- {point}"));
            Some(points.collect::<Vec<_>>().join("\n")).filter(|points| !points.is_empty())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    })
}

/// The sprint that an issue is in: the active one, else the latest.
pub(crate) fn sprint(fields: &Value, ids: &[String]) -> Option<String> {
    let sprints = ids.iter().find_map(|id| fields.get(id)?.as_array());
    let mut sprints: Vec<Sprint> = sprints?.iter().filter_map(Sprint::of).collect();
    sprints.sort_by_key(|sprint| (sprint.active, sprint.id));
    sprints.pop().map(|sprint| sprint.name)
}

struct Sprint {
    active: bool,
    id: u64,
    name: String,
}

impl Sprint {
    /// Cloud gives objects; Data Center gives what Java prints of one:
    /// `com.atlassian.greenhopper.service.sprint.Sprint@1f[id=1,state=ACTIVE,name=One,…]`.
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Object(sprint) => Some(Self {
                active: sprint.get("state").and_then(Value::as_str) == Some("active"),
                id: sprint.get("id").and_then(Value::as_u64).unwrap_or_default(),
                name: sprint.get("name")?.as_str()?.to_owned(),
            }),
            Value::String(text) => Some(Self {
                active: sprint_word(text, "state") == Some("ACTIVE"),
                id: sprint_word(text, "id").and_then(|id| id.parse().ok()).unwrap_or_default(),
                name: sprint_word(text, "name")?.to_owned(),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }
}

/// One word of a sprint as Data Center prints it. A name may have commas in it: a word ends
/// where the next one begins.
fn sprint_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let inner = text.strip_prefix("com.atlassian.greenhopper.service.sprint.Sprint@")?;
    let inner = inner.split_once('[')?.1.strip_suffix(']')?;
    let begin = format!("{word}=");
    let at = if inner.starts_with(&begin) { 0 } else { inner.find(&format!(",{begin}"))? + 1 };
    let value = &inner[at + begin.len()..];
    let next = ["id", "rapidViewId", "state", "name", "goal", "startDate", "endDate"]
        .into_iter()
        .chain(["completeDate", "activatedDate", "sequence", "synced", "autoStartStop"])
        .filter_map(|next| value.find(&format!(",{next}=")))
        .min();
    Some(&value[..next.unwrap_or(value.len())])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_show_what_people_see() {
        for (value, wanted) in [
            (json!(null), None),
            (json!(""), None),
            (json!([]), None),
            (json!([null]), None),
            (json!({}), None),
            (json!(3.5), Some(json!(3.5))),
            (json!({"id": "1", "value": "High"}), Some(json!("High"))),
            (json!({"value": "A", "child": {"value": "B"}}), Some(json!("A - B"))),
            (json!({"displayName": "Ann", "accountId": "5"}), Some(json!("Ann"))),
            (json!([{"value": "a"}, {"value": "b"}]), Some(json!(["a", "b"]))),
            (json!({"odd": 1}), Some(json!({"odd": 1}))),
            (json!({"type": "doc", "content": []}), None),
        ] {
            assert_eq!(face(&value), wanted, "{value}");
        }
    }

    #[test]
    fn two_fields_of_one_name_are_both_kept() {
        let names = [("customfield_1", "Points"), ("customfield_2", "Points")];
        let names = names.map(|(id, name)| (id.to_owned(), name.to_owned())).into();
        let legend = Legend { names, ..Legend::default() };
        let both = named(&json!({ "customfield_1": 1, "customfield_2": 2 }), &legend);
        assert_eq!(json!(both), json!({ "Points": 1, "Points (customfield_2)": 2 }));
        let second = named(&json!({ "customfield_2": 2 }), &legend);
        assert_eq!(json!(second), json!({ "Points": 2 }));
    }

    #[test]
    fn the_active_sprint_counts_else_the_latest() {
        let ids = ["s".to_owned()];
        let of = |id: u64, state: &str| json!({"id": id, "state": state, "name": format!("S{id}")});
        let check = |sprints: Value, wanted: Option<&str>| {
            assert_eq!(sprint(&json!({ "s": sprints }), &ids).as_deref(), wanted);
        };
        check(json!([of(1, "active"), of(2, "closed")]), Some("S1"));
        check(json!([of(2, "closed"), of(1, "closed")]), Some("S2"));
        check(json!([]), None);
        check(json!(null), None);
        let java = |id: u64, state: &str, name: &str| {
            format!(
                "com.atlassian.greenhopper.service.sprint.Sprint@1f[id={id},rapidViewId=3,\
                 state={state},name={name},startDate=2020-01-01T00:00:00.000Z,sequence={id}]"
            )
        };
        check(json!([java(1, "ACTIVE", "One, two"), java(2, "CLOSED", "x")]), Some("One, two"));
    }
}
