//! Azure DevOps, judged over the simulated one.

use std::collections::BTreeMap;

use jobctl_forge::ado::AdoConfig;
use jobctl_forge::{Config, Forge};
use jobctl_http::{Credential, Secret};
use jobctl_provider::conformance::{Form, Held, Stage, judge};
use jobctl_provider::{Answer, IssueOrder, Request};
use jobctl_providers_ado::AzureDevOps;

use crate::line::{Line, form, json, with_body, with_headers};

const PROJECT: (&str, &str) = ("contoso", "Shop");

struct Played<'a> {
    forge: &'a Forge,
    line: &'a Line,
}

impl Stage for Played<'_> {
    fn answer(&mut self, request: &Request) -> Answer {
        self.line.ask(request)
    }

    fn truth(&self) -> Held {
        let truth = self.forge.ado().truth(PROJECT.0, PROJECT.1).unwrap();
        let key = |id: u64| format!("ado:{}/{}#{id}", PROJECT.0, PROJECT.1);
        let issues: BTreeMap<String, String> =
            truth.items.values().map(|item| (key(item.id), item.title.clone())).collect();
        let comments = truth.items.values().flat_map(|item| {
            item.comments.iter().map(move |comment| (key(item.id), comment.id.to_string()))
        });
        Held { comments: comments.collect(), issues }
    }

    /// Section 3.3 of the facts: on good answers too.
    fn limits(&self, good: &Answer) -> Vec<Form> {
        let blocked = r#"{"message":"TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'VSID'."}"#;
        let mut forms = vec![
            form(good, 429, &[("retry-after", "60")], blocked),
            form(good, 429, &[("x-ratelimit-delay", "15.250")], blocked),
            form(good, 429, &[], blocked),
            form(good, 503, &[("retry-after", "5")], ""),
        ];
        forms.extend(with_headers(good, &[("retry-after", "3")]));
        forms.extend(with_headers(good, &[("x-ratelimit-delay", "1.250")]));
        forms
    }

    fn refusals(&self, good: &Answer) -> Vec<Form> {
        let html = ("content-type", "text/html; charset=utf-8");
        let page = "<!DOCTYPE html><html><title>Sign In</title></html>";
        let leads = ("location", "https://spsprodcus1.vssps.visualstudio.com/_signin?realm=x");
        let named = r#"{"message":"TF400813: The user is not authorized."}"#;
        vec![
            form(good, 203, &[html], page),
            form(good, 200, &[html], page),
            form(good, 302, &[html, leads], ""),
            form(good, 401, &[], named),
        ]
    }

    fn spoil(&self, good: &Answer) -> Option<Answer> {
        let mut body = json(good)?;
        if body.get("comments").and_then(|rows| rows.get(0)).is_some() {
            body["comments"][0].as_object_mut()?.remove("createdDate")?;
        } else if body["value"][0].get("rev").is_some() {
            body["value"][0].as_object_mut()?.remove("fields")?;
        } else {
            return None;
        }
        with_body(good, &body)
    }
}

#[test]
fn azure_devops_keeps_what_every_provider_keeps() {
    let ado = AdoConfig { items: 230, comments: 120, ..AdoConfig::small() };
    let config = Config { ado: Some(ado), recorded: false, ..Config::small() };
    // Leaked: a stage lives as long as the trial that plays it.
    let forge: &'static Forge = Box::leak(Box::new(Forge::start(config).unwrap()));
    let base = forge.ado().url().parse().unwrap();
    let token = Secret::new(forge.ado().token().to_owned()).unwrap();
    let credential = Credential::basic(String::new(), token);
    let line: &'static Line = Box::leak(Box::new(Line::new(&base, credential)));
    let order = IssueOrder::all(&format!("ado:{}/{}", PROJECT.0, PROJECT.1));
    let verdict = judge(&AzureDevOps::new(base), &order, &mut || Box::new(Played { forge, line }));
    println!("{verdict}");
    assert!(verdict.passed(), "{verdict}");
}
