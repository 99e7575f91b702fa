//! GitHub Apps: a key signs who asks, and GitHub gives an installation's token for that, which
//! lives an hour.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jobctl_core::Time;
use jobctl_http::{
    BadSecret, Client, ClientError, Credential, Endpoint, Secret, Sent, Transport as _,
};
use jobctl_provider::{Answer, Body, Descriptor, Method, Repeat, Request};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;

use crate::environment;
use crate::settings::AppSettings;
use crate::work::options::Connection;

/// How long what the key signs is good for: ten minutes at most, GitHub's documentation says.
const SIGNED_FOR: i64 = 9 * 60;
/// How far our clock may be ahead of GitHub's; that much is what it advises.
const CLOCK_DRIFT: i64 = 60;

/// Why an App has no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoToken {
    /// Its key cannot be read.
    #[error("could not read the App's key {}", .path.display())]
    Key {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its key is none. Says nothing of its contents.
    #[error("{} is not a private RSA key in PEM", .0.display())]
    NotAKey(PathBuf),
    /// The way to GitHub could not be prepared.
    #[error("could not prepare the connection")]
    Client(#[from] ClientError),
    /// GitHub did not give one.
    #[error("the App got no token for its installation: {0}")]
    Refused(String),
    /// GitHub gave something else.
    #[error("the App got something that is no token")]
    NotAToken(#[from] BadSecret),
}

/// What GitHub answers; its documentation, "Create an installation access token for an app".
#[derive(Deserialize)]
struct Given {
    token: String,
    expires_at: Option<Time>,
}

/// The part of a refusal that is for people.
#[derive(Deserialize)]
struct Said {
    message: String,
}

/// A new token for an App's installation.
pub(crate) async fn installation_token(
    connection: &Connection,
    app: &AppSettings,
) -> Result<Credential, NoToken> {
    let signed = signed(app, environment::now())?;
    let endpoint = Endpoint {
        name: connection.name.clone(),
        base: connection.api_url.clone(),
        hosts: connection.hosts.clone(),
        credentials: vec![Credential::bearer(Secret::new(signed)?)],
        allow_http: connection.allow_http,
    };
    let client = Client::new(endpoint, &DESCRIPTOR)?;
    match client.send(&request(connection, app)).await {
        Sent::Answer { answer: Answer::Reply { status: 201, body, .. }, .. } => {
            let given: Given = serde_json::from_slice(&body)
                .map_err(|error| NoToken::Refused(format!("the answer is no token: {error}")))?;
            let secret = Secret::new(given.token)?;
            Ok(Credential { expires_at: given.expires_at, ..Credential::bearer(secret) })
        }
        Sent::Answer { answer: Answer::Reply { status, body, .. }, .. } => {
            let said = serde_json::from_slice::<Said>(&body).map(|said| said.message);
            Err(NoToken::Refused(format!("{} (status {status})", said.unwrap_or_default())))
        }
        Sent::Answer { answer: Answer::Fault { message, .. }, .. }
        | Sent::Limited { message, .. } => Err(NoToken::Refused(message)),
    }
}

/// One question to GitHub needs no budget.
const DESCRIPTOR: Descriptor = Descriptor {
    name: "github",
    title: "GitHub",
    max_in_flight: 1,
    buckets: Vec::new(),
    shared: None,
};

fn request(connection: &Connection, app: &AppSettings) -> Request {
    let mut url = connection.api_url.clone();
    let path = format!("{}app/installations/{}/access_tokens", url.path(), app.installation);
    url.set_path(&path);
    Request {
        method: Method::Post,
        url,
        headers: vec![("accept", "application/vnd.github+json".to_owned())],
        body: Body::Empty,
        bucket: "app",
        cost: 1,
        // Two tokens are as good as one.
        repeat: Repeat::Safe,
    }
}

/// Who asks, signed with the App's key: a JSON Web Token of RS256.
fn signed(app: &AppSettings, now: Time) -> Result<String, NoToken> {
    let path = &app.key_file;
    let pem = std::fs::read_to_string(path)
        .map_err(|source| NoToken::Key { path: path.clone(), source })?;
    let not_a_key = || NoToken::NotAKey(path.clone());
    let key = key(&pem).ok_or_else(not_a_key)?;
    let seconds = now.as_second();
    let claims = json!({
        "iat": seconds - CLOCK_DRIFT,
        "exp": seconds + SIGNED_FOR,
        "iss": app.id.to_string(),
    });
    let head = json!({ "alg": "RS256", "typ": "JWT" });
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(&head), part(&claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| not_a_key())?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The key in a PEM text, as GitHub gives it (PKCS #1) or as others write it (PKCS #8).
fn key(pem: &str) -> Option<RsaKeyPair> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_whitespace().collect();
    let bytes = STANDARD.decode(body).ok()?;
    match label {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&bytes).ok(),
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&bytes).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;
    use crate::settings::AppId;
    use crate::work::options::Dialect;

    /// Keys made for this test; they open nothing.
    const KEY: &str = include_str!("fixtures/app-key.pem");
    const SAME_KEY: &str = include_str!("fixtures/app-key-pkcs8.pem");

    fn app(directory: &tempfile::TempDir, pem: &str) -> AppSettings {
        let key_file = directory.path().join("key.pem");
        File::create(&key_file).unwrap().write_all(pem.as_bytes()).unwrap();
        AppSettings { id: AppId::Number(1234), installation: 77, key_file }
    }

    fn claims(token: &str) -> serde_json::Value {
        let part = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_key_of_either_form_signs_what_its_public_half_takes() {
        let directory = tempfile::tempdir().unwrap();
        let now = Time::from_second(1_790_000_000).unwrap();
        let public = key(KEY).unwrap().public_key().as_ref().to_vec();
        for pem in [KEY, SAME_KEY] {
            let token = signed(&app(&directory, pem), now).unwrap();
            let (text, signature) = token.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
            public.verify(text.as_bytes(), &signature).unwrap();
            let claims = claims(&token);
            assert_eq!(claims["iss"], "1234");
            assert_eq!(claims["iat"], 1_790_000_000 - 60);
            let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert!(lives <= 600, "GitHub takes ten minutes at most: {lives}");
        }
    }

    #[test]
    fn what_is_no_key_is_said_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        for bad in
            ["", "c2VjcmV0", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"]
        {
            let error = signed(&app(&directory, bad), Time::UNIX_EPOCH).unwrap_err();
            assert!(matches!(error, NoToken::NotAKey(_)), "{error}");
            assert!(!error.to_string().contains("c2Vj"), "{error}");
        }
    }

    /// One reply to one request, whose text is given back.
    fn server(reply: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api/v3/", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = Vec::new();
            let mut byte = [0];
            while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                text.push(byte[0]);
            }
            stream.write_all(reply.as_bytes()).unwrap();
            String::from_utf8(text).unwrap()
        });
        (url, thread)
    }

    fn ask(url: &str, app: &AppSettings) -> Result<Credential, NoToken> {
        let connection = Connection {
            name: "ours".to_owned(),
            dialect: Dialect::GitHub,
            api_url: url.parse().unwrap(),
            hosts: vec![url.split('/').nth(2).unwrap().to_owned()],
            allow_http: false,
            organisation: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(installation_token(&connection, app))
    }

    #[test]
    fn an_installation_gets_its_token_for_what_the_key_signed() {
        let directory = tempfile::tempdir().unwrap();
        let app = app(&directory, KEY);
        let (url, server_thread) = server(
            "HTTP/1.1 201 Created\r\ncontent-length: 57\r\nconnection: close\r\n\r\n\
             {\"token\":\"ghs_new\",\"expires_at\":\"2026-11-21T23:00:00Z\"}  ",
        );
        let credential = ask(&url, &app).unwrap();
        assert_eq!(credential.secret.expose(), "ghs_new");
        assert_eq!(credential.expires_at, "2026-11-21T23:00:00Z".parse().ok());
        let asked = server_thread.join().unwrap().to_lowercase();
        assert!(asked.starts_with("post /api/v3/app/installations/77/access_tokens "), "{asked}");
        assert!(asked.contains("authorization: bearer eyj"), "{asked}");

        let (url, server_thread) = server(
            "HTTP/1.1 404 Not Found\r\ncontent-length: 23\r\nconnection: close\r\n\r\n\
             {\"message\":\"Not Found\"}",
        );
        let error = ask(&url, &app).unwrap_err();
        assert!(error.to_string().contains("Not Found (status 404)"), "{error}");
        server_thread.join().unwrap();
    }
}
