//! Flags of `pub` and `rr` that define the message to publish.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::value;
use crate::message::QoS;

#[derive(Args, Debug)]
#[command(next_help_heading = "Message")]
pub(crate) struct PayloadArgs {
    /// Topic to publish to, unless the URL contains it.
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,

    /// Payload.
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<OsString>,

    /// Publish the contents of this file as one message.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Publish a message with an empty payload; with pub -r this deletes the retained message.
    #[arg(short, long)]
    pub(crate) null_message: bool,

    /// Publish all of stdin as one message.
    #[arg(short, long)]
    pub(crate) stdin_file: bool,

    /// QoS of the message: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = value::qos)]
    pub(crate) qos: QoS,
}
