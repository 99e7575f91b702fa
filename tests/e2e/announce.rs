//! What becomes of jobs is told by webhook, notification and command, and never harms a job.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use jobctl_tests::{Answer, Receiver, Sandbox, wait_until};

/// A text that occurs nowhere by chance.
const SECRET: &str = "hush-Zx81QvT4mWb6Lr0NsKd93HyUfPcA7eJgVo25";

/// A machine whose user has these settings.
fn sandbox(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.configure(settings);
    sandbox
}

fn log(sandbox: &Sandbox, id: &str) -> String {
    sandbox.call_without_token(&["logs", id, "-n", "1000", "--no-start"]).run().stdout
}

fn wait_for_line(sandbox: &Sandbox, id: &str, line: &str) {
    wait_until(&format!("{line:?} in the log"), 60, || log(sandbox, id).contains(line));
}

#[test]
fn a_webhook_is_signed_and_tried_again_under_one_name() {
    let receiver =
        Receiver::start(&[Answer::Status(503), Answer::Status(429), Answer::Status(204)]);
    // A secret by reference: its file is the user's alone, and outside of what is searched below.
    let elsewhere = tempfile::tempdir().expect("room");
    let file = elsewhere.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).expect("room");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let sandbox = sandbox(&format!(
        "[announcements.ops]\nwebhook = '{}'\nsecret_file = '{}'\n",
        receiver.url(),
        file.display()
    ));
    let id = sandbox.shell(&["--name", "nightly"], "exit 3");
    sandbox.waits(&id, 60, 1);
    let requests = receiver.wait_for(3);
    let deliveries: BTreeSet<&str> =
        requests.iter().map(|request| request.header("x-jobctl-delivery")).collect();
    assert_eq!(deliveries.len(), 1, "the same name on every try: {deliveries:?}");
    for request in &requests {
        assert!(request.is_signed_with(SECRET), "{request:?}");
        assert!(!request.is_signed_with("another"));
        assert_eq!(request.header("x-jobctl-event"), "failed");
        let json = request.json();
        assert_eq!((&json["schema"], &json["event"]), (&1.into(), &"failed".into()), "{json:#}");
        assert_eq!(json["delivery"], request.header("x-jobctl-delivery"));
        assert_eq!(json["job"]["id"], *id);
        assert_eq!(json["job"]["status"], "failed");
        assert_eq!(json["job"]["exit_code"], 3);
        assert!(json["text"].as_str().is_some_and(|text| text.starts_with("nightly failed")));
    }
    wait_for_line(&sandbox, &id, "announcement ops: delivered at try 3");
    assert!(!sandbox.said().contains(SECRET) && !log(&sandbox, &id).contains(SECRET));
    assert_eq!(sandbox.files_with(SECRET), Vec::<PathBuf>::new());
    wait_until("all processes have gone", 30, || sandbox.processes().is_empty());
    assert_eq!(receiver.received().len(), 3, "delivered once");
}

#[test]
fn what_cannot_be_announced_is_in_the_log_and_harms_no_job() {
    let elsewhere = Receiver::start(&[Answer::Status(200)]);
    let redirect = Receiver::start(&[Answer::Redirect(elsewhere.url().to_owned())]);
    let refuses = Receiver::start(&[Answer::Status(400)]);
    let silent = Receiver::start(&[Answer::Silence]);
    let fine = Receiver::start(&[Answer::Status(200)]);
    let sandbox = sandbox(&format!(
        "[announcements.a-redirect]\nwebhook = '{}'\n\
         [announcements.b-refuses]\nwebhook = '{}'\n\
         [announcements.c-silent]\nwebhook = '{}'\ntimeout = '1s'\n\
         [announcements.d-no-program]\ncommand = ['/no/such/program']\n\
         [announcements.e-fails]\ncommand = ['/bin/sh', '-c', 'echo broken >&2; exit 7']\n\
         [announcements.f-hangs]\ncommand = ['/bin/sleep', '600']\ntimeout = '1s'\n\
         [announcements.g-no-secret]\nwebhook = '{}'\nsecret_file = 'missing'\n\
         [announcements.h-insecure]\nwebhook = 'http://hooks.example/path-secret'\n\
         [announcements.i-fine]\nwebhook = '{}'\n",
        redirect.url(),
        refuses.url(),
        silent.url(),
        fine.url(),
        fine.url(),
    ));
    let id = sandbox.shell(&[], "true");
    sandbox.waits(&id, 60, 0);
    for line in [
        "announcement a-redirect: not made: 127.0.0.1:",
        "none is followed (set the webhook to the address that it is redirected to)",
        "announcement b-refuses: not made: 127.0.0.1:",
        "refused it with status 400",
        "announcement c-silent: 127.0.0.1:",
        "the server fell silent; it is tried again",
        "announcement d-no-program: not made: could not start /no/such/program",
        "announcement e-fails: not made: /bin/sh ended with exit status: 7: broken",
        "announcement f-hangs: not made: /bin/sleep was killed: it took longer than 1 s",
        "announcement g-no-secret: not made: could not read the secret in",
        "announcement h-insecure: not made: plain http is spoken to this machine only",
    ] {
        wait_for_line(&sandbox, &id, line);
    }
    let requests = fine.wait_for(1);
    assert_eq!(requests[0].json()["event"], "completed");
    assert_eq!(requests[0].header("x-jobctl-signature"), "", "nothing to sign it with");
    assert_eq!(elsewhere.received().len(), 0, "nothing goes where a redirect leads");
    assert!(!log(&sandbox, &id).contains("path-secret"));
    assert_eq!(sandbox.status(&id), "completed");
    assert_eq!(sandbox.job(&id)["warnings"], serde_json::json!([]));
}

