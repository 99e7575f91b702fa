//! Items in order, kept sorted: 45,000 comments must not be sorted for each page.

/// Pairs of a sort key and a tie-breaking id, ascending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order(Vec<(i64, u64)>);

impl Order {
    pub(crate) fn insert(&mut self, key: i64, id: u64) {
        if let Err(at) = self.0.binary_search(&(key, id)) {
            self.0.insert(at, (key, id));
        }
    }

    pub(crate) fn remove(&mut self, key: i64, id: u64) {
        if let Ok(at) = self.0.binary_search(&(key, id)) {
            self.0.remove(at);
        }
    }

    /// All from this key on.
    pub(crate) fn starting_at(&self, key: i64) -> &[(i64, u64)] {
        let at = self.0.partition_point(|&(k, _)| k < key);
        &self.0[at..]
    }

    pub(crate) fn all(&self) -> &[(i64, u64)] {
        &self.0
    }
}

impl FromIterator<(i64, u64)> for Order {
    fn from_iter<I: IntoIterator<Item = (i64, u64)>>(items: I) -> Self {
        let mut all: Vec<_> = items.into_iter().collect();
        all.sort_unstable();
        Order(all)
    }
}
