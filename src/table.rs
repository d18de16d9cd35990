//! Room that hash tables have taken for a crowd and that they keep when it has gone.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

/// Whether a table has so much room to spare that it is worth building it anew: so seldom that it costs each of those who
/// have gone next to nothing.
pub(crate) const fn is_sparse(len: usize, capacity: usize) -> bool {
    len < capacity / 8
}

/// Gives the room back, if there is much of it. To be called when something was removed.
pub(crate) fn give_back<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if is_sparse(map.len(), map.capacity()) {
        map.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::give_back;

    #[test]
    fn a_crowd_leaves_no_room_behind() {
        let mut map: HashMap<u32, u32> = (0..10_000).map(|number| (number, number)).collect();
        let mut builds = 0;
        for number in 0..9_999 {
            map.remove(&number);
            let before = map.capacity();
            give_back(&mut map);
            builds += usize::from(map.capacity() != before);
        }
        assert_eq!((map.get(&9_999), map.len()), (Some(&9_999), 1));
        assert!(map.capacity() < 16, "there is still room for {}", map.capacity());
        assert!(builds < 10, "it was built anew {builds} times");
    }
}
