use std::fmt;

/// How a provider was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The provider's name.
    pub provider: String,
    /// What was checked, in order.
    pub checks: Vec<Check>,
}

/// One thing that every provider keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it keeps.
    pub name: &'static str,
    /// Whether it does.
    pub passed: bool,
    /// What was seen: figures where it passed, what is wrong where not.
    pub why: String,
}

impl Verdict {
    /// Whether everything is kept.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.checks.iter().filter(|check| check.passed).count();
        writeln!(out, "{}: {passed} of {} checks passed", self.provider, self.checks.len())?;
        for check in &self.checks {
            let word = if check.passed { "ok  " } else { "FAIL" };
            writeln!(out, "  {word} {}: {}", check.name, check.why)?;
        }
        Ok(())
    }
}
