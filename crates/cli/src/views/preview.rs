//! What an import would take, for people.

use std::fmt::Write as _;

use super::{Scene, moments};
use crate::commands::submit::preview::PreviewShape;
use crate::text;

/// What `import --dry-run` prints.
pub(crate) fn render(previews: &[PreviewShape], scene: &Scene) -> String {
    previews.iter().map(|preview| one(preview, scene)).collect::<Vec<_>>().join("\n")
}

fn one(preview: &PreviewShape, scene: &Scene) -> String {
    let mut out = format!("{}\n", scene.paint.bold(&text::clip(&preview.description, 200)));
    let mut line = |name: &str, what: &str| {
        let _ = writeln!(out, "  {name}: {what}");
    };
    if preview.scopes > 1 {
        line("Sources", &text::count(preview.scopes as u64));
    }
    line("Items", &items(preview.issues, preview.comments));
    line("Requests", &requests(preview));
    if let Some(budget) = &preview.budget {
        let mut left = text::count(budget.remaining);
        if let Some(at) = budget.resets_at.filter(|at| *at > scene.now) {
            let _ = write!(left, " (full again {})", moments::ahead(at, scene));
        }
        line("Left now", &left);
    }
    line("Time", &format!("about {}", moments::length(preview.seconds)));
    for warning in &preview.warnings {
        line("Warning", &text::line(warning));
    }
    for failure in &preview.failures {
        line(
            "Cannot be read",
            &format!("{}: {}", text::line(&failure.item), text::line(&failure.error)),
        );
        if let Some(hint) = &failure.hint {
            line("  Hint", &text::line(hint));
        }
    }
    out
}

/// `about 12,500 issues and 45,000 comments`.
pub(crate) fn items(issues: u64, comments: Option<u64>) -> String {
    let mut words = format!("about {}", text::plural(issues, "issue", "issues"));
    if let Some(comments) = comments {
        let _ = write!(words, " and {}", text::plural(comments, "comment", "comments"));
    }
    words
}

fn requests(preview: &PreviewShape) -> String {
    let mut words = format!("about {}", text::count(preview.requests));
    let quota = preview.budget.as_ref().and_then(|budget| Some((&budget.bucket, budget.limit?)));
    if let (Some(share), Some((bucket, limit))) = (preview.share, quota) {
        let (limit, bucket) = (text::count(limit), text::line(bucket));
        let _ = write!(words, ", {share}% of the {limit} of {bucket}");
    }
    words
}
