use std::path::{Component, Path, PathBuf};

/// The longest name of one directory, in bytes: what file systems take, less our own suffix.
const LONGEST: usize = 100;

/// Names that mean devices on Windows, whatever follows a dot.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Names that would change what the place around them means: to git, and to `jobctl`.
const RESERVED: [&str; 3] = [".git", "git~1", ".jobs"];

/// A repository's name that must not become a path. Names come from servers, which may be hostile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot make a directory of the name {name:?}: {why}")]
pub struct BadName {
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Where a repository goes, below the destination: `OWNER/NAME`, or `NAME` if `flat` or where its
/// address has no owner.
pub fn place(full_name: &str, flat: bool) -> Result<PathBuf, BadName> {
    let bad = |why| BadName { name: full_name.to_owned(), why };
    let parts: Vec<&str> = full_name.split('/').collect();
    for part in &parts {
        check(part).map_err(bad)?;
    }
    let kept = if flat { &parts[parts.len() - 1..] } else { &parts[..] };
    Ok(kept.iter().collect())
}

/// Checks a path that shall stay below its destination: plain, harmless names only.
pub(crate) fn check_path(path: &Path) -> Result<(), BadName> {
    let bad = |why| BadName { name: path.display().to_string(), why };
    let mut parts = 0;
    for part in path.components() {
        let Component::Normal(name) = part else {
            return Err(bad("it leads elsewhere"));
        };
        check(name.to_str().ok_or_else(|| bad("it is not text"))?).map_err(bad)?;
        parts += 1;
    }
    if parts == 0 { Err(bad("it is empty")) } else { Ok(()) }
}

fn check(name: &str) -> Result<(), &'static str> {
    let lower = name.to_lowercase();
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > LONGEST {
        return Err("it is longer than 100 bytes");
    }
    if name == "." || name == ".." {
        return Err("it leads elsewhere");
    }
    if name.contains(['/', '\\', ':']) {
        return Err("it holds a separator");
    }
    if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err("it holds an invisible character");
    }
    if name.starts_with('-') {
        return Err("it looks like an option");
    }
    if RESERVED.contains(&lower.as_str()) {
        return Err("it is reserved");
    }
    if is_device(&lower) {
        return Err("it is a device on Windows");
    }
    Ok(())
}

/// Characters that show nothing or turn the text around them, such as those with which a name
/// passes for `.git` on some file systems.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_device(lower: &str) -> bool {
    let stem = lower.split('.').next().unwrap_or_default().trim_end();
    let numbered = ["com", "lpt"].iter().any(|port| {
        let digit = stem.strip_prefix(port);
        digit.is_some_and(|digit| matches!(digit.as_bytes(), [b'1'..=b'9']))
    });
    numbered || DEVICES.contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_become_paths() {
        assert_eq!(place("acme/api", false), Ok("acme/api".into()));
        assert_eq!(place("acme/api", true), Ok("api".into()));
        assert_eq!(place("api", false), Ok("api".into()));
        assert_eq!(place("org/My Project/.github", false), Ok("org/My Project/.github".into()));
        for good in [
            "a/b.git",
            "a/..b",
            "a/...",
            "a/com0",
            "a/console",
            "a/naïve",
            "a/-".replace('-', "_").as_str(),
        ] {
            assert!(place(good, false).is_ok(), "{good}");
        }
    }

    #[test]
    fn hostile_names_do_not() {
        let long = format!("a/{}", "x".repeat(101));
        for bad in [
            "",
            "a/",
            "/a",
            "a/..",
            "../a",
            "a/../b",
            "a/.",
            "a/.git",
            "a/.GIT",
            "a/Git~1",
            "a/.jobs",
            "a/b\\c",
            "a/c:",
            "a/-rf",
            "a/x\n",
            "a/\u{1b}[31m",
            "a/\0",
            "a/.g\u{200c}it",
            "a/CON",
            "a/nul.txt",
            "a/Com1",
            "a/lpt9.c",
            &long,
            "../../evil",
        ] {
            assert!(place(bad, false).is_err(), "{bad:?}");
            assert!(place(bad, true).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_stay_below_their_destination() {
        assert_eq!(check_path(Path::new("acme/api")), Ok(()));
        for bad in ["", "/etc", "../x", "a/../b", "./a", "a/.git/hooks"] {
            assert!(check_path(Path::new(bad)).is_err(), "{bad:?}");
        }
    }
}
