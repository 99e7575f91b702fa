use proptest::prelude::*;

use super::markdown;

#[test]
fn what_editors_write_becomes_markdown() {
    for (html, wanted) in [
        ("plain &amp; simple", "plain & simple"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\ntwo"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<h2>What</h2><p>It</p>", "## What\n\nIt"),
        ("a <b>bold</b> word", "a **bold** word"),
        ("a <b>bold </b>word", "a **bold** word"),
        ("<b><i>both</i></b>", "***both***"),
        ("<b>one<br>two</b>", "**one**\n**two**"),
        ("<b></b>nothing", "nothing"),
        ("<b>one</b><b>two</b> <b>three</b>", "**onetwo** **three**"),
        (
            "<div><span style=\"color:red\">Text</span><br> </div><ul style='x'><li>One </li>\
             <li>Two<br> </li></ul><div><br> </div><p>End.</p>",
            "Text\n\n- One\n- Two\n\nEnd.",
        ),
        ("<ul><li><p>one</p></li><li><h3>two</h3></li></ul>", "- one\n\n- ### two"),
        ("<td>no table</td>", "no table"),
        ("<strong><b>once</b></strong>", "**once**"),
        ("<del>gone</del>", "~~gone~~"),
        ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter"),
        ("<ol start=3><li>one</li><li>two</li></ol>", "3. one\n4. two"),
        ("<ul><li>one<ul><li>in</li></ul></li><li>two</li></ul>", "- one\n  - in\n- two"),
        ("<ol><li>one<div>more</div></li></ol>", "1. one\n   more"),
        ("<blockquote>one<br>two</blockquote>three", "> one\n> two\n\nthree"),
        ("<a href=\"https://a.example/b c\">here</a>.", "[here](https://a.example/b%20c)."),
        ("<a href='https://a.example/'>https://a.example/</a>", "<https://a.example/>"),
        ("<a href=\"#\" data-vss-mention=\"version:2.0,1\">@Ada</a> hi", "@Ada hi"),
        ("<a href=\"javascript:alert(1)\">x</a>", "x"),
        ("<a href=https://a.example/><b>strong</b></a>", "[**strong**](https://a.example/)"),
        (
            "<img src=\"https://a.example/p.png\" alt=\"A plan\">",
            "![A plan](https://a.example/p.png)",
        ),
        ("<b>see <a href=x>it</a></b>", "**see [it](x)**"),
        ("<img src=\"data:image/png;base64,AAAA\">", ""),
        ("run <code>cargo  test</code> now", "run `cargo test` now"),
        ("<code>a`b</code>", "``a`b``"),
        ("<pre><code>fn main() {\n  x &lt; y\n}</code></pre>", "```\nfn main() {\n  x < y\n}\n```"),
        ("<pre>```</pre>", "````\n```\n````"),
        ("<script>alert('<b>')</script>seen<style>b{}</style>", "seen"),
        ("<!-- not -->seen<!doctype html>", "seen"),
        ("a<hr>b", "a\n\n---\n\nb"),
        (
            "<table><tr><th>A</th><th>B</th></tr><tr><td>1|2</td><td>x<br>y</td></tr></table>end",
            "| A | B |\n| --- | --- |\n| 1\\|2 | x y |\n\nend",
        ),
        ("<input type=checkbox checked> done", "[x] done"),
        ("1 &lt; 2 &amp;&amp; a<b", "1 < 2 && a<b"),
        ("&#8211;&#x2026;&nbsp;&unknown;&#0;&", "–… &unknown;&#0;&"),
    ] {
        assert_eq!(markdown(html), wanted, "{html}");
    }
}

#[test]
fn text_that_looks_like_markdown_stays_text() {
    for (html, wanted) in [
        ("*not* bold, snake_case, _x_", "\\*not\\* bold, snake_case, \\_x\\_"),
        ("# no heading", "\\# no heading"),
        ("- no item", "\\- no item"),
        ("1. no item", "1\\. no item"),
        ("&gt; no quote", "\\> no quote"),
        ("&lt;b&gt; no tag", "\\<b> no tag"),
        ("a [link](x)", "a \\[link](x)"),
        ("version - 1. and # 2", "version - 1. and # 2"),
        ("one<br>---", "one\n\\---"),
    ] {
        assert_eq!(markdown(html), wanted, "{html}");
    }
}

#[test]
fn nesting_without_end_is_flat_and_fast() {
    for piece in [
        "<ul><li>x",
        "<blockquote>",
        "<b><i>",
        "<a href='",
        "<a href='x'>y",
        "<a \"x",
        "<pre>",
        "<!--",
        "</",
        "<script>",
        "<table><tr><td>",
        "&#",
        "<",
    ] {
        let html = piece.repeat(20_000);
        let text = markdown(&html);
        assert!(text.len() <= 40 * html.len(), "{piece}: {} of {}", text.len(), html.len());
    }
}

/// Pieces that together make every sort of HTML, whole and broken.
fn pieces() -> impl Strategy<Value = String> {
    let tag = prop::sample::select(vec![
        "<p>",
        "</p>",
        "<div>",
        "</div>",
        "<br>",
        "<ul>",
        "</ul>",
        "<ol>",
        "</ol>",
        "<li>",
        "</li>",
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<a href='x'>",
        "</a>",
        "<pre>",
        "</pre>",
        "<code>",
        "</code>",
        "<table>",
        "</table>",
        "<tr>",
        "</tr>",
        "<td>",
        "</td>",
        "<blockquote>",
        "</blockquote>",
        "<h3>",
        "</h3>",
        "<hr>",
        "<img src=y>",
        "<",
        ">",
        "\"",
        "'",
        "&",
        "&amp;",
        "&#x41;",
        "<input type=checkbox>",
        "é",
        " ",
        "\n",
    ]);
    let piece = prop_oneof![tag.prop_map(str::to_owned), "[a-z]{1,4}", "\\PC{0,6}"];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_text_gives_markdown_of_about_its_length(html in pieces()) {
        let text = markdown(&html);
        prop_assert!(text.len() <= 64 + 40 * html.len());
    }

    #[test]
    fn words_outside_of_tags_are_kept_in_their_order(
        words in prop::collection::vec("[a-z]{3,8}", 1..8),
        tags in prop::collection::vec(
            prop::sample::select(vec!["<p>", "<li>", "<b>", "</b>", "<ul>", "</ul>", "<td>", "<tr>", "<blockquote>", "</blockquote>", "<i>", "<div>", "<h2>", "<a href='z'>", "</a>", "<code>", "</code>"]),
            8,
        ),
    ) {
        let html: Vec<String> =
            words.iter().zip(&tags).map(|(word, tag)| format!("{word}{tag}")).collect();
        let html = html.concat();
        let text = markdown(&html);
        let mut rest = text.as_str();
        for word in &words {
            let at = rest.find(word.as_str());
            prop_assert!(at.is_some(), "{word} of {html} is missing in {text}");
            rest = &rest[at.unwrap_or_default() + word.len()..];
        }
    }
}
