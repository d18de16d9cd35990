//! `skeeter migrate`: what it says of each line, and the configuration that it writes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Broker, CONNACK4, Folder, connect4, skeeter};

/// The status and the output of `skeeter migrate`, in which the directory is called DIR.
fn migrate(folder: &Folder, flags: &[&str]) -> (i32, String, String) {
    let directory = folder.file("");
    let output = skeeter().arg("migrate").arg(folder.file("mosquitto.conf")).args(flags).output().unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(directory.to_str().unwrap().trim_end_matches('/'), "DIR")
    };
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn each_line_is_the_same_or_differs_or_is_refused_with_a_reason() {
    let folder = Folder::new();
    let conf = folder.file("mosquitto.conf");
    write(&folder.file("users"), "ann:plain\n");
    let text = format!(
        "# A comment.\nuser root\nlistener 0 127.0.0.1\npassword_file {}\nset_tcp_nodelay true\nretry_interval 5\n\
         plugin /usr/lib/other.so\nplugin_opt_secret hunter2\nmax_keep_alive 3\n\
         connection b\naddress 127.0.0.1\ntopic # out\nremote_username u\nremote_password hunter2\n",
        folder.file("users").display()
    );
    write(&conf, &text);
    let (status, report, errors) = migrate(&folder, &[]);
    assert_eq!((status, errors.as_str()), (3, ""));
    for line in [
        "DIR/mosquitto.conf:3: listener 0 127.0.0.1: same",
        "DIR/mosquitto.conf:5: set_tcp_nodelay true: differs: true by default",
        "DIR/mosquitto.conf:6: retry_interval 5: differs: retry_interval: ignored: messages are resent when a client reconnects",
        "DIR/mosquitto.conf:7: plugin /usr/lib/other.so: refused: plugin: this plugin is not supported; ",
        "DIR/mosquitto.conf:9: max_keep_alive 3: refused: unknown option \"max_keep_alive\"; did you mean max_keepalive?",
        "DIR/mosquitto.conf:14: remote_password ...: same",
        "error: in the password file DIR/users:1: ",
        "13 lines: 8 same, 2 differ, 3 refused; 1 errors in other files",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    assert!(!report.contains("hunter2"), "{report}");
    let (_, quiet, _) = migrate(&folder, &["--quiet"]);
    assert!(!quiet.contains(": same\n") && quiet.contains("refused: plugin"), "{quiet}");
    let (status, _, errors) = migrate(&folder, &["--apply"]);
    assert_eq!(status, 3);
    assert!(errors.contains("nothing is written, as the line cannot be left out safely"), "{errors}");
    assert!(!folder.file("skeeter.conf").exists());
}

#[test]
fn a_configuration_without_its_refused_lines_is_written_and_the_broker_starts_with_it() {
    let folder = Folder::new();
    let (conf, included) = (folder.file("mosquitto.conf"), folder.file("conf.d"));
    std::fs::create_dir(&included).unwrap();
    write(
        &included.join("bridge.conf"),
        "connection manual\naddress 127.0.0.1\ntopic a out\nstart_type manual\n\
         connection lazy\naddress 127.0.0.1:1\nstart_type lazy\ntopic b out\n",
    );
    write(&included.join("other.conf"), "# Nothing.\n");
    let text = format!(
        "user root\nlistener 0 127.0.0.1\nallow_anonymous true\n# Kept.\nenable_control_api true\ninclude_dir {}\n",
        included.display()
    );
    write(&conf, &text);
    std::fs::set_permissions(&conf, PermissionsExt::from_mode(0o640)).unwrap();
    let (status, report, errors) = migrate(&folder, &["--apply"]);
    assert_eq!((status, errors.as_str()), (3, ""), "{report}");
    assert!(report.contains("wrote DIR/skeeter.conf"), "{report}");
    let written = folder.file("skeeter.conf");
    let text = std::fs::read_to_string(&written).unwrap();
    assert!(text.contains("\n# Kept.\n# Left out: enable_control_api is not supported"), "{text}");
    assert_eq!(std::fs::metadata(&written).unwrap().permissions().mode() & 0o777, 0o640);
    let bridges = std::fs::read_to_string(folder.file("skeeter-conf.d").join("bridge.conf")).unwrap();
    assert_eq!(bridges.lines().filter(|line| line.starts_with("# Left out: ")).count(), 4, "{bridges}");
    assert!(
        bridges.contains("\nconnection lazy\n") && !bridges.contains("\nconnection manual\n"),
        "{bridges}"
    );
    let broker = Broker::start(&["-c", written.to_str().unwrap()]);
    let mut client = broker.connect();
    client.send(&connect4("ann", true));
    client.expect(&CONNACK4);
    // What is there already is not overwritten.
    let (_, _, errors) = migrate(&folder, &["--apply"]);
    assert!(errors.contains("cannot write DIR/skeeter"), "{errors}");
}

#[test]
fn the_state_that_the_first_start_imports_is_counted() {
    let folder = Folder::new();
    let binary = assert_cmd::cargo::cargo_bin!("skeeter");
    let (data, location) = (folder.file("data"), folder.file("mosquitto"));
    std::fs::create_dir(&location).unwrap();
    let publish = format!("{} pub -t state/lamp -m on -r -q 1", binary.display());
    let ran = skeeter().args(["broker", "--data-dir", data.to_str().unwrap(), "--exec", &publish]).status();
    assert!(ran.unwrap().success());
    let db = location.join("mosquitto.db");
    let exported = skeeter().args(["store", "export", "--mosquitto"]).args([&db, &data]).output().unwrap();
    assert!(exported.status.success(), "{exported:?}");
    let text = format!("listener 1883\npersistence true\npersistence_location {}\n", location.display());
    write(&folder.file("mosquitto.conf"), &text);
    let (status, report, _) = migrate(&folder, &[]);
    assert_eq!(status, 0, "{report}");
    let expected = "DIR/mosquitto/mosquitto.db: the first start imports 1 retained messages, 0 sessions";
    assert!(report.contains(expected), "{report}");
}
