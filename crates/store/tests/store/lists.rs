//! Lists, their index, and what jobs may be called.

use std::fs;

use crate::place::{at, completed, id, paused, place, resumed, spec, started, tree};
use jobctl_core::{Change, JobId, Spec, Status};
use jobctl_store::{FileStore, ResolveError, Store, Which};

fn ids(store: &FileStore, which: Which) -> Vec<JobId> {
    store.list(which).unwrap().iter().map(|seen| seen.id).collect()
}

#[test]
fn active_jobs_come_first_and_ended_ones_newest_first() {
    let place = place();
    for number in [1, 2, 3] {
        place.complete(number);
    }
    place.submit_and_record(4, vec![started(), paused()]);
    place.submit(5);
    assert_eq!(ids(&place.store, Which::Active), [id(4), id(5)]);
    assert_eq!(ids(&place.store, Which::Recent(2)), [id(4), id(5), id(3), id(2)]);
    assert_eq!(ids(&place.store, Which::All), [id(4), id(5), id(3), id(2), id(1)]);
}

#[test]
fn a_job_that_ended_and_was_resumed_is_active_until_it_ends_again() {
    let place = place();
    let failed = || Change::Failed { error: "no".into() };
    place.submit_and_record(1, vec![started(), failed()]);
    place.complete(2);
    place.record(1, vec![resumed()]);
    assert_eq!(ids(&place.store, Which::Active), [id(1)]);
    assert_eq!(ids(&place.store, Which::All), [id(1), id(2)]);
    let mut claim = place.store.claim(id(1), at(9)).unwrap();
    for change in [started(), failed()] {
        claim.record(change.at(at(9))).unwrap();
    }
    claim.close(at(9)).unwrap();
    assert_eq!(ids(&place.store, Which::All), [id(1), id(2)]);
    let ended = place.store.overview(Which::Recent(5)).unwrap().ended;
    assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), [id(1), id(2)]);
    assert_eq!(ended[0].error.as_deref(), Some("no"));
}

#[test]
fn the_index_is_made_anew_when_it_is_missing_and_in_a_new_boot() {
    let place = place();
    for number in [1, 2] {
        place.complete(number);
    }
    place.submit_and_record(3, vec![started(), paused()]);
    place.store.remove(id(1), at(4)).unwrap();
    let removed = fs::read_to_string(place.root().join("ended.jsonl")).unwrap();
    let expected = ids(&place.store, Which::All);

    // What a power cut may leave of files that are never synced.
    fs::remove_file(place.root().join("active").join(id(3).to_string())).unwrap();
    let line = removed.lines().find(|line| line.contains("\"id\":\"00000001\"")).unwrap();
    fs::write(place.root().join("ended.jsonl"), format!("{line}\n{{\"v\":1,\"id\":\"0000"))
        .unwrap();
    assert_eq!(ids(&place.reopen("boot-1"), Which::Active), [], "the same boot trusts its index");
    let store = place.reopen("boot-2");
    assert_eq!(ids(&store, Which::All), expected);
    assert_eq!(ids(&store, Which::Active), [id(3)]);
    let kept: Vec<_> = [1, 2].map(|number| store.ended(id(number)).unwrap().is_some()).into();
    assert_eq!(kept, [true, true]);

    for name in ["active", "ended.jsonl"] {
        let path = place.root().join(name);
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
        assert_eq!(ids(&place.reopen("boot-2"), Which::All), expected, "{name}");
        assert!(path.exists());
    }
}

#[test]
fn an_unfinished_line_spoils_no_later_one() {
    use std::io::Write;
    let place = place();
    place.complete(1);
    let path = place.root().join("ended.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{\"v\":1,\"id\"").unwrap();
    place.complete(2);
    assert_eq!(ids(&place.store, Which::Recent(9)), [id(2), id(1)]);
}

#[test]
fn a_mark_that_outlived_its_job_does_no_harm_and_is_swept() {
    let place = place();
    place.complete(1);
    place.complete(2);
    let mark = place.root().join("active").join(id(1).to_string());
    fs::write(&mark, "").unwrap();
    assert_eq!(ids(&place.store, Which::Active), []);
    assert_eq!(ids(&place.store, Which::Recent(1)), [id(2)]);
    assert_eq!(ids(&place.store, Which::All), [id(2), id(1)]);
    place.store.sweep(at(3)).unwrap();
    assert!(!mark.exists());
    assert_eq!(ids(&place.store, Which::All), [id(2), id(1)]);
}

