//! The ids of a batch: a row that its first id and its length tell, so that whoever looks for a job
//! need not read the files that cannot hold it.

use std::path::Path;

use jobctl_core::{JobId, Spec};

/// From one id to the next. Odd, so that a row comes back to its first id only after all others;
/// and near the golden ratio of all numbers, so that the first digits of neighbours differ.
const STRIDE: u32 = 0x9e37_79b1;
/// What undoes a stride: their product is 1.
const BACK: u32 = 0x0e8b_2f51;

/// Ids that follow each other by strides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    first: JobId,
    count: u32,
}

impl Row {
    pub(crate) const fn new(first: JobId, count: u32) -> Self {
        Self { first, count }
    }

    pub(crate) const fn first(self) -> JobId {
        self.first
    }

    /// All ids of it, in their order.
    pub(crate) fn ids(self) -> impl Iterator<Item = JobId> {
        let id = move |at: u32| self.first.bits().wrapping_add(at.wrapping_mul(STRIDE));
        (0..self.count).map(move |at| JobId::from_bits(id(at)))
    }

    /// Whether it is cheaper to look at all that is there than at each of its ids.
    pub(crate) const fn is_long(self) -> bool {
        self.count > 16
    }

    /// Whether an id is in it.
    pub(crate) const fn holds(self, id: JobId) -> bool {
        id.bits().wrapping_sub(self.first.bits()).wrapping_mul(BACK) < self.count
    }

    /// The place of an id in it, beginning with 0, and how many there are; `None` where it is none
    /// of them.
    pub(crate) fn place(self, id: JobId) -> Option<(u32, u32)> {
        let place = id.bits().wrapping_sub(self.first.bits()).wrapping_mul(BACK);
        (place < self.count).then_some((place, self.count))
    }

    /// Whether two rows have an id in common.
    pub(crate) fn meets(self, other: Self) -> bool {
        let (short, long) = if self.count < other.count { (self, other) } else { (other, self) };
        short.ids().any(|id| long.holds(id))
    }

    /// The row that a submission file is named after.
    pub(crate) fn of_file(path: &Path) -> Option<Self> {
        let name = path.file_stem()?.to_str()?;
        if let Ok(first) = name.parse() {
            return Some(Self { first, count: 1 });
        }
        let (first, count) = name.strip_prefix(BATCH)?.split_once('-')?;
        Some(Self { first: first.parse().ok()?, count: count.parse().ok()? })
    }

    /// The row of these jobs, if they are one.
    fn of(jobs: &[(JobId, Spec)]) -> Option<Self> {
        let (first, _) = jobs.first()?;
        let row = Self { first: *first, count: u32::try_from(jobs.len()).ok()? };
        row.ids().eq(jobs.iter().map(|(id, _)| *id)).then_some(row)
    }
}

const BATCH: &str = "batch-";

/// A name for a submission of these jobs, never used before: the id of its job, or the row of
/// several.
pub fn key(jobs: &[(JobId, Spec)]) -> String {
    match (jobs, Row::of(jobs)) {
        ([], _) => String::new(),
        ([(id, _)], _) => id.to_string(),
        (_, Some(Row { first, count })) => format!("{BATCH}{first}-{count}"),
        ([(first, _), ..], None) => format!("{BATCH}{first}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jobctl_core::Kind;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_is_all_that_it_holds_and_its_name_tells_it() {
        let row = Row::new(JobId::from_bits(0xffff_fff0), 10_000);
        let ids: Vec<JobId> = row.ids().collect();
        let set: HashSet<JobId> = ids.iter().copied().collect();
        assert_eq!(set.len(), 10_000, "no id comes twice");
        assert!(ids.iter().all(|id| row.holds(*id)));
        let spec = Spec::new(Kind::RunCommand, "", "/");
        let jobs: Vec<_> = ids.iter().map(|id| (*id, spec.clone())).collect();
        let name = format!("{}.jsonl", key(&jobs));
        assert_eq!(name, "batch-fffffff0-10000.jsonl");
        assert_eq!(Row::of_file(Path::new(&name)), Some(row));
        assert_eq!(key(&jobs[..1]), "fffffff0");
        // What is no row is not named like one, and read by whoever looks for a job.
        let others = [jobs[0].clone(), jobs[2].clone()];
        assert_eq!(key(&others), "batch-fffffff0");
        assert_eq!(Row::of_file(Path::new("batch-fffffff0.jsonl")), None);
        assert_eq!(Row::of_file(Path::new("nightly.jsonl")), None);
    }

    proptest! {
        #[test]
        fn what_it_holds_is_found_by_walking_it(first: u32, count in 0_u32..300, at in 0_u32..600, far: u32) {
            let row = Row::new(JobId::from_bits(first), count);
            let walk: HashSet<JobId> = row.ids().collect();
            let near = JobId::from_bits(first.wrapping_add(at.wrapping_mul(STRIDE)));
            for id in [near, JobId::from_bits(far)] {
                prop_assert_eq!(row.holds(id), walk.contains(&id));
            }
            let other = Row::new(near, count);
            prop_assert_eq!(row.meets(other), other.ids().any(|id| walk.contains(&id)));
        }
    }
}