#[test]
fn a_command_finds_the_job_in_its_environment_and_on_its_stdin() {
    let sandbox = Sandbox::new();
    let told = sandbox.work().join("told");
    let script = format!(
        "{{ env; cat; echo; echo \"JSON=$JOBCTL_JOB_JSON\"; }} > {0}.part; \
         mv {0}.part {0}; echo heard; echo complained >&2",
        told.display()
    );
    let settings = format!("[announcements.mine]\ncommand = ['/bin/sh', '-c', '''{script}''']\n");
    sandbox.configure(&settings);
    let id = sandbox.shell(&["--name", "nightly"], "exit 3");
    sandbox.waits(&id, 60, 1);
    wait_for_line(&sandbox, &id, "announcement mine: out| heard");
    wait_for_line(&sandbox, &id, "announcement mine: err| complained");
    let told = fs::read_to_string(&told).expect("it was written before");
    for line in [
        "JOBCTL_EVENT=failed".to_owned(),
        format!("JOBCTL_JOB_ID={id}"),
        "JOBCTL_JOB_STATUS=failed".to_owned(),
        "JOBCTL_JOB_NAME=nightly".to_owned(),
        "JOBCTL_JOB_KIND=run-command".to_owned(),
    ] {
        assert!(told.lines().any(|told| told == line), "{line} in {told}");
    }
    let stdin = told.lines().find(|line| line.starts_with('{')).expect("the job on stdin");
    assert!(told.contains(&format!("JSON={stdin}")), "the same in the environment: {told}");
    let json: serde_json::Value = serde_json::from_str(stdin).expect("it is JSON");
    assert_eq!(json["job"]["id"], *id);
}

