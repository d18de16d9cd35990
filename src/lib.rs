//! skeeter: an MQTT toolkit. This is the map; each module opens with what it is and what it leaves out.
//!
//! ```text
//! sync | time | topic | table < message < codec < delivery | text < broker | client | bench < relay | simulation  ||  transport | store < config < link < cli < command < main
//! ```
//!
//! A module uses only what is lower; neighbours on a rung never use each other. Left of the bar is the core, which names
//! no socket, thread, clock, file or randomness; right of it the shell, which has them.

mod bench;
pub mod broker;
mod cli;
pub mod client;
pub mod codec;
pub mod command;
pub mod config;
pub mod delivery;
mod link;
pub mod message;
mod relay;
#[cfg(test)]
mod simulation;
mod store;
mod sync;
mod table;
pub mod text;
pub mod time;
pub mod topic;
pub mod transport;
