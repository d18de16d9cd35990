//! What is wrong with a configuration, and how that is told.

use std::process::Output;

use super::OPEN;
use crate::support::{Folder, skeeter};

fn check(folder: &Folder, text: &str, flag: &str) -> (Option<i32>, String, String) {
    let path = folder.file("mosquitto.conf");
    std::fs::write(&path, text).unwrap();
    let mut command = skeeter();
    let Output { status, stdout, stderr } =
        command.arg("broker").arg("-c").arg(&path).arg(flag).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr).replace(path.to_str().unwrap(), "FILE"))
}

#[test]
fn every_fault_of_a_configuration_is_named_at_once() {
    let folder = Folder::new();
    let text = "listener 1883\nmax_keep_alive 60\n\nacl_file /no/such/file\nplugin x.so\nlog_dest file /no/such/dir/log\n";
    let (status, stdout, stderr) = check(&folder, text, "--check-config");
    assert_eq!((status, stdout.as_str()), (Some(3), ""));
    let expected = "error: FILE:2: unknown option \"max_keep_alive\"; did you mean max_keepalive?\n\
        error: FILE:4: acl_file: cannot read /no/such/file: no such file or directory\n\
        error: FILE:5: plugin: this plugin is not supported; use password_file and acl_file, which are built in\n\
        error: FILE:6: log_dest: cannot write /no/such/dir/log: no such file or directory\n";
    assert_eq!(stderr, expected);
}

#[test]
fn files_that_a_configuration_names_are_opened_by_one_check_and_not_by_the_other() {
    let folder = Folder::new();
    let text = "listener 1883\npid_file /no/such/folder/pid\nacl_file /no/such/file\nretry_interval 5\n";
    let (status, stdout, stderr) = check(&folder, text, "--test-config");
    assert_eq!((status, stdout.as_str()), (Some(0), "Configuration file is OK.\n"));
    assert!(stderr.starts_with("warning: FILE:4: retry_interval"), "{stderr}");
    let (status, _, stderr) = check(&folder, text, "--check-config");
    assert_eq!(status, Some(3));
    assert!(stderr.contains("FILE:3: acl_file: cannot read /no/such/file"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn what_is_wrong_in_the_files_of_listeners_and_bridges_is_told_with_their_lines() {
    let folder = Folder::new();
    let junk = folder.file("junk");
    std::fs::write(&junk, "junk").unwrap();
    let text = "listener 1883\n\nlistener 1884\ncertfile JUNK\nkeyfile JUNK\nlistener 1885\npsk_hint a\npsk_file JUNK\n\
                connection b\naddress h\ntopic x\nbridge_cafile JUNK\n";
    let (status, _, stderr) = check(&folder, &text.replace("JUNK", junk.to_str().unwrap()), "--check-config");
    let expected = "error: FILE:9: bridge b: JUNK: contains no PEM certificate\n\
        error: FILE:3: JUNK: contains no PEM certificate\nerror: FILE:6: JUNK:1: expected IDENTITY:HEXADECIMAL\n";
    assert_eq!((status, stderr.replace(junk.to_str().unwrap(), "JUNK").as_str()), (Some(3), expected));
    // Above every listener, where the default one is described.
    let text = "port 1883\npsk_hint a\npsk_file JUNK\n".replace("JUNK", junk.to_str().unwrap());
    let (_, _, stderr) = check(&folder, &text, "--check-config");
    assert!(stderr.starts_with("error: FILE:1: ") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_configuration_that_is_not_there_is_told() {
    let output = skeeter().args(["broker", "-c", "/no/such/file", "--check-config"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: /no/such/file: cannot be read"));
}

#[test]
fn what_this_broker_cannot_do_is_refused_by_name() {
    let folder = Folder::new();
    let path = folder.file("mosquitto.conf");
    for (line, expected) in [
        ("tls_engine x", "mosquitto.conf:4: tls_engine: OpenSSL engines"),
        ("enable_control_api true", "mosquitto.conf:4: enable_control_api is not supported"),
    ] {
        std::fs::write(&path, format!("{OPEN}{line}\n")).unwrap();
        let output = skeeter().arg("broker").arg("-c").arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(expected), "{text}");
    }
}
