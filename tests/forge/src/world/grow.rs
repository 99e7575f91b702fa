//! Growing a world from a seed.

use super::change::Change;
use super::people::AccountKind;
use super::repo::{Comment, Issue, Label, Milestone, Pull, Repo};
use super::{World, nasty, recorded, special, text};
use crate::config::{Config, IssueVolume};
use crate::random::Random;

/// 2014-01-01 and 2026-10-31: everything grown happened between them.
pub(crate) const START: i64 = 1_388_534_400;
pub(crate) const END: i64 = 1_793_404_800;
const DAY: i64 = 86_400;
/// Changes of a label in the history of a restless issue: more than two pages.
const RESTLESS: u32 = 250;

const LABELS: [(&str, &str); 10] = [
    ("bug", "d73a4a"),
    ("enhancement", "a2eeef"),
    ("documentation", "0075ca"),
    ("good first issue", "7057ff"),
    ("area/api, v2", "ededed"),
    ("\u{1F525} urgent", "ff0000"),
    ("needs: info?", "fbca04"),
    ("wontfix", "ffffff"),
    ("日本語", "0e8a16"),
    ("P1", "b60205"),
];

/// The world of this configuration; addresses in it begin with `url`.
pub(crate) fn world(config: &Config, url: &str) -> World {
    let mut world = World::new(url);
    let mut random = Random::new(config.seed);
    for token in &config.tokens {
        world.account(&token.login);
    }
    world.account("octo");
    let acme = world.people.add("acme", AccountKind::Organization);
    world.people.add_with_id("ghost", AccountKind::User, 10_137);
    world.people.add("renovate[bot]", AccountKind::Bot);
    for n in 1..=40 {
        world.people.add(&format!("user-{n:02}"), AccountKind::User);
    }
    let api = api(&mut world, config, acme, &mut random);
    world.repos.push(api);
    special::add(&mut world, config, acme, &mut random);
    personal(&mut world, &mut random);
    if config.recorded {
        recorded::add(&mut world, &mut random);
    }
    remove_some(&mut world, &config.issues);
    // What was removed would be missing from the numbers asked for.
    distort(&mut world.repos[0], &config.issues);
    world
}

fn api(world: &mut World, config: &Config, owner: usize, random: &mut Random) -> Repo {
    let mut repo = Repo::new(70_000_000, owner, "api", START);
    repo.description = Some("The API of acme".to_owned());
    repo.updated = END;
    repo.size = 4_711;
    if config.renamed {
        repo.former.push("old-api".to_owned());
    }
    fill(world, &mut repo, &config.issues, random);
    repo
}

/// Two repositories of the user `octo`, one of them private.
fn personal(world: &mut World, random: &mut Random) {
    let octo = world.account("octo");
    for (n, name) in ["dotfiles", "notes"].into_iter().enumerate() {
        let mut repo = Repo::new(world.next_repo_id, octo, name, START);
        world.next_repo_id += 1;
        repo.private = n == 1;
        let volume = IssueVolume { issues: 2, comments: 3, nasty: false, ..IssueVolume::default() };
        fill(world, &mut repo, &volume, random);
        world.repos.push(repo);
    }
}

/// Fills a repository with labels, milestones, issues and comments.
pub(crate) fn fill(world: &mut World, repo: &mut Repo, volume: &IssueVolume, random: &mut Random) {
    let first = repo.id * 100;
    repo.labels = (first..).zip(LABELS).map(|(id, (name, color))| label(id, name, color)).collect();
    repo.milestones = (1..=4).map(|n| milestone(first, n)).collect();
    for number in 1..=u64::from(volume.issues) {
        let issue = issue(world, volume, number, random);
        repo.issues.insert(number, issue);
    }
    repo.next_number = u64::from(volume.issues) + 1;
    comments(world, repo, volume, random);
    settle(repo, random);
    repo.sort();
    if volume.nasty {
        let ghost = world.account("ghost");
        nasty::afflict(repo, ghost);
    }
}

fn label(id: u64, name: &str, color: &'static str) -> Label {
    let description = (!id.is_multiple_of(3)).then(|| format!("About {name}"));
    Label { id, name: name.to_owned(), color, description }
}

fn milestone(first: u64, n: i64) -> Milestone {
    let id = first + n.unsigned_abs();
    let due = (n % 2 == 0).then_some(END + n * 30 * DAY);
    let created = START + n * DAY;
    Milestone { id, title: format!("v{n}.0"), open: n > 2, creator: 0, created, due }
}

fn issue(world: &mut World, volume: &IssueVolume, number: u64, random: &mut Random) -> Issue {
    let step = (END - START) / i64::from(volume.issues.max(1));
    let from = START + step * (i64::try_from(number).unwrap_or(1) - 1);
    let created = random.between(from, from + step - 1);
    let pull = random.chance(u64::from(volume.pulls_percent));
    let id = world.next_issue_id;
    world.next_issue_id += 1;
    let mut labels: Vec<usize> = (0..random.below(4)).map(|_| random.index(LABELS.len())).collect();
    labels.sort_unstable();
    labels.dedup();
    let assignees = (0..random.index(3)).map(|n| 4 + n * 2 + random.index(2)).collect();
    Issue {
        id,
        number,
        title: text::title(random),
        body: random.chance(97).then(|| text::body(random, 6, &format!("Issue {number}."))),
        user: Some(random.index(world.people.len())),
        labels,
        assignees,
        milestone: random.chance(20).then(|| random.index(4)),
        open: true,
        state_reason: None,
        locked: random.chance(1),
        comments: 0,
        comment_ids: Vec::new(),
        created,
        updated: created,
        closed: None,
        pull: pull.then(|| Pull { draft: random.chance(10), merged: None }),
        events: Vec::new(),
        recorded: None,
    }
}

