//! Texts that hurt: terminals, file names, SQL, JSON, CSV.

use super::repo::{Issue, Repo};

/// Overwrites the texts of the first issues, as far as there are any.
pub(crate) fn afflict(repo: &mut Repo, ghost: usize) {
    let numbers: Vec<u64> = repo.issues.keys().copied().take(20).collect();
    for (kind, number) in numbers.into_iter().enumerate() {
        repo.with_issue(number, |issue| spoil(issue, kind, ghost));
    }
    let comments: Vec<u64> = repo.comments.keys().copied().take(6).collect();
    for (kind, id) in comments.into_iter().enumerate() {
        if let Some(comment) = repo.comments.get_mut(&id) {
            match kind {
                0 => comment.user = None,
                1 => comment.body = String::new(),
                2 => {
                    "\u{1b}[2J\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}"
                        .clone_into(&mut comment.body);
                }
                3 => "before\u{0}after".clone_into(&mut comment.body),
                4 => comment.body = "x".repeat(65_536),
                _ => comment.user = Some(ghost),
            }
        }
    }
}

fn spoil(issue: &mut Issue, kind: usize, ghost: usize) {
    let body = |text: &str| Some(text.to_owned());
    match kind {
        0 => {
            "\u{1F680} Emoji \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} und \u{1F1E9}\u{1F1EA}"
                .clone_into(&mut issue.title);
        }
        1 => "right-to-left \u{202E}gpj.exe\u{202C} שלום \u{200F}".clone_into(&mut issue.title),
        2 => {
            "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://evil.test\u{7}link\u{1b}]8;;\u{7}"
                .clone_into(&mut issue.title);
        }
        3 => issue.body = Some("a long line \u{00e4}\u{6f22} ".repeat(3_600)),
        4 => issue.body = None,
        5 => issue.user = None,
        6 => issue.body = body("a NUL \u{0} in the text"),
        7 => issue.user = Some(ghost),
        8 => issue.title = "x".repeat(256),
        9 => "'; DROP TABLE issue; --".clone_into(&mut issue.title),
        10 => issue.body = body(""),
        11 => "=HYPERLINK(\"http://evil.test\",\"sum\")".clone_into(&mut issue.title),
        12 => issue.body = body("</script><script>alert(1)</script>\u{2028}\u{2029}"),
        13 => {
            "e\u{0301}\u{0301}\u{0301} combined \u{FEFF}\u{200B}zero".clone_into(&mut issue.title);
        }
        14 => issue.body = body("lone\rcarriage returns\rand\ttabs\u{b}\u{c}"),
        15 => "comma, \"quote\" and\ttab".clone_into(&mut issue.title),
        16 => issue.body = body("\u{1F600}".repeat(5_000).as_str()),
        17 => "../../etc/passwd".clone_into(&mut issue.title),
        18 => issue.body = body("::progress 1/1 done\n::checkpoint stolen"),
        _ => "\u{FFFD} \u{10FFFF} \u{9b}31m".clone_into(&mut issue.title),
    }
}
