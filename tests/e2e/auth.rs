//! Credentials: seen, kept, renewed, forgotten, and never printed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use jobctl_forge::jira::JiraConfig;
use jobctl_forge::{Config, Fault, FaultRule, Firing, Forge, Token};
use jobctl_tests::sandbox::program;
use jobctl_tests::{Sandbox, Terminal, worlds};

/// A text that occurs nowhere by chance.
const TOKEN: &str = "ATATT3xQ9vZ71mWb6Lr0NsKd93HyUf";

fn jira() -> Forge {
    let jira = JiraConfig { token: TOKEN.to_owned(), ..JiraConfig::small() };
    worlds::start(Config { jira: Some(jira), ..Config::small() })
}

fn api(forge: &Forge) -> String {
    format!("{}rest/api/3", forge.jira().cloud_url())
}

fn token(value: &str) -> Token {
    Token { value: value.to_owned(), ..Token::default() }
}

#[test]
fn logging_in_lets_the_job_go_on_that_waits_for_it() {
    let forge = jira();
    let (api, email) = (api(&forge), forge.jira().config().email.clone());
    let sandbox = Sandbox::new();
    sandbox.set("JIRA_EMAIL", &email);
    let call = sandbox.call(&["import", "jira:PAY", "--api-url", &api]);
    let id = sandbox.submit_as(call.env("JIRA_API_TOKEN", "not-the-token"));
    sandbox.waits(&id, 30, 7);

    // What is advised is what works.
    let shown = sandbox.run(&["show", &id]).ok().stdout;
    let advised = shown.split_once("Resume: jobctl ").and_then(|(_, rest)| rest.split_once(';'));
    let (advised, _) = advised.unwrap_or_else(|| panic!("no advice in {shown}"));
    let mut login: Vec<&str> = advised.split(' ').collect();
    assert_eq!(&login[..2], ["auth", "login"], "{shown}");
    login.extend(["--user", &email, "--with-token"]);
    let told = sandbox.call(&login).run_with("still-not-the-token\n").exits(7);
    assert!(told.stderr.contains("nothing was kept"), "{}", told.stderr);
    assert_eq!(sandbox.files_with("still-not-the-token"), Vec::<PathBuf>::new());

    let told = sandbox.call(&login).run_with(&format!("{TOKEN}\n")).ok();
    assert!(told.stderr.contains("1 job go"), "{}", told.stderr);
    sandbox.waits(&id, 90, 0);
    let kept = sandbox.root().join("config/jobctl/credentials.toml");
    let mode = fs::metadata(&kept).expect("it is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(sandbox.files_with(TOKEN), vec![kept.clone()]);

    let told = sandbox.run(&["auth", "status", "jira", "--api-url", &api, "--json"]).ok();
    let status = told.json();
    let credential = &status["connections"][0]["credentials"][0];
    assert_eq!(credential["origin"], "file", "{status:#}");
    assert!(credential["account"].is_string(), "{status:#}");
    sandbox.run(&["auth", "status", "jira", "--api-url", &api]).ok();
    // What is kept serves the next job.
    let id = sandbox.submit_as(sandbox.call(&["import", "jira:OPS", "--api-url", &api]));
    sandbox.waits(&id, 60, 0);

    sandbox.run(&["auth", "logout", "jira", "--api-url", &api]).ok();
    assert_eq!(sandbox.files_with(TOKEN), Vec::<PathBuf>::new());
    sandbox.run(&["auth", "status", "jira", "--api-url", &api]).exits(7);
    sandbox.run(&["auth", "logout", "jira", "--api-url", &api]).exits(3);
    assert!(!sandbox.said().contains(TOKEN), "the token in an output");
}

#[test]
fn at_a_terminal_the_token_is_asked_for_and_not_shown() {
    let forge = jira();
    let (api, email) = (api(&forge), forge.jira().config().email.clone());
    let sandbox = Sandbox::new();
    let login = ["auth", "login", "jira", "--api-url", &api];
    let Some(mut terminal) = Terminal::of(&sandbox, &login) else { return };
    terminal.wait_for("E-mail of the account:");
    terminal.type_in(&format!("{email}\n"));
    terminal.wait_for("(not shown):");
    terminal.type_in(&format!("{TOKEN}\n"));
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(TOKEN), "{shown}");
    let kept = sandbox.root().join("config/jobctl/credentials.toml");
    assert_eq!(sandbox.files_with(TOKEN), vec![kept]);
}

