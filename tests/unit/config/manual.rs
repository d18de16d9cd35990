//! The manual page of the configuration, written from the tables.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::bridge::BridgeOptions;
use super::global::{Global, Logging, Own, Persistence};
use super::limits::LimitOptions;
use super::listener::{ListenerOptions, Security};
use super::names::{IGNORED, OPENERS, REFUSED};
use super::option::{Table, TakesEffect};

const DESCRIPTION: &[&str] = &[
    "The configuration file of skeeter broker, read with -c. Its format is that of mosquitto.conf: a file for mosquitto 2.1 \
     can be used unchanged. Options that mosquitto does not have are in a section of their own or marked.",
    "A line holds an option, spaces, and the value up to the end of the line. Empty lines and lines that start with # are \
     ignored. The broker does not start if an option is unknown or has an invalid value; the error names file and line. \
     skeeter broker -c FILE --check-config reports all errors and exits.",
    "Command-line flags override the file; skeeter-broker(1) tells which flags replace its listeners. The defaults below \
     are those of mosquitto and apply only with a configuration file. Without one, skeeter has its own defaults, which \
     skeeter-broker(1) lists. If the file defines no listener, the broker listens on the loopback addresses and allows \
     anonymous clients; otherwise clients need a username unless allow_anonymous is true.",
    "The file, and the files that it names, are read again on SIGHUP and when one of them changes. The new configuration \
     takes effect as a whole, or not at all if it has an error or changes something that needs a restart. Connections stay \
     open.",
    "The path of a file that is read may begin with $CREDENTIALS_DIRECTORY/, for the credentials that systemd gives to a \
     service (LoadCredential= in its unit).",
];

/// Intended differences from mosquitto. Also in skeeter-broker(1).
pub(crate) const DIFFERENCES: &[&str] = &[
    "A session belongs to the user that created it, at the mount point where it was created. A client of another user, or \
     behind another mount point, that connects with the same client ID gets a session of its own: it does not disconnect \
     the other client, and receives nothing of what is queued for it. With mosquitto it takes the session over. A client \
     whose username changes, or that begins to use one, therefore starts with a new session; the old one stays until it \
     expires. A username that the listener does not verify, because it has neither passwords nor certificates, is not the \
     user of that name at other listeners. Bridges of this broker have their sessions to themselves, whatever username \
     they have.",
];

/// The page, as roff.
pub(crate) fn page() -> Vec<u8> {
    let mut roff = Roff::new();
    roff.control("TH", ["skeeter.conf", "5", "", "skeeter", ""]);
    roff.control("SH", ["NAME"]).text([roman("skeeter.conf - the configuration of skeeter broker")]);
    roff.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        roff.control("PP", []).text([roman(*paragraph)]);
    }
    roff.control("SH", ["EXAMPLE"]).control("nf", []);
    for line in ["listener 1883", "password_file /etc/mosquitto/passwords", "acl_file /etc/mosquitto/acl"] {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    section::<Global>(&mut roff, "THE BROKER", "");
    section::<LimitOptions>(&mut roff, "LIMITS", "");
    section::<Own>(&mut roff, "OPTIONS OF SKEETER", "Mosquitto does not have these options.");
    section::<Logging>(&mut roff, "THE LOG", "");
    section::<Persistence>(&mut roff, "PERSISTENCE", "");
    let scope =
        "These apply to the whole broker, or with per_listener_settings true to the listener above them.";
    section::<Security>(&mut roff, "SECURITY", scope);
    roff.control("SH", ["SECTIONS"]);
    for opener in OPENERS {
        roff.control("TP", []).text([bold(opener.name), roman(" "), italic(opener.form)]);
        roff.text([roman(opener.help)]);
    }
    let scope = "These apply to the listener above them.";
    section::<ListenerOptions>(&mut roff, "LISTENERS", scope);
    section::<BridgeOptions>(
        &mut roff,
        "BRIDGES",
        "These apply to the connection above them. Messages for the remote broker are queued in the bridge's session at this \
         broker, within the limits for all clients.",
    );
    roff.control("SH", ["DIFFERENCES FROM MOSQUITTO"]);
    for paragraph in DIFFERENCES {
        roff.control("PP", []).text([roman(*paragraph)]);
    }
    names(&mut roff, "REFUSED", "These options of mosquitto are errors.", REFUSED);
    names(&mut roff, "IGNORED", "These are ignored with a warning, as in mosquitto.", IGNORED);
    roff.control("SH", ["SEE ALSO"]).text([roman("skeeter-broker(1)")]);
    let mut out = Vec::new();
    roff.to_writer(&mut out).unwrap();
    out
}

fn names(roff: &mut Roff, title: &str, text: &str, names: &[(&str, &str)]) {
    roff.control("SH", [title]).text([roman(text)]);
    for (name, why) in names {
        roff.control("TP", []).text([bold(*name)]).text([roman(*why)]);
    }
}

fn section<T: Table>(roff: &mut Roff, title: &str, text: &str) {
    roff.control("SH", [title]);
    if !text.is_empty() {
        roff.text([roman(text)]);
    }
    let defaults = T::default();
    for entry in T::TABLE {
        let (name, old) = (entry.names[0], &entry.names[1..]);
        roff.control("TP", []);
        roff.text([bold(name), roman(" "), italic(entry.kind.argument())]);
        let mut help = vec![roman(entry.help.trim_end())];
        let default = (entry.show)(&defaults);
        if !default.is_empty() {
            help.push(roman(format!(" Default: {default}.")));
        }
        if !old.is_empty() {
            help.push(roman(format!(" Also called {}.", old.join(", "))));
        }
        help.push(roman(reload(entry.reload)));
        let help: Vec<Inline> = help;
        roff.text(help);
    }
}

fn reload(reload: TakesEffect) -> &'static str {
    match reload {
        TakesEffect::Now => "",
        TakesEffect::Next => " A reload changes it for connections made from then on.",
        TakesEffect::Restart => " A change needs a restart.",
    }
}
