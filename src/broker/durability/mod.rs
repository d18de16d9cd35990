//! The path to the store: records of what must survive a crash, and the journal that collects them in batches.

pub(crate) mod journal;
pub(crate) mod record;
pub(crate) mod saved;
pub(crate) mod will;
