//! A server that takes announcements, for tests of them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::sandbox::wait_until;

/// What a receiver does with what it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Gives this status.
    Status(u16),
    /// Sends the caller elsewhere.
    Redirect(String),
    /// Says nothing until the caller leaves.
    Silence,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Received {
    /// The first line.
    pub line: String,
    /// Headers by name, in lower case.
    pub headers: BTreeMap<String, String>,
    /// What came with it.
    pub body: Vec<u8>,
}

impl Received {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("an announcement is JSON")
    }

    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Whether whoever sent it knows this secret, as the manual says how to check it.
    #[must_use]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        self.header("x-jobctl-signature") == format!("sha256={}", hmac(secret, &self.body))
    }
}

/// HMAC-SHA256 by its definition (RFC 2104), for keys of at most 64 bytes.
fn hmac(key: &str, text: &[u8]) -> String {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text);
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c));
    let digest = outer.chain_update(inner.finalize()).finalize();
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A receiver on a free port of this machine, until the test ends.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Starts one that gives these answers, one after the other, and the last for ever.
    #[must_use]
    pub fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it listens");
        let received = Arc::new(Mutex::new(Vec::new()));
        let (into, answers) = (Arc::clone(&received), answers.to_vec());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (into, answers) = (Arc::clone(&into), answers.clone());
                thread::spawn(move || serve(stream, &into, &answers));
            }
        });
        Self { url: format!("http://{address}/hook"), received }
    }

    /// Where it takes announcements.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All that came.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    /// Waits until so many requests came, and gives all that came.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        wait_until(&format!("{count} announcements"), 60, || lock(&self.received).len() >= count);
        self.received()
    }
}

fn lock(received: &Mutex<Vec<Received>>) -> MutexGuard<'_, Vec<Received>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, into: &Mutex<Vec<Received>>, answers: &[Answer]) {
    let Some(request) = read(&stream) else { return };
    let mut all = lock(into);
    let answer = answers.get(all.len()).or(answers.last()).cloned();
    all.push(request);
    drop(all);
    let status = match answer {
        Some(Answer::Status(status)) => format!("{status} So"),
        Some(Answer::Redirect(to)) => format!("307 Elsewhere\r\nlocation: {to}"),
        Some(Answer::Silence) | None => {
            let _ = stream.read(&mut [0]);
            return;
        }
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { line: line.trim_end().to_owned(), headers, body })
}
