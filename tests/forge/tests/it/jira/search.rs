//! Cloud's search: pages, tokens, and who sees what.

use std::time::Duration;

use jobctl_forge::jira::{JiraBehaviour, JiraChange};
use serde_json::{Value, json};

use super::{ask, basic, behaving, get, keys, message, post, search, small, walk};

const PAY: &str = "project = PAY ORDER BY id ASC";

#[test]
fn a_page_has_only_ids_unless_more_is_asked_for() {
    let forge = small();
    let first = |more: &Value| search(&forge, PAY, more).json()["issues"][0].clone();
    assert_eq!(first(&json!({})), json!({ "id": "10000" }));
    let keyed = first(&json!({ "fields": ["id", "key"] }));
    assert_eq!((&keyed["key"], &keyed["fields"]), (&json!("PAY-1"), &Value::Null));
    let fields = first(&json!({ "fields": ["summary", "status"] }))["fields"].clone();
    assert_eq!(fields.as_object().unwrap().len(), 2);
    let all = first(&json!({ "fields": ["*all", "-comment"] }))["fields"].clone();
    assert!(all["comment"].is_null() && all["description"]["type"] == "doc");
    assert!(first(&json!({ "fields": ["*navigable"] }))["fields"]["comment"].is_null());
}

#[test]
fn pages_of_ids_are_long_and_pages_of_fields_are_short() {
    let forge = behaving(|b| (b.page_of_ids, b.page_of_fields) = (200, 60));
    let (ids, pages) = walk(&forge, PAY, &json!({ "fields": ["key"], "maxResults": 5_000 }));
    assert_eq!((ids.len(), pages), (245, 2));
    let (_, pages) = walk(&forge, PAY, &json!({ "fields": ["summary"], "maxResults": 5_000 }));
    assert_eq!(pages, 5);
    for (most, status) in [(0, 400), (1, 200), (5_000, 200), (5_001, 400)] {
        assert_eq!(search(&forge, PAY, &json!({ "maxResults": most })).status, status, "{most}");
    }
    assert!(search(&forge, PAY, &json!({ "maxResults": 9 })).json()["total"].is_null());
}

#[test]
fn get_and_post_agree_and_unknown_members_are_refused() {
    let forge = small();
    let by_get = get(&forge, "search/jql?jql=project%20%3D%20PAY&fields=key,summary&maxResults=7");
    let by_post =
        search(&forge, "project = PAY", &json!({ "fields": ["key", "summary"], "maxResults": 7 }));
    assert_eq!(by_get.json()["issues"], by_post.json()["issues"]);
    let wrong = search(&forge, PAY, &json!({ "startAt": 50 }));
    assert_eq!((wrong.status, message(&wrong).starts_with("Invalid request payload")), (400, true));
    assert_eq!(search(&forge, PAY, &json!({ "fields": "key" })).status, 400);
}

#[test]
fn a_token_is_good_for_its_query_and_for_seven_days() {
    let forge = small();
    let most = json!({ "maxResults": 100 });
    let token = search(&forge, PAY, &most).json()["nextPageToken"].clone();
    let with =
        |jql: &str| search(&forge, jql, &json!({ "maxResults": 50, "nextPageToken": token }));
    assert_eq!(with(PAY).status, 200);
    assert_eq!(with("project = PAY").status, 400);
    assert_eq!(search(&forge, PAY, &json!({ "nextPageToken": "nonsense" })).status, 400);
    forge.advance(Duration::from_secs(7 * 86_400 + 60));
    assert_eq!(with(PAY).status, 400);
}

#[test]
fn an_issue_edited_while_it_is_walked_moves_to_the_end() {
    let forge = small();
    let jql = "project = PAY ORDER BY updated ASC, key ASC";
    let page = json!({ "fields": ["key"], "maxResults": 100 });
    let first = search(&forge, jql, &page);
    let early = keys(&first)[3].clone();
    let change = JiraChange::EditIssue {
        key: early.clone(),
        summary: Some("later".to_owned()),
        description: None,
        status: None,
    };
    forge.jira().change(&change).unwrap();
    let mut rest = page.clone();
    rest["nextPageToken"] = first.json()["nextPageToken"].clone();
    let mut found = keys(&search(&forge, jql, &rest));
    rest["nextPageToken"] = search(&forge, jql, &rest).json()["nextPageToken"].clone();
    found.extend(keys(&search(&forge, jql, &rest)));
    assert_eq!(found.last(), Some(&early));
    assert_eq!(found.len(), 146, "100 of 245 were seen, and one of them again");
}

