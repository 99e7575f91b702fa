//! One question to the world as it is now.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::behaviour::JiraBehaviour;
use super::jql::Asked;
use super::route::{Flavour, Route};
use super::show::Show;
use super::time::Zone;
use super::world::World;
use super::{JiraConfig, bulk, center, refuse, search, single};
use crate::wire::{Reply, Request};

/// A body, and the points it costs beyond the request itself; or a refusal.
pub(super) type Answer = Result<(String, u64), Reply>;

/// A request with all it may look at.
pub(super) struct Question<'a> {
    pub(super) request: &'a Request,
    pub(super) body: Option<&'a Value>,
    pub(super) show: Show<'a>,
    pub(super) world: &'a World,
    pub(super) behaviour: &'a JiraBehaviour,
    pub(super) config: &'a JiraConfig,
    pub(super) zone: Zone,
    pub(super) now: i64,
    pub(super) caller: Caller,
    /// Which search this is, counted from 1.
    pub(super) searches: u64,
    pub(super) failed: &'a mut HashSet<u64>,
}

impl<'a> Question<'a> {
    pub(super) fn answer(&mut self, route: &Route) -> Answer {
        match route {
            Route::TenantInfo => Ok((json!({ "cloudId": self.config.cloud_id }).to_string(), 0)),
            Route::Myself => single::myself(self),
            Route::ServerInfo => Ok((single::server(self), 0)),
            Route::Fields => Ok((single::fields(self), 0)),
            Route::Projects => single::projects(self),
            Route::Project(key) => single::project(self, key),
            Route::Search => match self.show.flavour {
                Flavour::Site | Flavour::Scoped => search::search(self),
                Flavour::Center => center::search(self),
            },
            Route::OldSearch(_) => Err(refuse::old_search()),
            Route::Count => search::approximate(self),
            Route::BulkFetch => bulk::issues(self),
            Route::BulkChangelog => bulk::changelogs(self),
            Route::CommentList => bulk::comments(self),
            Route::Issue(key) => single::issue(self, key),
            Route::Comments(key) => single::comments(self, key),
            Route::Changelog(key) => single::changelog(self, key),
            Route::Unknown => Err(refuse::not_found()),
        }
    }

    pub(super) fn asked(&self) -> Asked<'a> {
        Asked {
            world: self.world,
            zone: self.zone,
            now: self.now,
            strict_keys: self.behaviour.strict_keys,
        }
    }

    /// Nobody sees anything.
    pub(super) fn is_nobody(&self) -> bool {
        match self.caller {
            Caller::Known => false,
            Caller::Nobody { .. } => true,
        }
    }

    /// Whether this search is one of every k.
    pub(super) fn due(&self, every: Option<u64>) -> bool {
        every.is_some_and(|k| k > 0 && self.searches.is_multiple_of(k))
    }

    /// Whether this issue fails to load, as some do once.
    pub(super) fn fails_once(&mut self, id: u64) -> bool {
        let chosen = self.behaviour.bulk_error_every;
        chosen.is_some_and(|k| k > 0 && id.is_multiple_of(k)) && self.failed.insert(id)
    }

    /// The body, which must be an object with no other members than these.
    pub(super) fn object(&self, parameters: &[&str]) -> Result<&'a Map<String, Value>, Reply> {
        let kind = self.request.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err(Reply::new(415));
        }
        let body = self.body.and_then(Value::as_object).ok_or_else(refuse::payload)?;
        if body.keys().all(|name| parameters.contains(&name.as_str())) {
            Ok(body)
        } else {
            Err(refuse::payload())
        }
    }
}

/// A member that is a list of texts; numbers are read as texts.
pub(super) fn texts(body: &Map<String, Value>, name: &str) -> Result<Vec<String>, Reply> {
    let items = match body.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(refuse::payload()),
    };
    let text = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    items.iter().map(|item| text(item).ok_or_else(refuse::payload)).collect()
}
