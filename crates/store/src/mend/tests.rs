use jobctl_core::{Cause, Kind};

use super::*;
use crate::replay::{Rest, replay};

const ID: JobId = JobId::from_bits(7);

fn at(second: i64) -> Time {
    Time::from_second(1_800_000_000 + second).unwrap()
}

fn started() -> Change {
    Change::Started { pid: 4711 }
}

fn resumed() -> Change {
    Change::Resumed { by: ResumedBy::Timer }
}

fn failed(item: &str) -> Change {
    Change::ItemFailed { item: item.into(), error: "gone".into(), hint: None }
}

fn completed() -> Change {
    Change::Completed { warnings: Vec::new(), summary: Some("done".into()) }
}

fn interrupted() -> Change {
    let reason = Reason::Interrupted { attempt: 1, cause: Cause::Signalled(9) };
    Change::Paused { reason, resumes_at: Some(at(500)) }
}

fn limited() -> Change {
    let (bucket, message) = ("core".into(), "slow down".into());
    Change::Paused {
        reason: Reason::RateLimited { until: at(400), bucket, message },
        resumes_at: Some(at(400)),
    }
}

fn submitted() -> Event {
    let spec = Spec::new(Kind::CloneRepos, "clones 2 repositories", "/home/u/project");
    Change::Submitted { spec: Box::new(spec) }.at(at(0))
}

/// Everything that can happen to a job, in one life that ends completed.
fn rich() -> Vec<Event> {
    let changes = [
        started(),
        failed("acme/api"),
        Change::Checkpoint { token: "page 2".into() },
        limited(),
        Change::Continued,
        failed("acme/web"),
        interrupted(),
        Change::Closed,
        resumed(),
        started(),
        Change::Failed { error: "no such organisation".into() },
        Change::Closed,
        resumed(),
        started(),
        failed("acme/web"),
        completed(),
        Change::Closed,
        resumed(),
        Change::Closed,
        started(),
        completed(),
        Change::Closed,
    ];
    let rest = (1..).zip(changes).map(|(second, change)| change.at(at(second)));
    [submitted()].into_iter().chain(rest).collect()
}

fn lines(events: &[Event]) -> Vec<Vec<u8>> {
    (1..).zip(events).map(|(seq, event)| encode(seq, event)).collect()
}

/// From `submitted` at most.
fn remains() -> Remains {
    Remains { submitted: Some(submitted()), end: None }
}

