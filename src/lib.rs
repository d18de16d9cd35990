//! skeeter: an MQTT toolkit. This is the map; each module opens with what it is and what it leaves out.
//!
//! ```text
//! sync | time | topic | table < message < codec < delivery | text < broker | client | bench::model < relay | mosquitto_db | simulation  ||  net | system < store < config < cli < dial < bench | server < commands < main
//! ```
//!
//! A module uses only what is to its left, never a neighbour separated by `|`. Left of the bar is the core, which names
//! no socket, thread, clock, file or randomness; right of it the shell, which has them.

mod bench;
pub mod broker;
mod cli;
pub mod client;
pub mod codec;
mod commands;
pub mod config;
pub mod delivery;
mod dial;
pub mod message;
mod mosquitto_db;
pub mod net;
mod relay;
mod server;
#[cfg(test)]
#[path = "../tests/unit/simulation/mod.rs"]
mod simulation;
mod store;
mod sync;
mod system;
mod table;
pub mod text;
pub mod time;
pub mod topic;

pub use commands::run;
