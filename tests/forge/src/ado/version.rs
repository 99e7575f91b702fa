//! `api-version`: each request must name one that the server knows.

use super::refuse;
use super::route::{Route, Server};
use crate::wire::{Reply, Request};

/// The newest released version of the service; the one after it is under preview.
const NEWEST: (u32, u32) = (7, 1);
const UNDER_PREVIEW: (u32, u32) = (7, 2);

/// A version as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    number: (u32, u32),
    preview: Preview,
}

/// What stands behind the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preview {
    No,
    Newest,
    /// With the version of the resource.
    Resource(u32),
}

/// The version of a request, as the reply's content type repeats it.
///
/// # Errors
/// The refusal.
pub(crate) fn check(
    request: &Request,
    server: Server,
    newest: &str,
    route: &Route,
) -> Result<String, Reply> {
    let Some(text) = asked(request) else { return Err(refuse::no_version(&request.method)) };
    let version = parse(&text).ok_or_else(|| refuse::no_such_version(&text))?;
    let (limit, preview_limit) = match server {
        Server::Cloud => (NEWEST, UNDER_PREVIEW),
        Server::OnPremises => {
            let own = parse(newest).map_or(NEWEST, |asked| asked.number);
            (own, own)
        }
    };
    let plain = format!("{}.{}", version.number.0, version.number.1);
    let latest = format!("{}.{}", limit.0, limit.1);
    if version.number > preview_limit {
        return Err(refuse::version_out_of_range(&plain, &latest));
    }
    match version.preview {
        Preview::No if version.number > limit || needs_preview(route) => {
            Err(refuse::preview_needed(&plain))
        }
        Preview::Resource(resource) if resource > newest_resource(route, version.number) => {
            Err(refuse::version_out_of_range(&text, &latest))
        }
        Preview::No | Preview::Newest | Preview::Resource(_) => Ok(text),
    }
}

/// From the query, or from `Accept: application/json; api-version=…`.
fn asked(request: &Request) -> Option<String> {
    if let Some(text) = request.query("api-version") {
        return Some(text);
    }
    let accept = request.header("accept")?;
    let (_, rest) = accept.split_once("api-version=")?;
    let end = rest.find([';', ',']).unwrap_or(rest.len());
    Some(rest[..end].trim().to_owned())
}

/// Whether comments still are what they were before 5.1: texts of revisions, without an id.
pub(crate) fn has_old_comments(version: &str) -> bool {
    parse(version).is_some_and(|asked| asked.number < (5, 1))
}

fn parse(text: &str) -> Option<Asked> {
    let (number, preview) = match text.split_once("-preview") {
        None => (text, Preview::No),
        Some((number, "")) => (number, Preview::Newest),
        Some((number, rest)) => (number, Preview::Resource(rest.strip_prefix('.')?.parse().ok()?)),
    };
    let (major, minor) = number.split_once('.')?;
    Some(Asked { number: (major.parse().ok()?, minor.parse().ok()?), preview })
}

/// These were never released.
fn needs_preview(route: &Route) -> bool {
    matches!(route, Route::ConnectionData | Route::Comments(_) | Route::Comment(..))
}

/// The newest version of the resource. Only that of comments matters to a client: 4 came with
/// 7.1 and with it `format`.
fn newest_resource(route: &Route, number: (u32, u32)) -> u32 {
    let comments = matches!(route, Route::Comments(_) | Route::Comment(..));
    if comments && number < (7, 1) { 3 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(target: &str, server: Server, newest: &str, route: &Route) -> String {
        let request = Request { target: target.to_owned(), ..Request::default() };
        match check(&request, server, newest, route) {
            Ok(version) => version,
            Err(reply) => {
                let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
                body["typeKey"].as_str().unwrap().to_owned()
            }
        }
    }

    #[test]
    fn a_version_must_be_named_known_and_of_the_right_sort() {
        let cloud =
            |version, route| said(&format!("/?api-version={version}"), Server::Cloud, "", route);
        assert_eq!(said("/", Server::Cloud, "", &Route::Wiql), "VssVersionNotSpecifiedException");
        assert_eq!(cloud("7.1", &Route::Wiql), "7.1");
        assert_eq!(cloud("5.0-preview.1", &Route::Wiql), "5.0-preview.1");
        assert_eq!(cloud("7.2", &Route::Wiql), "VssInvalidPreviewVersionException");
        assert_eq!(cloud("7.3-preview", &Route::Wiql), "VssVersionOutOfRangeException");
        assert_eq!(cloud("new", &Route::Wiql), "VssInvalidApiResourceVersionException");
        assert_eq!(cloud("7.1", &Route::Comments(1)), "VssInvalidPreviewVersionException");
        assert_eq!(cloud("7.1-preview.4", &Route::Comments(1)), "7.1-preview.4");
        assert_eq!(cloud("7.0-preview.4", &Route::Comments(1)), "VssVersionOutOfRangeException");
        let own = said("/?api-version=7.1", Server::OnPremises, "6.0", &Route::Wiql);
        assert_eq!(own, "VssVersionOutOfRangeException");
    }
}
