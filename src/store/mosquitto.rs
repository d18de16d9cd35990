//! Imports and exports mosquitto's persistence file.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Database, QueueHead, SyncMode, SystemClocks};
use crate::mosquitto_db::{Imported, MosquittoDb, export, import};
use crate::text::os_error;
use crate::time::Instant;

/// No limit: all messages of all queues.
const ALL: QueueHead = QueueHead { messages: usize::MAX, bytes: usize::MAX };

/// Imports mosquitto's file into a database in one commit, all or nothing. The file is not changed. Sessions and retained
/// messages that the database already has are not replaced.
///
/// `listener` gives the number of the listener with a port.
///
/// # Errors
/// One line for the user, with the name of the file.
pub(crate) fn import_mosquitto(
    database: &mut Database,
    file: &Path,
    listener: impl Fn(u16) -> usize,
) -> Result<Imported, String> {
    let name = file.display();
    let bytes = fs::read(file).map_err(|error| format!("cannot read {name}: {}", os_error(&error)))?;
    let db = MosquittoDb::read(&bytes).map_err(|bad| {
        format!(
            "cannot import {name}: {bad}; nothing was imported. If mosquitto still starts with this file, have it written \
             anew (kill -USR1 writes it); move the file away to start without what is in it"
        )
    })?;
    let clock = database.clock(Instant::ZERO, SystemClocks::now());
    let there =
        database.load(ALL, clock).map_err(|error| format!("cannot read the store: {}", os_error(&error)))?;
    let mut imported = import(&db, &there, unix_time(), listener);
    let mut changes = database.changes(std::mem::take(&mut imported.records), clock);
    let committed = database.commit(&mut changes, SyncMode::Now);
    committed.map_err(|error| format!("cannot write what was imported from {name}: {}", os_error(&error)))?;
    Ok(imported)
}

/// Exports a database as a file that mosquitto can start from. Returns a summary, and what that file cannot hold.
///
/// # Errors
/// One line for the user; also if the file exists.
pub(crate) fn export_mosquitto(
    database: &mut Database,
    file: &Path,
) -> Result<(String, Vec<String>), String> {
    let clock = database.clock(Instant::ZERO, SystemClocks::now());
    let saved =
        database.load(ALL, clock).map_err(|error| format!("cannot read the store: {}", os_error(&error)))?;
    let exported = export(&saved, unix_time());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(file).and_then(|mut out| {
        out.write_all(&exported.db.write())?;
        out.sync_all()
    });
    written.map_err(|error| format!("cannot write {}: {}", file.display(), os_error(&error)))?;
    let db = &exported.db;
    let what = format!(
        "{} retained messages, {} sessions with {} subscriptions, {} queued and in-flight messages",
        db.retained.len(),
        db.clients.len(),
        db.subscriptions.len(),
        exported.messages
    );
    Ok((what, exported.left_out))
}

fn unix_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
