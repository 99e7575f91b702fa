use std::collections::HashMap;

use jobctl_core::{JobId, State, Status};
use jobctl_store::Sighting;

use super::Observer;
use crate::error::Failure;
use crate::screen::Screen;
use crate::views::{Scene, moments, progress};

/// A line whenever something changed, for logs and pipes.
pub(super) struct Lines<'a> {
    screen: &'a Screen,
    /// Whether lines say whose they are.
    named: bool,
    told: HashMap<JobId, Told>,
}

#[derive(Default, PartialEq)]
struct Told {
    state: Option<State>,
    progress: String,
}

impl<'a> Lines<'a> {
    pub(super) fn new(screen: &'a Screen, named: bool) -> Self {
        Self { screen, named, told: HashMap::new() }
    }

    fn say(&self, id: JobId, text: &str, scene: &Scene) -> Result<(), Failure> {
        let clock = moments::clock(scene.now, scene);
        let name = if self.named { format!("[{id}] ") } else { String::new() };
        self.screen.say(&format!("[{clock}] {name}{text}"))
    }
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

    fn end(&mut self) {}
}
