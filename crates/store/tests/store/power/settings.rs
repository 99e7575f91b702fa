//! The settings file while the power may fail.

use std::path::Path;

use super::disk::Disk;
use super::double::{Double, Moment};
use super::outcomes::after_cut;
use super::scenarios;
use super::world::World;
use jobctl_store::FileError;

/// All that may stand in the settings file after a power cut at this moment.
fn left(before: Option<&Disk>, moment: &Moment) -> Vec<Option<String>> {
    let read = |disk| Double::plain(disk).peek(Path::new("/state/jobctl.toml"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let left = after_cut(before, &moment.disk, 4, moment.call as u64);
    left.into_iter().map(|left| read(left.disk).map(text)).collect()
}

#[test]
fn settings_are_the_old_ones_or_the_new_ones_and_the_new_ones_once_that_was_told() {
    let scenario = scenarios::pending();
    let world = World::new(scenario.disk.clone(), &scenario.told, None, 0);
    world.fs.moments();
    let mut old = None;
    for new in ["max_parallel = 1\n", "# changed\nmax_parallel = 22\n"] {
        let written = world.store().unwrap().edit_settings(|_| Ok::<_, FileError>(new.to_owned()));
        written.unwrap();
        let moments = world.fs.moments();
        let (told, until_then) = moments.split_last().unwrap();
        let mut before = None;
        for moment in until_then {
            for left in left(before, moment) {
                assert!(left == old || left.as_deref() == Some(new), "{}: {left:?}", moment.call);
            }
            before = Some(&moment.disk);
        }
        for left in left(before, told) {
            assert_eq!(left.as_deref(), Some(new), "it was told that this is kept");
        }
        assert!(moments.len() >= 4, "made, written, synced, renamed: {}", moments.len());
        old = Some(new.to_owned());
    }
}
