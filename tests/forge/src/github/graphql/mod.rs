//! The GraphQL interface: queries only, over the part of the published schema that belongs to
//! issues, with the limits of the real one.

mod check;
mod connection;
pub(crate) mod object;
mod parse;
mod run;
mod schema;

use serde_json::{Value, json};

use super::access::Caller;
use super::refuse;
use crate::behaviour::{Behaviour, GraphQl};
use crate::limits::Charge;
use crate::shared::{Shared, locked};
use crate::wire::{Reply, Request};
use check::Weight;
use parse::Document;
use run::Run;

/// Answers one query. A limit and a wrong query are told with status 200, as the real one does.
pub(crate) fn answer(
    shared: &Shared,
    behaviour: &Behaviour,
    request: &Request,
    caller: &Caller,
    charge: &Charge<'_>,
) -> Reply {
    if behaviour.graphql.off {
        return refuse::not_found();
    }
    if caller.token.is_none() {
        return refuse::graphql_needs_a_token();
    }
    if request.method != "POST" {
        return refuse::not_found();
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return refuse::not_json();
    };
    let variables = body.get("variables").cloned().unwrap_or_else(|| json!({}));
    let document = match parse::document(body["query"].as_str().unwrap_or_default()) {
        Ok(document) => document,
        Err(message) => return errors(&[json!({ "message": message })]),
    };
    match check::weigh(&document, &variables) {
        Ok(weight) => carry_out(shared, behaviour, caller, charge, &document, &variables, weight),
        Err(wrong) => errors(&wrong),
    }
}

fn carry_out(
    shared: &Shared,
    behaviour: &Behaviour,
    caller: &Caller,
    charge: &Charge<'_>,
    document: &Document,
    variables: &Value,
    weight: Weight,
) -> Reply {
    let manners = &behaviour.graphql;
    let mut meter = locked(&shared.meter);
    if !meter.pay_graphql(manners.limit, &behaviour.limits, charge, weight.cost()) {
        return spent(manners);
    }
    let primary = meter.graphql(manners.limit, &behaviour.limits, charge);
    drop(meter);
    if manners.heavy_nodes.is_some_and(|most| weight.nodes > most) {
        return Reply::text(502, "<html><title>502 Bad Gateway</title></html>");
    }
    let world = locked(&shared.world);
    let mut run = Run {
        world: &world,
        caller,
        document,
        variables,
        primary,
        cost: weight.cost(),
        left: manners.nodes_in_time,
        errors: vec![],
    };
    let data = run.data();
    let mut answer = json!({ "data": data });
    if !run.errors.is_empty() {
        answer["errors"] = Value::from(run.errors);
    }
    Reply::json(200, answer.to_string())
}

fn errors(errors: &[Value]) -> Reply {
    Reply::json(200, json!({ "errors": errors }).to_string())
}

/// The two ways in which a spent budget has been told.
fn spent(manners: &GraphQl) -> Reply {
    let error = if manners.new_limit_word {
        json!({
            "type": "RATE_LIMIT", "code": "graphql_rate_limit",
            "message": "API rate limit already exceeded for user ID 583001.",
        })
    } else {
        json!({ "type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 583001." })
    };
    errors(&[error])
}
