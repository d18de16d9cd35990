//! The binary: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(skeeter::command::run(std::env::args_os()))
}
