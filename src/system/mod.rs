//! What the operating system tells and grants a process: CPU time, memory, open files.

pub(crate) mod files;
pub(crate) mod memory;
pub(crate) mod process;
