//! Flags of the clients that say how to connect, and what is refused by name.

use crate::server::run;

#[test]
fn unsupported_flags_are_refused_by_name() {
    for (flags, why) in [
        (&["--tls-engine", "pkcs11"][..], "TLS engines are not supported"),
        (&["--tls-engine-kpass-sha1", "00"], "TLS engines are not supported"),
        (&["--cafile", "x", "--cert", "x", "--key", "x", "--keyform", "engine"], "keyform"),
        (&["--psk", "0123"], "--psk-identity"),
        (&["--psk", "01x3", "--psk-identity", "a"], "hexadecimal"),
        (&["--psk", "0123", "--psk-identity", "a", "--cafile", "x"], "--cafile"),
        (&["--key-pass-file", "x"], "--cert"),
        (&["--proxy", "http://x"], "socks5h://"),
        (&["--ws-path", "mqtt"], "a path such as /mqtt"),
        (&["--ws-header", "x"], "expected a header"),
        (&["-L", "http://x/t"], "wss"),
        (&["--tls-version", "tlsv1.1"], "tlsv1.2"),
    ] {
        let (status, said) = run(&[&["pub", "-t", "t", "-m", "x"][..], flags].concat());
        assert!(status == 2 && said.contains(why), "{flags:?}: {status} {said}");
    }
}
