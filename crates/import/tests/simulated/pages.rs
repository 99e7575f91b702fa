//! The world as GitHub's REST interface shows it, and the way to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_http::{Identity, Left, Sent, Transport};
use jobctl_provider::conformance::reply;
use jobctl_provider::{Answer, Budget, Request, Rest, Time};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::world::{Edit, World};

/// Requests in flight at once.
pub(crate) const IN_FLIGHT: usize = 4;

/// A way to the world that edits it between requests and can be killed.
pub(crate) struct Way {
    pub(crate) world: Mutex<World>,
    pub(crate) edits: Mutex<VecDeque<Edit>>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// Rows that lists give at most, counted from their start.
    pub(crate) cap: usize,
    /// Kills at the so-manieth request.
    pub(crate) kill_at: Mutex<Option<usize>>,
    pub(crate) killed: Notify,
}

#[async_trait]
impl Transport for Way {
    async fn send(&self, request: &Request) -> Sent {
        let (answer, nth) = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(request.url.to_string());
            (self.answer(request), asked.len())
        };
        if *self.kill_at.lock().unwrap() == Some(nth) {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
        // Answers overtake each other.
        let slow = u64::try_from(nth * 7_919 % 13).unwrap();
        tokio::time::sleep(Duration::from_millis(slow)).await;
        Sent::Answer { answer, by: Identity::default() }
    }

    fn learn(&self, _: Identity, _: &Budget) {}

    fn hold(&self, _: Identity, until: Option<Time>, _: Option<&str>, _: &str, now: Time) -> Time {
        until.unwrap_or(now)
    }

    fn rest(&self, _: Identity, _: &Rest, _: Time) {}

    async fn refused(&self, _: Identity) -> Left {
        Left::Nothing { why: None }
    }

    fn budgets(&self) -> Vec<Budget> {
        Vec::new()
    }

    fn certain_pause(&self, _: u64, _: Time) -> SignedDuration {
        SignedDuration::ZERO
    }

    fn in_flight_limit(&self) -> usize {
        IN_FLIGHT
    }

    fn sent(&self) -> u64 {
        self.asked.lock().unwrap().len() as u64
    }
}

impl Way {
    pub(crate) fn new(world: World, edits: Vec<Edit>, cap: usize) -> Self {
        Self {
            world: Mutex::new(world),
            edits: Mutex::new(edits.into()),
            asked: Mutex::default(),
            cap,
            kill_at: Mutex::default(),
            killed: Notify::new(),
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let mut world = self.world.lock().unwrap();
        world.now += 211;
        let answer = self.show(&world, request);
        if let Some(edit) = self.edits.lock().unwrap().pop_front() {
            world.apply(&edit);
        }
        answer
    }

    fn show(&self, world: &World, request: &Request) -> Answer {
        let parts: Vec<&str> = request.url.path_segments().unwrap().collect();
        let now = Time::from_millisecond(world.now).unwrap();
        match parts.as_slice() {
            ["repos", "a", "b"] => reply(200, &[], br#"{"full_name":"a/b"}"#, now),
            ["repos", "a", "b", "issues"] => {
                let rows = world.issues.iter().map(|(number, issue)| (issue.updated, *number));
                self.list(request, rows.collect(), now, |number| {
                    let count = world.comments_of(number).count();
                    issue_row(number, &world.issues[&number], count)
                })
            }
            ["repos", "a", "b", "issues", "comments"] => {
                let rows = world.comments.iter().map(|(id, comment)| (comment.updated, *id));
                self.list(request, rows.collect(), now, |id| {
                    let comment = &world.comments[&id];
                    let is_pull = world.issues.get(&comment.issue).is_some_and(|i| i.is_pull);
                    comment_row(id, comment, is_pull)
                })
            }
            ["repos", "a", "b", "issues", number] => {
                let number: u64 = number.parse().unwrap();
                let Some(issue) = world.issues.get(&number) else {
                    return reply(404, &[], b"{}", now);
                };
                let mut row = issue_row(number, issue, world.comments_of(number).count());
                row["repository_url"] = json!("https://api.github.com/repos/a/b");
                reply(200, &[], row.to_string().as_bytes(), now)
            }
            ["repos", "a", "b", "issues", number, "comments"] => {
                let number: u64 = number.parse().unwrap();
                if !world.issues.contains_key(&number) {
                    return reply(404, &[], b"{}", now);
                }
                let rows = world.comments_of(number).map(|(id, _)| (0, id));
                self.list(request, rows.collect(), now, |id| {
                    comment_row(id, &world.comments[&id], false)
                })
            }
            other => panic!("nobody asks for {other:?}"),
        }
    }

    /// A page of rows, given by the second of their last change and their number.
    fn list(
        &self,
        request: &Request,
        mut rows: Vec<(i64, u64)>,
        now: Time,
        row: impl Fn(u64) -> Value,
    ) -> Answer {
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let number = |name: &str| query.get(name).map(|n| n.parse::<usize>().unwrap());
        let (size, page) = (number("per_page").unwrap(), number("page").unwrap_or(1));
        if page * size > self.cap && page > 1 {
            let body = json!({ "message": "pagination is limited for this resource" });
            return reply(422, &[], body.to_string().as_bytes(), now);
        }
        if let Some(since) = query.get("since").map(|at| at.parse::<Time>().unwrap()) {
            rows.retain(|(at, _)| *at >= since.as_second());
        }
        rows.sort_unstable();
        let pages = rows.len().div_ceil(size);
        let shown = rows.into_iter().skip((page - 1) * size).take(size);
        let body: Vec<Value> = shown.map(|(_, number)| row(number)).collect();
        let link = if page < pages { link(request, page + 1, pages) } else { String::new() };
        reply(200, &[("link", &link)], json!(body).to_string().as_bytes(), now)
    }
}

fn link(request: &Request, next: usize, last: usize) -> String {
    let to = |page: usize| {
        let mut url = request.url.clone();
        let kept: Vec<(String, String)> =
            url.query_pairs().into_owned().filter(|(name, _)| name != "page").collect();
        url.query_pairs_mut().clear().extend_pairs(kept).append_pair("page", &page.to_string());
        url
    };
    format!("<{}>; rel=\"next\", <{}>; rel=\"last\"", to(next), to(last))
}

fn at(second: i64) -> String {
    Time::from_second(second).unwrap().to_string()
}

fn issue_row(number: u64, issue: &crate::world::Issue, comments: usize) -> Value {
    let mut row = json!({
        "number": number, "title": issue.title, "state": "open", "labels": [],
        "html_url": format!("https://github.com/a/b/issues/{number}"), "comments": comments,
        "created_at": "2020-01-01T00:00:00Z", "updated_at": at(issue.updated),
    });
    if issue.is_pull {
        row["pull_request"] = json!({ "url": "https://api.github.com/repos/a/b/pulls/1" });
    }
    row
}

fn comment_row(id: u64, comment: &crate::world::Comment, is_pull: bool) -> Value {
    let kind = if is_pull { "pull" } else { "issues" };
    json!({
        "id": id, "body": comment.body, "user": { "login": "mona" },
        "issue_url": format!("https://api.github.com/repos/a/b/issues/{}", comment.issue),
        "html_url": format!("https://github.com/a/b/{kind}/{}#issuecomment-{id}", comment.issue),
        "created_at": "2020-01-01T00:00:00Z", "updated_at": at(comment.updated),
    })
}
