//! The manual page of the configuration, written from the tables.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::bridge::BridgeOptions;
use super::global::{Global, Logging, Own, Persistence};
use super::limits::LimitOptions;
use super::listener::{ListenerOptions, Security};
use super::names::{IGNORED, OPENERS, REFUSED};
use super::option::{Table, TakesEffect};

const DESCRIPTION: &[&str] = &[
    "The configuration file of skeeter broker, read with -c. Its format is that of mosquitto.conf: a file written for mosquitto \
     2.1 can be used unchanged. Options that mosquitto does not have are marked as such.",
    "Each line consists of an option, one or more spaces, and a value that extends to the end of the line. Empty lines and lines \
     that start with # are ignored. The broker does not start if an option is unknown or has an invalid value; the error \
     gives the file and line. skeeter broker -c FILE --check-config reports all errors and exits.",
    "Command-line flags override the file; skeeter-broker(1) says which flags replace the listeners it defines. The defaults \
     below are those of mosquitto and apply only if there is a configuration file; without one, the defaults listed in \
     skeeter-broker(1) apply. If the file defines no listener, the broker listens on the loopback addresses and allows \
     anonymous clients; otherwise clients need a username unless allow_anonymous is true.",
    "The broker rereads the file, and the files named in it, on SIGHUP and when one of them changes. The new configuration \
     takes effect completely, or not at all if it has an error or changes an option that needs a restart. Open connections \
     are not closed. A changed option applies to them too, unless its description says that it applies to new connections.",
    "The path of a file to read may begin with $CREDENTIALS_DIRECTORY/, the directory of the credentials that systemd passes \
     to a service (LoadCredential= in its unit).",
];

/// Limits that mosquitto does not have as options.
const ADDED_LIMITS: &[&str] = &["allow_control_characters", "max_subscriptions", "connect_timeout"];

/// Intended differences from mosquitto. Also in skeeter-broker(1).
pub(crate) const DIFFERENCES: &[&str] = &[
    "A session belongs to the user and the mount point that created it. A client with the same client ID but another username \
     or mount point gets a separate session: it neither disconnects the other client nor receives the messages queued for \
     it. With mosquitto it takes over the session. A client that changes its username, or begins to use one, therefore \
     starts with a new session; the old one remains until it expires. If a listener does not verify usernames, because it has \
     neither a password file nor client certificates, a username given there is not the same user as on other listeners. \
     The sessions of bridges are separate from those of clients, whatever their username.",
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
    section::<Own>(&mut roff, "ADDITIONAL OPTIONS", "mosquitto does not have these options.");
    section::<Logging>(&mut roff, "THE LOG", "");
    section::<Persistence>(&mut roff, "PERSISTENCE", "");
    let scope =
        "These apply to the whole broker or, with per_listener_settings true, to the listener above them.";
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
        "These apply to the connection line above them. Messages for the remote broker are queued in the bridge's session on this \
         broker, to which the same limits apply as to clients. After a reload, changed options apply from the bridge's next \
         connection; see bridge_reload_type.",
    );
    roff.control("SH", ["DIFFERENCES FROM MOSQUITTO"]);
    for paragraph in DIFFERENCES {
        roff.control("PP", []).text([roman(*paragraph)]);
    }
    names(&mut roff, "REFUSED", "These options of mosquitto are reported as errors.", REFUSED);
    names(&mut roff, "IGNORED", "These options are ignored with a warning, as in mosquitto.", IGNORED);
    roff.control("SH", ["SEE ALSO"])
        .text([roman("skeeter-broker(1), skeeter-guide(7), skeeter-from-mosquitto(7)")]);
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
        if ADDED_LIMITS.contains(&name) {
            help.push(roman(" Not in mosquitto."));
        }
        help.push(roman(reload(title, entry.reload)));
        let help: Vec<Inline> = help;
        roff.text(help);
    }
}

fn reload(title: &str, reload: TakesEffect) -> &'static str {
    match reload {
        TakesEffect::Now => "",
        // Nearly all options of bridges: said once, at the head of the section.
        TakesEffect::Next if title == "BRIDGES" => "",
        TakesEffect::Next => " Applies to new connections.",
        TakesEffect::Restart => " Needs a restart.",
    }
}
