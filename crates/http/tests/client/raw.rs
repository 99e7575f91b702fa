//! Replies that no forge gives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use jobctl_http::{Credential, Pull, Renew, RenewError, Secret, StopFlag, Transport};
use jobctl_provider::{Method, Request};

use crate::{ask_first, connect, fault, get, reply};

const TOKEN: &str = "sesame-0123456789";

/// A server that does this with each connection, once its first request's head has been read.
fn serve(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
            answer(&head, &mut stream);
        }
    });
    address
}

/// Writes until it is done or nobody reads.
fn write(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

#[tokio::test]
async fn a_reply_without_end_is_not_taken() {
    let base = serve(|_, stream| {
        write(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let megabyte = vec![b' '; 1 << 20];
        while stream.write_all(&megabyte).is_ok() {}
    });
    let message = fault(connect(&base, TOKEN).send(&get(&base, "/")).await);
    assert!(message.ends_with("the reply is larger than 64 MiB"), "{message}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let base = serve(|_, stream| {
        write(stream, "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n");
        write(stream, "connection: close\r\n\r\n");
    });
    let client = connect(&base, TOKEN);
    let message = fault(client.send(&get(&base, "/")).await);
    assert!(message.ends_with("more than 5 redirects"), "{message}");
    assert_eq!(client.sent(), 6);
}

#[tokio::test]
async fn a_redirect_that_would_lose_tls_is_not_followed() {
    let base = serve(|_, stream| {
        write(stream, "HTTP/1.1 302 Found\r\nlocation: http://forge.example/\r\n");
        write(stream, "content-length: 0\r\nconnection: close\r\n\r\n");
    });
    let client = connect(&base, TOKEN);
    let message = fault(client.send(&get(&base, "/")).await);
    assert!(message.contains("is not followed"), "{message}");
    assert_eq!(client.sent(), 1);
}

#[tokio::test]
async fn what_is_no_http_is_a_fault_without_secrets() {
    let base = serve(|head, stream| write(stream, head));
    let request = Request { repeat: ask_first(), ..get(&base, "/?token=abc") };
    let message = fault(connect(&base, TOKEN).send(&request).await);
    assert!(message.contains("token=***") && !message.contains(TOKEN), "{message}");
}

#[tokio::test]
async fn a_user_part_of_a_redirect_is_no_credential() {
    let base = serve(|head, stream| {
        let authorized = head.to_lowercase().contains("authorization: basic");
        let status = if authorized { "400 Bad" } else { "302 Found" };
        let status = if head.starts_with("GET /end") && !authorized { "200 OK" } else { status };
        let place = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        write(stream, &format!("HTTP/1.1 {status}\r\nlocation: http://a:b@{place}/end\r\n"));
        write(stream, "content-length: 0\r\nconnection: close\r\n\r\n");
    });
    assert_eq!(reply(connect(&base, TOKEN).send(&get(&base, "/")).await).0, 200);
}

#[test]
fn a_stream_comes_as_it_is_sent_and_a_silence_ends_it() {
    let base = serve(|_, stream| {
        write(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        // Silent until the client leaves.
        let _ = stream.read(&mut [0]);
    });
    let client = connect(&base, TOKEN);
    let pull = Pull {
        method: Method::Get,
        url: &base.parse().unwrap(),
        headers: &[],
        body: Vec::new(),
        stall: Duration::from_millis(300),
        stop: &StopFlag::default(),
    };
    let mut reply = client.blocking_stream(&pull).unwrap();
    let mut first = [0; 5];
    reply.body.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first");
    let error = reply.body.read(&mut first).unwrap_err();
    assert!(error.to_string().contains("sent nothing for"), "{error}");
}

#[tokio::test]
async fn a_redirect_to_a_sign_in_page_is_an_answer() {
    let base = serve(|_, stream| {
        write(stream, "HTTP/1.1 302 Found\r\nlocation: /contoso/_signin?realm=dev.azure.com\r\n");
        write(stream, "content-length: 0\r\nconnection: close\r\n\r\n");
    });
    let client = connect(&base, TOKEN);
    assert_eq!(reply(client.send(&get(&base, "/contoso/_apis/projects")).await).0, 302);
    assert_eq!(client.sent(), 1);
}

/// Gives this token, once it is asked.
struct Gives(&'static str);

#[async_trait::async_trait]
impl Renew for Gives {
    async fn renew(&self, _: usize) -> Result<Option<Credential>, RenewError> {
        Ok(Some(Credential::bearer(Secret::new(self.0.to_owned()).unwrap())))
    }
}

#[test]
fn a_stream_whose_token_has_ended_is_asked_for_with_a_new_one() {
    // `x-access-token:fresh-0123456789`, as git's Basic credential.
    const FRESH: &str = "basic eC1hY2Nlc3MtdG9rZW46ZnJlc2gtMDEyMzQ1Njc4OQ==";
    let base = serve(|head, stream| {
        let is_fresh = head.to_lowercase().contains(&FRESH.to_lowercase());
        let status = if is_fresh { "200 OK" } else { "401 Unauthorized" };
        write(stream, &format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n"));
        write(stream, "connection: close\r\n\r\n");
    });
    let client = connect(&base, TOKEN);
    client.set_renewal(Arc::new(Gives("fresh-0123456789")));
    let pull = Pull {
        method: Method::Get,
        url: &base.parse().unwrap(),
        headers: &[],
        body: Vec::new(),
        stall: Duration::from_secs(10),
        stop: &StopFlag::default(),
    };
    assert_eq!(client.blocking_stream(&pull).unwrap().status, 200);
    assert_eq!(client.sent(), 2);
    let text = format!("{TOKEN} fresh-0123456789");
    assert_eq!(client.redact(&text), "*** ***", "both are known");
}
