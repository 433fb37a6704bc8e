//! TLS 1.2 and 1.3, with or without certificates of the clients.
//!
//! A client's certificate is not judged by its issuer: the registry of certificates says whether it
//! may come in, as AWS IoT Core does for certificates registered without a CA. What is proved here is
//! that the client has its key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio_rustls::TlsAcceptor;

/// The names by which clients ask for MQTT where it shares a port; `x-amzn-mqtt-ca` is AWS's.
const ALPN: [&[u8]; 2] = [b"x-amzn-mqtt-ca", b"mqtt"];

/// How TLS is spoken.
#[derive(Clone)]
pub struct TlsSettings {
    /// The server's certificate, and those between it and its root.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: Arc<PrivateKeyDer<'static>>,
    /// Whether a client without a certificate is turned away.
    pub require_certificate: bool,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or has nothing in it that we need.
    #[error("cannot read {what} from {}: {reason}. It must be PEM", path.display())]
    File {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Certificate and key do not fit, or are of a kind that is not known.
    #[error("cannot speak TLS with this certificate: {0}")]
    Unusable(#[from] rustls::Error),
}

impl TlsSettings {
    /// From PEM files; client certificates are taken, and not required.
    pub fn read(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_file_iter(&certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| (error.to_string(), certificate.clone()))
            .and_then(|chain| match chain.is_empty() {
                true => Err(("there is none in it".to_owned(), certificate)),
                false => Ok(chain),
            })
            .map_err(|(reason, path)| TlsError::File { what: "a certificate", path, reason })?;
        let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| TlsError::File {
            what: "a private key",
            path: key,
            reason: error.to_string(),
        })?;
        Ok(Self { chain, key: Arc::new(secret), require_certificate: false })
    }
}

/// What shakes hands.
pub(super) fn acceptor(settings: &TlsSettings) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(HasTheKey {
        algorithms: provider.signature_verification_algorithms,
        required: settings.require_certificate,
    });
    let builder = ServerConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier);
    let mut config = builder.with_single_cert(settings.chain.clone(), settings.key.clone_key())?;
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct HasTheKey {
    algorithms: WebPkiSupportedAlgorithms,
    required: bool,
}

impl ClientCertVerifier for HasTheKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
