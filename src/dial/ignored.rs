//! Flags that have no effect with the others, so that nobody relies on them.

use crate::cli::connect::ConnectArgs;
use crate::message::QoS;
use crate::net::Target;

/// Why each flag is ignored that is, in a connection to `target`.
pub(super) fn lines(args: &ConnectArgs, target: &Target) -> Vec<String> {
    let tls = &args.tls;
    let without_tls = [
        ("--insecure", tls.insecure),
        ("--tls-alpn", tls.tls_alpn.is_some()),
        ("--tls-version", tls.tls_version.is_some()),
        ("--ciphers", tls.special.ciphers.is_some()),
        ("--tls-keylog", tls.special.tls_keylog.is_some()),
    ];
    let transport = &args.transport;
    let without_web = [("--ws-header", !transport.ws_header.is_empty())];
    let will = &args.will;
    let without_will = [("--will-qos", will.will_topic.is_none() && will.will_qos != QoS::AtMostOnce)];
    let mut groups = vec![
        (target.tls.is_none(), "without TLS", &without_tls[..]),
        (target.web.is_none(), "without --ws", &without_web),
        (true, "without --will-topic", &without_will),
    ];
    #[cfg(unix)]
    let of_tcp = [("--proxy", transport.proxy.is_some()), ("-A", args.from.is_some()), ("-S", transport.srv)];
    #[cfg(unix)]
    groups.push((target.unix.is_some(), "with a Unix domain socket", &of_tcp));
    let is_ignored = groups.into_iter().filter(|(applies, ..)| *applies);
    is_ignored
        .flat_map(|(_, why, flags)| {
            let given = flags.iter().filter(|(_, is_given)| *is_given);
            given.map(move |(flag, _)| format!("{flag} is ignored {why}"))
        })
        .collect()
}
