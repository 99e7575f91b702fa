//! What a power cut may leave of what was not synced.
//!
//! Of one file or directory: any beginning of its changes, and all of them but one. The first
//! change to a file that is not kept may be kept in part. Renames are whole: every file system
//! that keeps a journal commits them at once, and so do those that copy on write.

use std::collections::HashSet;
use std::sync::Arc;

use fastrand::Rng;

use super::disk::{Dir, Disk, Edit, File, Names, Node};

/// What a disk writes at once.
const SECTOR: usize = 512;

/// All that may be left of a node: nothing of its changes first, all of them last.
pub(crate) fn of(node: &Node) -> Vec<Arc<Node>> {
    match node {
        Node::File(file) => {
            distinct(bytes(file)).map(|bytes| Arc::new(Node::file(bytes))).collect()
        }
        Node::Dir(dir) => distinct(names(dir)).map(|names| Arc::new(Node::dir(names))).collect(),
    }
}

/// Keeps the first of equal ones, and the last of all in its place.
fn distinct<T: Clone + Eq + std::hash::Hash>(mut all: Vec<T>) -> impl Iterator<Item = T> {
    let kept = all.pop();
    let mut known: HashSet<T> = kept.iter().cloned().collect();
    let lost = all.first().cloned();
    all.retain(|one| known.insert(one.clone()));
    // Nothing lost and all kept are the two ends, even where they are the same.
    if let Some(lost) = lost.filter(|lost| all.first() != Some(lost)) {
        all.insert(0, lost);
    }
    all.into_iter().chain(kept)
}

fn bytes(file: &File) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut kept = file.synced.clone();
    for (at, edit) in file.edits.iter().enumerate() {
        all.push(kept.clone());
        all.extend(torn(edit, &kept));
        let mut without = kept.clone();
        file.edits[at + 1..].iter().for_each(|later| later.apply(&mut without));
        all.push(without);
        edit.apply(&mut kept);
    }
    all.push(kept);
    all
}

/// What may be left of one change to a file, besides all and nothing.
fn torn(edit: &Edit, before: &[u8]) -> Vec<Vec<u8>> {
    let Edit::Write(new, at) = edit else { return Vec::new() };
    let (at, end) = (*at, at + new.len());
    let after = |edit: Edit| {
        let mut bytes = before.to_vec();
        edit.apply(&mut bytes);
        bytes
    };
    let mut left = Vec::new();
    let unwritten = {
        // The new length without the bytes.
        let mut bytes = before.to_vec();
        bytes.resize(before.len().max(end), 0);
        bytes
    };
    for some in [1, new.len() / 2, new.len().saturating_sub(1)] {
        let some = &new[..some.min(new.len())];
        left.push(after(Edit::Write(some.to_vec(), at)));
        let mut bytes = unwritten.clone();
        bytes[at..at + some.len()].copy_from_slice(some);
        left.push(bytes);
    }
    for start in (at / SECTOR * SECTOR..end).step_by(SECTOR) {
        let missing = start.max(at)..end.min(start + SECTOR);
        let mut bytes = after(edit.clone());
        bytes[missing.clone()].copy_from_slice(&unwritten[missing]);
        left.push(bytes);
    }
    left.push(unwritten);
    left
}

fn names(dir: &Dir) -> Vec<Names> {
    let mut all = Vec::new();
    let mut kept = dir.synced.clone();
    for (at, step) in dir.steps.iter().enumerate() {
        all.push(kept.clone());
        let mut without = kept.clone();
        dir.steps[at + 1..].iter().for_each(|later| later.apply(&mut without));
        all.push(without);
        step.apply(&mut kept);
    }
    all.push(kept);
    all
}

/// A disk after a power cut.
pub(crate) struct Left {
    pub(crate) disk: Disk,
    /// Which way each node went whose changes were not synced.
    pub(crate) ways: Vec<usize>,
    /// The same for the same names and bytes.
    pub(crate) print: u64,
    /// Whether it differs from another in what the last call changed, or in nothing but that all
    /// is lost or all is kept.
    pub(crate) new: bool,
}

