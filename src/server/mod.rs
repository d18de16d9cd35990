//! `skeeter broker`: listeners, workers and signals around the broker's core.
//!
//! ```text
//! heap | process | systemd | unsupported | clock < log | password_pool | admission < control_queue < state < run_queue | postponed < worker | disk_space < store_thread < connection_io < connection_task < bridge < permissions < listeners < control < settings | exec | watchdog < periodic | check < reload < signals < run
//! ```
//!
//! A module uses only what is to its left, never a neighbour separated by `|`.

mod admission;
mod bridge;
mod check;
mod clock;
mod connection_io;
mod connection_task;
mod control;
mod control_queue;
mod disk_space;
mod exec;
mod heap;
mod listeners;
mod log;
mod password_pool;
mod periodic;
mod permissions;
mod postponed;
mod process;
mod reload;
mod run;
mod run_queue;
mod settings;
mod signals;
mod state;
mod store_thread;
mod systemd;
mod unsupported;
mod watchdog;
mod worker;

pub(crate) use check::{CheckedConfig, check_config};
pub(crate) use run::run;
