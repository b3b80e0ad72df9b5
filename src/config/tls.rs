//! Whether the connection is encrypted, and who must prove what.

use std::path::PathBuf;

use super::spec::{OptionKind, OptionSpec};
use crate::secret::Secret;

/// How much TLS is asked for, as libpq defines the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsMode {
    /// None.
    Disable,
    /// If the server has it; a downgrade is not noticed.
    Prefer,
    /// Encrypted, with whomever it may be.
    Require,
    /// Encrypted, and the certificate must be signed by a root that is trusted.
    VerifyCa,
    /// As `VerifyCa`, and the certificate must be for the host that was asked for.
    VerifyFull,
}

impl TlsMode {
    /// The word for it in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            TlsMode::Disable => "disable",
            TlsMode::Prefer => "prefer",
            TlsMode::Require => "require",
            TlsMode::VerifyCa => "verify-ca",
            TlsMode::VerifyFull => "verify-full",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<TlsMode> {
        use TlsMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
        [Disable, Prefer, Require, VerifyCa, VerifyFull].into_iter().find(|mode| mode.as_str() == word)
    }
}

/// The options for TLS that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsOptions {
    /// How much TLS is asked for; `None` leaves it to [`Config::tls_mode`](super::Config::tls_mode).
    pub mode: Option<TlsMode>,
    /// A PEM file of the roots to trust, in place of the platform's.
    pub root_cert: Option<PathBuf>,
    /// A PEM file with the client's certificate.
    pub cert: Option<PathBuf>,
    /// A PEM file with the client's key.
    pub key: Option<PathBuf>,
    /// The passphrase of the key.
    pub key_password: Option<Secret>,
}

/// The words for `sslmode`: libpq's, MySQL's, and the booleans of databasez, where `true` means all of it.
const MODES: &[(&str, &str)] = &[
    ("disable", "disable"),
    ("prefer", "prefer"),
    ("require", "require"),
    ("verify-ca", "verify-ca"),
    ("verify-full", "verify-full"),
    ("disabled", "disable"),
    ("preferred", "prefer"),
    ("required", "require"),
    ("verify-identity", "verify-full"),
    ("true", "verify-full"),
    ("false", "disable"),
    ("", "verify-full"),
    ("1", "verify-full"),
    ("0", "disable"),
    ("yes", "verify-full"),
    ("no", "disable"),
    ("on", "verify-full"),
    ("off", "disable"),
];

/// The options for TLS, of every driver that speaks over a network.
pub const TLS_OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("sslmode", OptionKind::Words(MODES), "How much TLS is asked for.").aliases(&["ssl", "ssl_mode"]),
    OptionSpec::new("sslrootcert", OptionKind::Path, "A PEM file of the roots to trust.").aliases(&["ssl_ca"]),
    OptionSpec::new("sslcert", OptionKind::Path, "A PEM file with the client's certificate.").aliases(&["ssl_cert"]),
    OptionSpec::new("sslkey", OptionKind::Path, "A PEM file with the client's key.").aliases(&["ssl_key"]),
    OptionSpec::new("sslpassword", OptionKind::Text, "The passphrase of the client's key.").secret(),
];
