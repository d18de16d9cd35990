//! What the broker counts and reports: counters, events, dropped messages.

pub(crate) mod counters;
pub(crate) mod drop_series;
pub(crate) mod drops;
pub(crate) mod event;
