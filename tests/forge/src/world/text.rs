//! Ordinary titles and texts.

use crate::random::Random;

const SUBJECTS: [&str; 12] = [
    "Login",
    "Export",
    "The scheduler",
    "Search",
    "The upload form",
    "Paging",
    "The cache",
    "Billing",
    "The mobile view",
    "Webhook delivery",
    "The importer",
    "Audit log",
];
const VERBS: [&str; 10] = [
    "fails",
    "is slow",
    "hangs",
    "shows the wrong total",
    "loses rows",
    "should be documented",
    "needs a retry",
    "crashes",
    "ignores the time zone",
    "repeats itself",
];
const WHENS: [&str; 10] = [
    "after an upgrade",
    "on Windows",
    "with more than 10,000 rows",
    "behind a proxy",
    "when the disk is full",
    "for new users",
    "on Sundays",
    "in Safari",
    "under load",
    "if the name has a space",
];
const SENTENCES: [&str; 14] = [
    "It worked in the last release.",
    "Steps to reproduce are below.",
    "The log shows nothing unusual.",
    "We saw this on three machines out of ten, always within the first hour.",
    "A restart helps for a while.",
    "I bisected it to the change of the connection pool.",
    "```rust\nfn main() {\n    println!(\"{}\", 1 + 1);\n}\n```",
    "- [ ] write a test\n- [x] find the cause",
    "See also the discussion in #12 and the note by @octo.",
    "Expected: the list ends. Actual: it starts again from the first page.",
    "| version | result |\n|---|---|\n| 1.4 | ok |\n| 1.5 | broken |",
    "Thanks for the report, I can confirm it here.",
    "> quoted text, for context",
    "Let us move this to the next milestone.",
];

pub(crate) fn title(random: &mut Random) -> String {
    let pick = |words: &[&'static str], random: &mut Random| words[random.index(words.len())];
    let (subject, verb) = (pick(&SUBJECTS, random), pick(&VERBS, random));
    format!("{subject} {verb} {}", pick(&WHENS, random))
}

/// One to `most` sentences, and something that makes the text unlike any other.
pub(crate) fn body(random: &mut Random, most: u64, mark: &str) -> String {
    let mut out = String::with_capacity(320);
    for _ in 0..=random.below(most) {
        out.push_str(SENTENCES[random.index(SENTENCES.len())]);
        out.push_str("\r\n\r\n");
    }
    out.push_str(mark);
    out
}
