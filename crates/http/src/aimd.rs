use std::collections::BTreeMap;
use std::time::Duration;

/// Where the concurrency begins.
const START: usize = 2;

/// How much longer than the fastest recent answer one may take while more are tried, and what is
/// added for the noise of scheduling.
const HOLDS: (u32, Duration) = (2, Duration::from_millis(20));
/// The same for a latency that has collapsed.
const COLLAPSED: (u32, Duration) = (4, Duration::from_millis(100));

/// How many requests may be in flight: one more after as many good answers as are in flight,
/// half after a refusal or when the latency collapses. A value: the caller brings the latencies.
#[derive(Debug, Clone)]
pub(crate) struct Aimd {
    limit: usize,
    ceiling: usize,
    good: usize,
    /// Answers in a row that came too late, and the fastest of them.
    late: usize,
    fastest_late: Duration,
    /// The shortest recent latency, by bucket: different questions take different times.
    floors: BTreeMap<&'static str, Duration>,
}

impl Aimd {
    pub(crate) fn new(ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            limit: START.min(ceiling),
            ceiling,
            good: 0,
            late: 0,
            fastest_late: Duration::MAX,
            floors: BTreeMap::new(),
        }
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// The shortest recent latency of all.
    pub(crate) fn floor(&self) -> Option<Duration> {
        self.floors.values().min().copied()
    }

    /// A whole answer came after so long. Grows only while answers come about as fast as the
    /// fastest recent ones of their bucket: beyond that the forge queues, and more in flight
    /// would only wait longer there. A whole round of answers that took several times as long
    /// is a collapse: it halves once, and the new latency is taken for what the forge can do.
    pub(crate) fn answered(&mut self, bucket: &'static str, latency: Duration) {
        // The minimum moves up slowly, so that a forge that became slower for good is not
        // taken for a loaded one for ever.
        let floor = self.floors.entry(bucket).or_insert(latency);
        *floor = latency.min(*floor + *floor / 64);
        let floor = *floor;
        if latency > floor * COLLAPSED.0 + COLLAPSED.1 {
            self.late += 1;
            self.fastest_late = self.fastest_late.min(latency);
            if self.late >= self.limit {
                self.floors.insert(bucket, self.fastest_late);
                self.refused();
            }
        } else {
            self.late = 0;
            self.fastest_late = Duration::MAX;
        }
        if latency > floor * HOLDS.0 + HOLDS.1 {
            self.good = 0;
            return;
        }
        self.good += 1;
        if self.good >= self.limit {
            self.good = 0;
            self.limit = (self.limit + 1).min(self.ceiling);
        }
    }

    /// No whole answer came: growing begins anew.
    pub(crate) const fn faulted(&mut self) {
        self.good = 0;
    }

    /// The forge said that it is too much.
    pub(crate) const fn refused(&mut self) {
        self.good = 0;
        self.late = 0;
        self.fastest_late = Duration::MAX;
        self.limit = if self.limit < 2 { 1 } else { self.limit / 2 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(100);

    #[test]
    fn it_grows_by_one_per_round_up_to_the_ceiling() {
        let mut aimd = Aimd::new(4);
        let mut limits = Vec::new();
        for _ in 0..14 {
            aimd.answered("core", FAST);
            limits.push(aimd.limit());
        }
        assert_eq!(limits, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]);
    }

    #[test]
    fn a_round_of_answers_that_are_far_too_late_halves_once() {
        let mut aimd = Aimd::new(100);
        for _ in 0..80 {
            aimd.answered("core", FAST);
        }
        let before = aimd.limit();
        for _ in 1..before {
            aimd.answered("core", FAST * 10);
        }
        assert_eq!(aimd.limit(), before, "not a whole round yet");
        aimd.answered("core", FAST * 10);
        assert_eq!(aimd.limit(), before / 2);
        for _ in 0..before / 2 {
            aimd.answered("core", FAST * 10);
        }
        assert_eq!(aimd.limit(), before / 2 + 1, "as slow as it was: it is the forge");
    }

    #[test]
    fn a_bucket_of_slow_questions_is_compared_with_itself() {
        let mut aimd = Aimd::new(100);
        for _ in 0..40 {
            aimd.answered("core", FAST);
            aimd.answered("graphql", FAST * 20);
        }
        assert!(aimd.limit() > 8, "{}", aimd.limit());
    }

    #[test]
    fn slow_answers_stop_the_growth() {
        let mut aimd = Aimd::new(100);
        aimd.answered("core", FAST);
        for _ in 0..20 {
            aimd.answered("core", FAST * 4);
        }
        assert_eq!(aimd.limit(), 2);
    }

    #[test]
    fn a_forge_that_became_slower_for_good_is_believed_in_the_end() {
        let mut aimd = Aimd::new(100);
        aimd.answered("core", FAST);
        for _ in 0..300 {
            aimd.answered("core", FAST * 5);
        }
        assert!(aimd.limit() > 2);
    }

    #[test]
    fn a_refusal_halves_and_one_always_stays() {
        let mut aimd = Aimd::new(16);
        for _ in 0..200 {
            aimd.answered("core", FAST);
        }
        let mut limits = vec![aimd.limit()];
        for _ in 0..6 {
            aimd.refused();
            limits.push(aimd.limit());
        }
        assert_eq!(limits, [16, 8, 4, 2, 1, 1, 1]);
    }

    #[test]
    fn a_ceiling_of_nothing_still_lets_one_pass() {
        assert_eq!(Aimd::new(0).limit(), 1);
    }
}
