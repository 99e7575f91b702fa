//! The refusals of the interface, in the words that were documented or seen.

use serde_json::json;

use super::behaviour::SignIn;
use crate::wire::{Reply, encode};

/// A refusal as the services write it. `space` and `key` make up the type's name.
fn refusal(status: u16, space: &str, key: &str, event: u32, message: &str) -> Reply {
    let body = json!({
        "$id": "1",
        "innerException": null,
        "message": message,
        "typeName": format!("{space}.{key}, {space}"),
        "typeKey": key,
        "errorCode": 0,
        "eventId": event,
    });
    Reply::json(status, body.to_string())
}

const TRACKING: &str = "Microsoft.TeamFoundation.WorkItemTracking.Server";
const WEB_API: &str = "Microsoft.VisualStudio.Services.WebApi";
const CORE: &str = "Microsoft.TeamFoundation.Core.WebApi";

fn query(key: &str, message: &str) -> Reply {
    refusal(400, TRACKING, key, 3200, message)
}

pub(crate) fn no_version(method: &str) -> Reply {
    let text = format!(
        "No api-version was supplied for the \"{method}\" request. The version must be supplied \
         either as part of the Accept header (e.g. \"application/json; api-version=1.0\") or as a \
         query parameter (e.g. \"?api-version=1.0\")."
    );
    refusal(400, WEB_API, "VssVersionNotSpecifiedException", 3000, &text)
}

pub(crate) fn version_out_of_range(asked: &str, newest: &str) -> Reply {
    let text = format!(
        "The requested REST API version of {asked} is out of range for this server. The latest \
         REST API version this server supports is {newest}."
    );
    refusal(400, WEB_API, "VssVersionOutOfRangeException", 3000, &text)
}

pub(crate) fn preview_needed(asked: &str) -> Reply {
    let text = format!(
        "The requested version \"{asked}\" of the resource is under preview. The -preview flag \
         must be supplied in the api-version for such requests. For example: \"{asked}-preview\""
    );
    refusal(400, WEB_API, "VssInvalidPreviewVersionException", 3000, &text)
}

/// Our words: the refusal of something that is no version was not recorded.
pub(crate) fn no_such_version(asked: &str) -> Reply {
    let text = format!("The api-version \"{asked}\" is not valid.");
    refusal(400, WEB_API, "VssInvalidApiResourceVersionException", 3000, &text)
}

/// Recorded; the two forms are told apart by what was asked for.
pub(crate) fn no_project(name: &str) -> Reply {
    let by_id = name.len() == 36 && name.matches('-').count() == 4;
    let text = format!(
        "TF200016: The following project does not exist: {name}. Verify that the name of the \
         project is correct and that the project exists on the specified Azure DevOps Server."
    );
    let key =
        if by_id { "ProjectDoesNotExistException" } else { "ProjectDoesNotExistWithNameException" };
    refusal(404, CORE, key, 3000, &text)
}

pub(crate) fn denied_project(login: &str) -> Reply {
    let text = format!(
        "TF50309: The following account does not have sufficient permissions to complete the \
         operation: {login}. The following permissions are needed to perform this operation: \
         View project-level information."
    );
    let space = "Microsoft.TeamFoundation.Server.Core";
    refusal(403, space, "AccessCheckException", 3000, &text)
}

pub(crate) fn no_item(id: u64) -> Reply {
    let text = format!(
        "TF401232: Work item {id} does not exist, or you do not have permissions to read it."
    );
    refusal(404, TRACKING, "WorkItemUnauthorizedAccessException", 3200, &text)
}

pub(crate) fn no_comment(id: u64) -> Reply {
    let text = format!("Comment with id {id} does not exist.");
    refusal(404, TRACKING, "WorkItemCommentNotFoundException", 3200, &text)
}

pub(crate) fn no_field(name: &str) -> Reply {
    query(
        "WorkItemTrackingFieldDefinitionNotFoundException",
        &format!("TF51535: Cannot find field {name}."),
    )
}

pub(crate) fn no_type(name: &str) -> Reply {
    let text = format!(
        "VS402323: Work item type {name} does not exist in project, or you do not have permission to access it."
    );
    refusal(404, TRACKING, "WorkItemTypeNotFoundException", 3200, &text)
}

pub(crate) fn no_repository(name: &str) -> Reply {
    let text = format!(
        "TF401019: The Git repository with name or identifier {name} does not exist or you do not \
         have permissions for the operation you are attempting."
    );
    let space = "Microsoft.TeamFoundation.Git.Server";
    refusal(404, space, "GitRepositoryNotFoundException", 3000, &text)
}

