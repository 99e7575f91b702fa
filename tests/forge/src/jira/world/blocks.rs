//! Documents: as Atlassian Document Format, as wiki markup, and the plain texts in them.

use std::fmt::Write;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    Paragraph(Vec<Span>),
    Heading(u8, String),
    Bullets(Vec<String>),
    Numbers(Vec<String>),
    /// A list in a list in a list.
    Nested(Vec<String>),
    Tasks(Vec<(bool, String)>),
    Decisions(Vec<String>),
    Code(&'static str, String),
    Quote(String),
    Panel(&'static str, String),
    /// The first row is the head.
    Table(Vec<Vec<String>>),
    Rule,
    Media(String),
    Expand(String, String),
    Columns(Vec<String>),
    /// A node no reader knows, with a text inside.
    Future(String),
    /// So many quotes around one text.
    Deep(usize, String),
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Span {
    Text(String),
    /// The names of its marks.
    Marked(&'static [&'static str], String),
    Link(String, String),
    /// Account id and name.
    Mention(String, String),
    Emoji(&'static str, &'static str),
    Card(String),
    /// Milliseconds since the epoch.
    Date(i64),
    Status(String),
    Break,
}

/// One ordinary paragraph.
pub(crate) fn plain(text: &str) -> Vec<Block> {
    vec![Block::Paragraph(vec![Span::Text(text.to_owned())])]
}

/// Text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes the whole document; `null` for an empty one.
pub(crate) fn adf(out: &mut String, blocks: &[Block]) {
    if blocks.is_empty() {
        out.push_str("null");
        return;
    }
    out.push_str("{\"version\":1,\"type\":\"doc\",\"content\":[");
    list(out, blocks, block_adf);
    out.push_str("]}");
}

fn list<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

fn text_adf(out: &mut String, text: &str) {
    // An empty text node is not valid.
    if !text.is_empty() {
        let _ = write!(out, "{{\"type\":\"text\",\"text\":{}}}", quote(text));
    }
}

fn paragraph_adf(out: &mut String, text: &str) {
    out.push_str("{\"type\":\"paragraph\",\"content\":[");
    text_adf(out, text);
    out.push_str("]}");
}

/// `{"type":"kind","attrs":{…},"content":[…]}` around what `inside` writes.
fn node(out: &mut String, kind: &str, attrs: &str, inside: impl FnOnce(&mut String)) {
    let _ = write!(out, "{{\"type\":\"{kind}\",");
    if !attrs.is_empty() {
        let _ = write!(out, "\"attrs\":{{{attrs}}},");
    }
    out.push_str("\"content\":[");
    inside(out);
    out.push_str("]}");
}

fn items_adf(out: &mut String, items: &[String]) {
    list(out, items, |out, text| node(out, "listItem", "", |out| paragraph_adf(out, text)));
}

fn block_adf(out: &mut String, block: &Block) {
    match block {
        Block::Paragraph(spans) => {
            node(out, "paragraph", "", |out| list(out, spans, span_adf));
        }
        Block::Heading(level, text) => {
            node(out, "heading", &format!("\"level\":{level}"), |out| text_adf(out, text));
        }
        Block::Bullets(items) => node(out, "bulletList", "", |out| items_adf(out, items)),
        Block::Numbers(items) => {
            node(out, "orderedList", "\"order\":1", |out| items_adf(out, items));
        }
        Block::Nested(items) => nested_adf(out, items),
        Block::Tasks(items) => node(out, "taskList", "\"localId\":\"t-1\"", |out| {
            list(out, items, |out, (done, text)| {
                let state = if *done { "DONE" } else { "TODO" };
                let attrs = format!("\"localId\":\"t-2\",\"state\":\"{state}\"");
                node(out, "taskItem", &attrs, |out| text_adf(out, text));
            });
        }),
        Block::Decisions(items) => node(out, "decisionList", "\"localId\":\"d-1\"", |out| {
            list(out, items, |out, text| {
                let attrs = "\"localId\":\"d-2\",\"state\":\"DECIDED\"";
                node(out, "decisionItem", attrs, |out| text_adf(out, text));
            });
        }),
        Block::Code(language, text) => {
            let attrs = format!("\"language\":\"{language}\"");
            node(out, "codeBlock", &attrs, |out| text_adf(out, text));
        }
        Block::Quote(text) => node(out, "blockquote", "", |out| paragraph_adf(out, text)),
        Block::Panel(kind, text) => {
            let attrs = format!("\"panelType\":\"{kind}\"");
            node(out, "panel", &attrs, |out| paragraph_adf(out, text));
        }
        Block::Table(rows) => table_adf(out, rows),
        Block::Rule => out.push_str("{\"type\":\"rule\"}"),
        Block::Media(name) => media_adf(out, name),
        Block::Expand(title, text) => {
            let attrs = format!("\"title\":{}", quote(title));
            node(out, "expand", &attrs, |out| paragraph_adf(out, text));
        }
        Block::Columns(texts) => node(out, "layoutSection", "", |out| {
            list(out, texts, |out, text| {
                node(out, "layoutColumn", "\"width\":50", |out| paragraph_adf(out, text));
            });
        }),
        Block::Future(text) => {
            let attrs = "\"purpose\":{\"not\":[\"known\"]}";
            node(out, "hologram", attrs, |out| paragraph_adf(out, text));
        }
        Block::Deep(depth, text) => {
            out.push_str(&"{\"type\":\"blockquote\",\"content\":[".repeat(*depth));
            paragraph_adf(out, text);
            out.push_str(&"]}".repeat(*depth));
        }
    }
}

fn nested_adf(out: &mut String, items: &[String]) {
    let Some((first, rest)) = items.split_first() else { return };
    node(out, "bulletList", "", |out| {
        node(out, "listItem", "", |out| {
            paragraph_adf(out, first);
            if !rest.is_empty() {
                out.push(',');
                nested_adf(out, rest);
            }
        });
    });
}

fn table_adf(out: &mut String, rows: &[Vec<String>]) {
    let attrs = "\"isNumberColumnEnabled\":false,\"layout\":\"default\"";
    node(out, "table", attrs, |out| {
        for (nth, row) in rows.iter().enumerate() {
            let cell = if nth == 0 { "tableHeader" } else { "tableCell" };
            out.push_str(if nth == 0 { "" } else { "," });
            node(out, "tableRow", "", |out| {
                list(out, row, |out, text| node(out, cell, "", |out| paragraph_adf(out, text)));
            });
        }
    });
}

fn media_adf(out: &mut String, name: &str) {
    node(out, "mediaSingle", "\"layout\":\"center\"", |out| {
        let _ = write!(
            out,
            "{{\"type\":\"media\",\"attrs\":{{\"type\":\"file\",\"id\":\"6e7c7f2c-dd7a-499c\",\
             \"collection\":\"\",\"alt\":{},\"width\":686,\"height\":300}}}}",
            quote(name)
        );
    });
}

fn span_adf(out: &mut String, span: &Span) {
    let _ = match span {
        Span::Text(text) => {
            text_adf(out, text);
            Ok(())
        }
        Span::Marked(marks, text) => {
            let marks: Vec<String> = marks.iter().map(|mark| mark_adf(mark)).collect();
            let marks = marks.join(",");
            write!(out, "{{\"type\":\"text\",\"text\":{},\"marks\":[{marks}]}}", quote(text))
        }
        Span::Link(text, url) => write!(
            out,
            "{{\"type\":\"text\",\"text\":{},\"marks\":[{{\"type\":\"link\",\"attrs\":{{\"href\":{}}}}}]}}",
            quote(text),
            quote(url)
        ),
        Span::Mention(id, name) => write!(
            out,
            "{{\"type\":\"mention\",\"attrs\":{{\"id\":{},\"text\":{},\"accessLevel\":\"\"}}}}",
            quote(id),
            quote(&format!("@{name}"))
        ),
        Span::Emoji(short, text) => write!(
            out,
            "{{\"type\":\"emoji\",\"attrs\":{{\"shortName\":\"{short}\",\"text\":{}}}}}",
            quote(text)
        ),
        Span::Card(url) => {
            write!(out, "{{\"type\":\"inlineCard\",\"attrs\":{{\"url\":{}}}}}", quote(url))
        }
        Span::Date(ms) => {
            write!(out, "{{\"type\":\"date\",\"attrs\":{{\"timestamp\":\"{ms}\"}}}}")
        }
        Span::Status(text) => write!(
            out,
            "{{\"type\":\"status\",\"attrs\":{{\"text\":{},\"color\":\"blue\",\"localId\":\"s-1\"}}}}",
            quote(text)
        ),
        Span::Break => write!(out, "{{\"type\":\"hardBreak\"}}"),
    };
}

fn mark_adf(mark: &str) -> String {
    match mark {
        "subsup" => "{\"type\":\"subsup\",\"attrs\":{\"type\":\"sup\"}}".to_owned(),
        "textColor" => "{\"type\":\"textColor\",\"attrs\":{\"color\":\"#97a0af\"}}".to_owned(),
        other => format!("{{\"type\":\"{other}\"}}"),
    }
}

/// The document as Data Center has it.
pub(crate) fn wiki(blocks: &[Block]) -> String {
    let blocks: Vec<String> = blocks.iter().map(block_wiki).collect();
    blocks.join("\r\n\r\n")
}

fn lines(items: &[String], mark: &str) -> String {
    let items: Vec<String> = items.iter().map(|text| format!("{mark} {text}")).collect();
    items.join("\r\n")
}

fn block_wiki(block: &Block) -> String {
    match block {
        Block::Paragraph(spans) => spans.iter().map(span_wiki).collect(),
        Block::Heading(level, text) => format!("h{level}. {text}"),
        Block::Bullets(items) | Block::Decisions(items) => lines(items, "*"),
        Block::Numbers(items) => lines(items, "#"),
        Block::Nested(items) => {
            let depth = |nth: usize| "*".repeat(nth + 1);
            let items = items.iter().enumerate().map(|(n, text)| format!("{} {text}", depth(n)));
            items.collect::<Vec<_>>().join("\r\n")
        }
        Block::Tasks(items) => {
            let mark = |done: &bool| if *done { "(/)" } else { "(x)" };
            let items = items.iter().map(|(done, text)| format!("* {} {text}", mark(done)));
            items.collect::<Vec<_>>().join("\r\n")
        }
        Block::Code(language, text) => format!("{{code:{language}}}\r\n{text}\r\n{{code}}"),
        Block::Quote(text) | Block::Deep(_, text) => format!("{{quote}}{text}{{quote}}"),
        Block::Panel(kind, text) => format!("{{panel:title={kind}}}{text}{{panel}}"),
        Block::Table(rows) => {
            let row = |(nth, row): (usize, &Vec<String>)| {
                let bar = if nth == 0 { "||" } else { "|" };
                format!("{bar}{}{bar}", row.join(bar))
            };
            rows.iter().enumerate().map(row).collect::<Vec<_>>().join("\r\n")
        }
        Block::Rule => "----".to_owned(),
        Block::Media(name) => format!("!{name}|thumbnail!"),
        Block::Expand(title, text) => format!("*{title}*\r\n{text}"),
        Block::Columns(texts) => texts.join("\r\n\r\n"),
        Block::Future(text) => text.clone(),
    }
}

fn span_wiki(span: &Span) -> String {
    match span {
        Span::Text(text) | Span::Status(text) => text.clone(),
        Span::Marked(marks, text) => match marks.first() {
            Some(&"strong") => format!("*{text}*"),
            Some(&"em") => format!("_{text}_"),
            Some(&"strike") => format!("-{text}-"),
            Some(&"code") => format!("{{{{{text}}}}}"),
            Some(_) | None => text.clone(),
        },
        Span::Link(text, url) => format!("[{text}|{url}]"),
        Span::Mention(_, name) => format!("[~{name}]"),
        Span::Emoji(_, text) => (*text).to_owned(),
        Span::Card(url) => url.clone(),
        Span::Date(ms) => super::super::time::Zone::new(0).date(*ms),
        Span::Break => "\r\n".to_owned(),
    }
}

/// Every text a reader sees, piece by piece, in order.
pub(crate) fn texts(blocks: &[Block]) -> Vec<String> {
    let mut out = Vec::new();
    for block in blocks {
        match block {
            Block::Paragraph(spans) => out.extend(spans.iter().filter_map(span_text)),
            Block::Heading(_, text)
            | Block::Code(_, text)
            | Block::Quote(text)
            | Block::Panel(_, text)
            | Block::Future(text) => out.push(text.clone()),
            Block::Bullets(texts)
            | Block::Numbers(texts)
            | Block::Nested(texts)
            | Block::Decisions(texts)
            | Block::Columns(texts) => out.extend(texts.iter().cloned()),
            Block::Tasks(items) => out.extend(items.iter().map(|(_, text)| text.clone())),
            Block::Table(rows) => out.extend(rows.iter().flatten().cloned()),
            Block::Expand(title, text) => out.extend([title.clone(), text.clone()]),
            // A reader may cut hostile nesting off; a file has no text.
            Block::Deep(..) | Block::Rule | Block::Media(_) => {}
        }
    }
    out.retain(|text| !text.trim().is_empty());
    out
}

fn span_text(span: &Span) -> Option<String> {
    match span {
        Span::Text(text) | Span::Marked(_, text) | Span::Link(text, _) | Span::Status(text) => {
            Some(text.clone())
        }
        Span::Mention(_, name) => Some(name.clone()),
        Span::Card(url) => Some(url.clone()),
        Span::Emoji(..) | Span::Date(_) | Span::Break => None,
    }
}
