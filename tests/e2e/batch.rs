//! `jobctl run --batch`: all or none, one file, any order of names.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use jobctl_tests::{Sandbox, Told, wait_until, worlds};
use serde_json::Value;

fn batch(sandbox: &Sandbox, text: &[u8], options: &[&str]) -> Told {
    fs::write(sandbox.work().join("batch"), text).expect("room");
    let mut args = vec!["run", "--batch", "batch"];
    args.extend(options);
    sandbox.run(&args)
}

fn submissions(jobs: &Path) -> Vec<String> {
    let names = fs::read_dir(jobs.join("new")).expect("it is there").flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_thousand_lines_are_one_file_and_come_in_their_order() {
    let sandbox = Sandbox::new();
    let text = worlds::echoes(1_000);
    let told = batch(&sandbox, text.as_bytes(), &["--no-start"]).ok();
    let ids = told.ids();
    assert_eq!(ids.len(), 1_000);
    assert_eq!(told.stderr.lines().filter(|line| line.contains("1,000 jobs")).count(), 1);
    assert!(told.stderr.lines().count() <= 4, "a summary, not a thousand lines: {}", told.stderr);
    let files = submissions(&sandbox.jobs());
    assert_eq!(files.len(), 1, "{files:?}");
    let text = fs::read_to_string(sandbox.jobs().join("new").join(&files[0])).expect("it is there");
    for (at, (line, id)) in text.lines().zip(&ids).enumerate() {
        let line: Value = serde_json::from_str(line).expect("a submission is JSON");
        assert_eq!(
            (line["id"].as_str(), &line["spec"]["description"]),
            (Some(id.as_str()), &Value::from(format!("echo {at}")),)
        );
    }
}

#[test]
fn lines_of_stdin_run_whatever_the_order_of_their_names() {
    let sandbox = Sandbox::new();
    let text = r#"
        # the last comes first
        {"command": "echo c >> order", "name": "c", "after": ["b", "a:ended"]}
        {"command": "echo b >> order", "name": "b", "after": [{"on": "a", "condition": "failure"}]}
        {"command": ["sh", "-c", "echo $0 >> order; exit 1", "a"], "name": "a"}
    "#;
    let mut call = sandbox.call(&["run", "--batch", "-", "--wait"]).into_command();
    let mut call = call.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = call.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, text.as_bytes()).expect("it reads");
    drop(stdin);
    assert_eq!(call.wait().expect("it ends").code(), Some(1), "one of them failed");
    let order = fs::read_to_string(sandbox.work().join("order")).expect("the jobs wrote it");
    assert_eq!(order, "a\nb\nc\n");
}

#[test]
fn one_wrong_line_and_nothing_is_made() {
    let sandbox = Sandbox::new();
    sandbox.run(&["run", "--no-start", "--", "true"]).ok();
    let before = submissions(&sandbox.jobs());
    let long = worlds::echoes(500);
    for (text, said) in [
        (&b"true\n\xff\n"[..], &["batch:2: not UTF-8"][..]),
        (b"{\"command\":1}\ntrue\n{\"x\":1}\n", &["batch:1: not a job", "batch:3: not a job"]),
        (
            b"{\"command\":\"true\",\"after\":[\"gone\"]}\ntrue\n{\"command\":\"true\",\"after\":[\"gone\",\"x\"]}\n",
            &["batch:1: no job gone", "batch:3: no job gone", "batch:3: no job x"],
        ),
        (
            b"{\"command\":\"1\",\"name\":\"a\",\"after\":[\"b\"]}\n{\"command\":\"1\",\"name\":\"b\",\"after\":[\"a\"]}\n",
            &["batch:1: it would wait for itself: a after b after a"],
        ),
        (b"{\"command\":\"1\",\"name\":\"a\",\"after\":[\"a\"]}\ntrue\n", &["batch:1: it would wait"]),
        (
            b"{\"command\":\"1\",\"name\":\"a\"}\n{\"command\":\"1\",\"name\":\"a\"}\n{\"command\":\"1\",\"after\":[\"a\"]}",
            &["batch:3: 2 jobs are called \"a\""],
        ),
        (b"", &["batch holds no command"]),
        (b"\r\n# nothing\r\n", &["batch holds no command"]),
    ] {
        let whole = [long.as_bytes(), text].concat();
        let text = if said[0].contains("holds") { text } else { &whole };
        let told = batch(&sandbox, text, &["--no-start"]).exits(2);
        assert_eq!(told.stdout, "", "{told:?}");
        for said in said {
            let said = said.replace("batch:1:", "batch:501:").replace("batch:2:", "batch:502:");
            let said = said.replace("batch:3:", "batch:503:");
            assert!(told.stderr.contains(&said), "{said:?} in {told:?}");
        }
        assert_eq!(submissions(&sandbox.jobs()), before, "{said:?}");
    }
    sandbox.run(&["run", "--batch", "nosuch"]).exits(3);
}

#[test]
fn a_batch_of_ten_thousand_is_taken_and_given_up() {
    let sandbox = Sandbox::new();
    let text: String = (0..10_000).map(|_| "touch began\n").collect();
    let ids = batch(&sandbox, text.as_bytes(), &["--delay", "1d"]).ok().ids();
    assert_eq!(ids.len(), 10_000);
    let told = sandbox.run(&["list", "--active", "--json"]).ok().json();
    assert_eq!(told["jobs"].as_array().map(Vec::len), Some(10_000));
    assert!(!sandbox.work().join("began").exists());
    sandbox.kill_all();
}

#[test]
fn the_jobs_of_a_batch_run_at_once_as_far_as_they_may() {
    let sandbox = Sandbox::new();
    sandbox.set("JOBCTL_MAX_PARALLEL", "3");
    let text = "mkdir \"at-$JOBCTL_JOB_ID\"; until test -e go; do sleep 0.05; done\n".repeat(5);
    batch(&sandbox, text.as_bytes(), &[]).ok();
    let begun = || {
        let names = fs::read_dir(sandbox.work()).expect("it is there").flatten();
        names.filter(|entry| entry.file_name().to_string_lossy().starts_with("at-")).count()
    };
    wait_until("three run", 60, || begun() == 3);
    fs::write(sandbox.work().join("go"), "").expect("room");
    wait_until("all have run", 60, || begun() == 5);
    wait_until("nothing is left", 60, || sandbox.processes().is_empty());
}