/// Comments in the order of their ids and times, mostly on recent issues.
fn comments(world: &mut World, repo: &mut Repo, volume: &IssueVolume, random: &mut Random) {
    if repo.issues.is_empty() {
        return;
    }
    let births: Vec<i64> = repo.issues.values().map(|issue| issue.created).collect();
    let total = i64::from(volume.comments);
    let crowd = total / 2..total / 2 + i64::from(volume.same_second_comments);
    let step = (END - births[0]) / total.max(1);
    let mut crowded_at = None;
    for nth in 0..total {
        let from = births[0] + step * nth;
        let mut created = random.between(from, from + (step - 1).max(0));
        let crowded = crowd.contains(&nth);
        if crowded {
            created = *crowded_at.get_or_insert(created);
        }
        let born = births.partition_point(|&at| at <= created).max(1);
        let at = if random.chance(70) {
            born - 1 - random.index(born.min(50))
        } else {
            random.index(born)
        };
        let number = at as u64 + 1;
        let edited = !crowded && random.chance(5);
        let updated =
            if edited { random.between(created, (created + 30 * DAY).min(END)) } else { created };
        let id = world.next_comment_id;
        world.next_comment_id += 1 + random.below(3);
        let user = Some(random.index(world.people.len()));
        let body = text::body(random, 3, &format!("Comment {nth}."));
        repo.comments.insert(id, Comment { id, number, body, user, created, updated });
        if let Some(issue) = repo.issues.get_mut(&number) {
            issue.comment_ids.push(id);
            issue.comments += 1;
            issue.updated = issue.updated.max(created);
        }
    }
}

/// Closes most issues and touches some.
fn settle(repo: &mut Repo, random: &mut Random) {
    for issue in repo.issues.values_mut() {
        if random.chance(62) {
            let at = random.between(issue.updated, (issue.updated + 10 * DAY).min(END));
            issue.open = false;
            issue.closed = Some(at);
            issue.updated = at;
            issue.state_reason = match random.below(4) {
                _ if issue.pull.is_some() => None,
                0 => Some("not_planned"),
                _ => Some("completed"),
            };
            if let Some(pull) = &mut issue.pull {
                pull.merged = random.chance(80).then_some(at);
            }
        }
        if random.chance(5) {
            issue.updated = random.between(issue.updated, END);
        }
    }
}

/// Makes counts and lists disagree, as configured.
fn distort(repo: &mut Repo, volume: &IssueVolume) {
    let wanted = volume.stale_counts as usize;
    let with_comments = repo.issues.values().filter(|i| i.number > 20 && i.comments >= 2);
    let numbers: Vec<u64> = with_comments.map(|issue| issue.number).take(wanted).collect();
    for (nth, number) in numbers.into_iter().enumerate() {
        repo.with_issue(number, |issue| match nth % 3 {
            0 => issue.comments -= 1,
            1 => issue.comments += 3,
            _ => issue.comments = 0,
        });
    }
    let hidden = volume.hidden_comments as usize;
    if let Some(step) = repo.comments.len().checked_div(hidden) {
        let ids: Vec<u64> =
            repo.comments.keys().copied().step_by(step.max(1)).take(hidden).collect();
        repo.hidden.extend(ids);
        repo.sort();
    }
    let restless = repo.issues.keys().copied().filter(|number| number % 10 == 1 && *number > 20);
    let restless: Vec<u64> = restless.take(volume.restless as usize).collect();
    repo.restless = restless.into_iter().map(|number| (number, RESTLESS)).collect();
    for nth in 0..u64::from(volume.dependencies) {
        let (late, early) = (31 + nth * 2, 32 + nth * 2);
        if repo.is_issue(late) && repo.is_issue(early) {
            repo.blocked_by.insert(late, vec![early]);
        }
    }
}

/// Deletes and transfers what had gone before anybody looked.
fn remove_some(world: &mut World, volume: &IssueVolume) {
    let total = u64::from(volume.issues);
    let (deleted, moved) = (u64::from(volume.deleted), u64::from(volume.transferred));
    // The first twenty are the nasty ones, and a tiny world shall keep what it has.
    if total < 40 || deleted + moved == 0 {
        return;
    }
    let step = (total - 30) / (deleted + moved);
    for nth in 0..deleted + moved {
        let number = 25 + step * nth;
        let change = if nth < deleted {
            Change::DeleteIssue { number }
        } else {
            Change::TransferIssue { number, to: "acme/repo-001".to_owned() }
        };
        // Without repo-001 nothing is transferred, as documented.
        let _ = world.change("acme/api", &change, END);
    }
}
