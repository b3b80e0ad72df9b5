//! TLS as libpq defines `sslmode`, by rustls.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::{Config, TlsMode, TlsOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::url::Host;

/// TLS for one connection.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    /// Whether a server without TLS will do.
    pub(super) optional: bool,
    /// Whether it is begun without being asked for.
    pub(super) direct: bool,
    /// Whether the server must prove who it is.
    pub(super) verified: bool,
}

/// Makes what each host needs. The files are read with the first connection, and again after a failure.
pub(super) struct TlsFactory {
    options: TlsOptions,
    made: Mutex<Vec<(TlsMode, Arc<ClientConfig>)>>,
}

impl TlsFactory {
    pub(super) fn new(options: &TlsOptions) -> TlsFactory {
        TlsFactory { options: options.clone(), made: Mutex::default() }
    }

    /// What this host needs; `None` for no TLS.
    pub(super) fn of(&self, config: &Config, host: &Host, direct: bool) -> Result<Option<Tls>> {
        let mut mode = config.tls_mode(host);
        if mode == TlsMode::Disable || host.unix_path().is_some() {
            return Ok(None);
        }
        if mode == TlsMode::Require && self.options.root_cert.is_some() {
            // As libpq: whoever names the roots wants them used.
            mode = TlsMode::VerifyCa;
        }
        let name = host.to_plain();
        let name = name.split_once('%').map_or(name.as_str(), |(address, _zone)| address);
        let name = ServerName::try_from(name.trim_end_matches('.').to_owned())
            .map_err(|_| Error::new(ErrorKind::Tls, format!("`{name}` is no name that a certificate can be for")))?;
        let verified = matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
        Ok(Some(Tls { config: self.config(mode)?, name, optional: mode == TlsMode::Prefer, direct, verified }))
    }

    fn config(&self, mode: TlsMode) -> Result<Arc<ClientConfig>> {
        let mut made = self.made.lock();
        if let Some((_, config)) = made.iter().find(|(known, _)| *known == mode) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make(mode)?);
        made.push((mode, Arc::clone(&config)));
        Ok(config)
    }

    fn make(&self, mode: TlsMode) -> Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| tls("rustls has no protocol versions", error))?;
        let verifier: Arc<dyn ServerCertVerifier> = match mode {
            TlsMode::VerifyCa | TlsMode::VerifyFull => {
                let roots = WebPkiServerVerifier::builder_with_provider(self.roots()?, Arc::clone(&provider))
                    .build()
                    .map_err(|error| tls("the roots cannot be used", error))?;
                Arc::new(Verifier { roots: Some(roots), checks_name: mode == TlsMode::VerifyFull, provider })
            }
            _ => Arc::new(Verifier { roots: None, checks_name: false, provider }),
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match (&self.options.cert, &self.options.key) {
            (Some(cert), Some(key)) => builder
                .with_client_auth_cert(certificates(cert, "sslcert")?, self.key(key)?)
                .map_err(|error| tls("`sslcert` and `sslkey` cannot be used together", error))?,
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(config)
    }

    fn roots(&self) -> Result<Arc<RootCertStore>> {
        let Some(path) = &self.options.root_cert else { return system_roots() };
        if path.as_os_str() == "system" {
            return system_roots();
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path, "sslrootcert")? {
            roots
                .add(certificate)
                .map_err(|error| tls(format!("a certificate in {} is no root", path.display()), error))?;
        }
        Ok(Arc::new(roots))
    }

    fn key(&self, path: &Path) -> Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_file(path).map_err(|error| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if self.options.key_password.is_some() || text.contains("ENCRYPTED") {
                return Error::new(
                    ErrorKind::Tls,
                    format!(
                        "the key in {} is encrypted, which this driver cannot undo: write it in clear with `openssl pkey`, \
                         to a file that nobody else can read",
                        path.display()
                    ),
                );
            }
            tls(format!("`sslkey` {} cannot be read", path.display()), error)
        })
    }
}

fn certificates(path: &Path, option: &str) -> Result<Vec<CertificateDer<'static>>> {
    let trouble = |error| tls(format!("`{option}` {} cannot be read", path.display()), error);
    let list: std::result::Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(trouble)?.collect();
    let list = list.map_err(trouble)?;
    if list.is_empty() {
        return Err(Error::new(ErrorKind::Tls, format!("`{option}` {} holds no certificate", path.display())));
    }
    Ok(list)
}

/// The roots that the system trusts, read once for the process.
fn system_roots() -> Result<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(Error::new(
            ErrorKind::Tls,
            "this system has no list of trusted roots: name one with sslrootcert, or say sslmode=require to encrypt \
             without asking who the server is",
        ));
    }
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))))
}

fn tls(what: impl std::fmt::Display, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Tls, format!("{what}: {error}")).with_source(error)
}

/// Checks what `sslmode` says: everything, all but the name, or nothing but that the server has its certificate's key.
#[derive(Debug)]
struct Verifier {
    roots: Option<Arc<WebPkiServerVerifier>>,
    checks_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        match roots.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at last, when all else is well.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The hash of the server's certificate that a login is bound to (RFC 5929, `tls-server-end-point`): by the hash function of
/// the certificate's own signature, SHA-256 in place of weaker ones. `None` for what has no hash of these.
pub(super) fn channel_binding_of(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let suite = match signature_algorithm(certificate)? {
        // RSA with MD5, SHA-1 and SHA-256; ECDSA with SHA-1 and SHA-256.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04 | 0x05 | 0x0b]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02] => ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
        // The same with SHA-384.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => {
            ring::cipher_suite::TLS13_AES_256_GCM_SHA384
        }
        _ => return None,
    };
    let mut hash = suite.tls13()?.common.hash_provider.start();
    hash.update(certificate);
    Some(hash.finish().as_ref().to_vec())
}

/// The object identifier of the algorithm that a certificate is signed with: the first field of its second field.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (fields, _) = field(certificate, SEQUENCE)?;
    let (_signed, rest) = field(fields, SEQUENCE)?;
    let (algorithm, _) = field(rest, SEQUENCE)?;
    field(algorithm, OBJECT_IDENTIFIER).map(|(identifier, _)| identifier)
}

/// The content of a field of this type, and what is behind it (DER).
fn field(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (&kind, der) = der.split_first()?;
    let (&first, der) = der.split_first()?;
    let (length, der) = match first {
        0..=0x7f => (usize::from(first), der),
        0x81..=0x84 => {
            let (digits, der) = der.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), der)
        }
        _ => return None,
    };
    (kind == wanted).then(|| der.split_at_checked(length)).flatten()
}
