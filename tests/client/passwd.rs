//! `skeeter passwd`: files as users and brokers find them afterwards.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{Folder, skeeter};

fn run(flags: &[&str], file: &Path, words: &[&str], password: &str) -> Output {
    let mut command = skeeter();
    command.arg("passwd").args(flags).arg(file).args(words).stdin(Stdio::null());
    command.env("SKEETER_PASSWORD", password).output().unwrap()
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn fails(output: &Output, part: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(part), "{:?}: {error}", output.status);
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn users_are_added_changed_checked_and_deleted() {
    let folder = Folder::new();
    let file = folder.file("users");
    assert_eq!(succeeds(&run(&[], &file, &["ann"], "one")), "added ann\n");
    assert_eq!(mode(&file), 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("ann:$argon2id$v=19$m=19456,t=2,p=1$") && !text.contains("one"), "{text}");
    // Comments and other users stay as they are, and so does what owner and group may do.
    std::fs::write(&file, format!("# staff\n{text}\nother:$7$odd\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(succeeds(&run(&["-H", "sha512-pbkdf2", "-I", "1000"], &file, &["bob"], "two")), "added bob\n");
    assert_eq!(succeeds(&run(&["-H", "sha512"], &file, &["ann"], "three")), "changed ann\n");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines[0], lines[2], lines[3]), ("# staff", "", "other:$7$odd"));
    assert!(lines[1].starts_with("ann:$6$") && lines[4].starts_with("bob:$7$1000$"), "{text}");
    assert_eq!(mode(&file), 0o640);
    fails(&run(&["--check"], &file, &["bob"], "two"), ":4: the password of \"other\"");
    assert_eq!(succeeds(&run(&["-D"], &file, &["other"], "")), "deleted other\n");
    assert!(succeeds(&run(&["--check"], &file, &[], "")).ends_with("2 users, no errors\n"));
    assert_eq!(succeeds(&run(&["--check"], &file, &["bob"], "two")), "the password is correct\n");
    assert_eq!(run(&["--check"], &file, &["bob"], "three").status.code(), Some(1));
    assert_eq!(run(&["--check"], &file, &["eve"], "two").status.code(), Some(1));
    fails(&run(&["-D"], &file, &["eve"], ""), "has no user \"eve\"");
    assert_eq!(succeeds(&run(&["-c"], &file, &["dan"], "four")), "added dan\n");
    assert!(succeeds(&run(&["--check"], &file, &[], "")).ends_with("1 users, no errors\n"));
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn passwords_come_from_where_they_are_safe() {
    let folder = Folder::new();
    let (file, secret) = (folder.file("users"), folder.file("secret"));
    std::fs::write(&secret, "from a file\nand more\n").unwrap();
    succeeds(&run(&["--password-file", secret.to_str().unwrap()], &file, &["ann"], "not this"));
    assert_eq!(succeeds(&run(&["--check"], &file, &["ann"], "from a file")), "the password is correct\n");
    let mut child = skeeter()
        .args(["passwd", "--password-fd", "0"])
        .arg(&file)
        .arg("bob")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"from stdin\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(succeeds(&run(&["--check"], &file, &["bob"], "from stdin")), "the password is correct\n");
    succeeds(&run(&["-b"], &file, &["cat", "as an argument"], "not this"));
    assert_eq!(succeeds(&run(&["--check"], &file, &["cat"], "as an argument")), "the password is correct\n");
    for (words, part) in [
        (&["a:b"][..], "colon"),
        (&[""], "must not be empty"),
        (&["#a"], "comment"),
        (&["a\nb"], "control"),
        (&["dan", "secret"], "--password-given"),
    ] {
        fails(&run(&[], &file, words, "x"), part);
    }
    fails(&run(&[], &file, &["dan"], ""), "the password must not be empty");
}

#[test]
fn many_users_come_from_stdin_and_plain_files_are_hashed() {
    let folder = Folder::new();
    let file = folder.file("users");
    let batch = |lines: &str| {
        let mut child = skeeter()
            .args(["passwd", "--batch", "-H", "sha512"])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert_eq!(succeeds(&batch("ann:one:1\n\nbob:two\n")), "wrote 2 users\n");
    assert_eq!(succeeds(&run(&["--check"], &file, &["ann"], "one:1")), "the password is correct\n");
    let before = std::fs::read(&file).unwrap();
    fails(&batch("cat:three\nhunter2\n"), "line 2 of stdin: expected NAME:PASSWORD");
    assert_eq!(std::fs::read(&file).unwrap(), before, "all or none");
    let text = String::from_utf8(before).unwrap();
    std::fs::write(&file, format!("# plain\ndan:four\n{text}")).unwrap();
    assert_eq!(succeeds(&run(&["-U"], &file, &[], "")), "hashed 1 passwords\n");
    assert_eq!(succeeds(&run(&["--check"], &file, &["dan"], "four")), "the password is correct\n");
    assert_eq!(succeeds(&run(&["--check"], &file, &["bob"], "two")), "the password is correct\n");
    std::fs::write(&file, "eve:$7$101$broken\n").unwrap();
    fails(&run(&["-U"], &file, &[], ""), ":1: this looks like a hash");
}

#[test]
fn users_that_are_added_at_once_are_all_there() {
    let folder = Folder::new();
    let file = folder.file("users");
    succeeds(&run(&["-H", "sha512"], &file, &["first"], "x"));
    let children: Vec<_> = (0..8)
        .map(|number| {
            skeeter()
                .args(["passwd", "-H", "sha512"])
                .arg(&file)
                .arg(format!("user{number}"))
                .env("SKEETER_PASSWORD", "x")
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert!(succeeds(&run(&["--check"], &file, &[], "")).ends_with("9 users, no errors\n"));
}

#[test]
fn it_is_mosquitto_passwd_too() {
    let folder = Folder::new();
    let (link, file) = (folder.file("mosquitto_passwd"), folder.file("users"));
    std::os::unix::fs::symlink(skeeter().get_program(), &link).unwrap();
    let output = Command::new(&link).args(["-c", "-b"]).arg(&file).args(["ann", "secret"]).output().unwrap();
    succeeds(&output);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("ann:$7$"));
    // Its exit status for all that fails is 1.
    let missing = folder.file("missing/users");
    let (users, missing) = (file.to_str().unwrap(), missing.to_str().unwrap());
    for words in [
        &["-b", users, "a:b", "secret"][..],
        &["-c", "-b", missing, "ann", "secret"],
        &["-U", missing],
        &["-D", missing, "ann"],
        &["-D", users, "bob"],
        &["--no-such-flag"],
    ] {
        let output = Command::new(&link).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
    }
}
