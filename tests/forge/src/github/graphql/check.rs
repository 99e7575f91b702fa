//! Whether a query is one that the real forge would run, and what it would cost.

use serde_json::{Map, Value, json};

use super::parse::{Argument, Document, Field, Selection};
use super::schema::{SCHEMA, bare};

/// The most nodes that one query may ask for.
const MOST_NODES: u64 = 500_000;

/// What a query asks for at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Requests of connections, which make the cost.
    pub(crate) requests: u64,
    pub(crate) nodes: u64,
}

impl Weight {
    /// Points: requests by a hundred, rounded, and one at least.
    pub(crate) fn cost(self) -> u64 {
        (self.requests + 50).div_euclid(100).max(1)
    }
}

struct Walk<'a> {
    document: &'a Document,
    variables: &'a Value,
    weight: Weight,
    errors: Vec<Value>,
}

/// Weighs a query, or lists what is wrong with it.
pub(crate) fn weigh(document: &Document, variables: &Value) -> Result<Weight, Vec<Value>> {
    let mut walk = Walk { document, variables, weight: Weight::default(), errors: vec![] };
    for (name, kind) in &document.variables {
        let given = variables.get(name).is_some_and(|value| !value.is_null());
        if kind.ends_with('!') && !given {
            let text = format!("Variable ${name} of type {kind} was provided invalid value");
            walk.errors.push(json!({ "message": text }));
        }
    }
    walk.selections(&document.fields, "Query", 1);
    let nodes = walk.weight.nodes;
    if nodes > MOST_NODES {
        let text = format!(
            "This query requests up to {nodes} possible nodes which exceeds the maximum limit of \
             {MOST_NODES}."
        );
        walk.errors.push(json!({ "type": "MAX_NODE_LIMIT_EXCEEDED", "message": text }));
    }
    if walk.errors.is_empty() { Ok(walk.weight) } else { Err(walk.errors) }
}

/// An argument with its variables filled in; `None` for a variable that was not given.
pub(crate) fn value(argument: &Argument, variables: &Value) -> Option<Value> {
    Some(match argument {
        Argument::Variable(name) => variables.get(name)?.clone(),
        Argument::Plain(value) => value.clone(),
        Argument::List(items) => items.iter().filter_map(|item| value(item, variables)).collect(),
        Argument::Object(fields) => {
            let filled = fields
                .iter()
                .filter_map(|(name, field)| Some((name.clone(), value(field, variables)?)));
            Value::Object(filled.collect::<Map<String, Value>>())
        }
    })
}