#[test]
fn the_desktop_is_told_in_words() {
    let sandbox = sandbox("[announcements.desk]\ndesktop = true\non = ['failed']\n");
    let told = sandbox.root().join("told");
    let bin = sandbox.root().join("bin");
    fs::create_dir(&bin).expect("room");
    let program = bin.join("notify-send");
    let script =
        format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {0}.part\nmv {0}.part {0}\n", told.display());
    fs::write(&program, script).expect("room");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    sandbox.set("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    let id = sandbox.shell(&["--description=--help <b>"], "echo why >&2; exit 3");
    sandbox.waits(&id, 60, 1);
    wait_until("the desktop is told", 60, || told.exists());
    let told = fs::read_to_string(&told).expect("just seen");
    assert!(told.starts_with("--app-name=jobctl\n--\n--help <b> failed\n"), "{told}");
    assert!(told.ends_with(&format!("jobctl show {id}\n")), "{told}");
}

#[test]
fn a_job_chooses_its_announcements() {
    let all = Receiver::start(&[Answer::Status(200)]);
    let named = Receiver::start(&[Answer::Status(200)]);
    let sandbox = sandbox(&format!(
        "[announcements.all]\nwebhook = '{}'\n\
         [announcements.ops]\nwebhook = '{}'\njobs = 'named'\n",
        all.url(),
        named.url()
    ));
    let told = sandbox.run(&["run", "--announce", "opps", "--", "true"]).exits(2);
    assert!(told.stderr.contains("no announcement is called opps"), "{}", told.stderr);
    assert!(told.stderr.contains("all, ops"), "{}", told.stderr);
    let ids = [
        sandbox.shell(&["--no-announce"], "true"),
        sandbox.shell(&["--announce", "ops"], "true"),
        sandbox.shell(&[], "true"),
    ];
    for id in &ids {
        sandbox.waits(id, 60, 0);
    }
    let of = |receiver: &Receiver| receiver.wait_for(1)[0].json()["job"]["id"].clone();
    assert_eq!((of(&named), of(&all)), (ids[1].clone().into(), ids[2].clone().into()));
    wait_until("all processes have gone", 30, || sandbox.processes().is_empty());
    assert_eq!((named.received().len(), all.received().len()), (1, 1));
}

#[test]
fn what_a_call_does_without_a_runner_is_announced_too() {
    let receiver = Receiver::start(&[Answer::Status(200)]);
    let sandbox = sandbox(&format!("[announcements.ops]\nwebhook = '{}'\n", receiver.url()));
    let id = sandbox.shell(&["--no-start"], "true");
    sandbox.run(&["cancel", &id]).ok();
    let requests = receiver.wait_for(1);
    assert_eq!(requests[0].json()["event"], "cancelled");
    assert_eq!(requests[0].json()["job"]["id"], *id);

    let told = sandbox.run(&["run", "--foreground", "--shell", "exit 3"]);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert_eq!(receiver.wait_for(2)[1].json()["event"], "failed");
}

#[test]
fn a_pause_is_announced_to_whoever_wants_to_hear_of_it() {
    let pauses = Receiver::start(&[Answer::Status(200)]);
    let usual = Receiver::start(&[Answer::Status(200)]);
    let sandbox = sandbox(&format!(
        "[announcements.pauses]\nwebhook = '{}'\non = ['paused']\n\
         [announcements.usual]\nwebhook = '{}'\n",
        pauses.url(),
        usual.url()
    ));
    let id = sandbox.shell(&[], "sleep 600");
    sandbox.wait_for_worker(&id);
    sandbox.run(&["pause", &id]).ok();
    let requests = pauses.wait_for(1);
    assert_eq!(requests[0].json()["event"], "paused");
    assert_eq!(requests[0].json()["job"]["reason"]["kind"], "user");
    sandbox.run(&["cancel", &id]).ok();
    assert_eq!(usual.wait_for(1)[0].json()["event"], "cancelled", "and not the pause");
}

#[test]
fn a_job_held_by_a_crash_is_announced_as_held() {
    let receiver = Receiver::start(&[Answer::Status(200)]);
    let sandbox = sandbox(&format!("[announcements.ops]\nwebhook = '{}'\n", receiver.url()));
    let id = sandbox.shell(&[], "sleep 600");
    // Killed before that is on record, the worker would simply have another one follow it.
    sandbox.wait_for(&id, "running", 30);
    let worker = sandbox.wait_for_worker(&id);
    jobctl_tests::processes::kill(worker.pid);
    let requests = receiver.wait_for(1);
    assert_eq!(requests[0].json()["event"], "held");
    assert_eq!(requests[0].json()["job"]["reason"]["kind"], "interrupted");
    sandbox.run(&["cancel", &id]).ok();
}

#[test]
fn settings_can_be_tried() {
    let receiver = Receiver::start(&[Answer::Status(200), Answer::Status(403)]);
    let sandbox = sandbox(&format!("[announcements.ops]\nwebhook = '{}'\n", receiver.url()));
    let told = sandbox.run(&["announce", "test", "ops", "--event", "held"]).ok();
    assert_eq!(told.stdout, "Announcement ops was made\n");
    let requests = receiver.received();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (&requests[0].json()["event"], &requests[0].json()["test"]),
        (&"held".into(), &true.into())
    );
    let told = sandbox.run(&["announce", "test", "ops"]).exits(1);
    assert!(told.stderr.contains("refused it with status 403"), "{}", told.stderr);
    let told = sandbox.run(&["announce", "test", "oops"]).exits(2);
    assert!(told.stderr.contains("your own configuration has: ops"), "{}", told.stderr);
    assert!(!sandbox.jobs().exists(), "no job was made");
}

#[test]
fn a_project_announces_nothing_of_its_own() {
    let receiver = Receiver::start(&[Answer::Status(200)]);
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    let settings = format!("[announcements.evil]\nwebhook = '{}'\n", receiver.url());
    fs::write(sandbox.work().join(".jobs/jobctl.toml"), settings).expect("room");
    let told = sandbox.run(&["run", "--wait", "--", "true"]).ok();
    let warning = "announcements are read from your own configuration only";
    assert!(told.stderr.contains(warning), "{}", told.stderr);
    wait_until("all processes have gone", 30, || sandbox.processes().is_empty());
    assert_eq!(receiver.received().len(), 0);
}
