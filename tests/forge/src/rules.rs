//! Counting for all forges: which rule fires at a request, which line of a script is due after a
//! page. Counts start anew when the rules or the lines change.

use crate::behaviour::Firing;

impl Firing {
    /// Whether it fires at the request of this number, counted from 1.
    pub(crate) fn fires(self, number: u64) -> bool {
        match self {
            Firing::Every(k) => k > 0 && number.is_multiple_of(k),
            Firing::Next(n) => number <= n,
            Firing::Nth(n) => number == n,
            Firing::Always => true,
        }
    }
}

/// Something that happens to some requests.
pub(crate) trait Rule: Clone + PartialEq {
    /// How often, counted over the requests that match.
    fn firing(&self) -> Firing;
    /// Only requests whose path and query contain this text match.
    fn path(&self) -> Option<&str>;
}

/// How many requests each rule has matched.
#[derive(Debug)]
pub(crate) struct RuleCount<R> {
    rules: Vec<R>,
    matched: Vec<u64>,
}

impl<R> Default for RuleCount<R> {
    fn default() -> Self {
        RuleCount { rules: Vec::new(), matched: Vec::new() }
    }
}

impl<R: Rule> RuleCount<R> {
    /// The first rule that fires at a request to this target; all that match count it.
    pub(crate) fn pick<'r>(&mut self, rules: &'r [R], target: &str) -> Option<&'r R> {
        if self.rules != rules {
            self.rules = rules.to_vec();
            self.matched = vec![0; rules.len()];
        }
        let mut chosen = None;
        for (rule, matched) in rules.iter().zip(&mut self.matched) {
            if rule.path().is_some_and(|part| !target.contains(part)) {
                continue;
            }
            *matched += 1;
            if chosen.is_none() && rule.firing().fires(*matched) {
                chosen = Some(rule);
            }
        }
        chosen
    }
}

/// A line of a script.
pub(crate) trait Line: Clone + PartialEq {
    /// After every how many pages it is due.
    fn every(&self) -> u64;
    /// How many times at most.
    fn times(&self) -> Option<u64>;
}

/// How far a script is.
#[derive(Debug)]
pub(crate) struct LineCount<L> {
    lines: Vec<L>,
    done: Vec<u64>,
    pages: u64,
}

impl<L> Default for LineCount<L> {
    fn default() -> Self {
        LineCount { lines: Vec::new(), done: Vec::new(), pages: 0 }
    }
}

impl<L: Line> LineCount<L> {
    /// The lines that are due after one more page.
    pub(crate) fn due<'l>(&mut self, lines: &'l [L]) -> Vec<&'l L> {
        if self.lines != lines {
            self.lines = lines.to_vec();
            self.done = vec![0; lines.len()];
            self.pages = 0;
        }
        self.pages += 1;
        let mut due = Vec::new();
        for (line, done) in lines.iter().zip(&mut self.done) {
            let now = line.every() > 0 && self.pages.is_multiple_of(line.every());
            if now && line.times().is_none_or(|times| *done < times) {
                *done += 1;
                due.push(line);
            }
        }
        due
    }
}
