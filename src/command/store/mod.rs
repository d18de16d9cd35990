//! `skeeter store`: checks, saves and restores what a broker has kept.

mod export;
mod import;

use std::time::Duration;

use super::exit;
use crate::broker::Saved;
use crate::cli::store::{StoreCommand, StoreCommandArgs};
use crate::store::{Clock, Database, Directory, Head};
use crate::time::Instant;

/// Runs a subcommand; the status to exit with.
pub(super) fn run(args: &StoreCommandArgs) -> u8 {
    let done = match &args.command {
        StoreCommand::Check(args) => check(&args.data_dir),
        StoreCommand::Export(args) => export::run(&args.directory.data_dir, args.messages),
        StoreCommand::Import(args) => import::run(&args.data_dir),
    };
    match done {
        Ok(()) => exit::SUCCESS.code,
        Err(failure) => {
            eprintln!("skeeter store: {}", failure.text);
            failure.code
        }
    }
}

/// A failure of `skeeter store`, whatever it is.
fn failed(text: impl std::fmt::Display) -> exit::Failure {
    exit::Failure::new(exit::FAILURE, text)
}

/// Opens what is in a directory that must be there.
fn open(path: &std::path::Path) -> Result<(Directory, Database), exit::Failure> {
    let directory = Directory::take(path, false).map_err(failed)?;
    if !directory.file().exists() {
        return Err(failed(format!(
            "{} is not there: no broker has kept anything in this directory",
            directory.file().display()
        )));
    }
    let database = directory.open(Duration::ZERO).map_err(failed)?;
    Ok((directory, database))
}

/// Everything in it, with the whole of each queue.
fn load(directory: &Directory, database: &mut Database) -> Result<Saved, exit::Failure> {
    let head = Head { messages: usize::MAX, bytes: usize::MAX };
    database
        .load(head, Clock::new(Instant::ZERO))
        .map_err(|error| failed(format!("{}: {error}", directory.file().display())))
}

fn check(path: &std::path::Path) -> Result<(), exit::Failure> {
    // Opening checks all trees, and loading every row.
    let (directory, mut database) = open(path)?;
    let saved = load(&directory, &mut database)?;
    let of_sessions: usize =
        saved.sessions.iter().map(|session| session.queue.head.len() + session.sent.len()).sum();
    let of_groups: usize = saved.groups.iter().map(|group| group.queue.head.len()).sum();
    let subscriptions: usize = saved.sessions.iter().map(|session| session.subscriptions.len()).sum();
    println!(
        "{} is sound: {} sessions, {subscriptions} subscriptions, {} messages that wait, {} retained messages",
        directory.file().display(),
        saved.sessions.len(),
        of_sessions + of_groups,
        saved.retained.len()
    );
    Ok(())
}
