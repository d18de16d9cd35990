//! `firmware/flash`, the one command, with programs in the place of espflash, cargo and rustup that write down how they
//! were called: no board, no toolchain for one. The settings are made by the real host binary.
#![cfg(all(feature = "host", unix))]
// In a test a panic is the report.
#![allow(clippy::unwrap_used)]

use skeeter_sensor::settings::Settings;
use skeeter_sensor::storage;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/flash");

/// A folder with the stand-ins, and what they wrote down.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Self {
        let desk = Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name));
        let _ = fs::remove_dir_all(&desk.0);
        fs::create_dir_all(desk.0.join("bin")).unwrap();
        desk.tool(
            "espflash",
            r#"case $1 in
board-info) printf 'Chip type:         esp32c6 (revision v0.1)\n' ;;
write-bin) for last; do :; done; cp "$last" "$DESK/settings.bin" ;;
save-image) for last; do :; done; head -c 70000 /dev/zero >"$last" ;;
esac"#,
        );
        desk.tool(
            "cargo",
            &format!(
                r#"[ "$1" = run ] && {{ while [ "$1" != -- ]; do shift; done; shift; exec {} "$@"; }}; true"#,
                env!("CARGO_BIN_EXE_host")
            ),
        );
        desk.tool("rustup", "[ \"$1\" = toolchain ] || echo riscv32imc-unknown-none-elf");
        desk
    }

    fn tool(&self, name: &str, body: &str) {
        let path = self.0.join("bin").join(name);
        fs::write(&path, format!("#!/bin/bash\necho {name} \"$@\" >>\"$DESK/calls\"\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PATH", format!("{}/bin:/usr/bin:/bin", self.0.display()))
            .env("DESK", &self.0)
            .env("TMPDIR", &self.0)
            .env_remove("CARGO_TARGET_DIR")
            .env("HOME", &self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(SCRIPT);
        finish(command.args(arguments), input)
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.0.join("calls")).unwrap_or_default()
    }

    /// What the board would find in its flash.
    fn settings(&self) -> Settings {
        let bytes = fs::read(self.0.join("settings.bin")).unwrap();
        assert_eq!(bytes.len(), 0x2000, "both sectors, so that nothing older is found");
        read(&bytes)
    }
}

fn read(partition: &[u8]) -> Settings {
    let (_, blob) = storage::open(&partition[..0x1000]).unwrap();
    Settings::from_text(core::str::from_utf8(blob).unwrap()).0
}

fn finish(command: &mut Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    // The script may end without reading it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn one_command_builds_configures_and_flashes() {
    let desk = Desk::new("one");
    let arguments = "--ssid home --broker 10.0.0.2 --user ann --device attic --interval 30 --sleep on --sensor dht11 \
                     --mqtt-port 1884 --ntp ntp.lan --chip esp32c3 --port /dev/ttyUSB7";
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    let output = desk.run(&arguments, "pass = word\nhush-hush\n");
    assert!(output.status.success(), "{}", text(&output));
    let settings = desk.settings();
    let expected = "ssid=home\npassword=pass = word\nbroker=10.0.0.2\nport=1884\nuser=ann\nsecret=hush-hush\n\
                    device=attic\ninterval=30\nsleep=on\nsensor=dht11\nntp=ntp.lan\n";
    assert_eq!(settings, Settings::from_text(expected).0);
    let calls = desk.calls();
    let position = |part: &str| calls.find(part).unwrap_or_else(|| panic!("{part} is not in {calls}"));
    let build = "cargo build --release --locked --features esp32c3 --target riscv32imc-unknown-none-elf\n";
    let write = "espflash write-bin --chip esp32c3 --port /dev/ttyUSB7 0x9000 ";
    let flash = "espflash flash --chip esp32c3 --port /dev/ttyUSB7 --flash-size 4mb --partition-table partitions.csv \
                 --target-app-partition first --erase-data-parts ota target/riscv32imc-unknown-none-elf/release/board\n";
    assert!(position("--image") < position(build));
    assert!(position(build) < position(write) && position(write) < position(flash));
    assert!(!calls.contains("target add"), "the target is there already");
    for secret in ["pass = word", "hush-hush"] {
        assert!(!calls.contains(secret) && !text(&output).contains(secret), "{secret} was shown");
    }
    // Nothing of it is left behind, either.
    let left: Vec<_> = fs::read_dir(&desk.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("tmp")), "{left:?}");
}

#[test]
fn a_board_of_another_kind_is_asked_what_it_is() {
    let desk = Desk::new("asked");
    let output = desk.run(&["--ssid", "home", "--broker", "b", "--open"], "");
    assert!(output.status.success(), "{}", text(&output));
    let calls = desk.calls();
    assert!(calls.contains("rustup target add riscv32imac-unknown-none-elf"), "{calls}");
    assert!(calls.contains("--features esp32c6 --target riscv32imac-unknown-none-elf"), "{calls}");
    assert_eq!((desk.settings().ssid.as_str(), desk.settings().password.as_str()), ("home", ""));
}