#[test]
fn the_sweep_takes_what_dead_processes_left_and_nothing_else() {
    let place = place();
    place.store.submit("batch", &[(id(1), spec()), (id(2), spec())], at(1)).unwrap();
    place.record(1, vec![started(), completed()]);
    let new = place.root().join("new");
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let dead = new.join(format!(".tmp-{}-aa", child.id()));
    child.wait().unwrap();
    let alive = new.join(format!(".tmp-{}-aa", std::process::id()));
    let gone = place.root().join("jobs/.gone-0000000c-aa");
    fs::write(&dead, "").unwrap();
    fs::write(&alive, "").unwrap();
    fs::create_dir_all(gone.join("requests")).unwrap();
    fs::write(gone.join("journal.jsonl"), "").unwrap();

    place.store.sweep(at(3)).unwrap();
    assert!(!dead.exists() && alive.exists() && !gone.exists());
    assert!(new.join("batch.jsonl").exists(), "its second job has not begun");
    place.record(2, vec![started(), completed()]);
    place.store.sweep(at(3)).unwrap();
    assert!(!new.join("batch.jsonl").exists());
    assert_eq!(ids(&place.store, Which::All).len(), 2);
}

#[test]
fn reading_changes_nothing() {
    let place = place();
    place.complete(1);
    place.submit(2);
    let before = tree(place.root());
    place.store.list(Which::All).unwrap();
    place.store.look(id(2)).unwrap();
    place.store.runner_alive().unwrap();
    place.store.resolve("@last").unwrap();
    assert_eq!(tree(place.root()), before);
}

#[test]
fn a_job_is_found_by_id_beginning_name_and_last() {
    let place = place();
    let named = |name: &str| jobctl_core::Spec { name: Some(name.into()), ..spec() };
    let submit = |number: u32, name: &str| {
        let jobs = [(id(number), named(name))];
        place.store.submit(&number.to_string(), &jobs, at(number % 0x100)).unwrap();
    };
    submit(0x1234_0001, "deploy");
    submit(0x1234_0002, "deploy");
    submit(0x5678_0003, "1234");
    place.record(0x1234_0002, vec![started(), completed()]);
    let store = &place.store;
    assert_eq!(store.resolve("12340002").unwrap(), id(0x1234_0002));
    assert_eq!(store.resolve("56").unwrap(), id(0x5678_0003));
    assert_eq!(store.resolve("deploy").unwrap(), id(0x1234_0001), "the one that has not ended");
    assert_eq!(store.resolve("1234").unwrap(), id(0x5678_0003), "a whole name before a beginning");
    assert_eq!(store.resolve("@last").unwrap(), id(0x5678_0003));
    let Err(ResolveError::Ambiguous { ids, .. }) = store.resolve("123") else { panic!() };
    assert_eq!(ids, [id(0x1234_0001), id(0x1234_0002)]);
    for none in ["", "9", "deplo", "12340009", "@first"] {
        assert!(matches!(store.resolve(none), Err(ResolveError::NoSuch(_))), "{none:?}");
    }
    store.remove(id(0x1234_0002), at(9)).unwrap();
    assert_eq!(store.resolve("12340002").unwrap(), id(0x1234_0002), "removed, but still known");
}

#[test]
fn a_failed_journal_line_keeps_to_its_length() {
    let place = place();
    let long = "a very long reason ".repeat(1000);
    place.submit_and_record(1, vec![started(), Change::Failed { error: long }]);
    let journal = fs::read_to_string(place.journal(1)).unwrap();
    assert!(journal.lines().skip(1).all(|line| line.len() < 1024));
    let seen = place.store.look(id(1)).unwrap();
    assert_eq!((seen.status(), seen.damage), (Some(Status::Failed), None));
}

#[test]
fn a_job_whose_end_the_index_does_not_say_yet_is_found_by_its_id() {
    let place = place();
    place.complete(1);
    place.complete(2);
    // Killed between the last event and the line that tells of it.
    let lines = fs::read_to_string(place.root().join("ended.jsonl")).unwrap();
    let kept: Vec<&str> = lines.lines().filter(|line| !line.contains("00000002")).collect();
    fs::write(place.root().join("ended.jsonl"), format!("{}\n", kept.join("\n"))).unwrap();
    fs::write(place.root().join("active").join(id(2).to_string()), "").unwrap();
    assert_eq!(place.store.resolve("00000002").unwrap(), id(2));
    assert_eq!(ids(&place.store, Which::Active), []);
    assert_eq!(ids(&place.store, Which::All), [id(2), id(1)]);
}

