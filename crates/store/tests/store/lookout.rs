//! Many jobs by their ids, and the same jobs again and again.

use crate::place::{Place, at, id, place, spec, started};
use jobctl_core::{Cause, Change, JobId, Progress, Status};
use jobctl_store::{Last, Lookout, Store};

/// Where a job stands, in a word.
fn word(last: &Last) -> &'static str {
    match last {
        Last::Seen(seen) if seen.damage.is_some() => "damaged",
        Last::Seen(seen) => seen.status().map_or("nothing", Status::name),
        Last::Removed(_) => "removed",
        Last::Unknown(_) => "unknown",
    }
}

fn words(place: &Place, numbers: &[u32]) -> Vec<&'static str> {
    let ids: Vec<JobId> = numbers.iter().map(|number| id(*number)).collect();
    place.store.last_of(&ids).unwrap().iter().map(word).collect()
}

fn changed(lookout: &mut Lookout) -> Vec<(JobId, &'static str)> {
    lookout.look().unwrap().iter().map(|(id, last)| (*id, word(last))).collect()
}

#[test]
fn each_job_of_many_is_what_a_look_at_it_alone_shows() {
    let place = place();
    let batch: Vec<_> = [1, 2, 3].map(|number| (id(number), spec())).into();
    place.store.submit("batch-1", &batch, at(0)).unwrap();
    place.record(2, vec![started()]);
    place.complete(4);
    place.complete(5);
    place.store.remove(id(5), at(9)).unwrap();
    place.complete(6);
    std::fs::remove_file(place.journal(6)).unwrap();
    assert_eq!(
        words(&place, &[7, 6, 5, 4, 3, 2, 1, 5]),
        ["unknown", "damaged", "removed", "completed", "pending", "running", "pending", "removed"]
    );
}

#[test]
fn a_lookout_tells_of_each_job_once_and_then_of_what_changed() {
    let place = place();
    let batch: Vec<_> = [1, 3].map(|number| (id(number), spec())).into();
    place.store.submit("batch-1", &batch, at(0)).unwrap();
    place.submit(2);
    let mut lookout = place.store.lookout(&[id(3), id(1), id(2)]);
    assert_eq!(changed(&mut lookout), [(id(3), "pending"), (id(1), "pending"), (id(2), "pending")]);
    assert_eq!(changed(&mut lookout), []);
    place.record(2, vec![started()]);
    assert_eq!(changed(&mut lookout), [(id(2), "running")]);
    // Progress is no event, and changes what is seen all the same.
    let mut claim = place.store.claim(id(2), at(3)).unwrap();
    claim.progress(&Progress { current: 7, ..Progress::default() }, at(3)).unwrap();
    assert_eq!(changed(&mut lookout), [(id(2), "running")]);
    drop(claim);
    place.record(2, vec![Change::Failed { error: "no".into() }]);
    assert_eq!(changed(&mut lookout), [(id(2), "failed")]);
    place.store.remove(id(2), at(9)).unwrap();
    assert_eq!(changed(&mut lookout), [(id(2), "removed")]);
    lookout.leave(|job| job != id(3));
    for number in [1, 3] {
        place.record(number, vec![started()]);
    }
    assert_eq!(changed(&mut lookout), [(id(3), "running")]);
    lookout.leave(|_| true);
    assert!(lookout.is_empty());
}

#[test]
fn a_removed_job_keeps_how_its_program_ended() {
    let place = place();
    place.submit_and_record(1, vec![started()]);
    let mut claim = place.store.claim(id(1), at(3)).unwrap();
    let failed = Change::Failed { error: "exited with code 3".into() }.at(at(3));
    claim.record(jobctl_core::Event { exit: Some(Cause::Exited(3)), ..failed }).unwrap();
    claim.close(at(3)).unwrap();
    place.store.remove(id(1), at(9)).unwrap();
    match place.store.last_of(&[id(1)]).unwrap().as_slice() {
        [Last::Removed(ended)] => assert_eq!(ended.exit, Some(Cause::Exited(3))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_texts_mean_what_each_of_them_means_alone() {
    let place = place();
    place.complete(0x0000_0011);
    place.complete(0x0000_0012);
    place.submit(0xabcd_0001);
    place.complete(0x0abe_ffff);
    place.complete(0x0000_0021);
    place.store.remove(id(0x0000_0021), at(9)).unwrap();
    let texts = [
        "00000011",
        "0000001",
        "abcd",
        "@last",
        "00000021",
        "0000002",
        "0abe",
        "ABCD",
        "",
        "g",
        "00000013",
        "abcd00011",
        "ä",
    ];
    let texts = texts.map(str::to_owned);
    let alone = texts.iter().map(|text| place.store.resolve(text));
    let alone: Vec<_> = alone.map(|found| found.map_err(|error| error.to_string())).collect();
    let all = place.store.resolve_all(&texts).into_iter();
    let all: Vec<_> = all.map(|found| found.map_err(|error| error.to_string())).collect();
    assert_eq!(all, alone);
    let found: Vec<_> = all.iter().map(|found| found.as_ref().ok().copied()).collect();
    let some = |number| Some(id(number));
    assert_eq!(found[..3], [some(0x11), None, some(0xabcd_0001)]);
    assert_eq!(found[4..7], [some(0x21), some(0x21), some(0x0abe_ffff)]);
    assert_eq!(found[7..], [None; 6]);
}
