//! A repository that attacks the tool that cloned it.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use jobctl_forge::Config;
use jobctl_tests::{Sandbox, wait_until, worlds};

#[test]
fn jobs_that_came_with_a_repository_are_shown_and_never_run() {
    // Where the repository's own settings want credentials to go.
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a free port");
    stranger.set_nonblocking(true).expect("a plain socket");
    let address = stranger.local_addr().expect("it is bound");
    let settings = format!(
        "auto_resume = true\n[connections.github]\nprovider = \"github\"\n\
         api_url = \"http://{address}/steal\"\nallow_http = true\n\
         token_command = [\"touch\", \"TROJAN-RAN\"]\n"
    );
    let trojan_files = vec![(".jobs/jobctl.toml".to_owned(), settings)];
    let forge = worlds::start(Config { hostile_content: true, trojan_files, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["clone", "github:acme/trojan"]);
    sandbox.waits(&id, 60, 0);
    let inside = sandbox.work().join("acme/trojan");
    assert!(inside.join(".jobs/new/0badcafe.jsonl").exists(), "the attack is there");
    let before = tree(&inside.join(".jobs"));
    forge.clear_log();

    let listed = sandbox.call(&["list", "--all"]).at(&inside).run().ok();
    let said = format!("{}{}", listed.stdout, listed.stderr);
    assert!(said.contains("trust"), "it says what to do: {said}");
    assert!(said.contains("0badcafe"), "it shows what is there: {said}");
    let shown = sandbox.call(&["show", "0badcafe"]).at(&inside).run().ok();
    assert!(shown.stdout.contains("TROJAN-RAN"), "{}", shown.stdout);
    sandbox.call(&[]).at(&inside).run().ok();
    sandbox.call(&["resume", "0badcafe"]).at(&inside).run().exits(4);
    sandbox.call(&["pause", "0badcafe"]).at(&inside).run().exits(4);
    sandbox.call(&["cancel", "0badcafe"]).at(&inside).run().exits(4);
    sandbox.submission(&forge, &["import", "github:acme/api"]).at(&inside).run().exits(4);
    sandbox.call(&["clone", "github:acme/api"]).at(&inside).run().exits(4);

    assert_eq!(tree(&inside.join(".jobs")), before, "nothing is written there");
    assert!(
        !sandbox
            .processes()
            .iter()
            .any(|process| { process.args.iter().any(|arg| arg.contains("acme/trojan")) })
    );
    assert_eq!(sandbox.files_with("TROJAN-RAN").len(), trojan_texts(&sandbox), "only as text");
    assert!(find(&inside, "TROJAN-RAN").is_none() && find(&sandbox.work(), "TROJAN-RAN").is_none());
    assert_eq!(forge.log(), Vec::new(), "nothing was sent");
    let visitor = stranger.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(visitor, Err(ErrorKind::WouldBlock), "nobody came to the stranger");

    // Trust shows what it would accept, and without a yes accepts nothing.
    let path = inside.to_str().expect("a plain path").to_owned();
    let asked = sandbox.run(&["trust", &path, "--no-input"]);
    assert_ne!(asked.code, Some(0), "{asked:?}");
    let said = format!("{}{}", asked.stdout, asked.stderr);
    assert!(said.contains("TROJAN-RAN") && said.contains("0badcafe"), "{said}");
    assert_eq!(tree(&inside.join(".jobs")), before, "nothing is written there");
}

fn cp(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    let copied = copy.arg("-a").arg(from).arg(to).status().expect("cp is there");
    assert!(copied.success());
}

#[test]
fn a_project_that_was_copied_or_moved_waits_until_it_is_trusted() {
    let forge = worlds::start(Config::small());
    for moved in [false, true] {
        let sandbox = Sandbox::with_token_of(&forge);
        sandbox.run(&["init"]).ok();
        let id = sandbox.submit(&forge, &["import", "github:acme/repo-001", "--no-start"]);
        let there = sandbox.root().join("there");
        if moved {
            fs::rename(sandbox.work(), &there).expect("the same file system");
            fs::create_dir(sandbox.work()).expect("the place is free");
        } else {
            cp(&sandbox.work(), &there);
        }
        let state = there.join(".jobs");
        fs::write(state.join("jobctl.toml"), "max_parallel = \"none\"\n").expect("it is ours");
        let before = tree(&state);
        let at = |args: &[&str]| sandbox.call(args).at(&there).run();
        let was = sandbox.work().join(".jobs").display().to_string();
        for args in [&["list"][..], &["show", &id], &["logs", &id]] {
            let told = at(args).ok();
            if args[0] != "logs" {
                assert!(told.stdout.contains(&id), "{told:?}");
                assert!(told.stderr.contains("was moved or copied from"), "{told:?}");
                assert!(told.stderr.contains(&was) && told.stderr.contains("trust"), "{told:?}");
            }
        }
        for verb in ["pause", "resume", "cancel", "rm"] {
            at(&[verb, &id]).exits(4);
        }
        let import = &["import", "github:acme/repo-002"];
        sandbox.submission(&forge, import).at(&there).run().exits(4);
        assert_eq!(tree(&state), before, "nothing is written there");

        // Without an answer nothing is trusted; with a yes its job goes on, and its settings count.
        at(&["trust", "."]).exits(2);
        assert_eq!(tree(&state), before, "nothing is written there");
        let trusted = at(&["trust", ".", "--yes"]).ok();
        assert!(trusted.stderr.contains(&id), "it shows what would run: {trusted:?}");
        at(&["list"]).exits(2);
        fs::remove_file(state.join("jobctl.toml")).expect("it is ours");
        at(&["list"]).ok();
        at(&["wait", &id, "--timeout", "60s"]).ok();
        if !moved {
            assert_eq!(sandbox.status(&id), "pending", "the original is another job");
        }
    }
}

#[test]
fn a_state_directory_put_back_from_a_backup_goes_on() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.run(&["init"]).ok();
    let first = sandbox.submit(&forge, &["import", "github:acme/repo-001", "--no-start"]);
    let (state, backup) = (sandbox.work().join(".jobs"), sandbox.root().join("backup"));
    cp(&state, &backup);
    sandbox.run(&["list"]).ok();
    sandbox.waits(&first, 60, 0);
    wait_until("all have gone", 20, || sandbox.processes().is_empty());
    fs::remove_dir_all(&state).expect("it is ours");
    cp(&backup, &state);
    // What happened since the backup never happened; what it holds is done.
    assert_eq!(sandbox.status(&first), "pending");
    let second = sandbox.submit(&forge, &["import", "github:acme/repo-002"]);
    for id in [&first, &second] {
        sandbox.waits(id, 60, 0);
    }
}

/// Every path below a directory with its size.
fn tree(directory: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            let size = entry.metadata().map_or(0, |meta| meta.len());
            if entry.path().is_dir() {
                open.push(entry.path());
            }
            found.push((entry.path().display().to_string(), size));
        }
    }
    found.sort();
    found
}

/// A file of this name below a directory.
fn find(directory: &Path, name: &str) -> Option<String> {
    tree(directory).into_iter().map(|(path, _)| path).find(|path| path.ends_with(name))
}

/// Files in which the command stands as a text: the tracked ones, which nobody ran.
fn trojan_texts(sandbox: &Sandbox) -> usize {
    let found = sandbox.files_with("TROJAN-RAN");
    found.iter().filter(|path| path.starts_with(sandbox.work().join("acme/trojan"))).count()
}
