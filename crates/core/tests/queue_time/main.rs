//! A thousand random queues in virtual time, beside a model that is too simple to be wrong.

mod drive;
mod model;
mod script;

use jobctl_core::{JobId, OnDependencyFailure, Time};
use proptest::prelude::*;

use script::{Script, scripts};

/// What happened, in order: the same in the queue and in its model.
type History = Vec<(i64, Happened)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happened {
    Started(usize),
    Blocked(usize, OnDependencyFailure),
}

/// Nothing in a script takes so long that this is not enough for all of it.
const LAST: i64 = 5_000;

fn at(second: i64) -> Time {
    Time::from_second(1_800_000_000 + second).expect("a valid time")
}

/// The id of a job of a script; in no order, as ids are.
fn id(job: usize) -> JobId {
    let number = u32::try_from(job).expect("few jobs");
    JobId::from_bits(number.wrapping_mul(2_654_435_761).rotate_left(7))
}

fn compare(script: &Script) -> Result<(), TestCaseError> {
    let driven = drive::run(script)?;
    let modelled = model::run(script);
    prop_assert_eq!(driven, modelled);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_queue_does_what_its_rules_say(script in scripts()) {
        compare(&script)?;
    }
}