#[test]
fn new_settings_alone_leave_the_firmware_as_it_is() {
    let desk = Desk::new("settings");
    let output = desk.run(
        &["--ssid", "home", "--broker", "b", "--chip", "esp32", "--settings-only", "--monitor"],
        "password\n",
    );
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(desk.settings().password, "password");
    let calls = desk.calls();
    assert!(calls.contains("espflash write-bin --chip esp32 --monitor 0x9000"), "{calls}");
    assert!(!calls.contains("cargo build") && !calls.contains("espflash flash"), "{calls}");
}

#[test]
fn xtensa_is_built_by_its_own_toolchain() {
    let desk = Desk::new("xtensa");
    let arguments = ["--ssid", "home", "--broker", "b", "--open", "--chip", "esp32s3"];
    let output = desk.run(&arguments, "");
    assert!(!output.status.success() && text(&output).contains("espup install"), "{}", text(&output));
    desk.tool("rustup", "echo esp");
    let output = desk.run(&arguments, "");
    assert!(output.status.success(), "{}", text(&output));
    let build = "cargo +esp build --release --locked --features esp32s3 --target xtensa-esp32s3-none-elf \
                 -Zbuild-std=core,alloc\n";
    assert!(desk.calls().contains(build), "{}", desk.calls());
}

#[test]
fn an_image_holds_all_that_a_board_needs() {
    let desk = Desk::new("image");
    let path = desk.0.join("all.bin");
    let output = desk.run(
        &["--ssid", "home", "--broker", "b", "--chip", "esp32c3", "--image", path.to_str().unwrap()],
        "password\n",
    );
    assert!(output.status.success(), "{}", text(&output));
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 70_000);
    assert_eq!(read(&bytes[0x9000..]).password, "password");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "it holds passwords");
    assert!(!desk.calls().contains("espflash flash") && !desk.calls().contains("write-bin"));
}

#[test]
fn what_is_wrong_is_said_before_anything_is_built_or_flashed() {
    let base = ["--ssid", "home", "--broker", "b", "--chip", "esp32c3"];
    for (more, input, said) in [
        (&["--interval", "1"][..], "password\n", "expected a number"),
        (&["--device", "a/b"], "password\n", "expected letters"),
        (&["--sensor", "bmp"], "password\n", "expected dht11 or dht22"),
        (&[], "short\n", "8 to 63"),
        (&[], "\n", "--open"),
        (&[], "", "password of the Wi-Fi network home"),
        (&["--chip", "esp8266"], "password\n", "esp8266"),
        (&["--colour", "red"], "password\n", "--colour is unknown"),
        (&["--device"], "password\n", "--device is unknown or needs a value"),
        (&["--image", "x", "--settings-only"], "password\n", "--settings-only"),
    ] {
        let desk = Desk::new(&format!("wrong-{}", said.replace('/', "")));
        let output = desk.run(&[&base[..], more].concat(), input);
        assert!(!output.status.success() && text(&output).contains(said), "{more:?}: {}", text(&output));
        let calls = desk.calls();
        assert!(!calls.contains("cargo build") && !calls.contains("espflash"), "{more:?}: {calls}");
    }
    let desk = Desk::new("wrong-ssid");
    assert!(text(&desk.run(&["--broker", "b"], "")).contains("--ssid is missing"));
    assert!(text(&desk.run(&["--ssid", "home"], "")).contains("--broker is missing"));
    fs::remove_file(desk.0.join("bin/espflash")).unwrap();
    assert!(text(&desk.run(&base, "password\n")).contains("cargo install espflash"));
}

#[test]
fn a_failed_flash_is_no_success() {
    let desk = Desk::new("failed");
    desk.tool("espflash", "[ \"$1\" != flash ]");
    let output = desk.run(&["--ssid", "home", "--broker", "b", "--open", "--chip", "esp32c3"], "");
    assert!(!output.status.success() && !text(&output).contains("done"), "{}", text(&output));
}

/// On a terminal of its own, by script(1) of util-linux: what is typed must not come back.
#[test]
#[cfg(target_os = "linux")]
fn the_password_is_not_shown_on_a_terminal() {
    let desk = Desk::new("terminal");
    let mut command = desk.command("script");
    let line = format!("{SCRIPT} --ssid home --broker b --chip esp32c3");
    // Not before the prompt: only then is the echo off.
    let mut child = command.args(["-qec", &line, "/dev/null"]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&shown).contains("home: ") {
        assert_eq!(std::io::Read::read(&mut output, &mut byte).unwrap(), 1, "{shown:?}");
        shown.push(byte[0]);
    }
    input.write_all(b"typed-in-secret\n").unwrap();
    std::io::Read::read_to_end(&mut output, &mut shown).unwrap();
    let shown = String::from_utf8_lossy(&shown);
    assert!(child.wait().unwrap().success(), "{shown}");
    assert!(!shown.contains("typed-in-secret"), "{shown}");
    assert_eq!(desk.settings().password, "typed-in-secret");
}
