//! The binary: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(skeeter::run(std::env::args_os()))
}
