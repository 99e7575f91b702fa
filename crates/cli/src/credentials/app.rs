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
