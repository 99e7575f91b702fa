//! File systems on which locks and syncs promise less than on a disk.

use std::io;
use std::path::Path;

/// Their numbers, from the system's `linux/magic.h`, `man 2 statfs` and their own sources.
const KNOWN: [(u32, &str); 13] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x786f_4256, "a folder of VirtualBox"),
];

/// The name of the one that a path is on; `None` for others, and where the system does not say.
#[cfg(target_os = "linux")]
pub(crate) fn of(path: &Path) -> io::Result<Option<&'static str>> {
    Ok(name(i128::from(rustix::fs::statfs(path)?.f_type)))
}

/// Elsewhere nobody is asked.
#[cfg(not(target_os = "linux"))]
pub(crate) fn of(_: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

/// By its number: 32 bits, in a field whose width and sign differ between systems.
fn name(number: i128) -> Option<&'static str> {
    let number = number & i128::from(u32::MAX);
    KNOWN.iter().find(|(known, _)| i128::from(*known) == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_whatever_the_width_and_sign_of_their_field() {
        assert_eq!(name(0x6969), Some("NFS"));
        assert_eq!(name(0xfe53_4d42), Some("SMB"));
        assert_eq!(name(0xfe53_4d42 - (1 << 32)), Some("SMB"), "from a field with a sign");
        assert_eq!(name(0x0102_1997), Some("9P"));
        // ext4, tmpfs, btrfs, xfs, overlayfs, zfs.
        for local in [0xef53, 0x0102_1994, 0x9123_683e, 0x5846_5342, 0x794c_7630, 0x2fc1_2fc1] {
            assert_eq!(name(local), None, "{local:x}");
        }
    }

    #[test]
    fn what_the_system_has_in_memory_is_local() {
        assert_eq!(of(Path::new("/proc")).unwrap(), None);
        assert!(of(Path::new("/no/such/directory")).is_err());
    }
}
