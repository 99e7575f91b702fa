//! Reading one request from a connection.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::request::Request;

/// More than any client of a forge sends in its head or body.
const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 64 * 1024 * 1024;

/// The next request, or `None` when the client closed instead.
///
/// # Errors
/// When the connection breaks or what comes is not HTTP/1.
pub(crate) async fn request(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Option<Request>> {
    let Some(first) = line(reader).await? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) =
        (words.next(), words.next(), words.next())
    else {
        return Err(malformed("request line"));
    };
    let mut request = Request {
        method: method.to_owned(),
        target: origin_form(target).to_owned(),
        ..Request::default()
    };
    read_headers(reader, &mut request.headers).await?;
    if request.header("expect").is_some_and(|e| e.eq_ignore_ascii_case("100-continue")) {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    request.body = read_body(reader, &request).await?;
    Ok(Some(request))
}

/// Proxies and some clients send the whole address.
fn origin_form(target: &str) -> &str {
    let rest =
        target.strip_prefix("http://").map(|rest| rest.find('/').map_or("/", |at| &rest[at..]));
    rest.unwrap_or(target)
}

async fn read_headers(
    reader: &mut BufReader<OwnedReadHalf>,
    headers: &mut Vec<(String, String)>,
) -> io::Result<()> {
    let mut size = 0;
    loop {
        let line = line(reader).await?.ok_or_else(|| malformed("head"))?;
        if line.is_empty() {
            return Ok(());
        }
        size += line.len();
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("header"))?;
        if size > MAX_HEAD {
            return Err(malformed("head: too long"));
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

async fn read_body(
    reader: &mut BufReader<OwnedReadHalf>,
    request: &Request,
) -> io::Result<Vec<u8>> {
    let chunked = request.header("transfer-encoding").is_some_and(|t| t.contains("chunked"));
    if chunked {
        return read_chunks(reader).await;
    }
    let length = match request.header("content-length") {
        Some(text) => text.parse::<usize>().map_err(|_| malformed("content-length"))?,
        None => 0,
    };
    if length > MAX_BODY {
        return Err(malformed("body: too long"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    Ok(body)
}

/// git sends packs and long negotiations in chunks.
async fn read_chunks(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let head = line(reader).await?.ok_or_else(|| malformed("chunk"))?;
        let size = head.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
        if body.len() + size > MAX_BODY {
            return Err(malformed("body: too long"));
        }
        if size == 0 {
            while line(reader).await?.is_some_and(|trailer| !trailer.is_empty()) {}
            return Ok(body);
        }
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..]).await?;
        line(reader).await?;
    }
}

/// One line without its end; `None` at the end of the stream.
async fn line(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_HEAD).unwrap_or(u64::MAX);
    if reader.take(limit).read_until(b'\n', &mut bytes).await? == 0 {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(malformed("line"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map(Some).map_err(|_| malformed("line: not UTF-8"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}
