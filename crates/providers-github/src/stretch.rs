use jobctl_provider::{Refusal, Time};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ask::{What, later};
use crate::page::Page;
use crate::rows::Place;

/// Readings of one stretch at most before it counts as never the same twice.
const READINGS: u8 = 3;
/// Pages of one reading at most: ten times what GitHub is known to list by links.
const PAGES: u32 = 5_000;

/// More than a page of rows within two seconds, read along `Link` headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// The next page; `None` asks by `since` again, which begins another reading.
    pub(crate) next: Option<String>,
    /// The last change met in this reading.
    pub(crate) last: Option<Time>,
    pages: u32,
    /// Which reading this is, from 1.
    reading: u8,
    seen: Digest,
    /// What the reading before saw, up to `goal`.
    before: Option<Digest>,
    /// How far the stretch goes, known since the end of the first reading.
    goal: Option<Time>,
}

/// Which rows were seen, whatever their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Digest {
    count: u64,
    sum: u64,
}

/// What follows a page of a stretch.
pub(crate) enum Reading {
    /// The reading, or another one, goes on.
    Goes(Stretch),
    /// The stretch is read up to `goal`; not `stable` means that no two readings agreed.
    Done {
        /// Whether two readings agreed.
        stable: bool,
        /// How far.
        goal: Time,
    },
}

impl Digest {
    fn add(&mut self, places: &[Place], goal: Option<Time>) {
        for (id, at) in places {
            if goal.is_none_or(|goal| *at <= goal) {
                self.count += 1;
                self.sum = self.sum.wrapping_add(mixed(*id));
            }
        }
    }
}

/// Sums of plain numbers collide easily (1 + 4 = 2 + 3); this is the finaliser of `SplitMix64`.
const fn mixed(id: u64) -> u64 {
    let mut z = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Stretch {
    /// A stretch whose first page, asked by `since`, was just read.
    pub(crate) fn begin(places: &[Place], next: &Url) -> Self {
        let mut seen = Digest::default();
        seen.add(places, None);
        Self {
            next: Some(next.to_string()),
            last: places.last().map(|place| place.1),
            pages: 1,
            reading: 1,
            seen,
            before: None,
            goal: None,
        }
    }

    /// Takes in one more page. `ended`: the list or the window has no more; `advanced`: where a
    /// window by `since` could begin after this page, if it could.
    pub(crate) fn read(
        &self,
        page: &Page,
        ended: bool,
        advanced: Option<Time>,
        what: What,
    ) -> Result<Reading, Refusal> {
        let mut stretch = self.clone();
        stretch.pages += 1;
        stretch.last = page.places.last().map(|place| place.1).or(self.last);
        if stretch.pages > PAGES {
            return Err(Refusal::Malformed {
                message: format!("the list does not end: {PAGES} pages within a second"),
            });
        }
        let latest = page.places.iter().map(|place| place.1).max().or(self.last);
        let goal = match self.goal {
            Some(goal) => goal,
            None if ended => latest.unwrap_or(Time::UNIX_EPOCH),
            None => match advanced {
                Some(since) => since,
                None => return Ok(stretch.goes_on(page)),
            },
        };
        if self.goal.is_some() && !ended && latest.is_none_or(|latest| latest < later(goal, 1)) {
            return Ok(stretch.goes_on(page));
        }
        stretch.seen.add(&page.places, Some(goal));
        Ok(stretch.judged(goal, what))
    }

    /// To the next page of this reading.
    fn goes_on(mut self, page: &Page) -> Reading {
        self.seen.add(&page.places, self.goal);
        self.next = page.links.next.as_ref().map(Url::to_string);
        Reading::Goes(self)
    }

    /// After the last page of a reading.
    fn judged(self, goal: Time, what: What) -> Reading {
        // A comment that is missed shows in its issue's count of comments; a missed issue shows
        // nowhere but in totals, which a deletion may hide.
        let stable = what == What::Comments || self.before == Some(self.seen);
        if stable || self.reading >= READINGS {
            return Reading::Done { stable, goal };
        }
        Reading::Goes(Self {
            next: None,
            last: None,
            pages: 0,
            reading: self.reading + 1,
            seen: Digest::default(),
            before: Some(self.seen),
            goal: Some(goal),
        })
    }
}
