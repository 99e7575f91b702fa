//! Whose a state directory is, and what is refused in one of somebody else.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::place::{Place, at, completed, id, paused, place, resumed, spec, started, tree};
use jobctl_core::Status;
use jobctl_store::{
    Adopt, AskError, ClaimError, CreateError, FileStore, Foreign, Mirrored, OpenError, RealFs,
    Registry, RemoveError, Standing, Store, SubmitError, TrustError, Which, Wish, Worker,
};

fn open(path: &Path, registry: &Registry) -> FileStore {
    FileStore::open(path, registry, Arc::new(RealFs), "boot-1").unwrap()
}

fn create(path: &Path, registry: &Registry, adopt: Adopt) -> Result<FileStore, CreateError> {
    FileStore::create(path, registry, Arc::new(RealFs), "boot-1", adopt)
}

/// A copy of a directory with jobs in every state, as a cloned repository would bring it.
fn copied() -> (Place, FileStore) {
    let place = place();
    place.complete(1);
    place.submit_and_record(2, vec![started(), paused()]);
    place.submit(3);
    place.submit(4);
    let mut held = place.store.claim(id(4), at(4)).unwrap();
    held.record(started().at(at(4))).unwrap();
    place.store.ask(id(4), Wish::Cancel, at(4)).unwrap();
    drop(held);
    fs::write(
        place.root().join("jobctl.toml"),
        "max_parallel = 99\n[connections.work]\nx = 1\n [connections.\"a b\"]\n",
    )
    .unwrap();
    let copy = place.dir.path().join("copy");
    let done = Command::new("cp").arg("-R").arg(place.root()).arg(&copy).status().unwrap();
    assert!(done.success());
    let store = open(&copy, &place.registry);
    (place, store)
}

#[test]
fn a_copy_is_foreign_and_nothing_in_it_is_written() {
    let (_place, store) = copied();
    let Standing::Foreign { why } = store.standing() else { panic!() };
    assert!(why.to_string().contains("copied from"), "{why}");
    let before = tree(store.root());

    let listed = store.list(Which::All).unwrap();
    assert_eq!(listed.len(), 4);
    assert_eq!(store.look(id(4)).unwrap().worker, Worker::Dead);
    let contents = store.contents().unwrap();
    assert_eq!((contents.jobs.values().sum::<usize>(), contents.submissions), (4, 1));
    assert_eq!(contents.connections, ["work", "a b"]);
    assert_eq!(store.resolve("@last").unwrap(), id(4));

    let submitted = store.submit("x", &[(id(9), spec())], at(9));
    assert!(matches!(submitted, Err(SubmitError::Foreign { .. })));
    for number in 1..=4 {
        assert!(matches!(store.claim(id(number), at(9)), Err(ClaimError::Foreign { .. })));
        let asked = store.ask(id(number), Wish::Pause, at(9));
        assert!(matches!(asked, Err(AskError::Foreign { .. })));
        let removed = store.remove(id(number), at(9));
        assert!(matches!(removed, Err(RemoveError::Claim(ClaimError::Foreign { .. }))));
    }
    assert!(store.submit_held(id(9), spec(), at(9)).is_err());
    assert!(store.run_lock().is_err());
    assert_eq!(store.mirror(at(9)).unwrap(), Mirrored::default());
    store.sweep(at(9)).unwrap();
    assert_eq!(tree(store.root()), before);
}

#[test]
fn a_foreign_directory_is_listed_without_its_index() {
    let (place, store) = copied();
    for name in ["active", "jobs/00000004/requests"] {
        fs::remove_dir_all(store.root().join(name)).unwrap();
    }
    for name in ["ended.jsonl", "boot", "jobs/00000004/worker.lock"] {
        fs::remove_file(store.root().join(name)).unwrap();
    }
    let before = tree(store.root());
    let store = open(store.root(), &place.registry);
    assert_eq!(store.list(Which::All).unwrap().len(), 4);
    assert_eq!(store.look(id(4)).unwrap().worker, Worker::Dead);
    assert_eq!(tree(store.root()), before);
}

#[test]
fn a_trusted_copy_becomes_its_own_and_the_original_stays() {
    let (place, store) = copied();
    FileStore::trust(store.root(), &place.registry, Arc::new(RealFs)).unwrap();
    let trusted = open(store.root(), &place.registry);
    assert_eq!(trusted.standing(), &Standing::Ours);
    assert_ne!(trusted.id(), place.store.id());
    let mut claim = trusted.claim(id(2), at(5)).unwrap();
    claim.record(resumed().at(at(5))).unwrap();
    claim.close(at(5)).unwrap();
    assert_eq!(open(place.root(), &place.registry).standing(), &Standing::Ours);
    assert_eq!(place.store.look(id(2)).unwrap().status(), Some(Status::Paused));
    assert_eq!(place.registry.all().unwrap().len(), 2);
}

