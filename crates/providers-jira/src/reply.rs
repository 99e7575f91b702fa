use jobctl_provider::{Answer, Clock, Headers, Refusal, Time, line};
use serde_json::Value;

use crate::Edition;

/// A whole reply, with what every reader of it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a Headers,
    pub(crate) body: &'a [u8],
    pub(crate) at: Time,
    pub(crate) edition: Edition,
    /// The bucket that the request was charged to.
    pub(crate) bucket: &'static str,
}

impl<'a> Reply<'a> {
    /// A reply, or why there is none.
    pub(crate) fn of(
        answer: &'a Answer,
        edition: Edition,
        bucket: &'static str,
    ) -> Result<Self, Refusal> {
        match answer {
            Answer::Reply { status, headers, body, received_at } => {
                Ok(Self { status: *status, headers, body, at: *received_at, edition, bucket })
            }
            Answer::Fault { message, .. } => Err(Refusal::Transient { message: message.clone() }),
        }
    }

    /// What Jira says is wrong, else the status. Never more than a line.
    pub(crate) fn message(&self) -> String {
        let said = match serde_json::from_slice::<Value>(self.body) {
            Ok(body) => complaints(&body),
            Err(_) if self.is_page() => format!("HTTP {} and a web page", self.status),
            Err(_) => String::new(),
        };
        if said.is_empty() {
            format!("HTTP {} without a word from Jira", self.status)
        } else {
            said
        }
    }

    /// Whether the body is a page for a browser.
    pub(crate) fn is_page(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The body as a JSON object. Anything else is no answer, however good its status looks.
    pub(crate) fn object(&self) -> Result<Value, Refusal> {
        let value = self.json()?;
        if value.is_object() {
            return Ok(value);
        }
        Err(Refusal::Malformed { message: "the answer is no JSON object".to_owned() })
    }

    /// A list within the body.
    pub(crate) fn list(&self, name: &str) -> Result<(Value, Vec<Value>), Refusal> {
        let mut body = self.object()?;
        match body.get_mut(name).map(Value::take) {
            Some(Value::Array(list)) => Ok((body, list)),
            Some(_) | None => {
                Err(Refusal::Malformed { message: format!("the answer has no list of {name}") })
            }
        }
    }

    /// The body as JSON. A cut one is worth another try; a whole one of another kind is not what
    /// Jira answers.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.body).map_err(|error| {
            if error.is_eof() && !self.body.is_empty() {
                return Refusal::Transient {
                    message: format!("the answer is cut short ({error})"),
                };
            }
            let message = if self.is_page() {
                "a web page came instead of JSON: is this the address of a Jira, and does no \
                 sign-in page stand before it?"
                    .to_owned()
            } else {
                format!("the answer is not the JSON it should be ({error})")
            };
            Refusal::Malformed { message }
        })
    }

    /// Whether the body is sound JSON that is nested deeper than a reader follows.
    pub(crate) fn is_too_deep(&self) -> bool {
        let read = serde_json::from_slice::<Value>(self.body);
        read.is_err_and(|error| error.to_string().contains("recursion limit"))
    }

    /// A header, or the same one announced with `Beta-` in front.
    pub(crate) fn header_or_beta(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).or_else(|| self.headers.get(&format!("beta-{name}")))
    }

    pub(crate) fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.trim().parse().ok()
    }

    /// The forge's clock.
    pub(crate) fn clock(&self) -> Clock {
        Clock::of(self.headers, self.at)
    }
}

/// What a body complains of: `errorMessages`, the values of `errors`, or one word of its own.
fn complaints(body: &Value) -> String {
    let texts = |value: Option<&Value>| -> Vec<String> {
        let texts: Vec<&Value> = match value {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(Value::Object(map)) => map.values().collect(),
            Some(other) => vec![other],
            None => vec![],
        };
        texts.into_iter().filter_map(Value::as_str).map(|text| line(text, 300)).collect()
    };
    let mut said = texts(body.get("errorMessages"));
    said.extend(texts(body.get("errors")));
    for name in ["message", "errorMessage", "error_description", "error"] {
        if said.is_empty() {
            said = texts(body.get(name));
        }
    }
    line(&said.join("; "), 300)
}
