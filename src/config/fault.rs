//! Errors in a configuration, with file and line.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FilePosition {
    pub(crate) file: Arc<Path>,
    /// From 1; 0 stands for the file as a whole.
    pub(crate) line: usize,
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    pub(crate) place: FilePosition,
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(place: &FilePosition, what: impl Into<String>) -> Self {
        Self { place: place.clone(), what: what.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// The name most similar to `wanted`, if one is similar enough.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = wanted.len().div_ceil(4).max(1);
    let (wanted, length) = (wanted.to_lowercase(), wanted.chars().count());
    // Names (which are ASCII) of a very different length are not compared, as a line of garbage may be long.
    let names = names.filter(|name| name.len().abs_diff(length) <= most);
    let (distance, name) = names.map(|name| (distance(&wanted, name), name)).min()?;
    (distance <= most).then_some(name)
}

/// Edit distance: characters to insert, delete, replace or swap with their neighbours.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let mut least =
                (last[column] + usize::from(a != b)).min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && *a == other[column - 1] && one[row - 1] == *b {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let names = ["max_keepalive", "max_qos", "listener", "port", "user"];
        for (wanted, expected) in [
            ("max_keep_alive", Some("max_keepalive")),
            ("Listener", Some("listener")),
            ("lsitener", Some("listener")),
            ("prot", Some("port")),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), expected, "{wanted}");
        }
    }
}
