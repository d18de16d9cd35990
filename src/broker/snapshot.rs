//! A value that is replaced as a whole while others read it: rights, and whatever else a reload changes.
//!
//! Who reads it often keeps a [`Cached`] copy of the pointer and looks at one number to see that it is still the newest,
//! so that reading costs no lock and writes nothing that other workers share.

use crate::sync::{Arc, AtomicU64, Ordering, RwLock};

#[derive(Debug)]
pub(crate) struct Snapshot<T> {
    value: RwLock<Arc<T>>,
    /// Raised after each replacement; never 0.
    generation: AtomicU64,
}

/// One reader's pointer to the newest value it knows.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    value: Option<Arc<T>>,
    generation: u64,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self { value: None, generation: 0 }
    }
}

impl<T> Snapshot<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: RwLock::new(Arc::new(value)), generation: AtomicU64::new(1) }
    }

    /// The value as it is now.
    pub(crate) fn load(&self) -> Arc<T> {
        self.value.read().clone()
    }

    /// Puts another value in place of the old one, which is returned.
    pub(crate) fn store(&self, value: T) -> Arc<T> {
        let old = std::mem::replace(&mut *self.value.write(), Arc::new(value));
        self.generation.fetch_add(1, Ordering::Release);
        old
    }

    /// A number that changes with the value; never 0.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The value as it is now, through a reader's own pointer.
    #[inline]
    pub(crate) fn get<'a>(&self, cached: &'a mut Cached<T>) -> &'a T {
        // Read before the value: a replacement in between is seen the next time.
        let generation = self.generation.load(Ordering::Acquire);
        if cached.generation != generation {
            (cached.value, cached.generation) = (None, generation);
        }
        cached.value.get_or_insert_with(|| self.load())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cached, Snapshot};

    #[test]
    fn a_cached_pointer_follows_the_value() {
        let (snapshot, mut cached) = (Snapshot::new(1), Cached::default());
        assert_eq!(*snapshot.get(&mut cached), 1);
        assert_eq!(*snapshot.store(2), 1);
        assert_eq!((*snapshot.get(&mut cached), *snapshot.load()), (2, 2));
    }
}
