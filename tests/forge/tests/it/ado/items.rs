//! Work items, their comments and updates, one by one and in batches.

use jobctl_forge::ado::{AdoChange, AdoGone};
use serde_json::{Value, json};

use super::{ask, behaving, forge, get, message};

fn batch(forge: &jobctl_forge::Forge, body: &Value) -> crate::client::Reply {
    let path = "contoso/Shop/_apis/wit/workitemsbatch?api-version=7.1";
    ask(forge, "POST", path, &body.to_string())
}

#[test]
fn what_is_shown_is_the_truth() {
    let forge = forge(|_| {});
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    assert_eq!((truth.items.len(), truth.comment_count()), (295, 400 - deleted_comments(&forge)));
    let ids: Vec<u64> = truth.items.keys().copied().collect();
    for part in ids.chunks(200) {
        let body = batch(&forge, &json!({"ids": part, "$expand": "All"})).json();
        assert_eq!(body["count"], part.len());
        for item in body["value"].as_array().unwrap() {
            let there = &truth.items[&item["id"].as_u64().unwrap()];
            let fields = &item["fields"];
            assert_eq!(fields["System.Title"], there.title);
            assert_eq!(fields["System.State"], there.state);
            assert_eq!(fields["System.WorkItemType"], there.kind);
            assert_eq!(fields["System.ChangedDate"], there.changed_at);
            assert_eq!(fields["System.CommentCount"], there.comments.len());
            assert_eq!(fields["System.TeamProject"], "Shop");
            assert_eq!(fields["System.Description"], json!(there.description));
            assert_eq!(fields["System.Parent"], json!(there.parent));
            assert_eq!(item["rev"], there.rev);
            let parent = item["relations"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|relation| relation["rel"] == "System.LinkTypes.Hierarchy-Reverse");
            let parent = parent.map(|relation| relation["url"].as_str().unwrap().to_owned());
            let number = parent.and_then(|url| url.rsplit('/').next().unwrap().parse().ok());
            let wanted = there.parent.filter(|parent| ids.contains(parent));
            assert_eq!(number, wanted);
        }
    }
}

/// Comments of what is in the recycle bin.
fn deleted_comments(forge: &jobctl_forge::Forge) -> usize {
    let truth = || forge.ado().truth("contoso", "Shop").expect("the project");
    let mut count = 0;
    for id in truth().gone.keys().copied() {
        forge.ado().change("contoso", &AdoChange::Restore { id }).expect("it was deleted");
        count += truth().items[&id].comments.len();
        forge.ado().change("contoso", &AdoChange::Delete { id }).expect("it is there");
    }
    count
}

#[test]
fn a_batch_is_strict() {
    let forge = forge(|_| {});
    let many: Vec<u64> = (1..=201).collect();
    let reply = batch(&forge, &json!({ "ids": many }));
    assert_eq!(reply.status, 400);
    assert_eq!(
        message(&reply),
        "VS403474: You requested 201 work items which exceeds the limit of 200."
    );
    let reply = batch(&forge, &json!({"ids": [1], "fields": ["System.Id"], "$expand": "All"}));
    assert_eq!(message(&reply), "The expand parameter can not be used with the fields parameter.");
    let reply = batch(&forge, &json!({"ids": [1], "fields": ["System.Nothing"]}));
    assert_eq!(message(&reply), "TF51535: Cannot find field System.Nothing.");
    assert_eq!(batch(&forge, &json!({"ids": []})).status, 400);
    assert_eq!(batch(&forge, &json!({"ids": [1], "errorPolicy": "maybe"})).status, 400);
    assert_eq!(batch(&forge, &json!({"ids": [1], "expand": "All"})).status, 400);
    // 50 was removed for good before anybody looked.
    let reply = batch(&forge, &json!({"ids": [1, 50]}));
    assert_eq!((reply.status, message(&reply).starts_with("TF401232: Work item 50 ")), (404, true));
    let shop = *forge.ado().truth("contoso", "Shop").unwrap().items.keys().next().unwrap();
    let reply = batch(&forge, &json!({"ids": [50, shop], "errorPolicy": "Omit"})).json();
    assert_eq!((&reply["value"][0], &reply["value"][1]["id"]), (&Value::Null, &json!(shop)));
    let reply =
        batch(&forge, &json!({"ids": [shop], "fields": ["system.id", "System.Title"]})).json();
    assert_eq!(reply["value"][0]["fields"].as_object().unwrap().len(), 2);
}

