//! What is done to a state directory while the power may fail.

use std::sync::Arc;

use fastrand::Rng;

use super::disk::Disk;
use super::told::Told;
use super::world::{Step, World};
use crate::place::{completed, id, paused, resumed, started};
use jobctl_core::{Change, Status};
use jobctl_store::Wish;

/// Steps on a disk, of which what went before is synced.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) disk: Disk,
    pub(crate) told: Arc<Told>,
    pub(crate) steps: Vec<Step>,
}

fn scenario(name: &str, before: &[Step], steps: Vec<Step>) -> Scenario {
    let mut world = World::new(Disk::empty(), &Arc::default(), None, usize::MAX);
    for step in before {
        world.run(step).expect(name);
    }
    let told = world.fs.told();
    let mut disk = world.fs.disk();
    disk.settle();
    Scenario { name: name.to_owned(), disk, told, steps }
}

fn submit(numbers: &[u32]) -> Step {
    Step::Submit(numbers.to_vec())
}

/// One claim from beginning to end.
fn hold(number: u32, changes: impl IntoIterator<Item = Change>) -> Vec<Step> {
    let records = changes.into_iter().map(|change| Step::Record(number, change));
    [Step::Claim(number)].into_iter().chain(records).chain([Step::Close(number)]).collect()
}

fn cancelled() -> Change {
    Change::Cancelled { reason: None }
}

fn failed() -> Change {
    Change::Failed { error: "no such repository".into() }
}

fn item_failed() -> Change {
    Change::ItemFailed { item: "acme/web".into(), error: "gone".into(), hint: None }
}

fn checkpoint() -> Change {
    Change::Checkpoint { token: "half".into() }
}

/// A job that waits, and nothing done to it.
pub(crate) fn pending() -> Scenario {
    scenario("pending", &[Step::Make, submit(&[1])], Vec::new())
}

/// Everything that the store does, each on its own.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = [beginnings(), lives(), asked(), whole()].concat();
    all.extend((0..RANDOM).map(random));
    all
}

fn made(more: &[Vec<Step>]) -> Vec<Step> {
    [vec![Step::Make], more.concat()].concat()
}

/// One job, and what happened to it.
fn ran(changes: Vec<Change>) -> Vec<Step> {
    made(&[vec![submit(&[1])], hold(1, changes)])
}

fn every_state() -> Vec<Step> {
    made(&[
        vec![submit(&[1]), submit(&[2, 3]), submit(&[4]), submit(&[5]), submit(&[6])],
        hold(2, [started(), paused()]),
        hold(4, [started(), completed()]),
        hold(5, [started(), item_failed(), failed()]),
        hold(6, [cancelled()]),
    ])
}

/// How jobs come to be, and begin.
fn beginnings() -> Vec<Scenario> {
    let pending = made(&[vec![submit(&[1])]]);
    let batch = made(&[vec![submit(&[1, 2, 3])]]);
    vec![
        scenario("make", &[], vec![Step::Make, submit(&[1])]),
        scenario("submit", &made(&[]), vec![submit(&[1]), submit(&[1]), submit(&[2])]),
        scenario("submit in the foreground", &made(&[]), {
            vec![
                Step::SubmitHeld(1),
                Step::Record(1, started()),
                Step::Record(1, completed()),
                Step::Close(1),
            ]
        }),
        scenario("batch", &made(&[]), vec![submit(&[1, 2, 3])]),
        scenario("batch half begun", &batch, {
            [
                hold(1, [started(), completed()]),
                hold(2, [started(), paused()]),
                vec![Step::Sweep],
                hold(3, [cancelled()]),
                vec![Step::Sweep, Step::Remove(1), Step::Remove(3)],
            ]
            .concat()
        }),
        scenario("start", &pending, hold(1, [started(), checkpoint(), item_failed()])),
    ]
}

/// What happens to one job.
fn lives() -> Vec<Scenario> {
    let pending = made(&[vec![submit(&[1])]]);
    vec![
        scenario("progress", &pending, {
            let told = |n| [Step::Progress(1, n), Step::Progress(1, n + 1), Step::Log(1)];
            [
                vec![Step::Claim(1), Step::Record(1, started())],
                (1..6).flat_map(|n| told(n * 10)).collect(),
                vec![Step::Record(1, completed()), Step::Close(1)],
            ]
            .concat()
        }),
        scenario("resume", &ran(vec![started(), failed()]), {
            let mut steps = hold(1, [resumed()]);
            steps.extend(hold(1, [started(), item_failed(), completed()]));
            steps.extend(hold(1, [resumed(), started(), completed()]));
            steps
        }),
        scenario("finish", &ran(vec![started()]), hold(1, [completed()])),
        scenario("die and go on", &ran(vec![started()]), {
            vec![
                Step::Claim(1),
                Step::Record(1, checkpoint()),
                Step::Die(1),
                Step::Claim(1),
                Step::Record(1, paused()),
                Step::Record(1, resumed()),
                Step::Die(1),
                Step::Claim(1),
                Step::Record(1, started()),
                Step::Record(1, completed()),
                Step::Close(1),
            ]
        }),
        scenario("remove", &ran(vec![started(), completed()]), vec![Step::Remove(1), Step::Sweep]),
        scenario("remove what never started", &pending, {
            [hold(1, [cancelled()]), vec![Step::Remove(1)]].concat()
        }),
    ]
}

