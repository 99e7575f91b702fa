//! The unit as systemd reads it.

use std::fmt::Write as _;
use std::path::Path;

use crate::environment::Environment;
use crate::error::Failure;

/// Its first line, by which it is known.
pub(super) const FIRST: &str = "# Written by jobctl service install, which writes it anew.\n";

/// Variables of the installing call that the unit hands on: where state and settings are, and
/// where programs are. No secret, and nothing that ends with a session.
const HANDED_ON: [&str; 5] = ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMPDIR", "PATH", "LANG"];

/// The unit for a program at a path.
pub(super) fn text(program: &Path, env: &Environment) -> Result<String, Failure> {
    // However quoted, systemd takes no other.
    let is_taken = |name: &&str| {
        name.starts_with('/') && !name.chars().any(|c| c.is_control() || "\"'\\".contains(c))
    };
    let name = program.to_str().filter(is_taken).ok_or_else(|| {
        Failure::not_allowed(
            format!("systemd starts no program at {}", program.display()),
            "put jobctl at a path without quotes, backslashes and control characters",
        )
    })?;
    let mut variables = String::new();
    for name in HANDED_ON {
        if let Some(value) = env.text(name) {
            let assignment = quoted(&format!("{name}={value}"));
            let _ = writeln!(variables, "Environment={assignment}");
        }
    }
    // What it starts lives on within the unit once it has done so: `RemainAfterExit` keeps systemd
    // from tidying that away, and stopping it all is asked politely when the machine goes down.
    Ok(format!(
        "{FIRST}\
        [Unit]\n\
        Description=Jobs of jobctl that were interrupted go on\n\
        \n\
        [Service]\n\
        Type=oneshot\n\
        RemainAfterExit=yes\n\
        {variables}\
        ExecStart={} service run\n\
        \n\
        [Install]\n\
        WantedBy=default.target\n",
        quoted(name),
    ))
}

/// A word as systemd reads it back: specifiers and escapes made harmless. Variables are not
/// expanded where it is used, in assignments and in a program's path.
fn quoted(word: &str) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '%' => out.push_str("%%"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_in_full() {
        let env: Environment = [
            ("PATH", "/usr/bin:/home/a/my bin"),
            ("XDG_STATE_HOME", "/home/a/100% \"mine\"\\$x"),
            ("GH_TOKEN", "secret"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
        ]
        .into_iter()
        .collect();
        insta::assert_snapshot!(text(Path::new("/opt/my $apps/jobctl"), &env).unwrap());
    }

    #[test]
    fn a_program_must_have_a_path_that_systemd_can_read() {
        let env = Environment::default();
        for path in ["jobctl", "/opt/\"x\"/jobctl", "/opt/a\\b", "/opt/a\nb"] {
            text(Path::new(path), &env).unwrap_err();
        }
        assert!(quoted("a\u{1}\nb").ends_with(r#"a\x01\nb""#));
    }
}
