use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jobctl_core::{JobId, State};
use jobctl_store::Sighting;

use super::Observer;
use crate::error::Failure;
use crate::text;
use crate::views::{Scene, moments, progress};

/// A bar for each job, drawn in place on a terminal.
pub(super) struct Bars {
    all: MultiProgress,
    bars: HashMap<JobId, ProgressBar>,
}

impl Bars {
    pub(super) fn new(ids: &[JobId]) -> Self {
        let all = MultiProgress::new();
        let bars = ids.iter().map(|id| (*id, all.add(ProgressBar::new(0)))).collect();
        Self { all, bars }
    }
}

impl Observer for Bars {
    fn see(&mut self, seen: &Sighting, scene: &Scene) -> Result<(), Failure> {
        let Some(bar) = self.bars.get(&seen.id) else { return Ok(()) };
        let now = &seen.progress;
        bar.set_style(style(now.total.is_some_and(|total| total > 0)));
        bar.set_prefix(seen.id.to_string());
        bar.set_length(now.total.unwrap_or(0));
        bar.set_position(now.current);
        bar.set_message(message(seen, scene));
        if seen.status().is_none_or(jobctl_core::Status::is_ended) {
            bar.finish();
        } else {
            bar.tick();
        }
        Ok(())
    }

    fn end(&mut self) {
        // What is left on the terminal are the lines that the command prints at its end.
        let _ = self.all.clear();
    }
}

/// What stands behind a bar.
fn message(seen: &Sighting, scene: &Scene) -> String {
    let running = matches!(seen.job.as_ref().map(|job| &job.state), Some(State::Running));
    if !running {
        return text::clip(&progress::state(seen, scene), 100);
    }
    let now = &seen.progress;
    let mut parts = Vec::new();
    if now.failed > 0 {
        parts.push(format!("{} failed", text::count(now.failed)));
    }
    if now.rate.is_some() {
        parts.push(moments::rate(now.rate));
    }
    if now.eta_seconds.is_some() {
        parts.push(moments::eta(now.eta_seconds));
    }
    if let Some(item) = &now.current_item {
        parts.push(format!("→ {}", text::clip(item, 50)));
    }
    parts.join(" · ")
}

fn style(total_is_known: bool) -> ProgressStyle {
    let template = if total_is_known {
        "{prefix} {bar:24} {human_pos}/{human_len} ({percent}%) {wide_msg}"
    } else {
        "{prefix} {spinner} {human_pos} {wide_msg}"
    };
    ProgressStyle::with_template(template).expect("the templates above are well formed")
}
