//! Moments as the tables keep them.

use jobctl_provider::Time;

/// Nanoseconds since 1970. Moments outside the years 1678 to 2262 become the nearest that fits:
/// no forge has an issue there, and a hostile one must not stop an import.
pub(crate) fn stored(time: Time) -> i64 {
    let exact = time.as_nanosecond();
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

/// The moment that [`stored`] kept.
pub(crate) fn moment(nanoseconds: i64) -> Time {
    Time::from_nanosecond(i128::from(nanoseconds))
        .expect("64 bits of nanoseconds lie within the years that jiff knows")
}

/// A count or number as the tables keep it; beyond their range it becomes the greatest.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count from the tables, which hold none below zero.
pub(crate) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
