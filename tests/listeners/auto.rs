//! `--tls auto`: a broker that makes its certificates itself, and says how to use them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::server::{SClient, Server, has_peer, succeeded};
use crate::support::{Folder, Lines, skeeter};

/// A shell in which `skeeter` is the program under test.
fn shell(line: &str, state: &str) -> Command {
    let program = skeeter().get_program().to_owned();
    let folder = Path::new(&program).parent().unwrap().to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path).env("XDG_STATE_HOME", state).stdin(Stdio::null());
    command
}

/// The lines that begin so, without what is before.
fn told(server: &Server, start: &str) -> String {
    server.stdout.wait_line(start).trim().to_owned()
}

#[test]
fn all_kinds_of_listeners_work_at_once_and_as_announced() {
    let folder = Folder::new();
    let state = folder.file("state");
    let state = state.to_str().unwrap();
    let socket = folder.file("sock");
    let environment = [("XDG_STATE_HOME", state)];
    let flags = ["--tls", "auto", "--ws", "--wss", "--unix", socket.to_str().unwrap()];
    let server = Server::start_with(&flags, &environment);
    let (subscribe, publish) = (told(&server, "skeeter sub "), told(&server, "skeeter pub "));
    // As they are told, but for an end.
    let mut child =
        shell(&format!("exec {subscribe} -C 1 -v"), state).stdout(Stdio::piped()).spawn().unwrap();
    let lines = Lines::of(child.stdout.take().unwrap());
    succeeded(&shell(&format!("{publish} -r -q 1"), state).output().unwrap());
    assert_eq!(crate::support::wait(&mut child), 0);
    assert_eq!(lines.all(), ["hello world"]);

    let tls = folder.file("state/skeeter/tls");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&tls), 0o700);
    assert_eq!((mode(&tls.join("ca.key")), mode(&tls.join("server.key"))), (0o600, 0o600));
    let ca = tls.join("ca.pem");
    let ca = ca.to_str().unwrap();
    for (scheme, flags) in
        [("mqtt", &[][..]), ("mqtts", &["--cafile", ca]), ("ws", &[]), ("wss", &["--cafile", ca])]
    {
        for host in ["localhost", "127.0.0.1"] {
            let line = format!(
                "skeeter pub -L {scheme}://{host}:{}/t -m x -q 1 {}",
                server.port(scheme),
                flags.join(" ")
            );
            succeeded(&shell(&line, state).output().unwrap());
        }
    }
    let line = format!("skeeter pub --unix {} -t t -m x -q 1", socket.display());
    succeeded(&shell(&line, state).output().unwrap());
    if has_peer("openssl") {
        let arguments = ["-CAfile", ca, "-verify_hostname", "localhost", "-x509_strict"];
        SClient::start(server.port("mqtts"), &arguments).comes_in();
        SClient::start(server.port("mqtts"), &["-CAfile", ca, "-verify_ip", "127.0.0.1"]).comes_in();
    }
    // Another broker uses the same.
    let before = std::fs::read(tls.join("server.pem")).unwrap();
    drop(server);
    let server = Server::start_with(&["--tls", "auto"], &environment);
    assert_eq!(std::fs::read(tls.join("server.pem")).unwrap(), before);
    let said =
        succeeded(&shell(&format!("{} -r -q 1", told(&server, "skeeter pub ")), state).output().unwrap());
    assert_eq!(said, "");
}

#[test]
fn client_certificates_are_issued_on_request() {
    let folder = Folder::new();
    let state = folder.file("state");
    let state = state.to_str().unwrap();
    let server = Server::start_with(
        &["--tls", "auto", "--require-certificate", "--no-plain", "--bind", "0.0.0.0"],
        &[("XDG_STATE_HOME", state)],
    );
    server.stdout.wait_line("`skeeter cert NAME` makes the certificate");
    // Whoever has none stays out, and reads and publishes nothing.
    let lines = server.stdout.wait("the lines", |lines| Some(lines.to_vec()));
    assert!(lines.iter().all(|line| !line.contains("no authentication")), "{lines:?}");
    let publish = told(&server, "skeeter pub ");
    let made = succeeded(&shell("skeeter cert sensor-7", state).output().unwrap());
    let paths: Vec<&str> = made.lines().take(2).collect();
    let publish = publish.replace("NAME.pem", paths[0]).replace("NAME.key", paths[1]);
    succeeded(&shell(&publish, state).output().unwrap());
    let bare = publish.split(" --cert").next().unwrap();
    let refused = shell(bare, state).output().unwrap();
    assert_eq!(refused.status.code(), Some(8), "{}", String::from_utf8_lossy(&refused.stderr));
    let again = shell("skeeter cert sensor-7", state).output().unwrap();
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.code() == Some(1) && said.contains("already"), "{said}");
}

#[test]
fn with_a_data_directory_the_ca_is_stored_in_it() {
    let folder = Folder::new();
    let (state, data) = (folder.file("state"), folder.file("data"));
    let environment = [("XDG_STATE_HOME", state.to_str().unwrap())];
    let flags = ["--tls", "auto", "--data-dir", data.to_str().unwrap()];
    let server = Server::start_with(&flags, &environment);
    let publish = told(&server, "skeeter pub ");
    succeeded(&shell(&format!("{publish} -q 1"), state.to_str().unwrap()).output().unwrap());
    assert!(data.join("tls/ca.pem").exists() && data.join("skeeter.redb").exists() && !state.exists());
    let made = skeeter().args(["cert", "ann", "--data-dir"]).arg(&data).output().unwrap();
    succeeded(&made);
    assert!(!state.exists(), "the same authority signs for clients");
}