pub(crate) fn too_many_ids(count: usize) -> Reply {
    let text =
        format!("VS403474: You requested {count} work items which exceeds the limit of 200.");
    query("VssPropertyValidationException", &text)
}

pub(crate) fn fields_and_expand() -> Reply {
    let text = "The expand parameter can not be used with the fields parameter.";
    query("ConflictingParametersException", text)
}

pub(crate) fn invalid(name: &str, text: &str) -> Reply {
    query("ArgumentException", &format!("{text}\r\nParameter name: {name}"))
}

pub(crate) fn no_query() -> Reply {
    query(
        "InvalidArgumentValueException",
        "You must pass a valid patch document in the body of the request.",
    )
}

pub(crate) fn too_many_results(cap: usize) -> Reply {
    let text = format!(
        "VS402337: The number of work items returned exceeds the size limit of {cap}. Change the \
         query to return fewer items."
    );
    query("WorkItemTrackingQueryResultSizeLimitExceededException", &text)
}

pub(crate) fn query_timed_out() -> Reply {
    let text = "VS402335: The timeout period (30 seconds) elapsed prior to completion of the query \
        or the server is not responding. Make sure your query is not too broad and try again.";
    query("WorkItemTrackingQueryTimeoutException", text)
}

/// What is wrong with a query, with the part of it that is.
pub(crate) fn syntax(message: &str, cause: &str) -> Reply {
    let text = format!("{message} The error is caused by \u{ab}{cause}\u{bb}.");
    query("WorkItemTrackingQueryException", &text)
}

pub(crate) fn time_with_dates(cause: &str) -> Reply {
    let text = format!(
        "You cannot supply a time with the date when running a query using date precision. The \
         error is caused by <<{cause}>>."
    );
    query("WorkItemTrackingQueryException", &text)
}

pub(crate) fn method_not_supported(method: &str) -> Reply {
    let text = format!("The requested resource does not support http method '{method}'.");
    Reply::json(405, json!({ "count": 1, "value": {"Message": text} }).to_string())
}

pub(crate) fn nothing_here(path: &str) -> Reply {
    let page = format!(
        "<!DOCTYPE html>\r\n<html><head><title>The page cannot be found</title></head><body>\
         <h1>404</h1><p>{} was not found.</p></body></html>\r\n",
        encode(path)
    );
    Reply::html(404, &page)
}

/// What the front of the service says to a path that is no path.
pub(crate) fn bad_request() -> Reply {
    Reply::html(400, "<html><body><h2>Bad Request - Invalid URL</h2></body></html>\r\n")
}

/// A credential that is not good, in the form that is set.
pub(crate) fn sign_in(form: SignIn, base: &str, target: &str) -> Reply {
    match form {
        SignIn::Page => Reply::html(203, SIGN_IN),
        SignIn::Redirect => {
            let place = format!("{base}/_signin?realm=dev.azure.com&reply_to={}", encode(target));
            let page = format!(
                "<html><head><title>Object moved</title></head><body>\r\n<h2>Object moved to \
                 <a href=\"{place}\">here</a>.</h2>\r\n</body></html>\r\n"
            );
            Reply::html(302, &page).with("location", place)
        }
        SignIn::Json => not_authorized("aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"),
    }
}

/// A good credential without the scope that is needed, or a bad one told in JSON.
pub(crate) fn not_authorized(user: &str) -> Reply {
    let text = format!("TF400813: The user '{user}' is not authorized to access this resource.");
    let space = "Microsoft.TeamFoundation.Framework.Server";
    refusal(401, space, "UnauthorizedRequestException", 3000, &text)
        .with("www-authenticate", "Basic realm=\"https://dev.azure.com/\"")
}

/// A server of one's own asks for a login.
pub(crate) fn log_in() -> Reply {
    Reply::html(401, "<!DOCTYPE html><html><body><h2>401 - Unauthorized: Access is denied due to invalid credentials.</h2></body></html>\r\n")
        .with("www-authenticate", "Bearer")
        .with("www-authenticate", "Basic realm=\"http://tfs.example/\"")
        .with("www-authenticate", "Negotiate")
        .with("www-authenticate", "NTLM")
}

pub(crate) fn blocked() -> Reply {
    let text = "TF400733: The request has been canceled: Request was blocked due to exceeding \
        usage of resource 'Concurrency' in namespace 'VSID'.";
    let space = "Microsoft.TeamFoundation.Framework.Server";
    refusal(429, space, "RequestBlockedException", 3000, text)
}

const SIGN_IN: &str = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\">\r\n\
    <html lang=\"en-US\">\r\n<head><title>Azure DevOps Services | Sign In</title></head>\r\n\
    <body><form action=\"https://login.microsoftonline.com/\" method=\"post\">Sign in</form>\
    </body>\r\n</html>\r\n";
