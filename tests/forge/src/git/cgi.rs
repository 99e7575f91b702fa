//! Running `git http-backend`.

use std::io;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::GitRoot;
use crate::wire::{Reply, Request};

/// Runs the backend for one request; `path` is `/ID.git/…` below the root. A compressed body is
/// inflated by the backend itself.
///
/// # Errors
/// When the backend cannot be run or its output is no reply.
pub(crate) async fn run(root: &GitRoot, path: &str, request: &Request) -> io::Result<Reply> {
    let mut command = Command::new(root.backend());
    command
        .env("GIT_PROJECT_ROOT", root.dir())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", request.raw_query())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    super::bare::quiet(&mut command);
    let passed = [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "HTTP_GIT_PROTOCOL"),
    ];
    for (header, variable) in passed {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    let mut child = command.spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A backend that answers without reading to the end closes early.
            let _ = stdin.write_all(&request.body).await;
        }
    };
    let collect = async {
        let mut output = Vec::new();
        if let Some(mut stdout) = stdout {
            stdout.read_to_end(&mut output).await?;
        }
        io::Result::Ok(output)
    };
    let ((), output) = tokio::join!(feed, collect);
    let output = output?;
    child.wait().await?;
    parse(&output)
}

/// Takes a CGI reply apart: header lines, an empty line, the body.
fn parse(output: &[u8]) -> io::Result<Reply> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "the backend's reply has no head");
    let at = output.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(broken)?;
    let head = std::str::from_utf8(&output[..at]).map_err(|_| broken())?;
    let mut reply = Reply::new(200);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or_else(broken)?;
        if name.eq_ignore_ascii_case("status") {
            let number = value.trim().split(' ').next().and_then(|n| n.parse().ok());
            reply.status = number.ok_or_else(broken)?;
        } else {
            reply = reply.with(&name.to_ascii_lowercase(), value.trim());
        }
    }
    reply.body = output[at + 4..].to_vec();
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::trojan::crc32;
    use crate::world::repo::GitKind;

    /// gzip without compression: one stored block.
    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
        let len = u16::try_from(text.len()).unwrap();
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(text);
        out.extend(crc32(text).to_le_bytes());
        out.extend(u32::from(len).to_le_bytes());
        out
    }

    #[tokio::test]
    async fn compressed_requests_are_understood() {
        let root = GitRoot::new(None, Vec::new()).unwrap();
        root.ensure(7, "acme/x", GitKind::Ordinary, "main").await.unwrap();
        let headers = [
            ("content-type", "application/x-git-upload-pack-request"),
            ("content-encoding", "gzip"),
            ("git-protocol", "version=2"),
        ];
        let request = Request {
            method: "POST".to_owned(),
            headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
            body: gzip(b"0014command=ls-refs\n00010009peel\n0000"),
            ..Request::default()
        };
        let reply = run(&root, "/7.git/git-upload-pack", &request).await.unwrap();
        assert_eq!(reply.status, 200);
        assert!(String::from_utf8_lossy(&reply.body).contains("refs/heads/main"));
    }
}
