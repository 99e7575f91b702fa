//! Texts made anew each time they are asked for: a million work items must not hold them.

use std::borrow::Cow;
use std::fmt::Write;

use crate::random::Random;

const SUBJECTS: [&str; 10] = [
    "Checkout",
    "Order import",
    "The price list",
    "Single sign-on",
    "Returns",
    "The stock report",
    "Mobile basket",
    "Invoice export",
    "Search & filter",
    "The <b>bold</b> banner",
];
const VERBS: [&str; 8] = [
    "fails",
    "times out",
    "shows yesterday's numbers",
    "needs a second factor",
    "is not translated",
    "loses its place",
    "must be audited",
    "should remember the choice",
];
const WHENS: [&str; 8] = [
    "for guests",
    "after midnight UTC",
    "on slow networks",
    "with 100% discount",
    "in Firefox",
    "when the card is refused",
    "for \"wholesale\" customers",
    "in the nightly build",
];
const PARTS: [&str; 9] = [
    "<div>It worked in the last release.</div>",
    "<p>Steps:<ol><li>Open the basket</li><li>Press <b>Pay</b></li></ol></p>",
    "<div>See <a href=\"https://example.com/a?b=1&amp;c=2\">the report</a> &ndash; thanks!</div>",
    "<div>Seen on&nbsp;three machines<br>out of ten.</div>",
    "<pre><code>if (a &lt; b) {\n  return &quot;x&quot;;\n}</code></pre>",
    "<table><tr><th>version</th><th>result</th></tr><tr><td>1.4</td><td>ok</td></tr></table>",
    "<ul><li>one</li><li>two<ul><li>deeper</li></ul></li></ul>",
    "<div><img src=\"https://example.com/i.png\" alt=\"a screen\"> <i>before</i></div>",
    "<blockquote>quoted, for context</blockquote>",
];
const LINES: [&str; 6] = [
    "It **worked** in the last release.",
    "1. Open the basket\n2. Press *Pay*",
    "```rust\nfn main() {}\n```",
    "See [the report](https://example.com/a?b=1&c=2).",
    "| version | result |\n|---|---|\n| 1.4 | ok |",
    "- [ ] write a test\n- [x] find the cause",
];

fn pick<'a>(words: &[&'a str], random: &mut Random) -> &'a str {
    words[random.index(words.len())]
}

/// Numbers that belong to this id alone.
pub(crate) fn random_of(seed: u64, id: u32, salt: u64) -> Random {
    Random::new(seed ^ (u64::from(id) << 20) ^ salt.wrapping_mul(0x9E37_79B9))
}

/// The title of a work item; the first ids of an organisation have nasty ones.
pub(crate) fn title(seed: u64, id: u32) -> Cow<'static, str> {
    match id {
        3 => {
            return "\u{1F525} emoji \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} and \u{202E}left"
                .into();
        }
        4 => return "terminal \u{1b}[31mred\u{1b}]0;title\u{7} sequence".into(),
        6 => return "x".repeat(255).into(),
        7 => return "   blanks around   ".into(),
        _ => {}
    }
    let mut random = random_of(seed, id, 1);
    let (subject, verb) = (pick(&SUBJECTS, &mut random), pick(&VERBS, &mut random));
    format!("{subject} {verb} {} ({id})", pick(&WHENS, &mut random)).into()
}

/// Whether the description of a work item is Markdown.
pub(crate) fn is_markdown(id: u32) -> bool {
    id % 6 == 5
}

/// The description of a work item, `None` where it has none.
pub(crate) fn description(seed: u64, id: u32) -> Option<String> {
    match id {
        8 => return Some(format!("<div>{}</div>", "long &amp; longer. ".repeat(3_400))),
        9 => {
            let text = "<style>p{color:red}</style><script>alert(1)</script><p>unclosed <b>bold\
                <div onclick=\"x()\">&unknown; &#x1F600; &#0; a < b</div>";
            return Some(text.to_owned());
        }
        10 => return Some("plain text without a tag".to_owned()),
        12 => return Some("<div></div>".to_owned()),
        _ if id.is_multiple_of(17) => return None,
        _ => {}
    }
    Some(if is_markdown(id) { markdown(seed, id, 2) } else { html(seed, id, 2) })
}

/// HTML that is unlike any other.
pub(crate) fn html(seed: u64, id: u32, salt: u64) -> String {
    let mut random = random_of(seed, id, salt);
    let mut out = String::with_capacity(300);
    for _ in 0..=random.below(3) {
        out.push_str(pick(&PARTS, &mut random));
    }
    let _ = write!(out, "<div>Text {salt} of {id}.</div>");
    out
}

/// Markdown that is unlike any other.
pub(crate) fn markdown(seed: u64, id: u32, salt: u64) -> String {
    let mut random = random_of(seed, id, salt);
    let mut out = String::with_capacity(200);
    for _ in 0..=random.below(3) {
        out.push_str(pick(&LINES, &mut random));
        out.push_str("\n\n");
    }
    let _ = write!(out, "Text {salt} of {id}.");
    out
}
