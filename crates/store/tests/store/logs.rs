//! A job's log keeps to its size, whoever writes how much.

use std::fs;
use std::path::Path;
use std::sync::Barrier;

use crate::place::{at, id, place, started};
use jobctl_core::Time;
use jobctl_store::Store;

const MOST: u64 = 8 * 1024 * 1024;
/// A line in a log has at most this many bytes of text, its time and its line break.
const LINE: u64 = 16 * 1024 + 64;

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn threads_that_write_without_end_fill_two_files_and_tear_no_line() {
    const THREADS: usize = 4;
    const EACH: usize = 400;
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    // None gets so far ahead that its last lines are rotated away before the others are done.
    let together = &Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let writer = claim.log_writer();
            scope.spawn(move || {
                for number in 0..EACH {
                    if number.is_multiple_of(16) {
                        together.wait();
                    }
                    let filler = "x".repeat(14_000);
                    writer.write(Time::UNIX_EPOCH, &format!("{thread} {number} {filler} end"));
                }
            });
        }
    });
    let path = place.store.look(id(1)).unwrap().log;
    let (new, old) = (lines(&path), lines(&path.with_extension("log.1")));
    for path in [&path, &path.with_extension("log.1")] {
        let length = path.metadata().unwrap().len();
        assert!(length <= MOST + LINE, "{}: {length}", path.display());
    }
    let mut last = [None; THREADS];
    for line in old.iter().chain(&new) {
        let parts: Vec<_> = line.split(' ').collect();
        assert!(line.starts_with("[1970") && parts.len() == 5 && parts[4] == "end", "{line:.80}");
        let (thread, number): (usize, usize) =
            (parts[1].parse().unwrap(), parts[2].parse().unwrap());
        let next = last[thread].map_or(number, |last: usize| last + 1);
        assert_eq!(number, next, "of thread {thread}");
        last[thread] = Some(number);
    }
    assert_eq!(last, [Some(EACH - 1); THREADS], "the newest lines are there");
    let left = fs::read_dir(path.parent().unwrap()).unwrap();
    let logs = left.filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("worker.log")
    });
    assert_eq!(logs.count(), 2);
}

#[test]
fn a_text_of_many_lines_is_no_way_around_the_limit() {
    let place = place();
    place.submit(1);
    let claim = place.store.claim(id(1), at(1)).unwrap();
    claim.log_writer().write(at(1), &format!("{}\n", "x".repeat(14_000)).repeat(1_500));
    let path = place.store.look(id(1)).unwrap().log;
    for path in [&path, &path.with_extension("log.1")] {
        let length = path.metadata().unwrap().len();
        assert!(length <= MOST + LINE, "{}: {length}", path.display());
    }
}
