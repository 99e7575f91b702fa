//! Whose files these are: modes whatever the umask, owners, and what is put into the place of a
//! file to lead a command astray or to make it wait.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use jobctl_forge::{Config, Forge};
use jobctl_tests::{Sandbox, Told, wait_until, worlds};

const IMPORT: &[&str] = &["import", "github:acme/api"];

/// Everything below a directory, links not followed.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(below(&entry.path()));
        }
        found.push(entry.path());
    }
    found
}

/// What is open to others than its owner, or closed to its owner. A link has no mode of its own.
fn wrong_modes(directory: &Path) -> Vec<String> {
    let wrong = |path: PathBuf| {
        let meta = path.symlink_metadata().ok()?;
        let mode = meta.mode() & 0o777;
        let right = if meta.is_dir() { 0o700 } else { 0o600 };
        (!meta.is_symlink() && mode != right).then(|| format!("{} {mode:o}", path.display()))
    };
    below(directory).into_iter().filter_map(wrong).collect()
}

#[test]
fn every_file_is_its_owners_alone_whatever_the_umask() {
    for umask in ["000", "077", "777"] {
        let forge = worlds::slow(600, 2_000, 100);
        let sandbox = Sandbox::with_token_of(&forge);
        let script = format!("umask {umask}; exec \"$@\"");
        let shell = ["sh", "-c", script.as_str(), "sh"];
        let run = |args: &[&str]| sandbox.submission(&forge, args).through(&shell).run();
        let id = run(IMPORT).ok().ids().remove(0);
        drop(sandbox.wait_for_worker(&id));
        wait_until("it works", 20, || worlds::asked(&forge) > 5);
        // Now there are a runner with its socket, a worker, a log and a database being written.
        sandbox.call(&["list"]).through(&shell).run().ok();
        let state = [sandbox.root().join("state"), sandbox.root().join("t")];
        for directory in &state {
            assert_eq!(wrong_modes(directory), Vec::<String>::new(), "umask {umask}, at work");
        }
        let seen: Vec<String> = below(&state[0]).iter().map(|path| name(path)).collect();
        for name in ["issues.db-wal", "worker.log", "worker.lock", "runner.pid", "looks"] {
            assert!(seen.iter().any(|seen| seen == name), "{name} is not among {seen:?}");
        }
        assert!(below(&state[1]).iter().any(|path| name(path) == "runner.sock"));

        sandbox.call(&["pause", &id]).through(&shell).run().ok();
        forge.configure(|behaviour| behaviour.delay_ms = 0);
        sandbox.call(&["resume", &id]).through(&shell).run().ok();
        sandbox.waits(&id, 60, 0);
        for directory in &state {
            assert_eq!(wrong_modes(directory), Vec::<String>::new(), "umask {umask}, at the end");
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Paths with modes, owners and lengths: all that a refused command must leave as it is.
fn still(directory: &Path) -> Vec<(PathBuf, u32, u32, u64)> {
    let mut found: Vec<_> = below(directory)
        .into_iter()
        .map(|path| {
            let meta = path.symlink_metadata().expect("nobody takes it away");
            (path, meta.mode(), meta.uid(), meta.len())
        })
        .collect();
    found.sort();
    found
}

/// A sandbox with an ended job and one that waits, and nobody at work.
fn at_rest(forge: &Forge) -> (Sandbox, String, String) {
    let sandbox = Sandbox::with_token_of(forge);
    let ended = sandbox.submit(forge, &["import", "github:acme/repo-001"]);
    sandbox.waits(&ended, 60, 0);
    wait_until("all have gone", 20, || sandbox.processes().is_empty());
    let waits = sandbox.submit(forge, &["import", "github:acme/repo-002", "--no-start"]);
    (sandbox, ended, waits)
}

/// Looks are answered and say why nothing is done; whatever would write is refused with advice.
fn assert_refused(sandbox: &Sandbox, forge: &Forge, id: &str, why: &str, advice: &str) {
    let before = still(&sandbox.jobs());
    for args in [&["list", "--all"][..], &["show", id], &[]] {
        let told = sandbox.run(args).ok();
        assert!(told.stdout.contains(id), "{told:?}");
        assert!(told.stderr.contains(why) && told.stderr.contains(advice), "{told:?}");
    }
    for verb in ["pause", "resume", "cancel", "rm"] {
        let told = sandbox.run(&[verb, id]).exits(4);
        assert!(told.stderr.contains(why) && told.stderr.contains(advice), "{told:?}");
    }
    let told = sandbox.submission(forge, &["import", "github:acme/repo-003"]).run().exits(4);
    assert!(told.stderr.contains(why) && told.stderr.contains(advice), "{told:?}");
    assert_eq!(still(&sandbox.jobs()), before);
    assert_eq!(sandbox.processes(), Vec::new(), "nothing is started");
}

#[test]
fn a_state_directory_that_others_may_write_to_is_refused_until_it_is_closed() {
    let forge = worlds::start(Config::small());
    let (sandbox, _, waits) = at_rest(&forge);
    let chmod = |part: &str, mode| {
        fs::set_permissions(sandbox.jobs().join(part), Permissions::from_mode(mode))
            .expect("it is ours");
    };
    for (part, said) in [("", "to it"), ("jobs", "to jobs/ in it"), ("new", "to new/ in it")] {
        chmod(part, 0o777);
        let why = format!("others may write {said} (mode 777)");
        assert_refused(&sandbox, &forge, &waits, &why, "chmod -R go-w");
        chmod(part, 0o700);
    }
    sandbox.run(&["list"]).ok();
    sandbox.wait_for(&waits, "completed", 60);
}

#[test]
fn a_state_directory_of_another_user_is_refused() {
    let forge = worlds::start(Config::small());
    let (sandbox, _, waits) = at_rest(&forge);
    let jobs = sandbox.jobs();
    if std::os::unix::fs::chown(&jobs, Some(4711), None).is_err() {
        // Only root can give a directory away.
        return;
    }
    let why = "belongs to another user";
    assert_refused(&sandbox, &forge, &waits, why, "chown");
    let path = jobs.to_str().expect("a plain path");
    for args in [&["trust", path][..], &["trust", path, "--yes"]] {
        let told = sandbox.run(args).exits(4);
        assert!(told.stderr.contains(why) && told.stderr.contains("chown"), "{told:?}");
    }
}

/// Every command that a person may type when something is strange; none may hang or panic.
fn every_command(sandbox: &Sandbox, forge: &Forge, id: &str) -> Vec<Told> {
    let again = ["import", "github:acme/repo-003", "--again", "--no-start"];
    let lines: [&[&str]; 10] = [
        &["list", "--all"],
        &["list", "--json", "--all"],
        &["show", id],
        &["logs", id],
        &["pause", id],
        &["resume", id, "--no-start"],
        &["issues"],
        &["export"],
        &["doctor"],
        &again,
    ];
    let limit = ["timeout", "30"];
    let mut told = Vec::new();
    for args in lines {
        let call = if args == again { sandbox.submission(forge, args) } else { sandbox.call(args) };
        let one = call.through(&limit).run();
        assert!(one.code.is_some_and(|code| code < 100), "{one:?}");
        told.push(one);
    }
    told
}

/// What stands in a state directory, and may be something else there.
fn files(id: &str) -> Vec<String> {
    let of_job = ["worker.log", "status.json", "journal.jsonl", "worker.lock", "requests"];
    let root = [
        "issues.db",
        "issues.db-wal",
        "jobctl.toml",
        "background-jobs.json",
        "runner.lock",
        "runner.pid",
        "new/x.jsonl",
        "ended.jsonl",
        "ended.lock",
        "boot",
        ".gitignore",
        "id",
    ];
    let of_job = of_job.iter().map(|name| format!("jobs/{id}/{name}"));
    of_job.chain(root.iter().map(|name| (*name).to_owned())).collect()
}

/// Puts something else into the place of each file in turn, and makes every call.
fn replaced_by(put: impl Fn(&Path), check: impl Fn(&Sandbox, &str, &str, &[Told])) {
    let forge = worlds::start(Config::small());
    let (sandbox, ended, waits) = at_rest(&forge);
    let kept = sandbox.root().join("kept");
    let copy = |from: &Path, to: &Path| {
        let _ = fs::remove_dir_all(to);
        let mut copy = std::process::Command::new("cp");
        assert!(copy.arg("-a").arg(from).arg(to).status().expect("cp is there").success());
    };
    copy(&sandbox.jobs(), &kept);
    for file in files(&ended) {
        let path = sandbox.jobs().join(&file);
        let _ = fs::remove_file(&path);
        let _ = fs::remove_dir_all(&path);
        put(&path);
        let told = every_command(&sandbox, &forge, &ended);
        check(&sandbox, &file, &waits, &told);
        wait_until("nobody is at work", 20, || sandbox.processes().is_empty());
        copy(&kept, &sandbox.jobs());
    }
}

#[test]
fn links_out_of_a_state_directory_are_neither_read_nor_written_through() {
    let outside = tempfile::tempdir().expect("room in /tmp");
    let secret = outside.path().join("secret");
    let text = "a line that nobody asked to see\n";
    fs::write(&secret, text).expect("just made");
    let made = |path: &Path| symlink(&secret, path).expect("the place is free");
    replaced_by(made, |_, file, _, told| {
        assert_eq!(fs::read_to_string(&secret).expect("it is there"), text, "{file}");
        assert_eq!(secret.metadata().expect("as above").mode() & 0o777, 0o644, "{file}");
        for told in told {
            let said = format!("{}{}", told.stdout, told.stderr);
            assert!(!said.contains("nobody asked"), "{file}: {told:?}");
            assert!(!said.contains("Too many levels"), "{file}: {told:?}");
        }
        assert_eq!(fs::read_dir(outside.path()).expect("it is there").count(), 1, "{file}");
    });
}

#[test]
fn a_pipe_in_the_place_of_a_file_makes_nobody_wait() {
    let made = |path: &Path| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).expect("the place is free");
    };
    replaced_by(made, |sandbox, file, waits, _| {
        // One strange file of a job hides no other job.
        if file.starts_with("jobs/") {
            assert!(sandbox.job(waits).get("damaged").is_none(), "{file}");
        }
    });
}

#[test]
fn a_directory_of_a_job_that_leads_elsewhere_is_not_entered() {
    let forge = worlds::start(Config::small());
    let (sandbox, ended, waits) = at_rest(&forge);
    let outside = sandbox.root().join("outside");
    for part in [format!("jobs/{ended}"), "jobs".to_owned(), "new".to_owned()] {
        let path = sandbox.jobs().join(&part);
        fs::rename(&path, &outside).expect("the same file system");
        symlink(&outside, &path).expect("the place is free");
        let before = still(&outside);
        for told in every_command(&sandbox, &forge, &ended) {
            assert!(!told.stderr.contains("Too many levels"), "{part}: {told:?}");
        }
        assert_eq!(still(&outside), before, "{part}");
        wait_until("nobody is at work", 20, || sandbox.processes().is_empty());
        fs::remove_file(&path).expect("the link is there");
        fs::rename(&outside, &path).expect("the same file system");
    }
    sandbox.run(&["list"]).ok();
    sandbox.wait_for(&waits, "completed", 60);
}