#[test]
fn comments_come_in_pages_by_token() {
    let forge = behaving(|b| b.comment_page = 50);
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let longest = truth.items.values().max_by_key(|item| item.comments.len()).unwrap();
    assert!(longest.comments.len() > 200);
    let path = format!("contoso/Shop/_apis/wit/workItems/{}/comments", longest.id);
    assert_eq!(get(&forge, &format!("{path}?api-version=7.1")).status, 400);
    let mut found = Vec::new();
    let mut next = Some(format!("{path}?order=asc&$top=200&api-version=7.1-preview.4"));
    while let Some(path) = next {
        let body = get(&forge, &path).json();
        assert_eq!(body["totalCount"], longest.comments.len());
        found.extend(body["comments"].as_array().unwrap().clone());
        let whole = body["nextPage"].as_str();
        next = whole.map(|url| url.split_once("/ado/").unwrap().1.to_owned());
        assert_eq!(next.is_some(), body["continuationToken"].is_string());
    }
    assert_eq!(found.len(), longest.comments.len());
    let mut wanted = longest.comments.clone();
    wanted.sort_by(|a, b| (&a.created_at, a.id).cmp(&(&b.created_at, b.id)));
    for (shown, there) in found.iter().zip(&wanted) {
        assert_eq!(
            (shown["id"].as_u64().unwrap(), shown["text"].as_str().unwrap()),
            (there.id, there.text.as_str())
        );
        assert_eq!(shown["format"], if there.markdown { "markdown" } else { "html" });
    }
}

#[test]
fn updates_tell_what_each_revision_changed() {
    let forge = forge(|_| {});
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let item = truth.items.values().find(|item| item.rev > 3).unwrap();
    let title = Some("Renamed".to_owned());
    let edit = AdoChange::Edit {
        id: item.id,
        title,
        description: None,
        state: None,
        tags: None,
        assigned_to: None,
    };
    forge.ado().change("contoso", &edit).unwrap();
    let path = format!("contoso/Shop/_apis/wit/workItems/{}/updates", item.id);
    let all = get(&forge, &format!("{path}?api-version=7.1")).json();
    assert_eq!(all["count"], item.rev + 1);
    let last = &all["value"][usize::try_from(item.rev).unwrap()];
    assert_eq!(
        last["fields"]["System.Title"],
        json!({"oldValue": item.title, "newValue": "Renamed"})
    );
    assert_eq!(last["revisedDate"], "9999-01-01T00:00:00Z");
    let some = get(&forge, &format!("{path}?$top=2&$skip=1&api-version=7.1")).json();
    assert_eq!((&some["value"][0]["rev"], &some["count"]), (&json!(2), &json!(2)));
}

#[test]
fn changes_are_seen_where_they_belong() {
    let forge = forge(|_| {});
    let ado = forge.ado();
    let ids: Vec<u64> = ado.truth("contoso", "Shop").unwrap().items.keys().copied().collect();
    let change = |change: AdoChange| ado.change("contoso", &change).unwrap();
    change(AdoChange::Delete { id: ids[30] });
    change(AdoChange::Move { id: ids[31], to: "contoso/Fabrikam Fiber".to_owned() });
    change(AdoChange::Destroy { id: ids[32] });
    change(AdoChange::Retype { id: ids[33], kind: "Bug".to_owned() });
    let project = "contoso/Shop".to_owned();
    let (kind, title) = ("Task".to_owned(), "New".to_owned());
    let added =
        change(AdoChange::Add { project, kind, title, description: None, parent: Some(ids[0]) });
    let comment =
        change(AdoChange::AddComment { id: added.id, text: "first".to_owned() }).comment.unwrap();
    change(AdoChange::EditComment { id: added.id, comment, text: "second".to_owned() });
    let truth = ado.truth("contoso", "Shop").unwrap();
    assert_eq!(truth.gone[&ids[30]], AdoGone::Deleted);
    assert_eq!(truth.gone[&ids[31]], AdoGone::Moved("Fabrikam Fiber".to_owned()));
    assert_eq!(truth.gone[&ids[32]], AdoGone::Destroyed);
    assert_eq!(truth.items[&ids[33]].kind, "Bug");
    assert_eq!(truth.items[&added.id].comments[0].text, "second");
    let status =
        |id: u64| get(&forge, &format!("contoso/_apis/wit/workitems/{id}?api-version=7.1")).status;
    assert_eq!([30, 31, 32, 33].map(|at: usize| status(ids[at])), [404, 200, 404, 200]);
    assert!(ado.change("contoso", &AdoChange::Delete { id: ids[30] }).is_err());
    change(AdoChange::DeleteComment { id: added.id, comment });
    assert_eq!(ado.truth("contoso", "Shop").unwrap().items[&added.id].comments, []);
}

#[test]
fn comments_before_their_time_are_texts_of_revisions() {
    let forge = behaving(|b| b.comment_page = 100);
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let longest = truth.items.values().max_by_key(|item| item.comments.len()).unwrap();
    let path = format!("contoso/Shop/_apis/wit/workItems/{}/comments", longest.id);
    let mut found = Vec::new();
    let mut from = 1;
    loop {
        let query = format!("fromRevision={from}&order=asc&api-version=5.0-preview.2");
        let body = get(&forge, &format!("{path}?{query}")).json();
        assert_eq!(body["totalCount"], longest.comments.len());
        let Some(last) = body["comments"].as_array().unwrap().last() else { break };
        from = last["revision"].as_u64().unwrap() + 1;
        let texts = body["comments"].as_array().unwrap().iter();
        found.extend(texts.map(|comment| comment["text"].as_str().unwrap().to_owned()));
    }
    let mut wanted = longest.comments.clone();
    wanted.sort_by(|a, b| (&a.created_at, a.id).cmp(&(&b.created_at, b.id)));
    assert_eq!(found, wanted.into_iter().map(|comment| comment.text).collect::<Vec<_>>());
}
