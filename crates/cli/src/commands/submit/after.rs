//! What jobs come after: from what was typed to jobs that are there, or that are made together.

use std::collections::{BTreeMap, HashMap};

use jobctl_core::{Dependency, JobId, Outcome};
use jobctl_store::Last;

use crate::error::Failure;
use crate::ids;
use crate::session::{Opened, Session};

use super::terms::After;

/// A job that is being made, as far as others of the same call can name it.
pub(super) struct New<'a> {
    pub(super) id: JobId,
    pub(super) name: Option<&'a str>,
    pub(super) after: &'a [After],
}

/// What is wrong with one of several jobs: its place among them, and why.
pub(super) type Flaw = (usize, Failure);

/// What is wrong with several jobs, in their order; something is.
pub(super) struct Flaws {
    first: Box<Flaw>,
    rest: Vec<Flaw>,
}

impl Flaws {
    /// Fails where there are any.
    pub(super) fn refuse(mut flaws: Vec<Flaw>) -> Result<(), Self> {
        flaws.sort_by_key(|(at, _)| *at);
        let mut flaws = flaws.into_iter();
        match flaws.next() {
            Some(first) => Err(Self { first: Box::new(first), rest: flaws.collect() }),
            None => Ok(()),
        }
    }

    /// The first of them.
    pub(super) fn first(self) -> Failure {
        self.first.1
    }

    /// All of them.
    pub(super) fn all(self) -> impl Iterator<Item = Flaw> {
        std::iter::once(*self.first).chain(self.rest)
    }
}

/// What each of these jobs comes after. Their own names count before those of other jobs.
///
/// Tells every flaw; no job that comes after itself is let through.
pub(super) fn resolve(
    session: &Session,
    opened: &Opened,
    jobs: &[New<'_>],
) -> Result<Vec<Vec<Dependency>>, Flaws> {
    if jobs.iter().all(|job| job.after.is_empty()) {
        return Ok(jobs.iter().map(|_| Vec::new()).collect());
    }
    let siblings = siblings(jobs);
    let mut others = Others::of(opened, jobs, &siblings);
    let mut flaws = Vec::new();
    let (mut resolved, mut edges) = (Vec::new(), Vec::new());
    for (at, job) in jobs.iter().enumerate() {
        let (mut after, mut among) = (Vec::new(), Vec::new());
        for After { on, condition } in job.after {
            let found = match siblings.get(on.as_str()).map(Vec::as_slice) {
                Some([sibling]) => {
                    among.push(*sibling);
                    Ok(jobs[*sibling].id)
                }
                Some(several) => Err(not_one(on, several.len())),
                None => others.find(on),
            };
            match found {
                Ok(on) => after.push(Dependency { on, condition: *condition }),
                Err(failure) => flaws.push((at, failure)),
            }
        }
        resolved.push(after);
        edges.push(among);
    }
    flaws.extend(cycles(&edges).into_iter().map(|cycle| (cycle[0], after_itself(jobs, &cycle))));
    Flaws::refuse(flaws)?;
    if let Err(failure) = others.check(session, opened, &resolved) {
        Flaws::refuse(vec![(0, failure)])?;
    }
    Ok(resolved)
}

/// The places of jobs that are made together, by their names. One alone has only others to name.
fn siblings<'a>(jobs: &[New<'a>]) -> HashMap<&'a str, Vec<usize>> {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, job) in jobs.iter().enumerate().filter(|_| jobs.len() > 1) {
        if let Some(name) = job.name {
            named.entry(name).or_default().push(at);
        }
    }
    named
}

fn not_one(name: &str, several: usize) -> Failure {
    Failure::usage(
        format!("{several} jobs are called {name:?}"),
        "give each that others come after a name of its own",
    )
}