/// Jobs of which others ask something, and two at once.
fn asked() -> Vec<Scenario> {
    let pending = made(&[vec![submit(&[1])]]);
    vec![
        scenario("pause by request", &ran(vec![started()]), {
            vec![
                Step::Claim(1),
                Step::Ask(1, Wish::Pause),
                Step::Ask(1, Wish::Pause),
                Step::Answer(1, paused()),
                Step::Ask(1, Wish::Resume),
                Step::Answer(1, Change::Continued),
                Step::Die(1),
            ]
        }),
        scenario("ask a job that nobody began", &pending, {
            vec![
                Step::Ask(1, Wish::Cancel),
                Step::Claim(1),
                Step::Answer(1, cancelled()),
                Step::Close(1),
            ]
        }),
        scenario("two at once", &made(&[vec![submit(&[1]), submit(&[2])]]), {
            vec![
                Step::Claim(1),
                Step::Claim(2),
                Step::Record(1, started()),
                Step::Record(2, started()),
                Step::Ask(2, Wish::Cancel),
                Step::Record(1, checkpoint()),
                Step::Answer(2, cancelled()),
                Step::Close(2),
                Step::Remove(2),
                Step::Record(1, completed()),
                Step::Close(1),
            ]
        }),
    ]
}

/// What is done to many jobs.
fn whole() -> Vec<Scenario> {
    let batch = made(&[vec![submit(&[1, 2, 3])]]);
    vec![
        scenario("clean", &every_state(), {
            vec![Step::Remove(4), Step::Remove(5), Step::Remove(6), Step::Sweep]
        }),
        scenario("rebuild", &every_state(), {
            [
                vec![Step::Reboot("boot-2")],
                hold(1, [started(), completed()]),
                vec![Step::Reboot("boot-3"), Step::Sweep],
                hold(5, [resumed()]),
            ]
            .concat()
        }),
        scenario("mirror", &every_state(), {
            [vec![Step::Mirror], hold(2, [resumed()]), vec![Step::Remove(4), Step::Mirror]].concat()
        }),
        scenario("sweep", &batch, {
            let ended = |number| hold(number, [started(), completed()]);
            [ended(1), ended(2), ended(3), vec![Step::Sweep, Step::Sweep]].concat()
        }),
    ]
}

/// How many scenarios are made at random.
const RANDOM: u64 = 2;

/// Thirty calls over four jobs, the same for the same seed.
fn random(seed: u64) -> Scenario {
    let mut rng = Rng::with_seed(seed);
    let mut made = scenario(&format!("random {seed}"), &[Step::Make], Vec::new());
    let mut world = World::new(made.disk.clone(), &made.told, None, usize::MAX);
    while made.steps.len() < 30 {
        let step = any_step(&mut rng, &world);
        if world.run(&step).is_ok() {
            made.steps.push(step);
        }
    }
    made
}

fn any_step(rng: &mut Rng, world: &World) -> Step {
    let number = rng.u32(1..5);
    if let Some(claim) = world.claim(number) {
        let change = any_change(rng, claim.job().status());
        return match rng.u8(..12) {
            0 => Step::Progress(number, rng.u64(1..100)),
            1 => Step::Log(number),
            2 => Step::Die(number),
            3 | 4 => Step::Close(number),
            5 => Step::Ask(number, Wish::Pause),
            6 | 7 => Step::Answer(number, change),
            _ => Step::Record(number, change),
        };
    }
    // Ids are random: no two submissions share one.
    if !world.fs.told().submissions.iter().any(|known| known.jobs.contains(&id(number))) {
        return match rng.u8(..4) {
            0 => Step::SubmitHeld(number),
            1 => Step::Submit(vec![number, number + 4]),
            _ => Step::Submit(vec![number]),
        };
    }
    match rng.u8(4..16) {
        4..10 => Step::Claim(number),
        10 => Step::Ask(number, Wish::Cancel),
        11 | 12 => Step::Remove(number),
        13 => Step::Sweep,
        14 => Step::Mirror,
        _ => Step::Reboot(rng.choice(["boot-1", "boot-2"]).unwrap_or("boot-3")),
    }
}

fn any_change(rng: &mut Rng, status: Status) -> Change {
    match status {
        Status::Pending => [started(), started(), started(), cancelled()][rng.usize(..4)].clone(),
        Status::Running => {
            let all = [checkpoint(), item_failed(), paused(), completed(), failed()];
            all[rng.usize(..all.len())].clone()
        }
        Status::Paused => [resumed(), resumed(), cancelled()][rng.usize(..3)].clone(),
        Status::Failed | Status::Completed => resumed(),
        Status::Cancelled => checkpoint(),
    }
}
