//! The configuration that `skeeter migrate --apply` writes: the lines of the old one, with those that are refused as comments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Verdict;
use crate::cli::exit::{CONFIGURATION, Failure, INPUT};
use crate::config::ConfigLine;
use crate::text::os_error;

/// Refused options without which a listener or bridge would be another one: it is left out as a whole.
const WHOLE_SECTION: &[&str] = &["protocol", "start_type"];

/// Refused options that can be left out without harm.
const HARMLESS: &[&str] = &["http_dir", "enable_control_api"];

/// The reasons why lines are left out, by file and line number.
type LeftOut = BTreeMap<PathBuf, BTreeMap<usize, String>>;

/// Writes the configuration to `output`, and changed copies of included files to a directory beside it.
///
/// # Errors
/// When a line cannot be left out, or a file cannot be written.
pub(super) fn write(
    file: &Path,
    output: &Path,
    lines: &[ConfigLine],
    verdicts: &[Verdict],
) -> Result<(), Failure> {
    let left_out = left_out(lines, verdicts)?;
    let included: BTreeSet<&Path> =
        lines.iter().map(|line| &*line.place.file).filter(|path| *path != file).collect();
    let mut files = Vec::new();
    let mut moved = BTreeMap::new();
    for line in lines.iter().filter(|line| line.name == "include_dir") {
        let directory = Path::new(&line.value);
        let of_directory = || included.iter().filter(|path| path.parent() == Some(directory));
        if !of_directory().any(|path| left_out.contains_key(*path)) {
            continue;
        }
        let mut name = output.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}", directory.file_name().unwrap_or_default().to_string_lossy()));
        let copy = output.with_file_name(name);
        for path in of_directory() {
            files.push((copy.join(path.file_name().unwrap_or_default()), changed(path, &left_out, &moved)?));
        }
        moved.insert(line.place.line, copy);
    }
    for directory in moved.values() {
        std::fs::create_dir(directory).map_err(|error| cannot_write(directory, &error))?;
    }
    // The main file last: as long as it is not there, nobody reads the others.
    files.push((output.to_owned(), changed(file, &left_out, &moved)?));
    for (path, text) in &files {
        create(path, text, file).map_err(|error| cannot_write(path, &error))?;
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(INPUT, format!("cannot write {}: {}", path.display(), os_error(&error)))
}

/// Which lines become comments, and why.
fn left_out(lines: &[ConfigLine], verdicts: &[Verdict]) -> Result<LeftOut, Failure> {
    let mut all = LeftOut::new();
    let mut leave = |line: &ConfigLine, why: &str| {
        let of_file = all.entry(line.place.file.to_path_buf()).or_default();
        of_file.entry(line.place.line).or_insert_with(|| why.to_owned());
    };
    for (at, (line, verdict)) in lines.iter().zip(verdicts).enumerate() {
        let Verdict::Refused(why) = verdict else { continue };
        if HARMLESS.contains(&line.name.as_str()) {
            leave(line, why);
            continue;
        }
        let opener = if line.name == "protocol" { "listener" } else { "connection" };
        let begin = lines[..=at].iter().rposition(begins_section);
        let begin =
            begin.filter(|begin| WHOLE_SECTION.contains(&line.name.as_str()) && lines[*begin].name == opener);
        let Some(begin) = begin else {
            let text = format!(
                "{}: {}: {why}; nothing is written, as the line cannot be left out safely: change or remove it first",
                line.place,
                line.shown()
            );
            return Err(Failure::new(CONFIGURATION, text));
        };
        let same_file = |other: &&ConfigLine| other.place.file == line.place.file;
        let section =
            lines[begin + 1..].iter().take_while(same_file).take_while(|line| !begins_section(line));
        [&lines[begin]].into_iter().chain(section).for_each(|line| leave(line, why));
    }
    Ok(all)
}

fn begins_section(line: &ConfigLine) -> bool {
    ["listener", "port", "bind_address", "connection", "include_dir"].contains(&line.name.as_str())
}

/// The text of a file with lines that are left out as comments, and directories of included files replaced.
fn changed(path: &Path, left_out: &LeftOut, moved: &BTreeMap<usize, PathBuf>) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(INPUT, format!("cannot read {}: {}", path.display(), os_error(&error)))
    })?;
    let reasons = left_out.get(path);
    let mut text = format!("# Written by skeeter migrate from {}.\n", path.display());
    for (number, line) in (1..).zip(String::from_utf8_lossy(&bytes).lines()) {
        let is_include = line.trim_start().starts_with("include_dir");
        match (reasons.and_then(|reasons| reasons.get(&number)), moved.get(&number)) {
            (Some(why), _) => text += &format!("# Left out: {why}\n# {line}\n"),
            (None, Some(directory)) if is_include => {
                text += &format!("include_dir {}\n", directory.display());
            }
            _ => text += &format!("{line}\n"),
        }
    }
    Ok(text)
}

/// Creates a file with the permissions of the old configuration, as it may hold passwords.
fn create(path: &Path, text: &str, like: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    let found = std::fs::metadata(like)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Only root can.
        let _ = std::os::unix::fs::fchown(&file, Some(found.uid()), Some(found.gid()));
    }
    file.set_permissions(found.permissions())?;
    file.sync_all()
}
