//! `skeeter store`: checks, saves and restores what a broker has kept.

mod dump;
mod export;
mod import;

use std::path::Path;
use std::time::Duration;

use crate::broker::Saved;
use crate::cli::connect::Dialect;
use crate::cli::exit;
use crate::cli::store::{StoreCommand, StoreCommandArgs};
use crate::store::{
    Access, Changes, Database, Directory, QueueHead, SyncMode, SystemClocks, export_mosquitto,
    import_mosquitto,
};
use crate::text::os_error;
use crate::time::Instant;

/// Runs a subcommand; the status to exit with.
pub(super) fn run(args: &StoreCommandArgs, dialect: Dialect) -> u8 {
    let done = match &args.command {
        StoreCommand::Dump(args) => dump::run(args),
        StoreCommand::Check(args) => check(&args.data_dir),
        StoreCommand::Export(args) => match &args.mosquitto {
            Some(file) => to_mosquitto(&args.directory.data_dir, file),
            None => export::run(&args.directory.data_dir, args.messages),
        },
        StoreCommand::Import(args) => match &args.mosquitto {
            Some(file) => from_mosquitto(&args.directory.data_dir, file),
            None => import::run(&args.directory.data_dir),
        },
        StoreCommand::Repair(args) => repair(&args.data_dir),
    };
    match done {
        Ok(()) => exit::SUCCESS.code,
        Err(failure) => {
            let program = match dialect {
                Dialect::Skeeter => "skeeter store",
                Dialect::Mosquitto => "mosquitto_db_dump",
            };
            eprintln!("{program}: {}", failure.text);
            failure.code_in(dialect)
        }
    }
}

/// A failure of `skeeter store`, whatever it is.
fn failed(text: impl std::fmt::Display) -> exit::Failure {
    exit::Failure::new(exit::FAILURE, text)
}

/// The file of messages that an argument names: its directory, or the file itself.
fn take(path: &Path, access: Access) -> Result<Directory, exit::Failure> {
    let named = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file());
    let directory = match path.parent().filter(|_| named.is_some()) {
        Some(parent) if parent == Path::new("") => Path::new("."),
        Some(parent) => parent,
        None => path,
    };
    Directory::take(directory, named, access).map_err(failed)
}

/// Opens what must be there.
fn open(path: &Path, access: Access) -> Result<(Directory, Database), exit::Failure> {
    let directory = take(path, access)?;
    if !directory.file().exists() {
        return Err(failed(format!(
            "{} does not exist: no broker has stored anything in this directory",
            directory.file().display()
        )));
    }
    let database = directory.open(Duration::ZERO).map_err(failed)?;
    Ok((directory, database))
}

/// Everything in it, with the whole of each queue.
fn load(directory: &Directory, database: &mut Database) -> Result<Saved, exit::Failure> {
    let head = QueueHead { messages: usize::MAX, bytes: usize::MAX };
    let clock = database.clock(Instant::ZERO, SystemClocks::now());
    database
        .load(head, clock)
        .map_err(|error| failed(format!("{}: {}", directory.file().display(), os_error(&error))))
}

fn count(saved: &Saved) -> String {
    let of_sessions: usize =
        saved.sessions.iter().map(|session| session.queue.head.len() + session.sent.len()).sum();
    let of_groups: usize = saved.groups.iter().map(|group| group.queue.head.len()).sum();
    let subscriptions: usize = saved.sessions.iter().map(|session| session.subscriptions.len()).sum();
    format!(
        "{} sessions, {subscriptions} subscriptions, {} queued messages, {} retained messages",
        saved.sessions.len(),
        of_sessions + of_groups,
        saved.retained.len()
    )
}

fn check(path: &Path) -> Result<(), exit::Failure> {
    // Opening checks all trees, and loading every row.
    let (directory, mut database) = open(path, Access::Read)?;
    let what = count(&load(&directory, &mut database)?);
    let file = directory.file();
    if let Some(lost) = database.lost() {
        return Err(failed(format!(
            "{} is damaged: {lost}. It still contains {what}. Use `skeeter store export {argument}` to save them, and \
             `skeeter store repair {argument}` to accept the loss so that the broker starts again",
            file.display(),
            argument = directory.argument().display(),
        )));
    }
    if database.mark_is_damaged() {
        eprintln!(
            "skeeter store: {}: the record of the last synced commit is damaged: that commit may be missing, but no other",
            file.display()
        );
    }
    println!("{} is sound: {what}", file.display());
    Ok(())
}

fn from_mosquitto(path: &Path, file: &Path) -> Result<(), exit::Failure> {
    let directory = take(path, Access::Write)?;
    let mut imported = None;
    let mut import = |database: &mut Database| {
        imported = Some(import_mosquitto(database, file, |_| 0)?);
        Ok::<_, String>(())
    };
    let mut database = directory.open_or_fill(Duration::ZERO, &mut import).map_err(failed)?;
    if imported.is_none() {
        imported = Some(import_mosquitto(&mut database, file, |_| 0).map_err(failed)?);
    }
    let imported = imported.unwrap_or_default();
    for client in &imported.skipped {
        eprintln!("skeeter store: the store has a session {client:?} already; it was kept as it is");
    }
    for why in &imported.rejected {
        eprintln!("skeeter store: not imported: {why}");
    }
    println!("imported {imported} into {}", directory.file().display());
    Ok(())
}

fn to_mosquitto(path: &Path, file: &Path) -> Result<(), exit::Failure> {
    let (_directory, mut database) = open(path, Access::Read)?;
    let (what, left_out) = export_mosquitto(&mut database, file).map_err(failed)?;
    for what in left_out {
        eprintln!("skeeter store: not exported: {what}");
    }
    println!("wrote {what} to {}", file.display());
    Ok(())
}

fn repair(path: &Path) -> Result<(), exit::Failure> {
    let (directory, mut database) = open(path, Access::Repair)?;
    let what = count(&load(&directory, &mut database)?);
    let file = directory.file();
    if database.lost().is_none() && !database.mark_is_damaged() {
        println!("{} needs no repair: {what}", file.display());
        return Ok(());
    }
    let committed = database.commit(&mut Changes::default(), SyncMode::Now);
    committed.map_err(|error| failed(format!("cannot write {}: {}", file.display(), os_error(&error))))?;
    database.sync_mark();
    match database.lost() {
        Some(lost) => println!("{} can be used again, although {lost}. It contains {what}", file.display()),
        None => println!(
            "{}: repaired the record of the last synced commit; the store contains {what}",
            file.display()
        ),
    }
    Ok(())
}
