//! Interrupted jobs go on when the machine has started.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobctl_tests::{Sandbox, wait_until};

fn unit(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("config/systemd/user/jobctl.service")
}

/// A `systemctl` that takes note of its arguments.
fn with_systemctl(sandbox: &Sandbox) -> PathBuf {
    let (bin, told) = (sandbox.root().join("bin"), sandbox.root().join("told"));
    fs::create_dir(&bin).expect("room");
    let program = bin.join("systemctl");
    fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> {}\n", told.display())).expect("room");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    sandbox.set("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    told
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn it_is_installed_as_often_as_wanted_and_removed() {
    let sandbox = Sandbox::new();
    let told = with_systemctl(&sandbox);
    for _ in 0..2 {
        let call = sandbox.run(&["service", "install"]).ok();
        assert_eq!(call.stdout, format!("Installed {}\n", unit(&sandbox).display()));
        assert!(call.stderr.contains("loginctl enable-linger"), "{}", call.stderr);
    }
    let lines = "--user daemon-reload\n--user enable jobctl.service\n";
    assert_eq!(read(&told), lines.repeat(2));
    let text = read(&unit(&sandbox));
    assert!(text.contains("ExecStart=\"/"), "{text}");
    let state = sandbox.root().join("state");
    assert!(text.contains(&format!("Environment=\"XDG_STATE_HOME={}\"\n", state.display())));
    fs::remove_file(&told).expect("it is there");
    for _ in 0..2 {
        sandbox.run(&["service", "uninstall"]).ok();
    }
    assert!(!unit(&sandbox).exists());
    assert_eq!(read(&told), "--user disable jobctl.service\n--user daemon-reload\n");
}

#[test]
fn systemd_understands_the_unit() {
    let is_there = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !is_there {
        println!("systemd-analyze is not installed here: nothing was tested");
        return;
    }
    let sandbox = Sandbox::new();
    with_systemctl(&sandbox);
    sandbox.set("LANG", "a \"quoted\" 100% $value\\");
    // systemd looks whether the program is there, so this shows that it reads the path as meant.
    let strange = sandbox.root().join("my $apps 100%h");
    fs::create_dir(&strange).expect("room");
    let copy = strange.join("jobctl");
    fs::copy(jobctl_tests::sandbox::program(), &copy).expect("room");
    sandbox.call(&["service", "install"]).of(&copy).run().ok();
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .arg(unit(&sandbox))
        .env("XDG_RUNTIME_DIR", sandbox.root())
        .output()
        .expect("it is installed");
    let said = String::from_utf8_lossy(&verify.stderr);
    assert!(verify.status.success() && !said.contains("jobctl.service"), "{said}");
}

#[test]
fn without_systemd_the_lines_to_type_are_told() {
    let sandbox = Sandbox::new();
    sandbox.set("PATH", "/nowhere");
    let call = sandbox.run(&["service", "install"]).ok();
    assert!(unit(&sandbox).exists());
    for line in ["systemctl --user daemon-reload", "systemctl --user enable jobctl.service"] {
        assert!(call.stderr.contains(line), "{}", call.stderr);
    }
    sandbox.run(&["service", "uninstall"]).ok();
    assert!(!unit(&sandbox).exists());
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let sandbox = Sandbox::new();
    let told = with_systemctl(&sandbox);
    let path = unit(&sandbox);
    fs::create_dir_all(path.parent().expect("it has one")).expect("room");
    fs::write(&path, "[Unit]\nDescription=mine\n").expect("room");
    let target = sandbox.root().join("target");
    for call in ["install", "uninstall"] {
        let told = sandbox.run(&["service", call]).exits(4);
        assert!(told.stderr.contains("was not written by jobctl"), "{}", told.stderr);
    }
    assert_eq!(read(&path), "[Unit]\nDescription=mine\n");
    fs::rename(&path, &target).expect("it is there");
    std::os::unix::fs::symlink(&target, &path).expect("room");
    sandbox.run(&["service", "install"]).exits(4);
    assert_eq!(read(&target), "[Unit]\nDescription=mine\n");
    assert_eq!(read(&told), "");
}

/// What the unit does after a reboot, in a directory of the user's own and in a project.
#[test]
fn interrupted_jobs_of_all_directories_go_on() {
    let sandbox = Sandbox::new();
    let project = sandbox.work().join("project");
    fs::create_dir(&project).expect("room");
    sandbox.call(&["init"]).at(&project).run().ok();
    let go = sandbox.root().join("go");
    let line = format!("until [ -e {} ]; do sleep 0.05; done", go.display());
    let options = ["run", "--on-crash", "resume", "--keep-env", "--shell", &line];
    let here = sandbox.run(&options).ok().ids().remove(0);
    let there = sandbox.call(&options).at(&project).run().ok().ids().remove(0);
    sandbox.wait_for_worker(&here);
    let started = || {
        let told = sandbox.call(&["show", &there, "--json", "--no-start"]).at(&project).run();
        told.json()["job"]["status"] == "running"
    };
    wait_until("the other runs too", 30, started);
    // The power goes, and comes back.
    sandbox.kill_all();
    sandbox.set("JOBCTL_BOOT_ID", "another-boot");
    fs::write(&go, "").expect("room");
    sandbox.run(&["service", "run"]).ok();
    sandbox.wait_for(&here, "completed", 60);
    wait_until("the other is done too", 60, || {
        let told = sandbox.call(&["show", &there, "--json", "--no-start"]).at(&project).run();
        told.json()["job"]["status"] == "completed"
    });
}

#[test]
fn a_directory_that_is_gone_stands_in_nobodys_way() {
    let sandbox = Sandbox::new();
    let project = sandbox.work().join("project");
    fs::create_dir(&project).expect("room");
    sandbox.call(&["init"]).at(&project).run().ok();
    fs::remove_dir_all(&project).expect("it is there");
    let id = sandbox.run(&["run", "--no-start", "--", "true"]).ok().ids().remove(0);
    sandbox.run(&["service", "run"]).ok();
    sandbox.wait_for(&id, "completed", 60);
}
