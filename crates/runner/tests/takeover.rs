//! A newer `jobctl` takes over from an older runner: both ends of that talk, word for word.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
use std::fs::{DirBuilder, remove_file};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jobctl_core::{JobId, Kind, Limits, Need, Retention, Spec, Time};
use jobctl_runner::{Link, LinkError, Offer, Place, RunnerOptions, Starter, Value, run};
use jobctl_store::{Adopt, FileStore, RealFs, Registry, Store as _, boot};
use tempfile::TempDir;

const OURS: &str = env!("CARGO_PKG_VERSION");

/// One end of a line on which messages are plain text.
struct Line(BufReader<UnixStream>);

impl Line {
    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn says(&mut self, text: &str) {
        self.0.get_mut().write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    /// What the other end answers.
    fn asks(&mut self, text: &str) -> String {
        self.says(text);
        self.hears()
    }
}

/// A place for sockets, and a program that is started in vain.
fn place(dir: &TempDir) -> (Place, Starter) {
    let root = dir.path().join("state");
    std::fs::create_dir(&root).unwrap();
    let place = Place::new(&root, dir.path());
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(place.socket().parent().unwrap()).unwrap();
    let starter = Starter { program: "true".into(), args: Vec::new(), env: Vec::new() };
    (place, starter)
}

fn accept(listener: &UnixListener) -> Line {
    Line(BufReader::new(listener.accept().unwrap().0))
}

/// Answers one call as a runner of this version does, as far as its hello.
fn greet(listener: &UnixListener, version: &str) -> Line {
    let mut line = accept(listener);
    let hello = line.hears();
    assert!(hello.contains(r#""say":"hello""#) && hello.contains(OURS), "{hello}");
    line.says(&format!(r#"{{"reply":"hello","version":"{version}"}}"#));
    line
}

#[test]
fn an_older_runner_is_sent_home_and_the_next_one_gets_what_it_held() {
    let dir = tempfile::tempdir().unwrap();
    let (place, starter) = place(&dir);
    let socket = place.socket();
    let old = UnixListener::bind(&socket).unwrap();
    let runners = thread::spawn(move || {
        let mut line = greet(&old, "0.0.9");
        assert_eq!(line.hears(), r#"{"say":"retire"}"#);
        line.says(
            r#"{"reply":"values","values":[{"need":{"connection":"github","origin":"env:GH_TOKEN"},"value":"s3cr3t"}]}"#,
        );
        // Another call is faster, and its runner has the socket before this one is gone.
        remove_file(&socket).unwrap();
        let new = UnixListener::bind(&socket).unwrap();
        drop((line, old));
        let mut line = greet(&new, OURS);
        let offered = line.hears();
        line.says(r#"{"reply":"ok"}"#);
        offered
    });
    Link::connect_or_start(&place, &starter).unwrap();
    let offered = runners.join().unwrap();
    assert!(offered.contains("env:GH_TOKEN") && offered.contains("s3cr3t"), "{offered}");
}

#[test]
fn runners_of_the_same_and_of_a_newer_version_are_talked_to() {
    for version in [OURS, "999.0.0"] {
        let dir = tempfile::tempdir().unwrap();
        let (place, starter) = place(&dir);
        let listener = UnixListener::bind(place.socket()).unwrap();
        let runner = thread::spawn(move || {
            let mut line = greet(&listener, version);
            let first = line.hears();
            line.says(r#"{"reply":"ok"}"#);
            first
        });
        Link::connect_or_start(&place, &starter).unwrap().ring().unwrap();
        // Nothing is not offered.
        assert_eq!(runner.join().unwrap(), r#"{"say":"ring"}"#, "{version}");
    }
}

#[test]
fn a_runner_that_leaves_without_a_word_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (place, starter) = place(&dir);
    let listener = UnixListener::bind(place.socket()).unwrap();
    let runners = thread::spawn(move || {
        // One leaves before it has heard anything, one before it has answered.
        drop(accept(&listener));
        accept(&listener).hears();
        greet(&listener, OURS);
    });
    Link::connect_or_start(&place, &starter).unwrap();
    runners.join().unwrap();
}

#[test]
fn a_runner_that_cannot_serve_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (place, mut starter) = place(&dir);
    starter.program = "sh".into();
    starter.args = vec!["-c".into(), "echo the disk is on fire >&2; echo more >&2; exit 6".into()];
    match Link::connect_or_start(&place, &starter) {
        Err(LinkError::Ended { code: 6, said }) => assert_eq!(said, "the disk is on fire"),
        other => panic!("{other:?}"),
    }
}

/// The runner of a state directory whose one job waits for a while.
struct Running {
    place: Place,
    store: Arc<FileStore>,
    runner: thread::JoinHandle<()>,
    _dir: TempDir,
}

#[expect(clippy::disallowed_methods, reason = "the runner compares with the time of day")]
fn later() -> Time {
    Time::now() + Duration::from_secs(3600)
}

fn running() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path().join("registry"));
    let path = dir.path().join("state");
    let fs = Arc::new(RealFs);
    let store = FileStore::create(&path, &registry, fs, &boot::current(), Adopt::Named).unwrap();
    let store = Arc::new(store);
    let need = Need { connection: "github".into(), origin: "env:GH_TOKEN".into() };
    let spec = Spec::new(Kind::ImportIssues, "import", "/");
    let spec = Spec { not_before: Some(later()), needs: vec![need], ..spec };
    store.submit("key", &[(JobId::from_bits(1), spec)], later()).unwrap();
    let place = Place::new(store.root(), dir.path());
    let (served, at) = (Arc::clone(&store), place.clone());
    let runner = thread::spawn(move || {
        run(RunnerOptions {
            store: served,
            place: at,
            limits: Box::new(|_| Limits::parallel(1)),
            grace: Duration::from_secs(5),
            announce: Box::new(|_, _, _| ()),
            retention: Retention::default(),
            program: "true".into(),
            worker_args: Box::new(|_| Vec::new()),
        })
        .unwrap();
    });
    Running { place, store, runner, _dir: dir }
}

/// A line to a runner that comes up.
fn line_to(place: &Place) -> Line {
    let nobody = Starter { program: "true".into(), args: Vec::new(), env: Vec::new() };
    drop(Link::connect_or_start(place, &nobody).unwrap());
    Line(BufReader::new(UnixStream::connect(place.socket()).unwrap()))
}

#[test]
fn a_runner_that_is_told_to_retire_hands_its_values_over_and_goes() {
    let Running { place, store, runner, _dir } = running();
    let mut line = line_to(&place);
    let hello = line.asks(r#"{"say":"hello","version":"999.0.0"}"#);
    assert!(hello.contains(OURS), "{hello}");
    let offer = r#"{"say":"offer","offers":[{"need":{"connection":"github","origin":"env:GH_TOKEN"},"value":"s3cr3t"}]}"#;
    assert_eq!(line.asks(offer), r#"{"reply":"ok"}"#);
    let values = line.asks(r#"{"say":"retire"}"#);
    assert!(values.contains("env:GH_TOKEN") && values.contains("s3cr3t"), "{values}");
    assert_eq!(line.hears(), "", "its end closes the line");
    runner.join().unwrap();
    assert!(!place.socket().exists());
    assert!(store.run_lock().unwrap().is_some(), "the next one may serve");
    assert_eq!(store.look(JobId::from_bits(1)).unwrap().damage, None);
}

#[test]
fn what_is_no_message_ends_only_its_own_line() {
    let Running { place, runner, _dir, .. } = running();
    for nonsense in ["", "{", r#"{"say":"dance"}"#, &"x".repeat(1 << 20)] {
        let mut line = line_to(&place);
        // It may hang up before it has read all of that.
        let _ = line.0.get_mut().write_all(format!("{nonsense}\n").as_bytes());
        let mut rest = String::new();
        let _ = line.0.read_line(&mut rest);
        assert_eq!(rest, "");
    }
    let mut line = line_to(&place);
    assert_eq!(line.asks(r#"{"say":"ring"}"#), r#"{"reply":"ok"}"#);
    line.asks(r#"{"say":"retire"}"#);
    runner.join().unwrap();
}

#[test]
fn a_value_goes_to_whoever_needs_it() {
    let Running { place, runner, _dir, .. } = running();
    let nobody = Starter { program: "true".into(), args: Vec::new(), env: Vec::new() };
    let mut link = Link::connect_or_start(&place, &nobody).unwrap();
    let need = Need { connection: "github".into(), origin: "env:GH_TOKEN".into() };
    link.offer(&[Offer { need, value: Value::new("s3cr3t".into()) }]).unwrap();
    drop(link);
    let mut worker = line_to(&place);
    let asked = r#"{"say":"need","need":{"connection":"github","origin":"env:GH_TOKEN"}}"#;
    assert_eq!(worker.asks(asked), r#"{"reply":"value","value":"s3cr3t"}"#);
    worker.asks(r#"{"say":"retire"}"#);
    runner.join().unwrap();
}