#[test]
fn a_terminal_that_is_left_at_the_question_shows_again_what_is_typed() {
    let forge = worlds::with_issues(20, 20);
    let sandbox = Sandbox::new();
    let login = format!("{} auth login github --api-url {}", program().display(), forge.url());
    let line = format!("trap : INT; {login}; code=$?; stty -a; exit $code");
    let Some(mut terminal) = Terminal::of_line(&sandbox, &line) else { return };
    terminal.wait_for("(not shown):");
    terminal.type_in("ghp_half\u{3}");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.split_whitespace().any(|mode| mode == "echo"), "{shown}");
    assert!(!shown.contains("ghp_half"), "{shown}");
}

#[test]
fn what_is_no_login_is_said_before_anything_is_asked() {
    let forge = worlds::with_issues(20, 20);
    let sandbox = Sandbox::new();
    let url = forge.url();
    // Input that was not offered is left to whom it belongs.
    let call = sandbox.call(&["auth", "login", "github", "--api-url", url]);
    let told = call.run_with(forge.token()).exits(2);
    assert!(told.stderr.contains("--with-token"), "{}", told.stderr);
    let user = ["auth", "login", "github", "--api-url", url, "--with-token", "--user", "ann"];
    let told = sandbox.call(&user).run_with(forge.token()).exits(2);
    assert!(told.stderr.contains("--user"), "{}", told.stderr);
    let told = sandbox.call(&["auth", "login", "work", "--with-token"]).run_with("x").exits(2);
    assert!(told.stderr.contains("no connection is called"), "{}", told.stderr);
    assert_eq!(worlds::asked(&forge), 0);
}

#[test]
fn a_job_that_had_no_credential_at_all_takes_the_one_that_is_kept() {
    let forge = jira();
    let (api, email) = (api(&forge), forge.jira().config().email.clone());
    let sandbox = Sandbox::new();
    let id = sandbox.submit_as(sandbox.call(&["import", "jira:OPS", "--api-url", &api]));
    sandbox.waits(&id, 30, 7);
    let login = ["auth", "login", "jira", "--api-url", &api, "--user", &email, "--with-token"];
    sandbox.call(&login).run_with(TOKEN).ok();
    sandbox.waits(&id, 60, 0);
}

#[test]
fn a_job_says_why_its_token_command_gives_nothing() {
    let forge = worlds::with_issues(20, 20);
    let sandbox = Sandbox::new();
    let works = sandbox.root().join("works");
    fs::write(&works, forge.token()).expect("room in /tmp");
    sandbox.configure(&format!(
        "[connections.github]\napi_url = \"{}\"\ntoken_command = [\"cat\", \"{}\"]\n",
        forge.url(),
        works.display(),
    ));
    let id = sandbox.submit_as(sandbox.call(&["import", "github:acme/api", "--no-start"]));
    fs::remove_file(&works).expect("it was there");
    sandbox.waits(&id, 30, 7);
    let job = sandbox.job(&id);
    let message = job["reason"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("token_command") && message.contains("ended with"), "{job:#}");
}

#[test]
fn where_there_is_a_keyring_it_keeps_the_token() {
    let forge = jira();
    let (api, email) = (api(&forge), forge.jira().config().email.clone());
    let sandbox = Sandbox::new();
    let programs = sandbox.root().join("programs");
    fs::create_dir(&programs).expect("room in /tmp");
    let keyring = sandbox.root().join("keyring");
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\nstore) cat > '{0}';;\nlookup) cat '{0}' 2>/dev/null;;\n\
         clear) rm -f '{0}';;\nesac\n",
        keyring.display()
    );
    let program = programs.join("secret-tool");
    fs::write(&program, script).expect("room in /tmp");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it is ours");
    sandbox.set("PATH", &format!("{}:/usr/bin:/bin", programs.display()));

    let login = ["auth", "login", "jira", "--api-url", &api, "--user", &email, "--with-token"];
    let told = sandbox.call(&login).run_with(TOKEN).ok();
    assert!(told.stdout.contains("keyring"), "{}", told.stdout);
    assert_eq!(sandbox.files_with(TOKEN), vec![keyring]);
    let id = sandbox.submit_as(sandbox.call(&["import", "jira:OPS", "--api-url", &api]));
    sandbox.waits(&id, 60, 0);
    assert_eq!(sandbox.job(&id)["warnings"], serde_json::json!([]));
    sandbox.run(&["auth", "logout", "jira", "--api-url", &api]).ok();
    assert_eq!(sandbox.files_with(TOKEN), Vec::<PathBuf>::new());
}