#[test]
fn a_moved_directory_is_foreign() {
    let place = place();
    let moved = place.dir.path().join("moved");
    fs::rename(place.root(), &moved).unwrap();
    let Standing::Foreign { why } = open(&moved, &place.registry).standing().clone() else {
        panic!()
    };
    assert!(why.to_string().contains("moved"), "{why}");
}

#[test]
fn an_id_cannot_name_a_file_outside_the_registry() {
    let place = place();
    for bad in ["../key", "", "x", "..", "/etc/passwd", &"a".repeat(33)] {
        fs::write(place.root().join("id"), bad).unwrap();
        assert!(matches!(open(place.root(), &place.registry).standing(), Standing::Foreign { .. }));
    }
}

fn why(path: &Path, registry: &Registry) -> Foreign {
    match open(path, registry).standing() {
        Standing::Foreign { why } => why.clone(),
        Standing::Ours => panic!("{} counts as ours", path.display()),
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_that_others_may_write_to_is_not_ours_until_it_is_closed() {
    for (name, part) in
        [("", "it"), ("new", "new/ in it"), ("active", "active/ in it"), ("jobs", "jobs/ in it")]
    {
        for mode in [0o770, 0o702, 0o777] {
            let place = place();
            place.submit(1);
            let path = place.root().join(name);
            chmod(&path, mode);
            assert_eq!(why(place.root(), &place.registry), Foreign::Open { part, mode });
            let before = tree(place.root());
            let store = open(place.root(), &place.registry);
            assert!(matches!(store.claim(id(1), at(2)), Err(ClaimError::Foreign { .. })));
            assert_eq!(tree(place.root()), before);

            let registered = place.store.id();
            FileStore::trust(place.root(), &place.registry, Arc::new(RealFs)).unwrap();
            let trusted = open(place.root(), &place.registry);
            assert_eq!((trusted.standing(), trusted.id()), (&Standing::Ours, registered));
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o022, 0);
            assert_eq!(place.registry.all().unwrap(), [place.root()]);
        }
    }
}

#[test]
fn a_trusted_copy_is_closed_to_others_as_deep_as_its_jobs() {
    let (place, store) = copied();
    for name in ["", "new", "active", "jobs", "jobs/00000001", "jobs/00000004"] {
        chmod(&store.root().join(name), 0o777);
    }
    FileStore::trust(store.root(), &place.registry, Arc::new(RealFs)).unwrap();
    assert_eq!(open(store.root(), &place.registry).standing(), &Standing::Ours);
    for (path, (mode, _)) in tree(store.root()) {
        assert_eq!(mode & 0o022, 0, "{}", path.display());
    }
}

#[test]
fn what_belongs_to_another_user_is_neither_ours_nor_trusted() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a directory away.
        return;
    }
    for (name, part) in [("", "it"), ("new", "new/ in it"), ("jobs", "jobs/ in it")] {
        let place = place();
        place.submit(1);
        std::os::unix::fs::chown(place.root().join(name), Some(4711), None).unwrap();
        let before = tree(place.root());
        assert_eq!(why(place.root(), &place.registry), Foreign::AnothersOwn { part });
        let trusted = FileStore::trust(place.root(), &place.registry, Arc::new(RealFs));
        assert!(matches!(trusted, Err(TrustError::AnothersOwn(_))));
        let created = create(place.root(), &place.registry, Adopt::Named).map(|_| ());
        assert!(matches!(created, Err(CreateError::Foreign { .. })));
        assert_eq!(tree(place.root()), before);
    }
}

#[test]
fn a_named_directory_without_jobs_is_adopted_and_one_with_jobs_is_not() {
    let place = place();
    // As another program leaves it: directories of the same form, without journals.
    let named = place.dir.path().join("named");
    fs::create_dir_all(named.join("jobs/0badcafe")).unwrap();
    fs::write(named.join("jobs/0badcafe/config.json"), "{}").unwrap();
    fs::write(named.join("other.json"), "{}").unwrap();
    assert!(matches!(
        create(&named, &place.registry, Adopt::Fresh),
        Err(CreateError::Foreign { .. })
    ));
    let store = create(&named, &place.registry, Adopt::Named).unwrap();
    assert_eq!(store.standing(), &Standing::Ours);
    assert!(store.list(Which::All).unwrap().is_empty());
    let ignored = fs::read_to_string(named.join(".gitignore")).unwrap();
    assert!(
        ignored.contains("/jobs\n") && !ignored.contains("*\n"),
        "files of others stay tracked"
    );

    for (file, bytes) in
        [("issues.db", ""), ("new/a.jsonl", "x"), ("jobs/0badcafe/journal.jsonl", "")]
    {
        let full = place.dir.path().join(format!("full-{}", file.replace('/', "-")));
        fs::create_dir_all(full.join(file).parent().unwrap()).unwrap();
        fs::write(full.join(file), bytes).unwrap();
        let before = tree(&full);
        let refused = create(&full, &place.registry, Adopt::Named).map(|_| ()).unwrap_err();
        assert!(matches!(refused, CreateError::Foreign { .. }), "{file}: {refused}");
        assert_eq!(tree(&full), before);
    }
}

