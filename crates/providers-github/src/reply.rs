use jobctl_provider::{Answer, Budget, Clock, Headers, Refusal, Time, line};
use serde_json::Value;

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

    /// What GitHub says in `message`, else the status. Never more than a line.
    pub(crate) fn message(&self) -> String {
        let said = serde_json::from_slice::<Value>(self.body).ok().and_then(|body| {
            body.get("message").and_then(Value::as_str).map(|text| line(text, 300))
        });
        match said {
            Some(text) if !text.is_empty() => text,
            Some(_) | None => format!("HTTP {} without a word from GitHub", self.status),
        }
    }

    /// `Retry-After`, as a moment of our clock.
    pub(crate) fn retry_after(&self) -> Option<Time> {
        self.clock().retry_after(self.headers.get("retry-after")?)
    }

    /// What the `x-ratelimit-*` headers say. GitHub Enterprise without limits sends none, or a
    /// limit of 0, which says nothing.
    pub(crate) fn budget(&self) -> Option<Budget> {
        let limit = self.number("x-ratelimit-limit");
        let remaining = self.number("x-ratelimit-remaining")?;
        if limit == Some(0) {
            return None;
        }
        let reset = self.number("x-ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        let resets_at =
            reset.and_then(|at| Time::from_second(at).ok()).map(|at| self.clock().convert(at));
        let bucket = self.headers.get("x-ratelimit-resource").unwrap_or("core");
        Some(Budget { bucket: line(bucket, 40), limit, remaining, resets_at })
    }

    /// The budget that a good reply leaves: `Retry-After` on one asks for a rest as well.
    pub(crate) fn budget_left(&self) -> Option<Budget> {
        let budget = self.budget();
        let Some(rest) = self.retry_after() else { return budget };
        let bucket = budget.map_or_else(|| "core".to_owned(), |budget| budget.bucket);
        Some(Budget { bucket, limit: None, remaining: 0, resets_at: Some(rest) })
    }

    fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.trim().parse().ok()
    }

    fn clock(&self) -> Clock {
        Clock::of(self.headers, self.at)
    }
}