#[test]
fn an_ended_job_is_listed_by_its_line_until_its_journal_is_changed() {
    let place = place();
    place.complete(1);
    place.complete(2);
    // A line that says what no journal says: seen, so no journal was read.
    let path = place.root().join("ended.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    let first = lines.lines().next().unwrap();
    let (body, _) = first.split_at(first.len() - 18);
    let body = body.replace("clones 2 repositories", "by its line");
    let sealed = format!("{body},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(body.as_bytes()));
    fs::write(&path, lines.replacen(&format!("{first}\n"), &sealed, 1)).unwrap();
    let described = |which| -> Vec<String> {
        let ended = place.store.overview(which).unwrap().ended;
        ended.into_iter().map(|ended| ended.description).collect()
    };
    assert_eq!(described(Which::All), ["clones 2 repositories", "by its line"]);

    let mut journal = fs::read(place.journal(1)).unwrap();
    journal.truncate(journal.len() - 1);
    fs::write(place.journal(1), &journal).unwrap();
    assert_eq!(described(Which::All), ["clones 2 repositories"; 2]);
    let middle = journal.len() / 2;
    journal[middle] ^= 1;
    journal.push(b'\n');
    fs::write(place.journal(1), &journal).unwrap();
    let overview = place.store.overview(Which::Recent(2)).unwrap();
    assert_eq!(overview.ended.len(), 1);
    assert!(overview.open[0].damage.is_some(), "{:?}", overview.open);
}

#[test]
fn the_unended_job_of_an_identity_is_found_also_after_the_index_was_lost() {
    let place = place();
    let same = || Spec { identity: Some("clone acme".to_owned()), ..spec() };
    place.store.submit("first", &[(id(1), same())], at(1)).unwrap();
    let found = |store: &FileStore| store.same("clone acme").unwrap().map(|seen| seen.id);
    assert_eq!(found(&place.store), Some(id(1)));
    assert_eq!(place.store.same("clone other").unwrap().map(|seen| seen.id), None);
    fs::remove_dir_all(place.root().join("same")).unwrap();
    assert_eq!(found(&place.reopen("boot-2")), Some(id(1)), "from its submission");

    place.record(1, vec![started(), Change::Failed { error: "no".into() }]);
    assert_eq!(found(&place.store), None);
    place.record(1, vec![resumed()]);
    assert_eq!(found(&place.store), Some(id(1)));
    fs::remove_dir_all(place.root().join("same")).unwrap();
    assert_eq!(found(&place.reopen("boot-3")), Some(id(1)), "from its journal");

    place.store.submit("again", &[(id(2), same())], at(2)).unwrap();
    place.record(1, vec![started(), completed()]);
    assert_eq!(found(&place.store), Some(id(2)), "the end of one hides no other");
    fs::write(place.root().join("same").join(jobctl_store::digest("clone acme")), "x").unwrap();
    assert_eq!(found(&place.store), None);
}

#[test]
fn of_very_many_ended_jobs_the_older_ones_go_by_their_line() {
    let place = place();
    place.complete(1);
    let path = place.root().join("ended.jsonl");
    let line = fs::read_to_string(&path).unwrap();
    // A thousand newer lines: of jobs whose directories hold no journal, so that none is believed.
    let mut lines = line.clone();
    for number in 2..=1001 {
        fs::create_dir(place.job(number)).unwrap();
        let line =
            line.trim_end().replace("\"id\":\"00000001\"", &format!("\"id\":\"{}\"", id(number)));
        let body = &line[..line.len() - 18];
        let crc = crc32fast::hash(body.as_bytes());
        lines.extend([body, &format!(",\"crc\":\"{crc:08x}\"}}\n")]);
    }
    fs::write(&path, &lines).unwrap();
    let mut journal = fs::read(place.journal(1)).unwrap();
    let middle = journal.len() / 2;
    journal[middle] ^= 1;
    fs::write(place.journal(1), &journal).unwrap();
    let all = place.store.overview(Which::All).unwrap();
    let ended: Vec<_> = all.ended.iter().map(|ended| ended.id).collect();
    assert_eq!((ended, all.open.len()), (vec![id(1)], 0));
    assert!(place.store.whole(all)[0].damage.is_some(), "whole, it is read");
}

#[test]
fn the_newest_jobs_are_found_behind_many_removed_ones() {
    let place = place();
    place.complete(1);
    let path = place.root().join("ended.jsonl");
    let mut lines = fs::read_to_string(&path).unwrap();
    for number in 2..200 {
        let mut ended = place.store.ended(id(1)).unwrap().unwrap();
        ended.id = id(number);
        let body = serde_json::to_string(&ended).unwrap();
        let body = body.strip_suffix('}').unwrap();
        let crc = crc32fast::hash(body.as_bytes());
        lines.extend([body, &format!(",\"crc\":\"{crc:08x}\"}}\n")]);
    }
    fs::write(&path, &lines).unwrap();
    for which in [Which::Recent(5), Which::All] {
        let ended = place.store.overview(which).unwrap().ended;
        assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), [id(1)]);
    }
}