#[test]
fn oddities_of_pages_can_be_switched_on() {
    let forge = behaving(|b| {
        *b = JiraBehaviour { short_page_every: Some(2), ..JiraBehaviour::default() };
    });
    let (found, pages) = walk(&forge, PAY, &json!({ "fields": ["key"], "maxResults": 60 }));
    assert_eq!((found.len(), pages), (245, 6), "60 and 30 in turn");
    let forge = behaving(|b| b.repeat_token_every = Some(2));
    let page = json!({ "maxResults": 50 });
    let token = search(&forge, PAY, &page).json()["nextPageToken"].clone();
    let again = search(&forge, PAY, &json!({ "maxResults": 50, "nextPageToken": token }));
    assert_eq!(again.json()["nextPageToken"], token);
}

#[test]
fn the_search_hears_of_a_change_late_unless_it_must_reconcile() {
    let forge = behaving(|b| b.lag = 2);
    let change = JiraChange::AddIssue { project: "OPS".to_owned(), summary: "new".to_owned() };
    let key = forge.jira().change(&change).unwrap().key;
    let found = |more: &Value| {
        let mut more = more.clone();
        more["fields"] = json!(["key"]);
        keys(&search(&forge, "project = OPS", &more)).contains(&key)
    };
    assert!(!found(&json!({})) && !found(&json!({})));
    assert!(found(&json!({})));
    let key = forge.jira().change(&change).unwrap().key;
    let id = forge.jira().truth("OPS").unwrap().issues.values().last().unwrap().id;
    let reconciled =
        search(&forge, "project = OPS", &json!({ "fields": ["key"], "reconcileIssues": [id] }));
    assert!(keys(&reconciled).contains(&key));
    let many = vec!["1"; 51].join(",");
    let listed = format!("search/jql?jql=project%20%3D%20OPS&reconcileIssues={many}");
    assert_eq!(get(&forge, &listed).status, 400, "51 at once");
}

#[test]
fn the_count_is_near() {
    let forge = small();
    for jql in ["project = PAY", "project = PAY AND key > PAY-100"] {
        let exact = walk(&forge, jql, &json!({ "fields": ["key"], "maxResults": 500 })).0.len();
        let reply = post(&forge, "search/approximate-count", &json!({ "jql": jql }));
        let near = reply.json()["count"].as_f64().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "hundreds")]
        let off = (near - exact as f64).abs() / exact as f64;
        assert!(off <= 0.035, "{near} {exact}");
    }
    let unbounded = post(&forge, "search/approximate-count", &json!({ "jql": "order by key" }));
    assert_eq!(unbounded.status, 400);
}

#[test]
fn the_old_search_is_gone() {
    let forge = small();
    let config = forge.jira().config();
    let auth = basic(&config.email, &config.token);
    for version in [2, 3] {
        let path = format!("/jira/rest/api/{version}/search?jql=project%3DPAY");
        let reply = ask(&forge, "GET", &path, &auth, "");
        assert_eq!(reply.status, 410);
        assert!(message(&reply).contains("migrate to the /rest/api/3/search/jql API"));
    }
}

#[test]
fn a_wrong_token_sees_an_empty_jira() {
    let forge = small();
    let wrong = basic(&forge.jira().config().email, "expired");
    let asked = |method: &str, path: &str, body: &str| {
        ask(&forge, method, &format!("/jira/rest/api/3/{path}"), &wrong, body)
    };
    let reply = asked("POST", "search/jql", "{\"jql\":\"project = PAY\"}");
    assert_eq!((reply.status, reply.json()), (200, json!({ "issues": [], "isLast": true })));
    assert_eq!(reply.header("x-seraph-loginreason"), Some("AUTHENTICATED_FAILED"));
    assert_eq!(asked("GET", "myself", "").status, 401);
    assert_eq!(asked("GET", "issue/PAY-1", "").status, 404);
    assert_eq!(asked("GET", "project/search", "").json()["total"], 0);
    let bulk = asked("POST", "issue/bulkfetch", "{\"issueIdsOrKeys\":[\"PAY-1\"]}");
    assert_eq!(bulk.json()["issues"], json!([]));
    let nobody = ask(&forge, "GET", "/jira/rest/api/3/myself", "", "");
    assert_eq!((nobody.status, nobody.header("x-seraph-loginreason")), (401, None));
}

#[test]
fn scoped_tokens_work_below_the_gateway_only() {
    let forge = small();
    let config = forge.jira().config();
    let scoped = basic(&config.email, &config.scoped_token);
    let reply = ask(&forge, "GET", "/jira/_edge/tenant_info", "", "");
    let id = reply.json()["cloudId"].as_str().unwrap().to_owned();
    let below = |id: &str, auth: &str| {
        ask(&forge, "GET", &format!("/ex/jira/{id}/rest/api/3/myself"), auth, "").status
    };
    assert_eq!(below(&id, &scoped), 200);
    assert_eq!(below(&id, &format!("Bearer {}", config.scoped_token)), 200);
    assert_eq!(below("another", &scoped), 404);
    assert_eq!(below(&id, &basic(&config.email, &config.token)), 401);
    assert_eq!(ask(&forge, "GET", "/jira/rest/api/3/myself", &scoped, "").status, 401);
}