impl Walk<'_> {
    fn selections(&mut self, selections: &[Selection], on: &str, times: u64) {
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(field, on, times),
                Selection::Inline(fragment) => {
                    self.fragment(&fragment.on, &fragment.fields, on, times);
                }
                Selection::Spread(name) => match self.document.fragments.get(name) {
                    Some(fragment) => self.fragment(&fragment.on, &fragment.fields, on, times),
                    None => self.wrong(
                        &format!("Fragment {name} was used, but not defined"),
                        "useAndDefineFragment",
                    ),
                },
            }
        }
    }

    fn fragment(&mut self, on: &str, fields: &[Selection], here: &str, times: u64) {
        if !SCHEMA.is_object(on) {
            return self.wrong(
                &format!("No such type {on}, so it can't be a fragment condition"),
                "undefinedType",
            );
        }
        if !SCHEMA.fits(on, here) {
            return self.wrong(
                &format!("Fragment on {on} can't be spread inside {here}"),
                "cannotSpreadFragment",
            );
        }
        self.selections(fields, on, times);
    }

    fn field(&mut self, field: &Field, on: &str, times: u64) {
        if field.name == "__typename" {
            return;
        }
        let Some(kind) = SCHEMA.field(on, &field.name) else {
            let text = format!("Field '{}' doesn't exist on type '{on}'", field.name);
            return self.wrong(&text, "undefinedField");
        };
        for (name, argument) in &field.args {
            match kind.args.iter().find(|(known, _)| known == name) {
                Some((_, wanted)) => self.argument(argument, wanted),
                None => self.wrong(
                    &format!("Field '{}' doesn't accept argument '{name}'", field.name),
                    "argumentNotAccepted",
                ),
            }
        }
        let given = |name: &str| field.args.iter().any(|(known, _)| known == name);
        for (name, wanted) in &kind.args {
            if wanted.ends_with('!') && !given(name) {
                let text = format!("Field '{}' is missing required arguments: {name}", field.name);
                self.wrong(&text, "missingRequiredArguments");
            }
        }
        if SCHEMA.is_object(kind.bare()) == field.fields.is_empty() {
            let text = format!("Field must have selections, or must not ('{}')", field.name);
            return self.wrong(&text, "selectionMismatch");
        }
        let times = if kind.is_connection() { self.connection(field, times) } else { times };
        self.selections(&field.fields, kind.bare(), times);
    }

    /// Counts a connection; how many times what is below it is asked.
    fn connection(&mut self, field: &Field, times: u64) -> u64 {
        let number = |name: &str| {
            let (_, argument) = field.args.iter().find(|(known, _)| known == name)?;
            value(argument, self.variables)?.as_u64()
        };
        let Some(count) = number("first").or(number("last")) else {
            let text = format!(
                "You must provide a `first` or `last` value to properly paginate the `{}` connection.",
                field.name
            );
            self.errors.push(json!({ "type": "MISSING_PAGINATION_BOUNDARIES", "message": text }));
            return times;
        };
        if !(1..=100).contains(&count) {
            let text = format!(
                "Requesting {count} records on the `{}` connection exceeds the `first` limit of 100 records.",
                field.name
            );
            self.errors.push(json!({ "type": "EXCESSIVE_PAGINATION", "message": text }));
        }
        self.weight.requests += times;
        self.weight.nodes += times * count;
        times * count
    }

    fn argument(&mut self, argument: &Argument, wanted: &'static str) {
        match argument {
            Argument::Variable(name) => {
                if !self.document.variables.contains_key(name) {
                    self.wrong(
                        &format!("Variable ${name} is used but not declared"),
                        "variableNotDefined",
                    );
                }
                if let Some(given) = self.variables.get(name) {
                    self.plain(&given.clone(), wanted);
                }
            }
            Argument::Plain(given) => self.plain(given, wanted),
            Argument::List(items) => items.iter().for_each(|item| self.argument(item, wanted)),
            Argument::Object(fields) => {
                let known = SCHEMA.input(bare(wanted)).unwrap_or_default();
                for (name, field) in fields {
                    match known.iter().find(|(known, _)| known == name) {
                        Some((_, wanted)) => self.argument(field, wanted),
                        None => self.wrong(
                            &format!("InputObject '{wanted}' doesn't accept argument '{name}'"),
                            "argumentNotAccepted",
                        ),
                    }
                }
            }
        }
    }

    fn plain(&mut self, given: &Value, wanted: &'static str) {
        let fits = match (bare(wanted), given) {
            (_, Value::Null) => !wanted.ends_with('!'),
            (_, Value::Array(items)) => {
                for item in items {
                    self.plain(item, wanted);
                }
                true
            }
            ("Int", given) => given.is_i64() || given.is_u64(),
            ("Boolean", given) => given.is_boolean(),
            (name, given) => match (SCHEMA.enumerators(name), given.as_str()) {
                (Some(known), Some(word)) => known.contains(&word),
                (Some(_), None) => false,
                (None, word) => word.is_some() || given.is_object(),
            },
        };
        if !fits {
            let text = format!("Argument of type {wanted} has an invalid value ({given})");
            self.wrong(&text, "argumentLiteralsIncompatible");
        }
    }

    fn wrong(&mut self, message: &str, code: &str) {
        self.errors.push(json!({ "message": message, "extensions": { "code": code } }));
    }
}
