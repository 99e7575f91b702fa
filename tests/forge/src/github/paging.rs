//! Pages and the `Link` header.
//!
//! Offsets count in the list as it is now, so pages shift when it changes. A cursor stands for
//! the sort key and id of an item and continues behind it, whatever became of the rest. Targets
//! use the form `/repositories/{id}/…`, the query is the client's own with `page`, `after` and
//! `before` exchanged, and the relations come in the order prev, next, last, first, as recorded.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::wire::Request;

/// A place in a sorted list: sort key and tie-breaking id.
pub(crate) type Place = (i64, u64);

/// Where a cursor points from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// `page=`, counted from 1.
    Page,
    After(Place),
    Before(Place),
}

/// The paging a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    pub(crate) page: u64,
    pub(crate) per_page: u64,
    pub(crate) from: From,
}

/// Part of a list, and what is around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// In the order asked for.
    pub(crate) items: Vec<Place>,
    pub(crate) total: u64,
    pub(crate) has_next: bool,
    pub(crate) has_prev: bool,
}

impl Paging {
    /// Reads `page`, `per_page`, `after` and `before`. `sort` names the order a cursor belongs to.
    ///
    /// # Errors
    /// The name of a parameter that cannot be understood: a cursor that is not ours, or of another
    /// order.
    pub(crate) fn read(request: &Request, sort: &str) -> Result<Self, &'static str> {
        let number = |name: &str| request.query(name).and_then(|text| text.parse::<u64>().ok());
        let per_page = number("per_page").filter(|&n| n > 0).unwrap_or(30).min(100);
        let page = number("page").unwrap_or(1).max(1);
        let from = match (request.query("after"), request.query("before")) {
            (Some(after), _) => From::After(unseal(&after, sort).ok_or("after")?),
            (None, Some(before)) => From::Before(unseal(&before, sort).ok_or("before")?),
            (None, None) => From::Page,
        };
        Ok(Paging { page, per_page, from })
    }

    /// The first item's position if this is an offset page beyond what any list may reach.
    pub(crate) fn reach(&self) -> u64 {
        self.page.saturating_mul(self.per_page)
    }

    /// Cuts the page out of a list that is ascending by place.
    pub(crate) fn cut(&self, ascending: &[Place], descending: bool) -> Page {
        let len = ascending.len();
        let size = usize::try_from(self.per_page).unwrap_or(100);
        // Positions count in the order asked for.
        let at = |place: Place| {
            if descending {
                len - ascending.partition_point(|p| *p < place)
            } else {
                ascending.partition_point(|p| *p <= place)
            }
        };
        let (start, end) = match self.from {
            From::Page => {
                let skip = (self.page - 1).saturating_mul(self.per_page);
                let start = usize::try_from(skip).unwrap_or(len).min(len);
                (start, (start + size).min(len))
            }
            From::After(place) => (at(place), (at(place) + size).min(len)),
            From::Before(place) => {
                let present = ascending.binary_search(&place).is_ok();
                let end = at(place) - usize::from(present);
                (end.saturating_sub(size), end)
            }
        };
        let items = (start..end).map(|n| ascending[if descending { len - 1 - n } else { n }]);
        Page {
            items: items.collect(),
            total: len as u64,
            has_next: end < len,
            has_prev: start > 0 || (self.from == From::Page && self.page > 1),
        }
    }
}

/// Makes a cursor of a place in this order.
pub(crate) fn seal(place: Place, sort: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("cursor:v2:{sort}:{}:{}", place.0, place.1))
}

fn unseal(text: &str, sort: &str) -> Option<Place> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    let plain = String::from_utf8(bytes).ok()?;
    let rest = plain.strip_prefix("cursor:v2:")?.strip_prefix(sort)?.strip_prefix(':')?;
    let (key, id) = rest.split_once(':')?;
    Some((key.parse().ok()?, id.parse().ok()?))
}

/// The `Link` header of a page, or `None` when there is nothing around it.
pub(crate) struct Linker<'a> {
    /// Without a query.
    pub(crate) target: String,
    pub(crate) request: &'a Request,
    pub(crate) paging: Paging,
    /// Offer cursors of this order.
    pub(crate) cursors: Option<&'a str>,
}

impl Linker<'_> {
    pub(crate) fn header(&self, page: &Page) -> Option<String> {
        let last = page.total.div_ceil(self.paging.per_page).max(1);
        let here = self.paging.page;
        let mut links = Vec::new();
        if page.has_prev {
            let cursor = page.items.first().map(|place| ("before", *place));
            links.push(self.link("prev", here.saturating_sub(1).max(1).min(last), cursor));
        }
        if page.has_next {
            let cursor = page.items.last().map(|place| ("after", *place));
            links.push(self.link("next", here + 1, cursor));
            if self.cursors.is_none() {
                links.push(self.link("last", last, None));
            }
        }
        if page.has_prev {
            links.push(self.link("first", 1, None));
        }
        (!links.is_empty()).then(|| links.join(", "))
    }

    fn link(&self, rel: &str, page: u64, cursor: Option<(&str, Place)>) -> String {
        let kept =
            self.request.raw_pairs().filter(|(k, _)| !["page", "after", "before"].contains(k));
        let mut query: Vec<String> = kept.map(|(key, value)| format!("{key}={value}")).collect();
        query.push(format!("page={page}"));
        if let (Some(sort), Some((name, place))) = (self.cursors, cursor) {
            query.push(format!("{name}={}", seal(place, sort)));
        }
        format!("<{}?{}>; rel=\"{rel}\"", self.target, query.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(n: u64) -> Vec<Place> {
        (1..=n).map(|id| (i64::try_from(id / 3).unwrap(), id)).collect()
    }

    fn ids(page: &Page) -> Vec<u64> {
        page.items.iter().map(|(_, id)| *id).collect()
    }

    #[test]
    fn offset_pages_follow_one_another_in_both_directions() {
        let all = places(7);
        let page =
            |page, descending| Paging { page, per_page: 3, from: From::Page }.cut(&all, descending);
        assert_eq!(ids(&page(1, false)), [1, 2, 3]);
        assert_eq!(ids(&page(3, false)), [7]);
        assert_eq!(ids(&page(1, true)), [7, 6, 5]);
        assert!(!page(3, false).has_next);
        assert!(page(9, false).items.is_empty());
    }

    #[test]
    fn cursors_continue_behind_their_item_even_when_it_is_gone() {
        let mut all = places(7);
        let third = all.remove(2);
        for descending in [false, true] {
            let page =
                Paging { page: 2, per_page: 3, from: From::After(third) }.cut(&all, descending);
            let expected: &[u64] = if descending { &[2, 1] } else { &[4, 5, 6] };
            assert_eq!(ids(&page), expected);
        }
    }

    #[test]
    fn before_gives_what_lies_directly_before() {
        let all = places(7);
        let page = Paging { page: 2, per_page: 2, from: From::Before(all[4]) };
        assert_eq!(ids(&page.cut(&all, false)), [3, 4]);
        assert_eq!(ids(&page.cut(&all, true)), [7, 6]);
    }

    #[test]
    fn a_cursor_of_another_order_is_refused() {
        let cursor = seal((5, 6), "updated-asc");
        let request = Request { target: format!("/x?after={cursor}"), ..Request::default() };
        assert_eq!(Paging::read(&request, "updated-asc").unwrap().from, From::After((5, 6)));
        assert_eq!(Paging::read(&request, "created-desc").unwrap_err(), "after");
    }
}
