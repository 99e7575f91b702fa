use jobctl_provider::{Answer, Budget, Clock, Headers, Refusal, Rest, Step, Time, line};
use serde_json::Value;

/// The one budget of Azure DevOps: what an identity may use of the service, in its own units.
pub(crate) const BUCKET: &str = "ado";

/// A whole reply, with what every reader of it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a Headers,
    pub(crate) body: &'a [u8],
    pub(crate) at: Time,
}

impl<'a> Reply<'a> {
    /// A reply, or why there is none.
    pub(crate) fn of(answer: &'a Answer) -> Result<Self, Refusal> {
        match answer {
            Answer::Reply { status, headers, body, received_at } => {
                Ok(Self { status: *status, headers, body, at: *received_at })
            }
            Answer::Fault { message, .. } => Err(Refusal::Transient { message: message.clone() }),
        }
    }

    /// What Azure DevOps says in `message`, else the status. Never more than a line.
    pub(crate) fn message(&self) -> String {
        let said = serde_json::from_slice::<Value>(self.body).ok().and_then(|body| {
            body.get("message").and_then(Value::as_str).map(|text| line(text, 400))
        });
        match said {
            Some(text) if !text.is_empty() => text,
            Some(_) | None => format!("HTTP {} without a word from Azure DevOps", self.status),
        }
    }

    /// Whether the reply has one of these error codes, such as `VS402337`, in its text.
    pub(crate) fn speaks_of(&self, codes: &[&str]) -> bool {
        let text = String::from_utf8_lossy(self.body);
        codes.iter().any(|code| text.contains(code))
    }

    /// Whether it calls itself a page for people.
    pub(crate) fn is_page(&self) -> bool {
        let kind = self.headers.get("content-type").unwrap_or_default();
        kind.trim_start().to_ascii_lowercase().starts_with("text/html")
    }

    /// Until when the forge wants no more requests: the later of `Retry-After` and
    /// `X-RateLimit-Delay`, which come with any status (Microsoft's "Rate and usage limits").
    pub(crate) fn wait(&self) -> Option<Time> {
        let named = |header: &str| self.clock().retry_after(self.headers.get(header)?);
        named("retry-after").max(named("x-ratelimit-delay")).filter(|until| *until > self.at)
    }

    /// What is short, in the forge's words, for people.
    pub(crate) fn slowed(&self) -> String {
        let resource = self.headers.get("x-ratelimit-resource").map(|text| line(text, 200));
        match resource {
            Some(resource) if !resource.is_empty() => {
                format!("Azure DevOps slows this account down ({resource})")
            }
            Some(_) | None => "Azure DevOps slows this account down".to_owned(),
        }
    }

    /// The rest that a good reply asks for.
    pub(crate) fn rest(&self) -> Option<Rest> {
        self.wait().map(|until| Rest {
            until,
            bucket: Some(BUCKET.to_owned()),
            message: self.slowed(),
        })
    }

    /// What the `X-RateLimit-*` headers say; far from the limit there are none.
    pub(crate) fn budget(&self) -> Option<Budget> {
        let remaining = self.number("x-ratelimit-remaining")?;
        let limit = self.number("x-ratelimit-limit");
        let reset = self.number("x-ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        let reset =
            reset.and_then(|at| Time::from_second(at).ok()).map(|at| self.clock().convert(at));
        // The reset is when nothing would be used any more; where the forge says how long it
        // wants to be left alone, no longer is needed.
        let resets_at = self.wait().or(reset);
        Some(Budget { bucket: BUCKET.to_owned(), limit, remaining, resets_at })
    }

    /// A step with nothing in it but what every reply says.
    pub(crate) fn step(&self) -> Step {
        Step { budget: self.budget(), rest: self.rest(), ..Step::default() }
    }

    /// The server's clock when it answered, else ours.
    pub(crate) fn server_time(&self) -> Time {
        self.clock().theirs.unwrap_or(self.at)
    }

    /// A count; the units of Azure DevOps have fractions, and less than one is none left.
    fn number(&self, header: &str) -> Option<u64> {
        let text = self.headers.get(header)?.trim();
        let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
        if whole.starts_with('-') {
            return Some(0);
        }
        whole.parse().ok()
    }

    fn clock(&self) -> Clock {
        Clock::of(self.headers, self.at)
    }

    /// The body as a JSON object. Anything else is no answer, however good its status looks.
    pub(crate) fn object(&self) -> Result<Value, Refusal> {
        match serde_json::from_slice(self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err(Refusal::Malformed { message: "the answer is no JSON object".to_owned() }),
            Err(error) => Err(self.not_json(&error)),
        }
    }

    /// The rows of an answer: lists come as `{"count": …, "value": […]}`, and others name their
    /// rows otherwise.
    pub(crate) fn rows(&self, field: &str) -> Result<(Value, Vec<Value>), Refusal> {
        let mut body = self.object()?;
        match body.get_mut(field).map(Value::take) {
            Some(Value::Array(rows)) => Ok((body, rows)),
            Some(_) | None => {
                Err(Refusal::Malformed { message: format!("the answer has no list {field:?}") })
            }
        }
    }

    /// A cut body is worth another try; a whole one of another kind is not what a forge answers.
    fn not_json(&self, error: &serde_json::Error) -> Refusal {
        if error.is_eof() && !self.body.is_empty() {
            return Refusal::Transient { message: format!("the answer is cut short ({error})") };
        }
        Refusal::Malformed { message: format!("the answer is not the JSON it should be ({error})") }
    }
}

/// A JSON field as text.
pub(crate) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}
