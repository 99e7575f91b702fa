//! What a pending job waits for, in a few words.

use jobctl_core::{Condition, Dependency, Status, Wait};

use super::{Scene, moments};
use crate::settings::short;
use crate::text;

/// Why a pending job has not started; without a reason it is about to.
pub(crate) fn words(wait: Option<Wait<'_>>, scene: &Scene) -> String {
    match wait {
        None => "ready to start".to_owned(),
        Some(Wait::Job { on, status }) => for_job(on, status),
        Some(Wait::Until(at)) => format!("starts {}", moments::appointed(at, scene)),
        Some(Wait::Drain) => "draining: nothing starts".to_owned(),
        Some(Wait::Slot { of: 0, .. }) => "max_parallel is 0: nothing starts".to_owned(),
        Some(Wait::Slot { used, of }) => format!("waits for a slot ({used} of {of} run)"),
        Some(Wait::Kind { kind, of: 0, .. }) => {
            let kind = short(kind);
            format!("{kind} is 0: nothing of it starts")
        }
        Some(Wait::Kind { kind, used, of }) => {
            let kind = short(kind);
            format!("waits for a slot of {kind} ({used} of {of} run)")
        }
        Some(Wait::Resource { name, of: 0, .. }) => {
            format!("waits for {} (there is none)", text::clip(name, 40))
        }
        Some(Wait::Resource { name, wanted, used, of, kept_for }) => {
            let units = if wanted > 1 { format!("{wanted} ") } else { String::new() };
            let name = text::clip(name, 40);
            let first = kept_for.map_or_else(String::new, |job| format!(", {job} is first"));
            format!("waits for {units}{name} ({used} of {of} in use{first})")
        }
    }
}

fn for_job(Dependency { on, condition }: Dependency, status: Option<Status>) -> String {
    let wanted = match condition {
        Condition::Success => "to succeed",
        Condition::Clean => "to succeed without warnings",
        Condition::Failure => "to fail",
        Condition::Ended => "to end",
    };
    let in_vain = |why: &str| format!("waits in vain for {on} {wanted} ({why})");
    match status {
        Some(Status::Pending | Status::Running) => format!("waits for {on} {wanted}"),
        Some(Status::Paused) => format!("waits for {on} {wanted} (it is paused)"),
        Some(Status::Completed) => in_vain("it completed"),
        Some(Status::Failed) => in_vain("it failed"),
        Some(Status::Cancelled) => in_vain("it was cancelled"),
        None => in_vain("it is gone"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jobctl_core::{JobId, Kind};

    use super::*;
    use crate::views::samples;

    #[test]
    fn a_few_words_for_each() {
        let scene = samples::scene();
        let later = |hours| Wait::Until(scene.now + SignedDuration::from_hours(hours));
        let job = |condition, status| Wait::Job {
            on: Dependency { on: JobId::from_bits(0x3fa2_c1d0), condition },
            status,
        };
        let db =
            |wanted, used, of, kept_for| Wait::Resource { name: "db", wanted, used, of, kept_for };
        let kind = Kind::CloneRepos;
        let waits = [
            None,
            Some(job(Condition::Success, Some(Status::Running))),
            Some(job(Condition::Clean, Some(Status::Pending))),
            Some(job(Condition::Failure, Some(Status::Paused))),
            Some(job(Condition::Success, Some(Status::Failed))),
            Some(job(Condition::Ended, None)),
            Some(later(1)),
            Some(later(30)),
            Some(Wait::Drain),
            Some(Wait::Slot { used: 4, of: 4 }),
            Some(Wait::Slot { used: 0, of: 0 }),
            Some(Wait::Kind { kind, used: 1, of: 1 }),
            Some(Wait::Kind { kind, used: 1, of: 0 }),
            Some(db(1, 1, 1, None)),
            Some(db(2, 2, 3, None)),
            Some(db(1, 2, 3, Some(JobId::from_bits(0x3fa2_c1d0)))),
            Some(db(1, 0, 0, None)),
        ];
        let lines: Vec<_> = waits.into_iter().map(|wait| words(wait, &scene)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
