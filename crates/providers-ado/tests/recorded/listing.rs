//! Projects, repositories, and who asks.

use insta::assert_snapshot;
use jobctl_provider::{Answer, Fact, Item, Order, Provider, Refusal};
use serde_json::{Value, json};

use crate::pages::told;
use crate::{ado, first, fixture, good, recorded, reply};

#[test]
fn recorded_and_documented_repositories() {
    let list = |of: &str, answer: &Answer| {
        told(&ado().read(&first(&Order::Repositories { of: of.to_owned() }), answer).unwrap())
    };
    let documented = list("fabrikam", &good(&fixture("openapi/repositories")));
    let project = list("v-anvashist0376/TestSupportProject", &recorded("repositories"));
    let one = list("ado:v-anvashist0376/RepoCreateListShowDeleteTests/x", &recorded("repository"));
    assert_snapshot!(format!("{documented}\n{project}\n{one}"));
}

#[test]
fn addresses_of_repositories_are_encoded_and_carry_no_user() {
    let row = json!({"name": "100% web", "project": {"name": "Web Shop"}, "isDisabled": true,
        "size": 2049, "remoteUrl": "https://fabrikam@dev.azure.com/fabrikam/Web%20Shop/_git/x"});
    let of = Order::Repositories { of: "fabrikam/Web Shop".to_owned() };
    let step = ado().read(&first(&of), &good(&json!({"value": [row]}))).unwrap();
    let Some(Item::Repository(repository)) = step.items.first() else { panic!("{step:?}") };
    assert_eq!(repository.clone_url, "https://dev.azure.com/fabrikam/Web%20Shop/_git/100%25%20web");
    assert_eq!(repository.full_name, "fabrikam/Web Shop/100% web");
    assert!(repository.disabled);
    assert_eq!((repository.size, &repository.default_branch), (Some(3), &None));
}

#[test]
fn recorded_projects_are_scopes_and_the_next_page_is_in_a_header() {
    let task = first(&Order::Scopes { of: "work:v-anvashist0376".to_owned() });
    let step = ado().read(&task, &recorded("projects")).unwrap();
    assert_eq!(step.items.len(), 12);
    assert_eq!(step.items[0], Item::Scope("work:v-anvashist0376/Chatopsvalidations".to_owned()));
    assert!(step.next.is_empty());
    let body = json!({"count": 1, "value": [{"name": "A"}]}).to_string();
    let page = reply(200, &[("x-ms-continuationtoken", "100")], &body);
    let step = ado().read(&task, &page).unwrap();
    let next = ado().request(&step.next[0]).unwrap().url;
    assert!(next.as_str().contains("continuationToken=100"), "{next}");
    let again = ado().read(&step.next[0], &page);
    assert!(matches!(again, Err(Refusal::Malformed { .. })), "the same page for ever");
}

#[test]
fn who_asks() {
    let facts = |user: Value| {
        let body = json!({ "authenticatedUser": user });
        ado().read(&first(&Order::Identity), &good(&body)).map(|step| step.facts)
    };
    let ada = json!({"providerDisplayName": "Ada", "properties": {"Account": {"$value": "ada@x"}}});
    let name = "Ada <ada@x>".to_owned();
    let identity = Fact::Identity { name, scopes: vec![], expires_at: None };
    assert_eq!(facts(ada), Ok(vec![identity]));
    let nobody = facts(json!({"providerDisplayName": "Anonymous"}));
    assert!(matches!(nobody, Err(Refusal::Unauthorized { .. })));
}
