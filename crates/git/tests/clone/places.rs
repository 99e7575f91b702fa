//! Where clones go, and what is there already.

use std::fs;

use jobctl_git::{CloneError, Wanted};

use crate::world::{World, list, wanted};

const ONE: &str = "acme/repo-001";

#[test]
fn what_is_at_its_place_is_not_touched() {
    let world = World::start(|_| {});
    let path = world.path(ONE);
    fs::create_dir_all(path.join("precious")).unwrap();
    let ended = world.clone_all(&[ONE.into()]);
    assert!(matches!(ended.error(), CloneError::Occupied { .. }), "{ended:?}");
    assert_eq!(list(&path), ["precious"]);
    assert!(world.forge.log().is_empty(), "it is known before anything is asked");
}

#[test]
fn a_clone_of_another_repository_is_not_touched() {
    let world = World::start(|_| {});
    assert!(world.clone_all(&[ONE.into()]).is_done());
    let other = wanted(ONE, &world.url("acme/repo-002"));
    let ended = world.clone_wanted(vec![other]);
    let error = ended.error();
    assert!(matches!(error, CloneError::Occupied { .. }), "{error:?}");
    assert!(error.to_string().contains("a clone of"), "{error}");
}

#[test]
fn an_empty_directory_is_no_obstacle() {
    let world = World::start(|_| {});
    fs::create_dir_all(world.path(ONE)).unwrap();
    assert!(world.clone_all(&[ONE.into()]).is_done());
    assert!(world.path(ONE).join(".git/HEAD").exists());
}

#[test]
fn leftovers_of_the_same_job_go_and_others_stay() {
    let world = World::start(|_| {});
    for name in [".repo-001.jobctl-0badcafe-00000001", ".repo-001.jobctl-deadbeef-00000001"] {
        fs::create_dir_all(world.path(&format!("acme/{name}/.git"))).unwrap();
    }
    assert!(world.clone_all(&[ONE.into()]).is_done());
    assert_eq!(world.listed(), [".repo-001.jobctl-deadbeef-00000001", "repo-001"]);
}

#[test]
fn hostile_paths_fail_alone() {
    let world = World::start(|_| {});
    let hostile = ["../evil", "/etc/evil", "acme/.git", "acme/../../evil", "acme/-x"];
    let all = hostile.iter().map(|path| Wanted {
        name: (*path).to_owned(),
        url: world.url(ONE),
        path: path.into(),
    });
    let ended = world.clone_wanted(all.chain([wanted(ONE, &world.url(ONE))]).collect());
    assert_eq!(ended.cloned, [ONE]);
    assert_eq!(ended.failed.len(), hostile.len());
    for (name, error) in &ended.failed {
        assert!(matches!(error, CloneError::Name(_)), "{name}: {error:?}");
    }
    assert_eq!(list(world.root.path()), ["into"]);
}

#[test]
fn names_that_differ_in_case_only_do_not_share_a_place() {
    let world = World::start(|_| {});
    let upper = Wanted {
        name: "Acme/REPO-001".into(),
        url: world.url("acme/repo-002"),
        path: "Acme/REPO-001".into(),
    };
    let ended = world.clone_wanted(vec![wanted(ONE, &world.url(ONE)), upper]);
    assert_eq!(ended.cloned, [ONE]);
    assert!(matches!(ended.error(), CloneError::Collision { .. }), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_leads_nowhere() {
    let world = World::start(|_| {});
    let outside = world.root.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(&world.options.into).unwrap();
    std::os::unix::fs::symlink(&outside, world.options.into.join("acme")).unwrap();
    let ended = world.clone_all(&[ONE.into()]);
    assert!(matches!(ended.error(), CloneError::Occupied { .. }), "{ended:?}");
    assert!(list(&outside).is_empty());
}

#[test]
fn a_repository_with_a_state_directory_is_cloned_as_it_is() {
    let world = World::start(|config| config.hostile_content = true);
    assert!(world.clone_all(&["acme/trojan".into()]).is_done());
    assert!(world.path("acme/trojan/.jobs").is_dir(), "it is content, and nobody trusts it");
}
