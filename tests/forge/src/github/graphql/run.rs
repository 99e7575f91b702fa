//! Carrying a query out.

use serde_json::{Map, Value, json};

use super::check::value;
use super::object::{Object, Out};
use super::parse::{Document, Field, Selection};
use super::schema::SCHEMA;
use crate::github::access::Caller;
use crate::limits::Primary;
use crate::world::World;

/// What a query is asked of.
pub(crate) struct Run<'a> {
    pub(crate) world: &'a World,
    pub(crate) caller: &'a Caller,
    pub(crate) document: &'a Document,
    pub(crate) variables: &'a Value,
    pub(crate) primary: Option<Primary>,
    pub(crate) cost: u64,
    /// Nodes that may still be given out before time is up; `None`: any number.
    pub(crate) left: Option<u64>,
    pub(crate) errors: Vec<Value>,
}

/// Arguments of a field, filled in.
pub(crate) struct Args(Map<String, Value>);

impl Args {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }
}

impl<'a> Run<'a> {
    /// The answer's `data`.
    pub(crate) fn data(&mut self) -> Value {
        let document = self.document;
        let mut path = vec![];
        self.object(&Object::Query, &document.fields, &mut path)
    }

    fn object(
        &mut self,
        object: &Object<'a>,
        selections: &'a [Selection],
        path: &mut Vec<Value>,
    ) -> Value {
        let mut answer = Map::new();
        self.select(object, selections, path, &mut answer);
        Value::Object(answer)
    }

    fn select(
        &mut self,
        object: &Object<'a>,
        selections: &'a [Selection],
        path: &mut Vec<Value>,
        answer: &mut Map<String, Value>,
    ) {
        let document = self.document;
        for selection in selections {
            let fragment = match selection {
                Selection::Field(field) => {
                    path.push(Value::from(field.key.as_str()));
                    let value = self.field(object, field, path);
                    path.pop();
                    answer.insert(field.key.clone(), value);
                    continue;
                }
                Selection::Inline(fragment) => fragment,
                Selection::Spread(name) => &document.fragments[name],
            };
            if SCHEMA.fits(&fragment.on, object.type_name(self.world)) {
                self.select(object, &fragment.fields, path, answer);
            }
        }
    }

    fn field(&mut self, object: &Object<'a>, field: &'a Field, path: &mut Vec<Value>) -> Value {
        if field.name == "__typename" {
            return Value::from(object.type_name(self.world));
        }
        let filled = field
            .args
            .iter()
            .filter_map(|(name, argument)| Some((name.clone(), value(argument, self.variables)?)));
        let args = Args(filled.collect());
        match object.field(self, &field.name, &args) {
            Ok(Out::Leaf(value)) => value,
            Ok(Out::One(one)) => self.object(&one, &field.fields, path),
            Ok(Out::Many(many)) => {
                let mut list = vec![];
                for (at, one) in many.iter().enumerate() {
                    path.push(Value::from(at));
                    list.push(self.object(one, &field.fields, path));
                    path.pop();
                }
                Value::Array(list)
            }
            Ok(Out::Nothing) => Value::Null,
            Err((kind, message)) => {
                self.errors.push(json!({ "type": kind, "path": path, "message": message }));
                Value::Null
            }
        }
    }

    /// Takes so many nodes of what may still be given out.
    pub(crate) fn spend(&mut self, nodes: u64) -> Result<(), (&'static str, String)> {
        let Some(left) = &mut self.left else { return Ok(()) };
        if *left < nodes {
            *left = 0;
            let text = "Resource limits for this query exceeded.".to_owned();
            return Err(("RESOURCE_LIMITS_EXCEEDED", text));
        }
        *left -= nodes;
        Ok(())
    }
}
