//! The exit statuses, one table for all subcommands and for the man pages.

/// A status and what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u8,
    pub(crate) meaning: &'static str,
}

macro_rules! statuses {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(pub(crate) const $name: Status = Status { code: $code, meaning: $meaning };)*
        /// All of them, ascending. The status of a refused CONNECT is the code in the CONNACK.
        pub(crate) const TABLE: &[Status] = &[$($name),*];
    };
}

statuses! {
    SUCCESS = 0, "success";
    FAILURE = 1, "no connection, or another failure that is told on stderr";
    USAGE = 2, "a flag, or a value of one, is wrong";
    CONNECTION_LOST = 7, "the connection was lost, or the broker ended it, before all was done";
    INPUT = 14, "a file, stdin or stdout failed";
    PROTOCOL = 21, "the broker sent what MQTT forbids";
    TIMEOUT = 27, "the time given by -W ran out";
    SUBSCRIBE_REFUSED = 64, "the broker refused a subscription";
    PUBLISH_REFUSED = 65, "the broker refused a message, or it cannot be sent to this broker";
}
