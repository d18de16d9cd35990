//! The filters that a session has subscribed to. Most sessions have few, which stand in a row that is no larger than they
//! are: a tree of one filter would be a fifth of what an idle client costs.

use std::collections::BTreeSet;

use crate::broker::limits::Limits;

/// How many stand in a row.
const FEW: usize = 16;

#[derive(Debug)]
pub(crate) enum SubscribedFilters {
    /// In ascending order.
    Few(Vec<Box<str>>),
    Many(Box<FilterSet>),
}

#[derive(Debug, Default)]
pub(crate) struct FilterSet {
    filters: BTreeSet<Box<str>>,
    /// Bytes of the filters.
    bytes: usize,
}

impl Default for SubscribedFilters {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl FilterSet {
    fn insert(&mut self, filter: Box<str>) {
        let len = filter.len();
        if self.filters.insert(filter) {
            self.bytes += len;
        }
    }
}

impl SubscribedFilters {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(row) => row.len(),
            Self::Many(tree) => tree.filters.len(),
        }
    }

    /// Whether the limits allow one more. A few are allowed whatever their bytes.
    pub(crate) fn has_room(&self, filter: &str, limits: &Limits) -> bool {
        let fits = match self {
            Self::Few(_) => true,
            Self::Many(tree) => tree.bytes + filter.len() <= limits.subscription_bytes,
        };
        fits && self.len() < limits.subscriptions && !limits.memory_is_full
    }

    pub(crate) fn contains(&self, filter: &str) -> bool {
        match self {
            Self::Few(row) => row.binary_search_by(|other| (**other).cmp(filter)).is_ok(),
            Self::Many(tree) => tree.filters.contains(filter),
        }
    }

    pub(crate) fn insert(&mut self, filter: &str) {
        match self {
            Self::Few(row) => {
                let Err(position) = row.binary_search_by(|other| (**other).cmp(filter)) else { return };
                if row.len() < FEW {
                    row.reserve_exact(1);
                    row.insert(position, filter.into());
                } else {
                    let mut tree = Box::<FilterSet>::default();
                    row.drain(..).for_each(|filter| tree.insert(filter));
                    tree.insert(filter.into());
                    *self = Self::Many(tree);
                }
            }
            Self::Many(tree) => tree.insert(filter.into()),
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, filter: &str) -> bool {
        match self {
            Self::Few(row) => match row.binary_search_by(|other| (**other).cmp(filter)) {
                Ok(position) => {
                    row.remove(position);
                    true
                }
                Err(_) => false,
            },
            Self::Many(tree) => {
                let existed = tree.filters.remove(filter);
                tree.bytes -= if existed { filter.len() } else { 0 };
                existed
            }
        }
    }

    /// A copy of them, in ascending order.
    pub(crate) fn to_sorted(&self) -> Vec<Box<str>> {
        match self {
            Self::Few(row) => row.clone(),
            Self::Many(tree) => tree.filters.iter().cloned().collect(),
        }
    }

    /// All of them, in ascending order.
    pub(crate) fn into_sorted(self) -> Vec<Box<str>> {
        match self {
            Self::Few(row) => row,
            Self::Many(tree) => tree.filters.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FEW, SubscribedFilters};

    #[test]
    fn few_and_many_are_the_same_set() {
        let (mut filters, mut model) = (SubscribedFilters::default(), BTreeSet::new());
        for step in 0..4 * FEW {
            let name = format!("f/{}", step * 7 % 40);
            assert_eq!(filters.contains(&name), model.contains(name.as_str()));
            filters.insert(&name);
            model.insert(name.into_boxed_str());
            let gone = format!("f/{}", step * 5 % 40);
            if step % 3 == 0 {
                assert_eq!(filters.remove(&gone), model.remove(gone.as_str()), "in step {step}");
            }
            assert_eq!(filters.len(), model.len(), "in step {step}");
        }
        assert!(model.len() > FEW, "both forms were tried");
        assert_eq!(filters.into_sorted(), model.into_iter().collect::<Vec<_>>());
    }
}
