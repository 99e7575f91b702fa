//! Events to a receiver that is slow, gone, elsewhere or busy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobctl_http::{Delivery, Secret, Undelivered, Webhook};

const PATIENCE: Duration = Duration::from_secs(60);

/// A receiver that gives these answers, one after the other and the last for ever, and what came.
fn receive(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/path-secret", listener.local_addr().unwrap());
    let came = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&came);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
            let _ = lines.read_exact(&mut body);
            let mut came = into.lock().unwrap();
            let answer = answers[came.len().min(answers.len() - 1)];
            came.push(head + &String::from_utf8_lossy(&body));
            drop(came);
            if answer.is_empty() {
                // Silent until the sender leaves.
                let _ = stream.read(&mut [0]);
            }
            let _ = write!(
                stream,
                "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
        }
    });
    (address, came)
}

fn webhook(address: &str, timeout: Duration) -> Webhook {
    let secret = Secret::new("sesame".into()).unwrap();
    Webhook::new(address.parse().unwrap(), Some(secret), false, timeout).unwrap()
}

/// Delivers `{}`; also gives what was said on the way.
async fn deliver(webhook: &Webhook, patience: Duration) -> (Result<u32, Undelivered>, Vec<String>) {
    let delivery = Delivery { id: "d-1", event: "failed", patience };
    let mut said = Vec::new();
    let result =
        webhook.deliver(&delivery, |_| b"{}".to_vec(), |text| said.push(text.to_owned())).await;
    (result, said)
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id() {
    let (address, came) = receive(&["503 Busy", "429 Slow", "200 OK"]);
    let (result, said) = deliver(&webhook(&address, PATIENCE), PATIENCE).await;
    assert_eq!(result, Ok(3));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with("it answered 503; it is tried again"), "{said:?}");
    assert!(!said[0].contains("path-secret"), "{said:?}");
    let came = came.lock().unwrap();
    assert_eq!(came.len(), 3);
    for request in came.iter() {
        assert!(request.starts_with("POST /path-secret HTTP/1.1"), "{request}");
        assert!(request.contains("x-jobctl-delivery: d-1\r\n"), "{request}");
        assert!(request.contains("x-jobctl-event: failed\r\n"), "{request}");
        // printf '{}' | openssl dgst -sha256 -hmac sesame
        let signed = "x-jobctl-signature: \
            sha256=9288af31519fb10ea518c62c303396c38b77e7d2a1db3cc31e7bc2894e0bd786\r\n";
        assert!(request.contains(signed), "{request}");
        assert!(!request.contains("sesame"), "{request}");
    }
}

#[tokio::test]
async fn a_refusal_is_taken_as_such() {
    for (answer, status) in [("400 No", 400), ("401 No", 401), ("410 Gone", 410)] {
        let answer: &'static [&'static str] = Box::leak(Box::new([answer]));
        let (address, came) = receive(answer);
        let (result, _) = deliver(&webhook(&address, PATIENCE), PATIENCE).await;
        assert!(matches!(result, Err(Undelivered::Refused { status: s, .. }) if s == status));
        assert_eq!(came.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_takes_nothing_elsewhere() {
    let (elsewhere, stolen) = receive(&["200 OK"]);
    let answer: &'static str =
        Box::leak(format!("307 Over There\r\nlocation: {elsewhere}").into_boxed_str());
    let (address, _) = receive(Box::leak(Box::new([answer])));
    let (result, _) = deliver(&webhook(&address, PATIENCE), PATIENCE).await;
    assert!(matches!(result, Err(Undelivered::Redirected { status: 307, .. })), "{result:?}");
    assert_eq!(*stolen.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn silence_and_absence_end_with_patience_and_tell_no_path() {
    let (silent, _) = receive(&[""]);
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/path-secret", listener.local_addr().unwrap())
    };
    for address in [silent, gone] {
        let webhook = webhook(&address, Duration::from_millis(50));
        let (result, _) = deliver(&webhook, Duration::from_millis(100)).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Undelivered::GivenUp { tries: 1, .. }), "{error:?}");
        assert!(!error.to_string().contains("path-secret"), "{error}");
    }
}

#[tokio::test]
async fn who_asks_for_more_time_than_there_is_gets_no_second_try() {
    let (address, came) = receive(&["503 Busy\r\nretry-after: 3600"]);
    let (result, _) = deliver(&webhook(&address, PATIENCE), PATIENCE).await;
    assert!(matches!(result, Err(Undelivered::GivenUp { tries: 1, .. })), "{result:?}");
    assert_eq!(came.lock().unwrap().len(), 1);
}
