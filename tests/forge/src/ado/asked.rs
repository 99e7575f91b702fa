//! One question to the world as it is now.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::Caller;
use super::behaviour::AdoBehaviour;
use super::field::Field;
use super::refuse;
use super::route::{Place, Route};
use super::show::Show;
use super::world::{Organisation, Project, Snapshot};
use crate::wire::{Reply, Request};

/// One request to one organisation.
pub(crate) struct Asked<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) behaviour: &'a AdoBehaviour,
    pub(crate) place: &'a Place,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a Request,
    /// `http://127.0.0.1:PORT/ado/contoso`.
    pub(crate) base: &'a str,
    pub(crate) now_ms: i64,
    /// The version of the interface that was asked for.
    pub(crate) version: &'a str,
}

/// A body and what it cost, in TSTU; or the refusal.
pub(crate) type Answered = Result<(Value, f64), Reply>;

/// The project that the path names.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) number: u16,
    pub(crate) project: &'a Project,
}

impl Asked<'_> {
    /// The reply and its cost; a refusal costs little.
    pub(crate) fn answer(&self) -> (Reply, f64) {
        match self.asked() {
            Ok((reply, cost)) => (reply, cost),
            Err(refusal) => (refusal, 0.01),
        }
    }

    fn asked(&self) -> Result<(Reply, f64), Reply> {
        let scope = self.scope()?;
        if self.place.route == Route::Projects {
            return self.projects();
        }
        let (body, cost) = match &self.place.route {
            Route::ConnectionData => self.connection(),
            Route::Project(name) => self.project(name)?,
            Route::Repositories => self.repositories(scope)?,
            Route::Repository(name) => self.repository(scope, name)?,
            Route::Wiql => self.wiql(scope)?,
            Route::Batch => self.batch(scope)?,
            Route::Items => self.items(scope)?,
            Route::Item(id) => self.item(scope, *id)?,
            Route::Revisions => self.revisions(scope)?,
            Route::Links => self.links(scope)?,
            Route::Comments(id) => self.comments(scope, *id)?,
            Route::Comment(id, comment) => self.comment(scope, *id, *comment)?,
            Route::Updates(id) => self.updates(scope, *id)?,
            Route::Types => self.types(scope)?,
            Route::Type(name) => self.kind(scope, name)?,
            Route::States(name) => self.states(scope, name)?,
            Route::Fields => self.fields(),
            Route::Field(name) => self.field(name)?,
            Route::Projects | Route::Git(..) | Route::Unknown => {
                return Err(refuse::nothing_here(self.request.path()));
            }
        };
        Ok((Reply::json(200, body.to_string()), cost))
    }

    /// The project of the path, if it names one.
    fn scope(&self) -> Result<Option<Scope<'_>>, Reply> {
        self.place.project.as_deref().map(|name| self.open(name)).transpose()
    }

    /// A project that the caller may read.
    pub(crate) fn open(&self, name: &str) -> Result<Scope<'_>, Reply> {
        let found = self.organisation.project(name);
        let found = found.filter(|(_, project)| project.state == "wellFormed");
        let (number, project) = found.ok_or_else(|| refuse::no_project(name))?;
        if self.caller.is_hidden(&project.name) {
            return Err(refuse::no_project(name));
        }
        if self.caller.is_denied(&project.name) {
            return Err(refuse::denied_project(&self.caller.token.login));
        }
        Ok(Scope { number, project })
    }

    pub(crate) fn show(&self) -> Show<'_> {
        Show { organisation: self.organisation, base: self.base }
    }

    /// A present work item that the caller may see, of the path's project if it names one.
    pub(crate) fn found(&self, scope: Option<Scope<'_>>, id: u64) -> Option<Snapshot<'_>> {
        let now = self.organisation.present(u32::try_from(id).ok()?)?;
        self.sees(scope, &now).then_some(now)
    }

    pub(crate) fn sees(&self, scope: Option<Scope<'_>>, now: &Snapshot<'_>) -> bool {
        let here = scope.is_none_or(|scope| scope.number == now.project);
        let name = now.project_name();
        here && !self.caller.is_hidden(name) && !self.caller.is_denied(name)
    }

    /// The body as this type.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Reply> {
        let kind = self.request.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            let text = json!({
                "$id": "1", "innerException": null,
                "message": format!("VS403406: The request content type {kind} is not supported."),
                "typeKey": "VssRequestContentTypeNotSupportedException",
                "errorCode": 0, "eventId": 3000,
            });
            return Err(Reply::json(415, text.to_string()));
        }
        serde_json::from_slice(&self.request.body)
            .map_err(|error| refuse::invalid("body", &format!("The body is not valid: {error}.")))
    }

    /// A number of the query, at least `least`.
    pub(crate) fn number(&self, name: &str, least: usize) -> Result<Option<usize>, Reply> {
        let Some(text) = self.request.query(name) else { return Ok(None) };
        let number = text.parse::<usize>().ok().filter(|number| *number >= least);
        let wrong = || refuse::invalid(name, &format!("The value '{text}' is out of range."));
        number.map(Some).ok_or_else(wrong)
    }

    /// A yes or no of the query.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Reply> {
        match self.request.query(name).map(|text| text.to_ascii_lowercase()).as_deref() {
            None | Some("" | "false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => {
                Err(refuse::invalid(name, &format!("The value '{text}' is not valid for Boolean.")))
            }
        }
    }
}

/// The fields of these names.
pub(crate) fn named(names: &[String]) -> Result<Vec<Field>, Reply> {
    let find = |name: &String| Field::named(name).ok_or_else(|| refuse::no_field(name));
    names.iter().map(find).collect()
}

/// The envelope of all lists.
pub(crate) fn list(items: &[Value]) -> Value {
    json!({ "count": items.len(), "value": items })
}
