//! The protocol between an application and dlt-daemon, version 2.18: what is written to its pipe, and how its orders begin.

/// Application ID and context ID, by which users filter.
const MQTT: &[u8; 4] = b"MQTT";
/// Description of the application.
const DESCRIPTION: &[u8; 19] = b"skeeter MQTT broker";
/// Replaced by the daemon's own.
const ECU: &[u8; 4] = b"ECU1";

/// Maximum bytes of a line, as in the daemon's library. A message of that size is written to the pipe atomically.
const LONGEST: usize = 1_383;

/// Types of messages to the daemon, and of its order that sets the level.
const LOG: u32 = 1;
const REGISTER_APPLICATION: u32 = 2;
const UNREGISTER_APPLICATION: u32 = 3;
const REGISTER_CONTEXT: u32 = 4;
const UNREGISTER_CONTEXT: u32 = 5;
pub(super) const SET_LEVEL: u32 = 6;

/// The beginning of every message between an application and the daemon. Numbers are in native byte order.
pub(super) fn header(message: u32) -> [u8; 8] {
    let mut header = *b"DUH\x01\0\0\0\0";
    header[4..].copy_from_slice(&message.to_ne_bytes());
    header
}

/// Registers the application and its context; the daemon chooses the log and trace levels.
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

/// One line: the daemon's header, then the message that readers of the log get [AUTOSAR PRS_Dlt]: headers with numbers in
/// network byte order, and one argument in native byte order.
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
    // Version 1, with session ID, timestamp and extended header; the flag for a big-endian argument on such machines.
    let form = 0x3D | if cfg!(target_endian = "big") { 2 } else { 0 };
    // A verbose message of the log, with one argument.
    let extended = [&[level << 4 | 1, 1][..], MQTT, MQTT].concat();
    let session = std::process::id().to_be_bytes();
    let rest = [&ECU[..], &session, &came.to_be_bytes(), &extended, &argument].concat();
    let len = ((4 + rest.len()) as u16).to_be_bytes();
    [&header(LOG)[..], &[form, count], &len, &rest].concat()
}