#[test]
fn a_token_command_is_asked_again_when_its_token_has_ended() {
    let tokens = vec![token("first"), token("second")];
    let forge = worlds::start(Config { tokens, ..worlds::config(600, 1_200) });
    let sandbox = Sandbox::new();
    // It gives the first token once, and from then on the second.
    let used = sandbox.root().join("used");
    let script =
        format!("if mkdir {0} 2>/dev/null; then echo first; else echo second; fi", used.display());
    sandbox.configure(&format!(
        "[connections.github]\napi_url = \"{}\"\ntoken_command = [\"sh\", \"-c\", \"{script}\"]\n",
        forge.url(),
    ));
    // In the middle the forge says once that it does not know the token.
    let rule = FaultRule { fault: Fault::Status(401), firing: Firing::Nth(4), path: None };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    let id = sandbox.submit_as(sandbox.call(&["import", "github:acme/api"]));
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn several_tokens_do_what_one_alone_could_not() {
    let few = |value: &str| Token { limit: Some(16), login: value.to_owned(), ..token(value) };
    let tokens = vec![few("one"), few("two"), few("three")];
    let forge = worlds::start(Config { tokens, ..worlds::config(600, 1_200) });
    let sandbox = Sandbox::new();
    for (name, value) in [("A", "one"), ("B", "two"), ("C", "three")] {
        sandbox.set(name, value);
    }
    sandbox.configure(&format!(
        "[connections.github]\napi_url = \"{}\"\n\
         tokens = [{{ env = \"A\" }}, {{ env = \"B\" }}, {{ env = \"C\" }}]\n",
        forge.url(),
    ));
    let id = sandbox.submit_as(sandbox.call(&["import", "github:acme/api"]));
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
    assert!(worlds::asked(&forge) > 16, "one would have done");
    let paused =
        sandbox.events(&id).iter().filter(|event| event.to_string().contains("paused")).count();
    assert_eq!(paused, 0, "it never had to wait");
}

#[test]
fn a_refusal_for_want_of_single_sign_on_shows_where_to_sign_on() {
    let tokens = vec![Token { sso_required: true, ..token("outside") }];
    let forge = worlds::start(Config { tokens, ..worlds::config(20, 20) });
    let sandbox = Sandbox::new();
    sandbox.set("GH_TOKEN", "outside");
    for (verb, code) in [("import", 1), ("clone", 1)] {
        let id = sandbox.submit(&forge, &[verb, "github:acme/api"]);
        sandbox.waits(&id, 30, code);
        let told = sandbox.run(&["show", &id]).ok();
        assert!(told.stdout.contains("/orgs/acme/sso"), "{}", told.stdout);
    }
}

#[test]
fn status_tells_whose_a_token_is_and_what_is_left() {
    let forge = worlds::with_issues(20, 20);
    let sandbox = Sandbox::with_token_of(&forge);
    let told = sandbox.run(&["auth", "status", "github", "--api-url", forge.url(), "--json"]).ok();
    let status = told.json();
    let credential = &status["connections"][0]["credentials"][0];
    assert_eq!(credential["origin"], "env:GH_TOKEN", "{status:#}");
    assert!(credential["account"].is_string(), "{status:#}");
    assert!(credential["budgets"][0]["remaining"].is_u64(), "{status:#}");
    let wrong = sandbox.call(&["auth", "status", "github", "--api-url", forge.url()]);
    let told = wrong.env("GH_TOKEN", "wrong").run().exits(7);
    assert!(told.stdout.contains("refused"), "{}", told.stdout);
    // A forge that is not there is said to be away.
    let away = ["auth", "status", "github", "--api-url", "http://127.0.0.1:1/"];
    let told = sandbox.run(&away).exits(1);
    assert!(told.stdout.contains("could not be asked"), "{}", told.stdout);
    assert!(!sandbox.said().contains(forge.token()));
}
