//! Many jobs in one file: their ids, and how one of them is found.

use std::collections::HashSet;
use std::fs;

use jobctl_core::{JobId, Spec};
use jobctl_store::{LookError, Store, Which, key};

use crate::place::{Place, at, place, spec};

fn batch(place: &Place, count: usize) -> Vec<JobId> {
    let ids = place.store.new_ids(count).unwrap();
    submit(place, None, &ids);
    ids
}

fn submit(place: &Place, name: Option<&str>, ids: &[JobId]) {
    let job = |(at, id): (usize, &JobId)| (*id, Spec { name: Some(at.to_string()), ..spec() });
    let jobs: Vec<_> = ids.iter().enumerate().map(job).collect();
    let name = name.map_or_else(|| key(&jobs), str::to_owned);
    place.store.submit(&name, &jobs, at(1)).unwrap();
}

#[test]
fn every_job_of_every_batch_is_found_in_its_own_file() {
    let place = place();
    let mut all = batch(&place, 300);
    all.extend(batch(&place, 1));
    all.extend(batch(&place, 17));
    // As another program, or an older version, may name and order them.
    let odd: Vec<JobId> = [7, 3, 9].map(JobId::from_bits).to_vec();
    submit(&place, Some("nightly"), &odd);
    let more: Vec<JobId> = [17, 13, 19].map(JobId::from_bits).to_vec();
    submit(&place, Some("batch-00000001-3"), &more);
    let last: Vec<JobId> = [27, 23].map(JobId::from_bits).to_vec();
    submit(&place, Some("00000001"), &last);
    all.extend(odd.into_iter().chain(more).chain(last));
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    for id in &all {
        let seen = place.store.look(*id).unwrap();
        assert_eq!((seen.id, seen.damage), (*id, None));
    }
    assert_eq!(place.store.list(Which::Active).unwrap().len(), all.len());
    let nobody = place.store.look(JobId::from_bits(1));
    assert!(matches!(nobody, Err(LookError::NoSuchJob(_))), "{nobody:?}");
    let mut claim = place.store.claim(all[299], at(2)).unwrap();
    assert_eq!(claim.job().spec.name.as_deref(), Some("299"));
    claim.record(crate::place::started().at(at(2))).unwrap();
}

#[test]
fn a_file_is_named_after_the_row_of_its_jobs() {
    let place = place();
    let ids = batch(&place, 40);
    let names: Vec<_> = fs::read_dir(place.root().join("new")).unwrap().flatten().collect();
    let [file] = names.as_slice() else { panic!("{names:?}") };
    assert_eq!(file.file_name().to_str().unwrap(), format!("batch-{}-40.jsonl", ids[0]));
}

#[test]
fn new_ids_are_new_whatever_is_there() {
    let place = place();
    let mut known: HashSet<JobId> = HashSet::new();
    for count in [1, 500, 2, 16, 17, 1, 0, 300] {
        let ids = batch(&place, count);
        assert_eq!(ids.len(), count);
        for id in ids {
            assert!(known.insert(id), "{id} came twice");
        }
    }
    // Begun jobs count, whose submission is gone, and lines that no name tells of.
    let row = place.store.new_ids(200_000).unwrap();
    let taken: HashSet<_> = row.iter().collect();
    assert!(known.iter().all(|id| !taken.contains(id)));
}
