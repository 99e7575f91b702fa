//! A repository that attacks the tool that cloned it.

use std::io::ErrorKind;
use std::net::TcpListener;

use jobctl_forge::Config;
use jobctl_tests::{Sandbox, worlds};

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

/// Every path below a directory with its size.
fn tree(directory: &std::path::Path) -> Vec<(String, u64)> {
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
fn find(directory: &std::path::Path, name: &str) -> Option<String> {
    tree(directory).into_iter().map(|(path, _)| path).find(|path| path.ends_with(name))
}

/// Files in which the command stands as a text: the tracked ones, which nobody ran.
fn trojan_texts(sandbox: &Sandbox) -> usize {
    let found = sandbox.files_with("TROJAN-RAN");
    found.iter().filter(|path| path.starts_with(sandbox.work().join("acme/trojan"))).count()
}
