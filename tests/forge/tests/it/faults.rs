//! Faults do what they say.

use jobctl_forge::{Auth, Delivery, Fault, FaultRule, Firing, Forge, Listener};

use crate::client::{get, get_with, send, small, try_get};

fn with(fault: Fault) -> Forge {
    let forge = small();
    forge.configure(|b| b.faults = vec![FaultRule { fault, firing: Firing::Next(1), path: None }]);
    forge
}

const LIST: &str = "/repos/acme/api/issues?state=all&per_page=10";

#[test]
fn connections_break_where_they_should() {
    for fault in [Fault::DropBeforeHead, Fault::DropAfterHead, Fault::DropMidBody] {
        let forge = with(fault);
        assert!(try_get(&forge, LIST).is_err(), "{fault:?}");
        assert_eq!(get(&forge, LIST).status, 200, "only once");
        let log = forge.log();
        assert_eq!((log[0].fault, log[0].delivery), (Some(fault), Delivery::Cut));
    }
}

#[test]
fn replies_are_spoiled_without_breaking_the_connection() {
    let reply = get(&with(Fault::TruncatedJson), LIST);
    assert_eq!(reply.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_err());
    let reply = get(&with(Fault::Html502), LIST);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (502, Some("text/html; charset=utf-8"))
    );
    assert_eq!(get(&with(Fault::Status(503)), LIST).status, 503);
    assert_eq!(get(&with(Fault::ShortPage), LIST).numbers("id").len(), 5);
}

#[test]
fn the_other_listener_sees_what_is_sent_to_it() {
    let forge = with(Fault::RedirectElsewhere);
    let reply = get(&forge, LIST);
    let location = reply.header("location").unwrap().to_owned();
    assert_eq!((reply.status, location), (302, format!("{}{LIST}", forge.other_url())));
    send("GET", reply.header("location").unwrap(), &[("user-agent", "t")], "").unwrap();
    get_with(&forge, reply.header("location").unwrap(), &[]).unwrap();
    let seen = forge.log().into_iter().filter(|entry| entry.listener == Listener::Other);
    assert_eq!(seen.map(|entry| entry.auth).collect::<Vec<_>>(), [Auth::None, Auth::Wrong]);
    let forge = with(Fault::LinkElsewhere);
    assert!(get(&forge, LIST).link("next").unwrap().starts_with(forge.other_url()));
}

#[test]
fn dropping_the_forge_ends_what_stalls() {
    let forge = with(Fault::Stall);
    let url = format!("{}{LIST}", forge.url());
    let waiting =
        std::thread::spawn(move || send("GET", &url, &[("user-agent", "t")], "").is_err());
    while forge.log().is_empty() {
        std::thread::yield_now();
    }
    drop(forge);
    assert!(waiting.join().unwrap());
}
