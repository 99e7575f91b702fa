//! Credentials and versions.

use jobctl_forge::Auth;
use jobctl_forge::ado::{AdoToken, SignIn};

use super::{ask_as, basic, behaving, forge, get, message};

const PROJECTS: &str = "/ado/contoso/_apis/projects?api-version=7.1";

#[test]
fn a_token_that_is_not_good_gets_a_page_with_a_status_of_success() {
    let forge = forge(|_| {});
    let bearer = format!("Bearer {}", forge.ado().token());
    for credential in [bearer.as_str(), "Basic OndyCm9uZw==", "Bearer eyJ.a.b", ""] {
        for method in ["GET", "POST"] {
            let reply = ask_as(&forge, credential, method, PROJECTS, "");
            assert_eq!(reply.status, 203, "{credential}");
            assert!(reply.header("content-type").unwrap().starts_with("text/html"));
        }
    }
    assert!(forge.log().iter().all(|entry| entry.auth == Auth::Wrong));
    assert_eq!(ask_as(&forge, &basic(&forge), "GET", PROJECTS, "").status, 200);
    let entra = format!("Bearer {}", AdoToken::entra().value);
    assert_eq!(ask_as(&forge, &entra, "GET", PROJECTS, "").status, 200);
}

#[test]
fn the_refusal_of_a_token_has_other_forms() {
    let forge = behaving(|b| b.sign_in = SignIn::Redirect);
    let reply = ask_as(&forge, "Basic Og==", "GET", PROJECTS, "");
    assert_eq!(reply.status, 302);
    assert!(reply.header("location").unwrap().contains("/_signin"));
    forge.ado().configure(|b| b.sign_in = SignIn::Json);
    let reply = ask_as(&forge, "Basic Og==", "GET", PROJECTS, "");
    assert_eq!((reply.status, message(&reply).starts_with("TF400813")), (401, true));
}

#[test]
fn a_token_may_be_over_or_for_others_or_for_less() {
    let token = |change: fn(&mut AdoToken)| {
        let mut token = AdoToken::default();
        change(&mut token);
        forge(|ado| ado.tokens = vec![token])
    };
    let over = token(|t| t.expired = true);
    assert_eq!(get(&over, "contoso/_apis/projects?api-version=7.1").status, 203);
    let other = token(|t| t.organisations = vec!["fabrikam".to_owned()]);
    assert_eq!(get(&other, "contoso/_apis/projects?api-version=7.1").status, 203);
    assert_eq!(get(&other, "fabrikam/_apis/projects?api-version=7.1").status, 200);
    let code = token(|t| t.scopes = "vso.code".to_owned());
    let reply = get(&code, "contoso/Shop/_apis/wit/workitems/1?api-version=7.1");
    assert_eq!((reply.status, message(&reply).starts_with("TF400813")), (401, true));
    let full = token(|t| t.scopes = "vso.work_full".to_owned());
    assert_eq!(get(&full, "contoso/_apis/wit/fields?api-version=7.1").status, 200);
    assert_eq!(get(&full, "contoso/_apis/git/repositories?api-version=7.1").status, 401);
    let denied = token(|t| t.denied_projects = vec!["Shop".to_owned()]);
    let reply = get(&denied, "contoso/Shop/_apis/wit/workitems/1?api-version=7.1");
    assert_eq!((reply.status, message(&reply).starts_with("TF50309")), (403, true));
    let hidden = token(|t| t.hidden_projects = vec!["Shop".to_owned()]);
    let reply = get(&hidden, "contoso/_apis/projects/Shop?api-version=7.1");
    assert_eq!((reply.status, message(&reply).starts_with("TF200016")), (404, true));
    let all = get(&hidden, "contoso/_apis/projects?api-version=7.1").json();
    assert!(all["value"].as_array().unwrap().iter().all(|project| project["name"] != "Shop"));
}

#[test]
fn a_version_must_be_named_and_a_server_of_ones_own_is_older() {
    let forge = forge(|ado| ado.server_version = "6.0".to_owned());
    let reply = get(&forge, "contoso/_apis/projects");
    assert_eq!(
        (reply.status, reply.json()["typeKey"].as_str().unwrap().to_owned()),
        (400, "VssVersionNotSpecifiedException".to_owned())
    );
    assert!(message(&reply).starts_with("No api-version was supplied for the \"GET\" request."));
    let reply = get(&forge, "contoso/_apis/projects?api-version=7.1");
    let told = reply.header("content-type").unwrap();
    assert_eq!(told, "application/json; charset=utf-8; api-version=7.1");
    let own = |version: &str| {
        let path = format!("/tfs/contoso/_apis/projects?api-version={version}");
        ask_as(&forge, &basic(&forge), "GET", &path, "")
    };
    assert!(message(&own("7.1")).contains(
        "out of range for this server. The latest REST API version this server supports is 6.0."
    ));
    let items = own("6.0").json();
    assert!(items["value"][0]["url"].as_str().unwrap().contains("/tfs/contoso/_apis/projects/"));
    // It asks for a login where the service shows a page.
    let reply =
        ask_as(&forge, "Basic Og==", "GET", "/tfs/contoso/_apis/projects?api-version=6.0", "");
    assert_eq!(reply.status, 401);
}
