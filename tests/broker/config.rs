//! Configurations: what is wrong with them, and what the broker does with them.

use std::process::Output;

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
    let text = "listener 1883\nmax_keep_alive 60\n\nacl_file /no/such/file\nplugin x.so\n";
    let (status, stdout, stderr) = check(&folder, text, "--check-config");
    assert_eq!((status, stdout.as_str()), (Some(3), ""));
    let expected = "error: FILE:2: unknown option \"max_keep_alive\"; did you mean max_keepalive?\n\
        error: FILE:5: plugin: plugins are not supported: password_file and acl_file are built in\n";
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

#[test]
fn a_configuration_that_is_not_there_is_told() {
    let output = skeeter().args(["broker", "-c", "/no/such/file", "--check-config"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: /no/such/file: cannot be read"));
}
