//! The listeners of the broker and the transports of the clients, with real sockets: TLS, WebSocket, Unix sockets, proxies. The
//! other side is openssl, curl, mosquitto and its clients, Python's websockets, a browser, or bytes by hand.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod auto;
mod bench;
mod bridges;
mod browser;
mod certificates;
mod clients;
mod mosquitto;
mod proxies;
mod reload;
mod secured;
mod server;
mod websocket;