#[test]
fn making_a_directory_again_opens_it_and_an_interrupted_one_is_finished() {
    let place = place();
    let again = create(place.root(), &place.registry, Adopt::Fresh).unwrap();
    assert_eq!(again.id(), place.store.id());
    let half = place.dir.path().join("half");
    fs::create_dir_all(half.join("new")).unwrap();
    fs::write(half.join("id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let store = create(&half, &place.registry, Adopt::Fresh).unwrap();
    assert_eq!(store.standing(), &Standing::Ours);
    let ignored = fs::read_to_string(place.root().join(".gitignore")).unwrap();
    assert!(ignored.starts_with("*\n!.gitignore\n!jobctl.toml\n"));
}

#[test]
fn what_is_not_a_directory_is_not_opened() {
    let place = place();
    let missing = FileStore::open(
        &place.dir.path().join("missing"),
        &place.registry,
        Arc::new(RealFs),
        "boot-1",
    );
    assert!(matches!(missing, Err(OpenError::Missing(_))));
    let file = place.dir.path().join("file");
    fs::write(&file, "").unwrap();
    let opened = FileStore::open(&file, &place.registry, Arc::new(RealFs), "boot-1");
    assert!(matches!(opened, Err(OpenError::NotADirectory(_))));
    let made = create(&file, &place.registry, Adopt::Named);
    assert!(matches!(made, Err(CreateError::NotADirectory(_))));
}

#[test]
fn links_are_not_followed_out() {
    let place = place();
    place.complete(1);
    place.submit(2);
    let outside = place.dir.path().join("outside");
    fs::rename(place.root().join("jobs"), &outside).unwrap();
    symlink(&outside, place.root().join("jobs")).unwrap();
    let before = tree(&outside);
    assert!(place.store.look(id(1)).unwrap().damage.is_some());
    assert!(place.store.claim(id(1), at(2)).is_err());
    assert!(place.store.claim(id(2), at(2)).is_err());
    assert_eq!(tree(&outside), before);

    fs::remove_file(place.root().join("jobs")).unwrap();
    fs::rename(&outside, place.root().join("jobs")).unwrap();
    let secret = place.dir.path().join("secret");
    fs::write(&secret, "").unwrap();
    for name in ["worker.lock", "status.json", "worker.log", "journal.jsonl"] {
        let path = place.job(1).join(name);
        let kept = fs::read(&path).ok();
        fs::remove_file(&path).ok();
        symlink(&secret, &path).unwrap();
        if let Ok(mut claim) = place.store.claim(id(1), at(2)) {
            claim.log(at(2), "hello");
            claim.progress(&jobctl_core::Progress::default(), at(2)).ok();
            claim.close(at(2)).unwrap();
        }
        assert_eq!(fs::read(&secret).unwrap(), b"", "{name}");
        fs::remove_file(&path).unwrap();
        if let Some(bytes) = kept {
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[test]
fn nothing_is_open_to_others_whatever_the_umask() {
    // The umask belongs to the process, and other tests of it may run now: both ways are fine.
    let old = rustix::process::umask(rustix::fs::Mode::empty());
    let place = place();
    place.complete(1);
    place.submit_and_record(2, vec![started()]);
    place.store.ask(id(2), Wish::Pause, at(2)).unwrap();
    place.store.mirror(at(2)).unwrap();
    let mut claim = place.store.claim(id(2), at(2)).unwrap();
    claim.log(at(2), "hello");
    claim.record(completed().at(at(2))).unwrap();
    claim.close(at(2)).unwrap();
    place.registry.key().unwrap();
    rustix::process::umask(old);
    for root in [place.root().to_owned(), place.dir.path().join("registry")] {
        for path in tree(&root).keys() {
            let meta = fs::symlink_metadata(path).unwrap();
            let want = if meta.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(meta.mode() & 0o777, want, "{}", path.display());
        }
    }
}

#[test]
fn the_key_is_made_once() {
    let place = place();
    let key = place.registry.key().unwrap();
    assert_ne!(key, [0; 32]);
    assert_eq!(place.registry.key().unwrap(), key);
    assert_eq!(Registry::at(place.dir.path().join("registry")).key().unwrap(), key);
}

#[test]
fn a_local_directory_is_not_on_the_network() {
    assert_eq!(place().store.network().unwrap(), None);
}

#[test]
fn what_is_in_the_way_of_a_waiting_job_hides_no_other() {
    let place = place();
    for number in 1..=3 {
        place.submit(number);
    }
    fs::write(place.job(2), "a file").unwrap();
    symlink(place.dir.path(), place.job(3)).unwrap();
    for which in [Which::Active, Which::Recent(10), Which::All] {
        let mut listed = place.store.list(which).unwrap();
        listed.sort_by_key(|seen| seen.id);
        let damaged: Vec<_> = listed.iter().map(|seen| seen.damage.is_some()).collect();
        assert_eq!(damaged, [false, true, true], "{listed:?}");
    }
}
