use super::stage::{Form, Stage};
use super::{GARBAGE, reply};
use crate::{Answer, Refusal, Task, Time};

/// Of how many answers one is killed, and a third of one fails, where that is random.
const ONE_IN: usize = 3;

/// What happens to the answers of one reading.
pub(super) trait Fate {
    /// What becomes of an answer. `turn` counts the requests.
    fn of(&mut self, turn: usize, task: &Task, good: Answer, stage: &dyn Stage) -> Dealt;
}

/// What becomes of one answer.
pub(super) enum Dealt {
    /// It is read.
    Read(Answer),
    /// It is lost before it is read, and everything that was not committed with it.
    Killed,
    /// It is read and must be a refusal that keeps the task, or a step that asks for less.
    Bad {
        answer: Answer,
        /// For people.
        what: String,
        fits: fn(&Refusal) -> bool,
    },
}

/// Every answer is read.
pub(super) struct Undisturbed;

impl Fate for Undisturbed {
    fn of(&mut self, _: usize, _: &Task, good: Answer, _: &dyn Stage) -> Dealt {
        Dealt::Read(good)
    }
}

/// Numbers that look random and are the same every time: splitmix64.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to below `sides`.
    pub(super) fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let sides = u64::try_from(sides.max(1)).unwrap_or(u64::MAX);
        usize::try_from((mixed ^ (mixed >> 31)) % sides).unwrap_or(0)
    }
}

/// When an answer came.
const fn at(answer: &Answer) -> Time {
    match answer {
        Answer::Reply { received_at, .. } => *received_at,
        Answer::Fault { at, .. } => *at,
    }
}

/// An answer of this status, at the time of another.
fn instead(good: &Answer, status: u16, body: &[u8]) -> Answer {
    reply(status, &[], body, at(good))
}

/// Some answers are lost together with everything that was not committed.
pub(super) struct Kills {
    dice: Dice,
    pub(super) kills: usize,
}

impl Kills {
    pub(super) const fn new(dice: Dice) -> Self {
        Self { dice, kills: 0 }
    }
}

impl Fate for Kills {
    fn of(&mut self, _: usize, _: &Task, good: Answer, _: &dyn Stage) -> Dealt {
        if self.dice.throw(ONE_IN) == 0 {
            self.kills += 1;
            return Dealt::Killed;
        }
        Dealt::Read(good)
    }
}

/// Some answers do not come, or are of a failing forge.
pub(super) struct Faults {
    dice: Dice,
    pub(super) faults: usize,
}

impl Faults {
    pub(super) const fn new(dice: Dice) -> Self {
        Self { dice, faults: 0 }
    }
}

impl Fate for Faults {
    fn of(&mut self, _: usize, _: &Task, good: Answer, _: &dyn Stage) -> Dealt {
        let throw = self.dice.throw(ONE_IN * 4);
        let lost = || Answer::Fault { message: "reset".to_owned(), at: at(&good) };
        let (answer, what) = match throw {
            0 => (lost(), "a lost answer"),
            1 => (instead(&good, 500, b"{}"), "a 500"),
            2 => (instead(&good, 502, b"<html>Bad Gateway</html>"), "a 502"),
            3 => (instead(&good, 504, b""), "a 504"),
            _ => return Dealt::Read(good),
        };
        self.faults += 1;
        let fits: fn(&Refusal) -> bool =
            |it| matches!(it, Refusal::Transient { .. } | Refusal::Throttled { .. });
        Dealt::Bad { answer, what: what.to_owned(), fits }
    }
}

/// Each request is answered in one form first, and then well.
pub(super) struct Formed {
    form: usize,
    what: &'static str,
    fits: fn(&Refusal) -> bool,
    forms: Forms,
    /// How many forms there are.
    pub(super) of: usize,
    pub(super) dealt: usize,
    /// Whether the present answer is the good one.
    is_good: bool,
}

/// The forms that a stage knows of something.
type Forms = fn(&dyn Stage, &Answer) -> Vec<Form>;

impl Formed {
    pub(super) const fn new(
        form: usize,
        what: &'static str,
        fits: fn(&Refusal) -> bool,
        forms: Forms,
    ) -> Self {
        Self { form, what, fits, forms, of: 0, dealt: 0, is_good: true }
    }
}

impl Fate for Formed {
    fn of(&mut self, _: usize, _: &Task, good: Answer, stage: &dyn Stage) -> Dealt {
        let forms = (self.forms)(stage, &good);
        self.of = forms.len();
        self.is_good = !self.is_good;
        match forms.into_iter().nth(self.form).filter(|_| !self.is_good) {
            Some(form) => {
                self.dealt += 1;
                let what = format!("{} ({})", self.what, form.name);
                Dealt::Bad { answer: form.answer, what, fits: self.fits }
            }
            None => Dealt::Read(good),
        }
    }
}

/// One row of every answer cannot be read.
#[derive(Debug, Default)]
pub(super) struct Spoilt {
    pub(super) spoilt: usize,
}

impl Fate for Spoilt {
    fn of(&mut self, _: usize, _: &Task, good: Answer, stage: &dyn Stage) -> Dealt {
        match stage.spoil(&good) {
            Some(bad) => {
                self.spoilt += 1;
                Dealt::Read(bad)
            }
            None => Dealt::Read(good),
        }
    }
}

/// Each request is answered with every sort of garbage first, and then well.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    pub(super) dealt: usize,
    turn: usize,
}

impl Fate for Garbage {
    fn of(&mut self, _: usize, _: &Task, good: Answer, _: &dyn Stage) -> Dealt {
        let place = self.turn % (GARBAGE.len() + 1);
        self.turn += 1;
        let Some(body) = GARBAGE.get(place) else { return Dealt::Read(good) };
        self.dealt += 1;
        let json = [("content-type", "application/json; charset=utf-8")];
        let answer = reply(200, &json, body, at(&good));
        let what = format!("garbage ({:?})", String::from_utf8_lossy(body));
        // A page for people where rows belong may well be one to sign in.
        let fits: fn(&Refusal) -> bool = |it| {
            matches!(
                it,
                Refusal::Malformed { .. }
                    | Refusal::Transient { .. }
                    | Refusal::Unauthorized { .. }
            )
        };
        Dealt::Bad { answer, what, fits }
    }
}