fn after_itself(jobs: &[New<'_>], cycle: &[usize]) -> Failure {
    let round = cycle.iter().chain(cycle.first());
    let names: Vec<_> = round.filter_map(|at| jobs[*at].name).collect();
    Failure::usage(
        format!("it would wait for itself: {}", names.join(" after ")),
        "take one of these out",
    )
}

/// Jobs that are there already, by what was typed.
struct Others(HashMap<String, Result<JobId, Option<Failure>>>);

impl Others {
    fn of(opened: &Opened, jobs: &[New<'_>], siblings: &HashMap<&str, Vec<usize>>) -> Self {
        let typed = jobs.iter().flat_map(|job| job.after).map(|after| &after.on);
        let mut typed: Vec<String> =
            typed.filter(|on| !siblings.contains_key(on.as_str())).cloned().collect();
        typed.sort();
        typed.dedup();
        let found = opened.store.resolve_all(&typed);
        let found =
            found.into_iter().map(|found| found.map_err(|error| Some(ids::unresolved(error))));
        Self(typed.into_iter().zip(found).collect())
    }

    fn find(&mut self, on: &str) -> Result<JobId, Failure> {
        match self.0.get_mut(on) {
            Some(Ok(id)) => Ok(*id),
            Some(Err(failure)) => Err(failure.take().unwrap_or_else(|| ids::no_such(on))),
            None => Err(ids::no_such(on)),
        }
    }

    /// Warns where a condition can no longer hold: such a job is made all the same, so that what
    /// becomes of it does not depend on how fast the other one failed.
    fn check(
        &self,
        session: &Session,
        opened: &Opened,
        resolved: &[Vec<Dependency>],
    ) -> Result<(), Failure> {
        let there: Vec<JobId> =
            self.0.values().filter_map(|found| found.as_ref().ok()).copied().collect();
        let last = opened.store.last_of(&there)?;
        let ended: BTreeMap<JobId, Outcome> =
            there.iter().zip(&last).filter_map(|(id, last)| Some((*id, outcome(last)?))).collect();
        let is_hopeless = |after: &&Dependency| {
            ended.get(&after.on).is_some_and(|end| !end.meets(after.condition))
        };
        let mut hopeless: Vec<JobId> =
            resolved.iter().flatten().filter(is_hopeless).map(|after| after.on).collect();
        hopeless.sort();
        hopeless.dedup();
        for id in hopeless {
            session.screen.warn(&format!(
                "{id} is {} already, which is not what --after asks for: what comes after it is \
                 cancelled, or held if so asked",
                ended[&id].status()
            ));
        }
        Ok(())
    }
}

/// How a job ended, if it has.
fn outcome(last: &Last) -> Option<Outcome> {
    match last {
        Last::Seen(seen) => seen.job.as_ref()?.outcome(),
        Last::Removed(ended) => ended.outcome(),
        Last::Unknown(_) => None,
    }
}

/// Rounds in a graph: each a path from a node over its edges back to it. Every node that has no
/// end to its paths is on one of them, or leads to one.
fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let endless = endless(edges);
    let mut walked = vec![None; edges.len()];
    let mut cycles = Vec::new();
    for start in (0..edges.len()).filter(|at| endless[*at]) {
        let mut path = Vec::new();
        let mut at = start;
        while walked[at].is_none() {
            walked[at] = Some((start, path.len()));
            path.push(at);
            // An endless node has an edge to another one.
            at = edges[at].iter().copied().find(|next| endless[*next]).unwrap_or(at);
        }
        if let Some((_, begins)) = walked[at].filter(|(by, _)| *by == start) {
            cycles.push(path.split_off(begins));
        }
    }
    cycles
}

/// Which nodes are on a round, or lead to one.
fn endless(edges: &[Vec<usize>]) -> Vec<bool> {
    let mut open: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut sources = vec![Vec::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        for to in targets {
            sources[*to].push(from);
        }
    }
    let mut done: Vec<usize> = (0..edges.len()).filter(|at| open[*at] == 0).collect();
    while let Some(at) = done.pop() {
        for from in &sources[at] {
            open[*from] -= 1;
            if open[*from] == 0 {
                done.push(*from);
            }
        }
    }
    open.iter().map(|open| *open > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_found_and_nothing_else() {
        for (edges, wanted) in [
            (vec![], vec![]),
            (vec![vec![]], vec![]),
            (vec![vec![0]], vec![vec![0]]),
            (vec![vec![1], vec![2], vec![]], vec![]),
            (vec![vec![1, 2], vec![3], vec![3], vec![]], vec![]),
            (vec![vec![1], vec![2], vec![0]], vec![vec![0, 1, 2]]),
            // The first leads to a round, and is none itself.
            (vec![vec![1], vec![2], vec![1]], vec![vec![1, 2]]),
            (vec![vec![1], vec![0], vec![3], vec![2]], vec![vec![0, 1], vec![2, 3]]),
            // An end beside the round does not hide it.
            (vec![vec![2, 1], vec![0], vec![]], vec![vec![0, 1]]),
        ] {
            assert_eq!(cycles(&edges), wanted, "{edges:?}");
        }
    }

    #[test]
    fn a_chain_of_ten_thousand_is_no_round() {
        let mut edges: Vec<_> = (1..10_000).map(|next| vec![next]).collect();
        edges.push(vec![]);
        assert_eq!(cycles(&edges), Vec::<Vec<usize>>::new());
        edges[9_999].push(0);
        assert_eq!(cycles(&edges).len(), 1);
    }
}
