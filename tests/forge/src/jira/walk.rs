//! Walking through what passes a query, in its order.

use std::cmp::Ordering;
use std::ops::Bound::{Excluded, Unbounded};

use super::jql::{Asked, Candidate, Field, Query, Test};
use super::world::{FIRST_ID, Slot, World};

/// Where a walk goes on: behind the issue of this id, which stood at this time and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) id: u64,
    pub(crate) indexed: i64,
    pub(crate) key: (u16, u32),
}

impl Behind {
    pub(crate) fn of(slot: &Slot) -> Self {
        Behind { id: slot.id, indexed: slot.indexed, key: (slot.project, slot.number) }
    }
}

/// The orders that are kept, so that a page need not sort everything.
enum Kept {
    Id,
    Key,
    Updated,
    None,
}

/// At most `most` issues behind a place, and whether there are more.
pub(crate) fn page<'a>(
    query: &Query,
    test: &Test<'a>,
    world: &'a World,
    behind: Option<Behind>,
    most: usize,
) -> (Vec<&'a Slot>, bool) {
    let (kept, descending) = kept(query);
    let mut found = Vec::new();
    let mut take = |slot: &'a Slot| {
        if slot.here && slot.listed && test(&Candidate::new(world, slot)) {
            found.push(slot);
        }
        found.len() <= most
    };
    match kept {
        Kept::Id => by_id(world, behind, descending, &mut take),
        Kept::Key => by_key(world, behind, descending, &mut take),
        Kept::Updated => by_updated(world, behind, descending, &mut take),
        Kept::None => {
            // Ends where it began: a place in such an order is found by counting.
            let all = sorted(query, test, world);
            let start = behind.and_then(|b| all.iter().position(|slot| slot.id == b.id));
            let start = start.map_or(0, |at| at + 1);
            let more = all.len() > start + most;
            return (all.into_iter().skip(start).take(most).collect(), more);
        }
    }
    let more = found.len() > most;
    found.truncate(most);
    (found, more)
}

/// All issues that pass, in order.
pub(crate) fn sorted<'a>(query: &Query, test: &Test<'a>, world: &'a World) -> Vec<&'a Slot> {
    let present = world.slots.iter().filter(|slot| slot.here && slot.listed);
    let mut found: Vec<Candidate<'a>> =
        present.map(|slot| Candidate::new(world, slot)).filter(|issue| test(issue)).collect();
    found.sort_by(|a, b| {
        for (field, descending) in &query.order {
            let order = a.compare(b, *field);
            let order = if *descending { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        // Without an order the newest come first.
        b.slot.id.cmp(&a.slot.id)
    });
    found.into_iter().map(|issue| issue.slot).collect()
}

/// How many pass.
pub(crate) fn count<'a>(test: &Test<'a>, asked: &Asked<'a>) -> u64 {
    let world = asked.world;
    let passing = world.slots.iter().filter(|slot| slot.here && slot.listed);
    passing.filter(|slot| test(&Candidate::new(world, slot))).count() as u64
}

fn kept(query: &Query) -> (Kept, bool) {
    match query.order.first() {
        None => (Kept::Id, true),
        Some((Field::Key, descending)) => (Kept::Key, *descending),
        Some((Field::Rank, descending)) => (Kept::Id, *descending),
        // No two issues share a time in this world but by chance: what follows decides nothing.
        Some((Field::Updated, descending)) => (Kept::Updated, *descending),
        Some((_, descending)) => (Kept::None, *descending),
    }
}

fn by_id<'a>(
    world: &'a World,
    behind: Option<Behind>,
    descending: bool,
    take: &mut impl FnMut(&'a Slot) -> bool,
) {
    let at = behind.and_then(|behind| usize::try_from(behind.id - FIRST_ID).ok());
    if descending {
        let end = at.unwrap_or(world.slots.len());
        let _ = world.slots[..end].iter().rev().all(take);
    } else {
        let start = at.map_or(0, |at| at + 1);
        let _ = world.slots[start..].iter().all(take);
    }
}

fn by_key<'a>(
    world: &'a World,
    behind: Option<Behind>,
    descending: bool,
    take: &mut impl FnMut(&'a Slot) -> bool,
) {
    // Keys of other times lead to issues that stand elsewhere now.
    let mut step = |((project, number), at): (&(u16, u32), &u32)| {
        let slot = &world.slots[*at as usize];
        (slot.project, slot.number) != (*project, *number) || take(slot)
    };
    let behind = behind.map_or(Unbounded, |behind| Excluded(behind.key));
    if descending {
        let _ = world.keys.range((Unbounded, behind)).rev().all(&mut step);
    } else {
        let _ = world.keys.range((behind, Unbounded)).all(&mut step);
    }
}

fn by_updated<'a>(
    world: &'a World,
    behind: Option<Behind>,
    descending: bool,
    take: &mut impl FnMut(&'a Slot) -> bool,
) {
    let all = world.by_updated.all();
    let place = behind.map(|behind| (behind.indexed, behind.id));
    let mut step = |entry: &(i64, u64)| world.slot(entry.1).is_none_or(&mut *take);
    if descending {
        let end = place.map_or(all.len(), |place| all.partition_point(|entry| *entry < place));
        let _ = all[..end].iter().rev().all(&mut step);
    } else {
        let start = place.map_or(0, |place| all.partition_point(|entry| *entry <= place));
        let _ = all[start..].iter().all(&mut step);
    }
}
