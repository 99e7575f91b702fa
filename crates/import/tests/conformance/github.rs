//! GitHub, judged over the simulated one.

use jobctl_forge::{Config, Forge, IssueVolume};
use jobctl_http::{Credential, Secret};
use jobctl_provider::conformance::{Form, Held, Stage, Verdict, judge};
use jobctl_provider::{Answer, IssueOrder, Request};
use jobctl_providers_github::GitHub;
use url::Url;

use crate::line::{Line, form, json, with_body};

const REPOSITORY: &str = "acme/api";

struct Played<'a> {
    forge: &'a Forge,
    line: &'a Line,
}

impl Stage for Played<'_> {
    fn answer(&mut self, request: &Request) -> Answer {
        self.line.ask(request)
    }

    fn truth(&self) -> Held {
        let mut held = Held::default();
        let truth = self.forge.truth(REPOSITORY).unwrap();
        for issue in truth.issues.values().filter(|issue| !issue.is_pull) {
            let key = format!("github:{REPOSITORY}#{}", issue.number);
            for comment in &issue.comments {
                held.comments.insert((key.clone(), comment.id.to_string()));
            }
            held.issues.insert(key, issue.title.clone());
        }
        held
    }

    /// Rows 1.5 of the facts: headers, words, and both.
    fn limits(&self, good: &Answer) -> Vec<Form> {
        let reset = (self.forge.now() + 60).to_string();
        let spent = [
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", reset.as_str()),
            ("x-ratelimit-resource", "core"),
        ];
        let primary = r#"{"message":"API rate limit exceeded for user ID 1."}"#;
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        let abuse = r#"{"message":"You have triggered an abuse detection mechanism."}"#;
        let date = ("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT");
        vec![
            form(good, 403, &spent, primary),
            form(good, 429, &spent, primary),
            form(good, 403, &[("retry-after", "60")], secondary),
            form(good, 429, &[("retry-after", "1.5")], secondary),
            form(good, 403, &[date], secondary),
            form(good, 403, &[], secondary),
            form(good, 403, &[], abuse),
            form(good, 429, &[], "<html>"),
            form(good, 503, &[("retry-after", "30")], "{}"),
        ]
    }

    fn refusals(&self, good: &Answer) -> Vec<Form> {
        let bad = r#"{"message":"Bad credentials","status":"401"}"#;
        vec![form(good, 401, &[], bad), form(good, 401, &[], "")]
    }

    fn spoil(&self, good: &Answer) -> Option<Answer> {
        let mut body = json(good)?;
        let row = body.as_array_mut()?.first_mut()?;
        row["created_at"] = "yesterday".into();
        row["updated_at"] = 7.into();
        row["url"] = 7.into();
        with_body(good, &body)
    }
}

/// What the kit says of this order.
fn judged(order: &IssueOrder) -> Verdict {
    let issues = IssueVolume {
        issues: 130,
        comments: 230,
        restless: 1,
        dependencies: 2,
        ..IssueVolume::default()
    };
    let forge =
        Forge::start(Config { issues, repos: 1, recorded: false, ..Config::default() }).unwrap();
    // Leaked: a stage lives as long as the trial that plays it, and this is the whole process.
    let forge: &'static Forge = Box::leak(Box::new(forge));
    let base: Url = forge.url().parse().unwrap();
    let token = Credential::bearer(Secret::new(forge.token().to_owned()).unwrap());
    let line: &'static Line = Box::leak(Box::new(Line::new(&base, token)));
    judge(&GitHub::new(base), order, &mut || Box::new(Played { forge, line }))
}

#[test]
fn github_keeps_what_every_provider_keeps() {
    let verdict = judged(&IssueOrder::all(&format!("github:{REPOSITORY}")));
    println!("{verdict}");
    assert!(verdict.passed(), "{verdict}");
}

#[test]
fn github_keeps_it_with_histories_too() {
    let order = IssueOrder::all(&format!("github:{REPOSITORY}"));
    let verdict = judged(&IssueOrder { timeline: true, ..order });
    println!("{verdict}");
    assert!(verdict.passed(), "{verdict}");
}
