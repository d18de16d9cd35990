//! What the operating system tells and grants a process: CPU time, memory, open files, names.

pub(crate) mod files;
pub(crate) mod memory;
pub(crate) mod names;
pub(crate) mod process;
