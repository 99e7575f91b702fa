//! Jira Cloud and Data Center, judged over the simulated ones.

use std::collections::BTreeMap;

use jobctl_forge::jira::JiraConfig;
use jobctl_forge::{Config, Forge};
use jobctl_http::{Credential, Secret};
use jobctl_provider::conformance::{Form, Held, Stage, judge};
use jobctl_provider::{Answer, IssueOrder, Request};
use jobctl_providers_jira::Jira;

use crate::line::{Line, form, json, with_body};

struct Played<'a> {
    forge: &'a Forge,
    line: &'a Line,
    is_cloud: bool,
}

impl Stage for Played<'_> {
    fn answer(&mut self, request: &Request) -> Answer {
        self.line.ask(request)
    }

    fn truth(&self) -> Held {
        let truth = self.forge.jira().truth("PAY").unwrap();
        let titles = truth.issues.values().map(|issue| (issue.key.clone(), issue.title.clone()));
        let issues: BTreeMap<String, String> = titles.collect();
        let comments = truth.issues.values().flat_map(|issue| {
            issue.comments.iter().map(|comment| (issue.key.clone(), comment.id.to_string()))
        });
        Held { comments: comments.collect(), issues }
    }

    /// Sections 2.5 and 2.6 of the facts.
    fn limits(&self, good: &Answer) -> Vec<Form> {
        let said = r#"{"errorMessages":["The request has been rate-limited."],"errors":{}}"#;
        let page = "<!doctype html><html><title>HTTP Status 429</title></html>";
        let after = ("retry-after", "12");
        if !self.is_cloud {
            let filled = [("retry-after", "0"), ("x-ratelimit-interval-seconds", "60")];
            return vec![form(good, 429, &[after], page), form(good, 429, &filled, page)];
        }
        let reason = |reason| ("ratelimit-reason", reason);
        let reset = ("x-ratelimit-reset", "2100-01-01T01:01Z");
        vec![
            form(good, 429, &[after, reason("jira-burst-based")], said),
            form(good, 429, &[after, reason("jira-quota-global-based")], said),
            form(good, 429, &[reset, reason("jira-quota-tenant-based")], said),
            form(good, 429, &[after, reason("jira-cost-based")], said),
            form(good, 429, &[], page),
            form(good, 503, &[("retry-after", "30")], ""),
        ]
    }

    fn refusals(&self, good: &Answer) -> Vec<Form> {
        let html = [("content-type", "text/html")];
        let mut forms = vec![form(good, 401, &html, "<html>Unauthorized</html>")];
        if self.is_cloud {
            // Whoever is not known is a stranger: the reply looks well.
            let stranger = [("x-seraph-loginreason", "AUTHENTICATED_FAILED")];
            forms.push(form(good, 200, &stranger, r#"{"issues":[],"isLast":true}"#));
        }
        forms
    }

    fn spoil(&self, good: &Answer) -> Option<Answer> {
        let mut body = json(good)?;
        let first = |name: &str| body.get(name).and_then(|rows| rows.get(0)).is_some();
        if first("comments") {
            body["comments"][0].as_object_mut()?.remove("created")?;
        } else if first("issues") {
            body["issues"][0].as_object_mut()?.remove("fields")?;
        } else {
            return None;
        }
        with_body(good, &body)
    }
}

fn forge() -> &'static Forge {
    let jira = JiraConfig { issues: 130, comments: 300, cut_comments: 3, ..JiraConfig::small() };
    let config = Config { jira: Some(jira), recorded: false, ..Config::small() };
    // Leaked: a stage lives as long as the trial that plays it.
    Box::leak(Box::new(Forge::start(config).unwrap()))
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

#[test]
fn jira_cloud_keeps_what_every_provider_keeps() {
    let forge = forge();
    let base = forge.jira().cloud_url().parse().unwrap();
    let config = forge.jira().config();
    let credential = Credential::basic(config.email.clone(), secret(&config.token));
    let line: &'static Line = Box::leak(Box::new(Line::new(&base, credential)));
    let verdict = judge(&Jira::cloud(base), &IssueOrder::all("jira:PAY"), &mut || {
        Box::new(Played { forge, line, is_cloud: true })
    });
    println!("Cloud: {verdict}");
    assert!(verdict.passed(), "{verdict}");
}

#[test]
fn jira_data_center_keeps_what_every_provider_keeps() {
    let forge = forge();
    let base = forge.jira().center_url().parse().unwrap();
    let credential = Credential::bearer(secret(&forge.jira().config().pat));
    let line: &'static Line = Box::leak(Box::new(Line::new(&base, credential)));
    let verdict = judge(&Jira::data_center(base), &IssueOrder::all("jira:PAY"), &mut || {
        Box::new(Played { forge, line, is_cloud: false })
    });
    println!("Data Center: {verdict}");
    assert!(verdict.passed(), "{verdict}");
}
