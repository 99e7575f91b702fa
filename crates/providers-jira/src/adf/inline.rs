use jobctl_provider::Time;
use serde_json::Value;

use super::escape::{address, code, escaped};
use super::{attribute, bare, content, sort};

/// Marks that stand around text, the outermost first.
const MARKS: [(&str, &str, &str); 6] = [
    ("strong", "**", "**"),
    ("em", "*", "*"),
    ("strike", "~~", "~~"),
    ("underline", "<u>", "</u>"),
    ("sub", "<sub>", "</sub>"),
    ("sup", "<sup>", "</sup>"),
];

/// The nodes of a paragraph as Markdown.
pub(super) fn all(nodes: &[Value]) -> String {
    let mut line = Line::default();
    for node in nodes {
        line.node(node);
    }
    line.wear(None, 0);
    // At the end a break is none, and would show as its backslash.
    let ended = line.text.trim_end_matches("\\\n").len();
    line.text.truncate(ended);
    line.text
}

/// A paragraph as it grows, with the marks that are open at its end.
#[derive(Default)]
struct Line {
    text: String,
    /// Indexes into [`MARKS`].
    open: Vec<usize>,
    /// Where the label of the open link begins, and where the link leads.
    link: Option<(usize, String)>,
}

impl Line {
    fn node(&mut self, node: &Value) {
        match sort(node) {
            "text" => self.words(node),
            "hardBreak" => {
                self.wear(None, 0);
                self.text.push_str("\\\n");
            }
            "mention" => {
                let name = attribute(node, "text").or_else(|| attribute(node, "id"));
                self.plain(name.unwrap_or_default());
            }
            "emoji" => {
                let emoji = attribute(node, "text").or_else(|| attribute(node, "shortName"));
                self.plain(emoji.unwrap_or_default());
            }
            "date" => self.plain(&date(node)),
            "status" => {
                let text = escaped(attribute(node, "text").unwrap_or_default().trim(), false);
                self.add(&if text.is_empty() { text } else { format!("**{text}**") });
            }
            "inlineCard" | "blockCard" | "embedCard" => self.add(&card(node)),
            "media" | "mediaInline" => self.add(&media(node)),
            "image" => self.add(&image(node)),
            _ if content(node).is_empty() => self.plain(&bare(node)),
            _ => content(node).iter().for_each(|inner| self.plain(&bare(inner))),
        }
    }

    /// A text node with its marks.
    fn words(&mut self, node: &Value) {
        let text = node.get("text").and_then(Value::as_str).unwrap_or_default();
        let marks = node.get("marks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let link = marks.iter().find(|mark| sort(mark) == "link");
        let link = link.and_then(|mark| attribute(mark, "href"));
        if marks.iter().any(|mark| sort(mark) == "code") {
            self.wear(link, 0);
            self.text.push_str(&code(text));
            return;
        }
        let worn = marks.iter().filter_map(worn).fold(0, |all, mark| all | 1 << mark);
        let bare = text.trim_matches(char::is_whitespace);
        if bare.is_empty() {
            // Marks around nothing but blanks are read as characters.
            self.text.push_str(&blank(text));
            return;
        }
        let start = text.len() - text.trim_start().len();
        let (before, rest) = text.split_at(start);
        self.leave(link, worn);
        self.text.push_str(&blank(before));
        self.wear(link, worn);
        self.text.push_str(&escaped(&rest[..bare.len()], link.is_some()));
        self.text.push_str(&blank(&rest[bare.len()..]));
    }

    /// Text without marks of its own.
    fn plain(&mut self, text: &str) {
        self.add(&escaped(text, false));
    }

    /// Markdown without marks of its own.
    fn add(&mut self, markdown: &str) {
        self.wear(None, 0);
        self.text.push_str(markdown);
    }

    /// Ends the marks that are not among `worn`. Blanks at the end come behind them: within,
    /// they would not count as the end of a mark.
    fn leave(&mut self, link: Option<&str>, worn: u32) {
        let same_link = self.link.as_ref().map(|(_, url)| url.as_str()) == link;
        let kept = self.open.iter().take_while(|mark| same_link && worn & (1 << **mark) != 0);
        let kept = kept.count();
        if kept == self.open.len() && same_link {
            return;
        }
        let blanks = self.text.split_off(self.text.trim_end().len());
        for mark in self.open.drain(kept..).rev() {
            self.text.push_str(MARKS[mark].2);
        }
        if !same_link && let Some((start, url)) = self.link.take() {
            let label = self.text.split_off(start);
            self.text.extend(["[", &label, "](", &address(&url), ")"]);
        }
        self.text.push_str(&blanks);
    }

    /// Ends and begins marks, until exactly those are open.
    fn wear(&mut self, link: Option<&str>, worn: u32) {
        self.leave(link, worn);
        if let (None, Some(url)) = (&self.link, link) {
            self.link = Some((self.text.len(), url.to_owned()));
        }
        for (mark, (_, begin, _)) in MARKS.iter().enumerate() {
            if worn & (1 << mark) != 0 && !self.open.contains(&mark) {
                self.text.push_str(begin);
                self.open.push(mark);
            }
        }
    }
}

/// The index of a mark that shows in Markdown; colours and the like do not.
fn worn(mark: &Value) -> Option<usize> {
    let name = match sort(mark) {
        "subsup" => attribute(mark, "type")?,
        name => name,
    };
    MARKS.iter().position(|(known, _, _)| *known == name)
}

/// Blanks with no line break among them.
fn blank(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// A day; its moment is given in milliseconds, as text or as a number.
fn date(node: &Value) -> String {
    let stamp = node.get("attrs").and_then(|attrs| attrs.get("timestamp"));
    let millis = stamp.and_then(|at| at.as_i64().or_else(|| at.as_str()?.trim().parse().ok()));
    let day = millis.and_then(|millis| Time::from_millisecond(millis).ok());
    day.map_or_else(|| bare(node), |day| day.strftime("%Y-%m-%d").to_string())
}

/// A smart link: the address, or the name of what it shows.
pub(super) fn card(node: &Value) -> String {
    let data = node.get("attrs").and_then(|attrs| attrs.get("data"));
    let inner = |name| data.and_then(|data| data.get(name)).and_then(Value::as_str);
    let url = attribute(node, "url").or_else(|| inner("url"));
    match (url, inner("name")) {
        (Some(url), Some(name)) => format!("[{}]({})", escaped(name, true), address(url)),
        (Some(url), None) => format!("<{}>", address(url)),
        (None, name) => escaped(name.unwrap_or(&bare(node)), false),
    }
}

/// A picture or file. Those of the site itself are among the attachments, by their name; their
/// number here is another system's.
pub(super) fn media(node: &Value) -> String {
    let alt = attribute(node, "alt");
    match (attribute(node, "url"), alt.or_else(|| attribute(node, "id"))) {
        (Some(url), alt) => format!("![{}]({})", escaped(alt.unwrap_or(""), true), address(url)),
        (None, Some(name)) => {
            format!("![{}](attachment:{})", escaped(name, true), address(name))
        }
        (None, None) => String::new(),
    }
}

/// A picture by its address, as older documents have it.
fn image(node: &Value) -> String {
    let alt = escaped(attribute(node, "alt").unwrap_or_default(), true);
    attribute(node, "src").map_or(alt.clone(), |url| format!("![{alt}]({})", address(url)))
}
