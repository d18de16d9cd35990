//! If several flags set the same thing, the last one wins. clap does this only for the same flag.

use clap::ArgMatches;

use crate::cli::connect::ConnectArgs;
use crate::cli::payload::PayloadArgs;

/// Removes values that a later flag overrides: a host before a URL, or an MQTT version before a flag that requires MQTT 5.
pub(super) fn settle(matches: &ArgMatches, args: &mut ConnectArgs) {
    let last = |id: &str| last(matches, id);
    let url = last("url").max(last("address"));
    let url_says = |part: bool, id: &str| url.is_some() && part && last(id) < url;
    let (has_user, has_password) = match args.address.as_ref().or(args.url.as_ref()) {
        Some(url) => (url.username.is_some(), url.password.is_some()),
        None => (false, false),
    };
    if url_says(true, "host") {
        args.host = None;
    }
    if url_says(true, "port") {
        args.port = None;
    }
    if url_says(has_user, "username") {
        args.username = None;
    }
    if url_says(has_password, "password") {
        args.password = None;
    }
    #[cfg(unix)]
    if url_says(true, "unix") {
        args.unix = None;
    }
    if last("protocol_version") < last("properties").max(last("session_expiry")) {
        args.protocol_version = None;
    }
}

/// Removes the topic of `-t` if a URL with a topic follows it.
pub(super) fn settle_topic(matches: &ArgMatches, connect: &ConnectArgs, args: &mut PayloadArgs) {
    let has_topic = connect.address.as_ref().or(connect.url.as_ref()).is_some_and(|url| url.topic.is_some());
    if has_topic && last(matches, "topic") < last(matches, "url").max(last(matches, "address")) {
        args.topic = None;
    }
}

/// Position of the last value of this flag.
fn last(matches: &ArgMatches, id: &str) -> Option<usize> {
    matches.indices_of(id).and_then(Iterator::last)
}
