use std::time::Duration;

/// Where the concurrency begins.
const START: usize = 2;

/// How many requests may be in flight: one more after as many good answers as are in flight,
/// half after a refusal. A value: the caller brings the latencies.
#[derive(Debug, Clone)]
pub(crate) struct Aimd {
    limit: usize,
    ceiling: usize,
    good: usize,
    floor: Option<Duration>,
}

impl Aimd {
    pub(crate) fn new(ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        Self { limit: START.min(ceiling), ceiling, good: 0, floor: None }
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// The shortest recent latency.
    pub(crate) const fn floor(&self) -> Option<Duration> {
        self.floor
    }

    /// A whole answer came after so long. Grows only while answers come about as fast as the
    /// fastest recent ones (within twice, and 20 ms of scheduling noise): beyond that the forge
    /// queues, and more in flight would only wait longer there.
    pub(crate) fn answered(&mut self, latency: Duration) {
        // The minimum moves up slowly, so that a forge that became slower for good is not
        // taken for a loaded one for ever.
        let floor = self.floor.map_or(latency, |floor| latency.min(floor + floor / 64));
        self.floor = Some(floor);
        if latency > floor * 2 + Duration::from_millis(20) {
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
            aimd.answered(FAST);
            limits.push(aimd.limit());
        }
        assert_eq!(limits, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]);
    }

    #[test]
    fn slow_answers_stop_the_growth() {
        let mut aimd = Aimd::new(100);
        aimd.answered(FAST);
        for _ in 0..20 {
            aimd.answered(FAST * 5);
        }
        assert_eq!(aimd.limit(), 2);
    }

    #[test]
    fn a_forge_that_became_slower_for_good_is_believed_in_the_end() {
        let mut aimd = Aimd::new(100);
        aimd.answered(FAST);
        for _ in 0..300 {
            aimd.answered(FAST * 5);
        }
        assert!(aimd.limit() > 2);
    }

    #[test]
    fn a_refusal_halves_and_one_always_stays() {
        let mut aimd = Aimd::new(16);
        for _ in 0..200 {
            aimd.answered(FAST);
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
