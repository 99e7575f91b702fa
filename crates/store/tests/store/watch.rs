//! A look that goes on: what it tells is what a new look at everything shows.

use std::collections::BTreeMap;

use crate::place::{Place, at, completed, id, paused, place, resumed, spec, started};
use jobctl_core::{Change, JobId, Status};
use jobctl_store::{News, Store, Watch, Which};

/// What somebody knows who only hears news.
#[derive(Default)]
struct Known {
    jobs: BTreeMap<JobId, Status>,
    anew: usize,
}

impl Known {
    /// Hears what is new; says how much that was.
    fn hear(&mut self, watch: &mut Watch) -> usize {
        let mut told = 0;
        let mut tell = |news| {
            told += 1;
            match news {
                News::Anew => {
                    self.anew += 1;
                    self.jobs.clear();
                }
                News::Submitted { job, .. } => drop(self.jobs.insert(job.id, Status::Pending)),
                News::Seen(seen) => drop(self.jobs.insert(seen.id, seen.status().unwrap())),
                News::Ended(ended) => drop(self.jobs.remove(&ended.id)),
                News::Gone(id) => drop(self.jobs.remove(&id)),
            }
        };
        watch.look(&mut tell).unwrap();
        told
    }
}

fn truth(place: &Place) -> BTreeMap<JobId, Status> {
    let listed = place.store.list(Which::Active).unwrap();
    listed.into_iter().map(|seen| (seen.id, seen.status().unwrap())).collect()
}

#[test]
fn news_add_up_to_what_is_there_and_nothing_is_told_in_vain() {
    let place = place();
    let failed = || Change::Failed { error: "no".into() };
    place.complete(1);
    place.submit_and_record(2, vec![started(), failed()]);
    let batch: Vec<_> = (10..20).map(|number| (id(number), spec())).collect();
    place.store.submit("batch", &batch, at(10)).unwrap();
    place.record(10, vec![started(), completed()]);
    place.record(11, vec![paused()]);
    let (mut watch, mut known) = (place.store.watch(), Known::default());
    let steps: [&dyn Fn(); 9] = [
        &|| {},
        &|| place.submit(3),
        &|| place.record(12, vec![started(), completed()]),
        &|| place.record(11, vec![resumed()]),
        &|| place.record(2, vec![resumed()]),
        &|| place.record(13, vec![Change::Cancelled { reason: None }]),
        &|| {
            place.complete(4);
            place.store.remove(id(4), at(4)).unwrap();
        },
        &|| place.record(2, vec![started()]),
        &|| {
            place.record(2, vec![failed(), resumed()]);
            place.record(14, vec![paused()]);
        },
    ];
    for (number, step) in steps.iter().enumerate() {
        step();
        assert!(known.hear(&mut watch) > 0, "step {number}");
        assert_eq!(known.jobs, truth(&place), "step {number}");
        // One that runs is looked at again, for nobody tells of a worker's death.
        let running = known.jobs.values().filter(|status| **status == Status::Running).count();
        assert_eq!(known.hear(&mut watch), running, "step {number}");
    }
    assert_eq!(known.anew, 0);
}

#[test]
fn jobs_of_a_submission_come_in_its_order() {
    let place = place();
    let batch: Vec<_> = [7, 3, 5].map(|number| (id(number), spec())).into();
    place.store.submit("batch", &batch, at(0)).unwrap();
    let mut order = Vec::new();
    let mut tell = |news| {
        if let News::Submitted { job, position } = news {
            order.push((position, job.id));
        }
    };
    place.store.watch().look(&mut tell).unwrap();
    assert_eq!(order, [(0, id(7)), (1, id(3)), (2, id(5))]);
}

#[test]
fn a_claim_that_is_held_is_looked_at_until_it_is_free() {
    let place = place();
    place.submit(1);
    let (mut watch, mut known) = (place.store.watch(), Known::default());
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    for _ in 0..2 {
        assert_eq!(known.hear(&mut watch), 1);
    }
    claim.record(completed().at(at(2))).unwrap();
    claim.close(at(2)).unwrap();
    known.hear(&mut watch);
    assert_eq!(known.jobs, BTreeMap::new());
    assert_eq!(known.hear(&mut watch), 0);
}

#[test]
fn a_list_that_was_written_anew_makes_all_that_was_told_void() {
    let place = place();
    place.complete(1);
    place.complete(2);
    place.submit(3);
    let (mut watch, mut known) = (place.store.watch(), Known::default());
    known.hear(&mut watch);
    place.reopen("boot-2");
    place.store.remove(id(1), at(9)).unwrap();
    std::fs::write(place.root().join("ended.jsonl"), "").unwrap();
    known.hear(&mut watch);
    assert_eq!((known.anew, &known.jobs), (1, &truth(&place)));
    assert_eq!(known.hear(&mut watch), 0);
    place.complete(5);
    known.hear(&mut watch);
    assert_eq!((known.anew, &known.jobs), (1, &truth(&place)));
}

#[test]
fn a_line_that_is_half_written_is_told_once_it_is_whole() {
    let place = place();
    place.submit_and_record(1, vec![paused()]);
    place.complete(2);
    let list = place.root().join("ended.jsonl");
    let line = std::fs::read(&list).unwrap();
    std::fs::write(&list, "").unwrap();
    let (mut watch, mut ended) = (place.store.watch(), 0);
    let mut look = |bytes: &[u8]| {
        std::fs::write(&list, bytes).unwrap();
        watch.look(&mut |news| ended += usize::from(matches!(news, News::Ended(_)))).unwrap();
        ended
    };
    assert_eq!(look(b""), 0);
    assert_eq!(look(&line[..line.len() / 2]), 0);
    assert_eq!(look(&line), 1);
    assert_eq!(look(&line), 1);
}
