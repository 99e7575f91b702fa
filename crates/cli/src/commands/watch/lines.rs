use std::collections::HashMap;

use jobctl_core::{JobId, State, Status};
use jobctl_store::Sighting;

use super::Observer;
use crate::commands::logs::Line;
use crate::error::Failure;
use crate::screen::Screen;
use crate::views::{Scene, moments, progress};

/// A line whenever something changed, for logs and pipes.
pub(super) struct Lines<'a> {
    screen: &'a Screen,
    /// The place of each job among several, whose lines say whose they are.
    places: HashMap<JobId, usize>,
    told: HashMap<JobId, Told>,
}

#[derive(Default, PartialEq)]
struct Told {
    state: Option<State>,
    progress: String,
}

impl<'a> Lines<'a> {
    pub(super) fn new(screen: &'a Screen, ids: &[JobId]) -> Self {
        let several = if ids.len() > 1 { ids } else { &[] };
        let places = several.iter().copied().zip(0..).collect();
        Self { screen, places, told: HashMap::new() }
    }

    /// What stands before a job's line.
    fn name(&self, id: JobId, scene: &Scene) -> String {
        self.places.get(&id).map_or_else(String::new, |place| name(id, *place, scene))
    }

    fn say(&self, id: JobId, text: &str, scene: &Scene) -> Result<(), Failure> {
        let clock = moments::clock(scene.now, scene);
        self.screen.say(&format!("[{clock}] {}{text}", self.name(id, scene)))
    }
}

/// Whose a line is, in that job's colour.
pub(super) fn name(id: JobId, place: usize, scene: &Scene) -> String {
    format!("{} ", scene.paint.of_several(place, &format!("[{id}]")))
}

impl Observer for Lines<'_> {
    fn see(&mut self, seen: &Sighting, scene: &Scene) -> Result<(), Failure> {
        let state = seen.job.as_ref().map(|job| job.state.clone());
        let running = seen.status() == Some(Status::Running);
        let has_progress = seen.progress.current > 0 || seen.progress.total.is_some();
        let line = if has_progress { progress::line(&seen.progress) } else { String::new() };
        let told = self.told.entry(seen.id).or_default();
        let (new_state, new_line) = (told.state != state, told.progress != line);
        *told = Told { state, progress: line.clone() };
        if new_line && !line.is_empty() {
            self.say(seen.id, &line, scene)?;
        }
        // While it runs, its progress says so.
        if new_state && !(running && has_progress) {
            self.say(seen.id, &progress::state(seen, scene), scene)?;
        }
        Ok(())
    }

    fn hear(&mut self, id: JobId, lines: &[Line], scene: &Scene) -> Result<(), Failure> {
        let name = self.name(id, scene);
        // One write for all of them: a command may print a hundred thousand lines.
        let all = lines.iter().map(|line| format!("{name}{}\n", line.spoken(scene.paint)));
        self.screen.say(&all.collect::<String>())
    }

    fn tick(&mut self, _: &Scene) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self) {}
}