/// A node with changes that are not synced, and what may be left of it.
struct Open {
    place: usize,
    ways: Vec<Arc<Node>>,
    prints: Vec<u64>,
    /// Whether the last call changed it.
    new: bool,
}

impl Open {
    fn last(&self) -> usize {
        self.ways.len() - 1
    }

    /// The ways worth taking while of all others everything is kept: that a file is torn in its
    /// own ways matters when it is written, that a name is lost matters for all that follows.
    fn ways_among_kept(&self) -> usize {
        match self.ways[0].as_ref() {
            Node::File(_) if !self.new => 1,
            Node::File(_) | Node::Dir(_) => self.ways.len(),
        }
    }
}

fn open(before: Option<&Disk>, disk: &Disk) -> Vec<Open> {
    let before = before.map(Disk::nodes).unwrap_or_default();
    let nodes = disk.nodes().iter().enumerate().filter(|(_, node)| !node.is_settled());
    let open = nodes.map(|(place, node)| {
        let ways = of(node);
        let prints = ways.iter().map(|way| way.print()).collect();
        let new = !before.get(place).is_some_and(|before| Arc::ptr_eq(before, node));
        Open { place, ways, prints, new }
    });
    open.collect()
}

/// Which way each open node goes, and whether that is [`Left::new`].
type Choice = (Vec<usize>, bool);

/// What a power cut may leave of a disk: each node's outcomes while of all others nothing is kept,
/// and again while all is; and so many random choices. `before` is the disk a call earlier.
pub(crate) fn after_cut(before: Option<&Disk>, disk: &Disk, random: usize, seed: u64) -> Vec<Left> {
    let open = open(before, disk);
    let [(lost, _), (kept, _)] = ends(&open);
    let mut choices = ends(&open).to_vec();
    for (at, node) in open.iter().enumerate() {
        let other = |base: &Vec<usize>, way| {
            let mut choice = base.clone();
            choice[at] = way;
            (choice, node.new)
        };
        choices.extend((0..node.ways.len()).map(|way| other(&lost, way)));
        choices.extend((0..node.ways_among_kept()).map(|way| other(&kept, way)));
    }
    choices.extend(at_random(&open, random, seed));
    left(disk, &open, choices)
}

/// A few of these outcomes: all is lost, all is kept, and one at random.
pub(crate) fn few_after_cut(disk: &Disk, seed: u64) -> Vec<Left> {
    let open = open(None, disk);
    let choices = ends(&open).into_iter().chain(at_random(&open, 1, seed)).collect();
    left(disk, &open, choices)
}

/// All is lost, and all is kept.
fn ends(open: &[Open]) -> [Choice; 2] {
    [(vec![0; open.len()], true), (open.iter().map(Open::last).collect(), true)]
}

fn at_random(open: &[Open], count: usize, seed: u64) -> Vec<Choice> {
    let mut rng = Rng::with_seed(seed);
    let mut choice = || open.iter().map(|node| rng.usize(..node.ways.len())).collect();
    (0..count).map(|_| (choice(), false)).collect()
}

fn left(disk: &Disk, open: &[Open], choices: Vec<Choice>) -> Vec<Left> {
    let settled: Vec<u64> = disk.nodes().iter().map(|node| node.print()).collect();
    let left = choices.into_iter().map(|(ways, new)| {
        let mut prints = settled.clone();
        for (node, way) in open.iter().zip(&ways) {
            prints[node.place] = node.prints[*way];
        }
        let chosen = open.iter().zip(&ways);
        let disk = disk.with(chosen.map(|(node, way)| (node.place, node.ways[*way].clone())));
        let print = disk.print(&prints);
        Left { disk, ways, print, new }
    });
    left.collect()
}

/// What a power cut leaves of a disk at least.
pub(crate) fn least(disk: &Disk) -> Disk {
    let open = disk.nodes().iter().enumerate().filter(|(_, node)| !node.is_settled());
    let least = open.map(|(place, node)| match node.as_ref() {
        Node::File(file) => (place, Arc::new(Node::file(file.synced.clone()))),
        Node::Dir(dir) => (place, Arc::new(Node::dir(dir.synced.clone()))),
    });
    disk.with(least)
}
