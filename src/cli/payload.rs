//! The flags that say what is published, once, by `pub` and `rr`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::value;
use crate::message::QoS;

#[derive(Args, Debug)]
pub(crate) struct PayloadArgs {
    /// Topic to publish to; the URL may hold it instead.
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,

    /// Publishes this text.
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<OsString>,

    /// Publishes the content of this file as one message.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Publishes a message without payload; with pub -r it clears the retained one.
    #[arg(short, long)]
    pub(crate) null_message: bool,

    /// Publishes all of stdin as one message.
    #[arg(short, long)]
    pub(crate) stdin_file: bool,

    /// Quality of service: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = value::qos)]
    pub(crate) qos: QoS,
}
