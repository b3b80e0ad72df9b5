//! Certificates of a CA that nobody trusts but the tests.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::folder;

/// A certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What there is for TLS. All keys are on the curve P-256. The keys belong to the user whom the servers run as.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// The CA that signed all of these but `stranger`.
    pub(crate) ca: PathBuf,
    /// A CA that has signed nothing.
    pub(crate) other_ca: PathBuf,
    /// For 127.0.0.1 and `localhost`: what the servers show unless a test tells them otherwise.
    pub(crate) server: Certificate,
    /// For the name `other.example` only.
    pub(crate) other_host: Certificate,
    /// For the right host, until yesterday.
    pub(crate) expired: Certificate,
    /// For the right host, signed by the other CA.
    pub(crate) stranger: Certificate,
    /// For a client: the user of the tests by name.
    pub(crate) client: Certificate,
}

// A lone self-signed certificate would not do: rustls refuses one that is its own CA.
const SCRIPT: &str = r#"
mkdir "$1"
cd "$1"
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -days 3650 \
        -addext keyUsage=critical,keyCertSign,cRLSign -out "$1.crt"
}
leaf() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$2" -out "$1.csr"
    printf '%s\n' "$5" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days "$4" -extfile "$1.ext" \
        -out "$1.crt"
    rm "$1.csr" "$1.ext"
}
here="subjectAltName=IP:127.0.0.1,DNS:localhost
extendedKeyUsage=serverAuth"
authority ca
authority other_ca
leaf server localhost ca 3650 "$here"
leaf other_host other.example ca 3650 "subjectAltName=DNS:other.example
extendedKeyUsage=serverAuth"
leaf expired localhost ca -1 "$here"
leaf stranger localhost other_ca 3650 "$here"
leaf client app ca 3650 "extendedKeyUsage=clientAuth"
chmod 600 ./*.key
chmod 644 ./*.crt
chmod 755 .
"#;

/// The certificates, made once for a target directory.
pub(crate) fn certificates() -> &'static Certificates {
    static MADE: OnceLock<Certificates> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = folder::made("tls", "", SCRIPT, &[]);
        let of = |name: &str| Certificate {
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        };
        Certificates {
            ca: folder.join("ca.crt"),
            other_ca: folder.join("other_ca.crt"),
            server: of("server"),
            other_host: of("other_host"),
            expired: of("expired"),
            stranger: of("stranger"),
            client: of("client"),
        }
    })
}
