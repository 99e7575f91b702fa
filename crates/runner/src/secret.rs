use std::fmt;

use jobctl_core::Need;

/// A credential's value. Cannot be printed, compared or serialised by accident.
#[derive(Clone)]
pub struct Value(String);

impl Value {
    /// Takes a value into custody.
    pub const fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself: for the socket and the client that sends it, nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// A credential on its way from a shell's environment to the runner, or between runner and worker.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Whose it is and where it came from.
    pub need: Need,
    /// The value.
    pub value: Value,
}
