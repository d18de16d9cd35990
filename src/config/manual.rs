//! The manual page of the configuration, written from the tables.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::bridge::Bridge;
use super::global::{Global, Logging, Own, Persistence};
use super::listener::{Listener, Security};
use super::names::{IGNORED, OPENERS, REFUSED};
use super::option::{Reload, Table};

const DESCRIPTION: &[&str] = &[
    "The file that skeeter broker reads with -c. It is mosquitto's language: a file that mosquitto 2.1 reads can be given \
     to skeeter as it is. Options that mosquitto does not have are marked so.",
    "A line is an option, blanks, and its value to the end of the line. Empty lines, and lines that begin with #, say \
     nothing. An option that is not known, or whose value is wrong, is a fault with its file and line, and the broker \
     does not start. skeeter broker -c FILE --check-config names all faults and does nothing else.",
    "Flags of the command line go over the file. Without a file skeeter has defaults of its own, which \
     skeeter-broker(1) tells; the defaults here hold where there is a file, and are mosquitto's. Where no listener is \
     named the broker listens on the loopback addresses and lets everybody in; otherwise clients need a user name unless \
     allow_anonymous says otherwise.",
    "SIGHUP, and a change of one of the files, reads everything again: all of the new configuration is then in force, or, \
     where it has a fault or changes what needs a restart, none of it. Connections stay.",
];

/// What the broker does otherwise than mosquitto, on purpose. Also in skeeter-broker(1).
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
    section::<Own>(&mut roff, "THE BROKER, BESIDE MOSQUITTO", "These mosquitto does not have.");
    section::<Logging>(&mut roff, "THE LOG", "");
    section::<Persistence>(&mut roff, "PERSISTENCE", "");
    let scope = "These are the whole broker's; with per_listener_settings true they belong to the listener above them.";
    section::<Security>(&mut roff, "SECURITY", scope);
    roff.control("SH", ["SECTIONS"]);
    for opener in OPENERS {
        roff.control("TP", []).text([bold(opener.name), roman(" "), italic(opener.form)]);
        roff.text([roman(opener.help)]);
    }
    let scope = "These belong to the listener line above them.";
    section::<Listener>(&mut roff, "LISTENERS", scope);
    section::<Bridge>(
        &mut roff,
        "BRIDGES",
        "These belong to the connection line above them. What waits for the other broker waits in the bridge's session here, \
         within the limits of all clients.",
    );
    roff.control("SH", ["DIFFERENCES FROM MOSQUITTO"]);
    for paragraph in DIFFERENCES {
        roff.control("PP", []).text([roman(*paragraph)]);
    }
    names(&mut roff, "REFUSED", "These options of mosquitto are faults.", REFUSED);
    names(
        &mut roff,
        "IGNORED",
        "These are read and do nothing, as in mosquitto; a warning tells so.",
        IGNORED,
    );
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
        let mut help = vec![roman(entry.help)];
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

fn reload(reload: Reload) -> &'static str {
    match reload {
        Reload::Now => "",
        Reload::Next => " A reload changes it for connections made from then on.",
        Reload::Restart => " A change needs a restart.",
    }
}
