//! Certificates of all kinds, made by openssl in the folder of a test.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::Folder;

const CONFIG: &str = "\
[ca]
default_ca = own
[own]
dir = .
database = index
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
";

/// A folder with an authority and what it has signed.
pub(crate) struct Certificates(Folder);

impl Certificates {
    /// `ca.pem`, another authority `other.pem`, and `server.pem` for localhost and 127.0.0.1.
    pub(crate) fn new() -> Self {
        let all = Self(Folder::new());
        std::fs::write(all.0.file("cnf"), CONFIG).unwrap();
        for (file, content) in [("index", ""), ("serial", "01\n"), ("crlnumber", "01\n")] {
            std::fs::write(all.0.file(file), content).unwrap();
        }
        for name in ["ca", "other"] {
            all.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -config cnf -extensions authority -keyout {name}.key -out {name}.pem"
            ));
        }
        all.sign("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1", "");
        all
    }

    pub(crate) fn openssl(&self, arguments: &str) {
        self.tell(arguments);
    }

    /// What openssl says.
    pub(crate) fn tell(&self, arguments: &str) -> String {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.0.file(""))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// `NAME.pem` and `NAME.key`, signed by the authority; `more` are further arguments of `openssl ca`.
    pub(crate) fn sign(&self, name: &str, subject: &str, alternatives: &str, more: &str) {
        let alternatives = if alternatives.is_empty() {
            String::new()
        } else {
            format!("-addext subjectAltName={alternatives}")
        };
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -subj {subject} -config cnf {alternatives} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!("ca -batch -notext -config cnf -in {name}.csr -out {name}.pem {more}"));
    }

    /// One that ended years ago.
    pub(crate) fn expired(&self, name: &str, alternatives: &str) {
        self.sign(name, "/CN=expired", alternatives, "-startdate 20200101000000Z -enddate 20200102000000Z");
    }

    /// One that signed itself.
    pub(crate) fn self_signed(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -config cnf -keyout {name}.key -out {name}.pem"
        ));
    }

    /// Writes the list of revoked certificates with this one among them.
    pub(crate) fn revoke(&self, name: &str) {
        self.openssl(&format!("ca -config cnf -revoke {name}.pem"));
        self.list_revoked();
    }

    pub(crate) fn list_revoked(&self) {
        self.openssl("ca -config cnf -gencrl -out crl.new");
        std::fs::rename(self.0.file("crl.new"), self.0.file("crl.pem")).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.file(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }
}
