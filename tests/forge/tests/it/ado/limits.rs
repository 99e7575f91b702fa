//! Usage is counted and answered in three stages.

use std::time::Duration;

use jobctl_forge::ado::{AdoAction, AdoLimits, AdoScript, AdoStage, AdoThrottle};
use jobctl_forge::{Firing, LimitKind};

use super::{behaving, forge, get, message, query};

const PROJECT: &str = "contoso/_apis/projects/Shop?api-version=7.1";

fn rule(stage: AdoStage, firing: Firing) -> AdoThrottle {
    AdoThrottle { stage, firing, seconds: 30, delay_ms: 20 }
}

#[test]
fn far_from_the_limit_nothing_is_said() {
    let forge = forge(|_| {});
    let reply = get(&forge, PROJECT);
    assert!(
        reply.headers.keys().all(|name| !name.starts_with("x-ratelimit") && name != "retry-after")
    );
}

#[test]
fn usage_is_flagged_then_delayed_then_blocked_until_the_window_has_passed() {
    // Each request for the project costs a hundredth.
    let limits = AdoLimits { tstu: Some(0.1), delay_ms: 5, ..AdoLimits::default() };
    let forge = behaving(|b| b.limits = limits);
    let mut seen = Vec::new();
    for _ in 0..20 {
        let reply = get(&forge, PROJECT);
        let stage = (
            reply.status,
            reply.header("x-ratelimit-delay").is_some(),
            reply.header("retry-after").is_some(),
        );
        let flagged = reply.header("x-ratelimit-limit").is_some();
        if seen.last() != Some(&(flagged, stage)) {
            seen.push((flagged, stage));
        }
    }
    let wanted = [
        (false, (200, false, false)),
        (true, (200, false, false)),
        (true, (200, true, true)),
        (true, (429, false, true)),
    ];
    assert_eq!(seen, wanted);
    assert!(forge.log().last().unwrap().while_limited, "it did not rest");
    forge.advance(Duration::from_secs(301));
    let reply = get(&forge, PROJECT);
    assert_eq!((reply.status, reply.header("retry-after")), (200, None));
    assert!(!forge.log().last().unwrap().while_limited);
}

#[test]
fn a_delayed_reply_is_good_and_asks_for_a_rest() {
    let forge = behaving(|b| b.throttle = vec![rule(AdoStage::Delay, Firing::Nth(1))]);
    let reply = get(&forge, PROJECT);
    assert_eq!((reply.status, reply.json()["name"].as_str()), (200, Some("Shop")));
    assert_eq!(reply.header("retry-after"), Some("30"));
    assert_eq!(reply.header("x-ratelimit-delay"), Some("0.020"));
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
    get(&forge, PROJECT);
    forge.advance(Duration::from_secs(31));
    get(&forge, PROJECT);
    let log = forge.log();
    assert_eq!(log.iter().map(|e| e.while_limited).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(log[0].limited, Some(LimitKind::Secondary));
    assert!(log[0].ended_ms.unwrap() - log[0].started_ms >= 20.0);
}

#[test]
fn a_block_holds_for_everything_until_it_is_over() {
    let forge = behaving(|b| b.throttle = vec![rule(AdoStage::Block, Firing::Nth(2))]);
    assert_eq!(get(&forge, PROJECT).status, 200);
    for _ in 0..2 {
        let reply = get(&forge, PROJECT);
        assert_eq!(reply.status, 429);
        assert!(message(&reply).starts_with("TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource"));
    }
    assert_eq!(
        get(&forge, "fabrikam/_apis/projects?api-version=7.1").status,
        200,
        "another organisation"
    );
    forge.advance(Duration::from_secs(31));
    assert_eq!(get(&forge, PROJECT).status, 200);
    forge.ado().configure(|b| b.throttle = vec![rule(AdoStage::Flag, Firing::Always)]);
    let reply = get(&forge, PROJECT);
    assert_eq!(
        (reply.header("x-ratelimit-limit"), reply.header("retry-after")),
        (Some("200"), None)
    );
}

#[test]
fn the_script_changes_the_world_while_it_is_read() {
    let line = AdoScript {
        every: 2,
        project: "contoso/Shop".to_owned(),
        action: AdoAction::Any,
        times: Some(30),
    };
    let forge = behaving(|b| b.script = vec![line]);
    let before = forge.ado().truth("contoso", "Shop").unwrap();
    let all = "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project";
    query(&forge, all, "").unwrap();
    assert_eq!(forge.ado().truth("contoso", "Shop").unwrap(), before);
    for _ in 0..80 {
        query(&forge, all, "").unwrap();
    }
    let after = forge.ado().truth("contoso", "Shop").unwrap();
    assert!(after.items.len() != before.items.len() || after.gone != before.gone);
    let found = query(&forge, all, "").unwrap();
    assert_eq!(found, after.items.keys().copied().collect::<Vec<_>>());
}

#[test]
fn entries_name_the_documented_path() {
    let forge = forge(|_| {});
    get(&forge, "contoso/Shop/_apis/wit/workItems/1?api-version=7.1");
    get(&forge, PROJECT);
    let endpoints: Vec<String> = forge.log().into_iter().map(|entry| entry.endpoint).collect();
    let wanted = [
        "/{organization}/{project}/_apis/wit/workitems/{id}",
        "/{organization}/_apis/projects/{projectId}",
    ];
    assert_eq!(endpoints, wanted);
}
