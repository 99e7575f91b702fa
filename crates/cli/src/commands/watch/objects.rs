use std::collections::HashMap;

use jobctl_core::{JobId, Progress, State};
use jobctl_store::Sighting;

use super::Observer;
use crate::commands::logs::Line;
use crate::error::Failure;
use crate::json::{self, JobShape};
use crate::screen::Screen;
use crate::views::Scene;

/// A JSON object a line whenever something changed.
pub(super) struct Objects<'a> {
    screen: &'a Screen,
    told: HashMap<JobId, (Option<State>, Progress)>,
}

impl<'a> Objects<'a> {
    pub(super) fn new(screen: &'a Screen) -> Self {
        Self { screen, told: HashMap::new() }
    }
}

impl Observer for Objects<'_> {
    fn see(&mut self, seen: &Sighting, scene: &Scene) -> Result<(), Failure> {
        let now = (seen.job.as_ref().map(|job| job.state.clone()), seen.progress.clone());
        if self.told.get(&seen.id) == Some(&now) {
            return Ok(());
        }
        self.told.insert(seen.id, now);
        self.screen.say(&json::one_or_many(vec![JobShape::of(seen, scene.now)]))
    }

    /// What commands print is no part of a job's shape: `logs -f --json` has it.
    fn hear(&mut self, _: JobId, _: &[Line], _: &Scene) -> Result<(), Failure> {
        Ok(())
    }

    fn tick(&mut self, _: &Scene) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self) {}
}