/// Mends, and checks what holds for every mended journal.
fn mended(journal: &[u8], remains: &Remains) -> Mended {
    let mended = mend(ID, journal, remains, at(900)).unwrap();
    let bytes = mended.journal();
    let again = replay(ID, &bytes);
    assert_eq!((again.rest, again.good), (Rest::Nothing, bytes.len()));
    assert_eq!(again.job.as_ref(), Some(&mended.job));
    assert!(again.closed.is_some());
    let rests = match &mended.job.state {
        State::Completed { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Paused { reason: Reason::User, resumes_at: None, waiting: false } => true,
        State::Paused { .. } | State::Pending | State::Running => false,
    };
    assert!(rests, "{:?}", mended.job.state);
    assert_eq!(mended.paused, !mended.job.status().is_ended());
    mended
}

#[test]
fn any_one_lost_record_leaves_a_legal_job_with_all_the_others() {
    let rich = rich();
    for lost in 0..rich.len() {
        let mut lines = lines(&rich);
        lines[lost][10] ^= 1;
        let mended = mended(&lines.concat(), &remains());
        let last = lost + 1 == rich.len();
        assert_eq!(mended.lost, if last { vec![] } else { vec![lost as u64 + 1] });
        assert_eq!(mended.dropped, [], "without record {}", lost + 1);
        assert_eq!(mended.kept, rich.len() - 1, "without record {}", lost + 1);
        // Without its last end it is an earlier one that was resumed: a person decides.
        let ends = lost != rich.len() - 2;
        assert_eq!(mended.job.status() == Status::Completed, ends, "without record {}", lost + 1);
    }
}

#[test]
fn any_records_lost_from_any_beginning_leave_a_legal_job() {
    let rich = rich();
    for end in 0..=rich.len() {
        let lines = lines(&rich[..end]);
        for first in 0..end {
            for second in first..end {
                let kept = lines.iter().enumerate().filter(|(at, _)| *at != first && *at != second);
                let journal: Vec<u8> = kept.flat_map(|(_, line)| line.clone()).collect();
                drop(mended(&journal, &remains()));
            }
        }
    }
}

#[test]
fn any_flipped_bit_costs_no_other_record() {
    let lines = lines(&rich()[..7]);
    let journal = lines.concat();
    for bit in 0..journal.len() * 8 {
        let mut flipped = journal.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mended = mended(&flipped, &remains());
        let at_break = flipped[bit / 8] != b'\n' && journal[bit / 8] == b'\n';
        // Behind the last record there is nothing to be torn from.
        let whole = if at_break { lines.len() } else { lines.len() - 1 };
        assert_eq!(mended.kept, whole, "bit {bit}");
        assert_eq!(mended.dropped, []);
    }
}

#[test]
fn what_it_was_asked_to_do_comes_from_where_it_is_left() {
    let lines = lines(&rich()[..3]);
    let none = Remains::default();
    assert_eq!(mended(&lines.concat(), &none).added, Vec::<&str>::new());
    let without = lines[1..].concat();
    assert_eq!(mend(ID, &without, &none, at(900)).unwrap_err(), Unmendable::NoSpec);
    let mended = mended(&without, &remains());
    assert_eq!((mended.added, mended.kept, mended.lost), (vec!["submitted"], 2, vec![1]));
    assert_eq!(mended.job.submitted_at, at(0));
}

#[test]
fn nothing_but_zeros_leaves_a_job_that_a_person_starts_again() {
    for journal in [&b""[..], &[0; 700], b"\n\n\0\n"] {
        let mended = mended(journal, &remains());
        assert_eq!((mended.kept, mended.paused), (0, true));
        assert_eq!(mended.job.attempts, 0);
    }
}

fn end(at: Time, change: Change, failures: &[&str]) -> Remains {
    let failure = |item: &&str| Failure { item: (*item).into(), error: "gone".into(), hint: None };
    let counts = Counts { current: 9, ..Counts::default() };
    let failures = failures.iter().map(failure).collect();
    Remains { end: Some(End { at, change, failures, counts }), ..remains() }
}

#[test]
fn how_it_ended_comes_from_the_result_if_nothing_is_newer() {
    let lines = lines(&rich()[..3]);
    for journal in [Vec::new(), lines[..2].concat(), lines.concat()] {
        for change in [completed(), Change::Failed { error: "x".into() }] {
            let mended = mended(&journal, &end(at(50), change, &["acme/api", "acme/old"]));
            assert_eq!(mended.job.ended_at(), Some(at(50)));
            let failed: Vec<_> = mended.job.failures.iter().map(|failed| &failed.item).collect();
            assert_eq!(failed, ["acme/api", "acme/old"]);
            assert_eq!(mended.job.counts.current, 9);
        }
        let cancelled = Change::Cancelled { reason: None };
        let mended = mended(&journal, &end(at(50), cancelled, &[]));
        assert_eq!(mended.job.status(), Status::Cancelled);
    }
    // It ended, was resumed, and went on: the result is of an earlier end.
    let older = end(at(1), completed(), &[]);
    assert!(mended(&lines.concat(), &older).paused);
}

#[test]
fn records_said_twice_or_out_of_nowhere_are_left_out() {
    let lines = lines(&rich()[..4]);
    let twice = [lines.concat(), lines[2].clone()].concat();
    let twice = mended(&twice, &remains());
    assert_eq!((twice.kept, twice.dropped), (4, vec![]));

    let cancelled = encode(5, &Change::Cancelled { reason: None }.at(at(9)));
    let late = encode(6, &started().at(at(10)));
    let late = mended(&[lines.concat(), cancelled, late].concat(), &remains());
    assert_eq!(late.dropped, [(6, "started")]);
    assert_eq!(late.job.status(), Status::Cancelled);

    let absurd = encode(u64::MAX, &started().at(at(1)));
    let absurd = mended(&[lines[0].clone(), absurd].concat(), &remains());
    assert_eq!(absurd.kept, 2);
}

#[test]
fn a_newer_version_is_left_alone() {
    let lines = lines(&rich()[..3]);
    let body = r#"{"v":2,"seq":4,"at":"2027-01-15T08:00:00Z","event":"dreamt""#;
    let crc = crc32fast::hash(body.as_bytes());
    let newer = format!("{body},\"crc\":\"{crc:08x}\"}}\n").into_bytes();
    let journal = [lines[1..].concat(), newer].concat();
    assert_eq!(mend(ID, &journal, &remains(), at(900)).unwrap_err(), Unmendable::Newer);
}

#[test]
fn derived_files_of_other_jobs_or_of_no_job_are_not_believed() {
    let spec = Spec::new(Kind::CloneRepos, "clones", "/home/u/project");
    let config = |id: &str| {
        serde_json::json!({ "id": id, "submittedAt": at(3), "spec": spec, "type": "x" }).to_string()
    };
    let told = super::config(ID, config("00000007").as_bytes()).unwrap();
    assert_eq!(told, Change::Submitted { spec: Box::new(spec.clone()) }.at(at(3)));
    assert_eq!(super::config(ID, config("00000008").as_bytes()), None);
    assert_eq!(super::config(ID, b"\0\0"), None);

    let result = |id: &str, status: &str| {
        let result = serde_json::json!({
            "v": 1, "id": id, "status": status, "endedAt": at(5), "error": null, "warnings": [],
            "summary": "done", "failures": [], "counts": { "current": 2 },
        });
        super::result(ID, result.to_string().as_bytes())
    };
    let told = result("00000007", "completed").unwrap();
    assert_eq!((told.at, told.change, told.counts.current), (at(5), completed(), 2));
    assert_eq!(result("00000007", "running"), None);
    assert_eq!(result("00000008", "completed"), None);
}
