use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jobctl_core::{JobId, State};
use jobctl_store::Sighting;

use super::Observer;
use super::lines::name;
use crate::commands::logs::Line;
use crate::error::Failure;
use crate::screen::Screen;
use crate::text;
use crate::views::{Scene, moments, progress};

/// A bar for each job, drawn in place on a terminal; what commands print goes by above them.
pub(super) struct Bars<'a> {
    screen: &'a Screen,
    all: MultiProgress,
    each: HashMap<JobId, Drawn>,
}

/// A bar, and what it shows.
struct Drawn {
    place: usize,
    bar: ProgressBar,
    seen: Option<Sighting>,
}

impl<'a> Bars<'a> {
    pub(super) fn new(screen: &'a Screen, ids: &[JobId]) -> Self {
        let all = MultiProgress::new();
        let draw = |(place, id): (usize, &JobId)| {
            (*id, Drawn { place, bar: all.add(ProgressBar::new(0)), seen: None })
        };
        let each = ids.iter().enumerate().map(draw).collect();
        Self { screen, all, each }
    }
}

impl Observer for Bars<'_> {
    fn see(&mut self, seen: &Sighting, _: &Scene) -> Result<(), Failure> {
        if let Some(drawn) = self.each.get_mut(&seen.id) {
            drawn.seen = Some(seen.clone());
        }
        Ok(())
    }

    fn hear(&mut self, id: JobId, lines: &[Line], scene: &Scene) -> Result<(), Failure> {
        let several = self.each.len() > 1;
        let place = self.each.get(&id).filter(|_| several).map(|drawn| drawn.place);
        let name = place.map_or_else(String::new, |place| name(id, place, scene));
        let all = lines.iter().map(|line| format!("{name}{}\n", line.spoken(scene.paint)));
        let all: String = all.collect();
        self.all.suspend(|| self.screen.say(&all))
    }

    /// Draws all bars: times that are told from now on move without an event.
    fn tick(&mut self, scene: &Scene) -> Result<(), Failure> {
        for Drawn { bar, seen: slot, .. } in self.each.values_mut() {
            let Some(seen) = slot else { continue };
            let now = &seen.progress;
            bar.set_style(style(now.total.is_some_and(|total| total > 0)));
            bar.set_prefix(seen.id.to_string());
            bar.set_length(now.total.unwrap_or(0));
            bar.set_position(now.current);
            bar.set_message(message(seen, scene));
            if seen.status().is_none_or(jobctl_core::Status::is_ended) {
                bar.finish();
                // Drawn for the last time.
                *slot = None;
            } else {
                bar.tick();
            }
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
