//! The bytes between an application and dlt-daemon, version 2.18: what is written to its pipe, and how its orders begin.

/// The application and its one context, which filters know by these names.
const MQTT: &[u8; 4] = b"MQTT";
/// What the daemon tells those who ask which application that is.
const DESCRIPTION: &[u8; 19] = b"skeeter MQTT broker";
/// Replaced by the daemon's own.
const ECU: &[u8; 4] = b"ECU1";

/// Bytes of a line; what the daemon's library takes. A message of that size is written in one piece among those of others.
const LONGEST: usize = 1_383;

/// Messages to the daemon, and its order of a level.
const LOG: u32 = 1;
const REGISTER_APPLICATION: u32 = 2;
const UNREGISTER_APPLICATION: u32 = 3;
const REGISTER_CONTEXT: u32 = 4;
const UNREGISTER_CONTEXT: u32 = 5;
pub(super) const SET_LEVEL: u32 = 6;

/// What every message between an application and the daemon begins with. Numbers are in the order of this machine.
pub(super) fn header(message: u32) -> [u8; 8] {
    let mut header = *b"DUH\x01\0\0\0\0";
    header[4..].copy_from_slice(&message.to_ne_bytes());
    header
}

/// Names the application and its context, with the levels of log and trace left to the daemon.
pub(super) fn introduction(process: u32) -> [Vec<u8>; 2] {
    let (process, len) = (process.to_ne_bytes(), (DESCRIPTION.len() as u32).to_ne_bytes());
    let application = [&header(REGISTER_APPLICATION)[..], MQTT, &process, &len, DESCRIPTION].concat();
    let levels = [-2_i8, -2].map(i8::to_ne_bytes).concat();
    let first = [0; 4];
    let context =
        [&header(REGISTER_CONTEXT)[..], MQTT, MQTT, &first, &levels, &process, &len, DESCRIPTION].concat();
    [application, context]
}

pub(super) fn farewell(process: u32) -> [Vec<u8>; 2] {
    let process = process.to_ne_bytes();
    [
        [&header(UNREGISTER_CONTEXT)[..], MQTT, MQTT, &process].concat(),
        [&header(UNREGISTER_APPLICATION)[..], MQTT, &process].concat(),
    ]
}

/// One line: the daemon's header, then the message as it goes on to those who read the log [AUTOSAR PRS_Dlt]: headers with
/// their numbers in network order, and one argument in that of this machine.
pub(super) fn message(level: u8, count: u8, came: u32, text: &str) -> Vec<u8> {
    const MORE: &str = "\u{2026}";
    let (text, more) = if text.len() > LONGEST {
        (&text[..text.floor_char_boundary(LONGEST - MORE.len())], MORE)
    } else {
        (text, "")
    };
    // Text in UTF-8, its length with the NUL.
    let kind = 0x8200_u32.to_ne_bytes();
    let len = ((text.len() + more.len() + 1) as u16).to_ne_bytes();
    let argument = [&kind[..], &len, text.as_bytes(), more.as_bytes(), b"\0"].concat();
    // Version 1, with a session, a time, the extended header; the argument is big-endian where the machine is.
    let form = 0x3D | if cfg!(target_endian = "big") { 2 } else { 0 };
    // A verbose message of the log, with one argument.
    let extended = [&[level << 4 | 1, 1][..], MQTT, MQTT].concat();
    let session = std::process::id().to_be_bytes();
    let rest = [&ECU[..], &session, &came.to_be_bytes(), &extended, &argument].concat();
    let len = ((4 + rest.len()) as u16).to_be_bytes();
    [&header(LOG)[..], &[form, count], &len, &rest].concat()
}
