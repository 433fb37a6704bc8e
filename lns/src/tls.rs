//! TLS 1.2 and 1.3, with or without certificates of the clients: for MQTT and for HTTP.
//!
//! A client's certificate is not judged by its issuer: the registry of certificates says whether it
//! may come in, as AWS IoT Core does for certificates registered without a CA. What is proved here is
//! that the client has its key.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use lns_lorawan::Timestamp;
use parking_lot::Mutex;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio_rustls::TlsAcceptor;

use crate::identity::Parsed;

/// The names by which clients ask for MQTT where it shares a port; `x-amzn-mqtt-ca` is AWS's.
pub const MQTT: [&[u8]; 2] = [b"x-amzn-mqtt-ca", b"mqtt"];

/// The names by which clients ask for HTTP; `x-amzn-http-ca` is AWS's.
pub const HTTP: [&[u8]; 2] = [b"http/1.1", b"x-amzn-http-ca"];

/// How often the files of a certificate are looked at, at most.
const LOOK: Duration = Duration::from_secs(10);

/// How TLS is spoken.
#[derive(Clone)]
pub struct TlsSettings {
    certificate: Arc<Renewed>,
    /// Whether a client without a certificate is turned away.
    pub require_certificate: bool,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsSettings({})", self.certificate.files.certificate.display())
    }
}

/// What is known of a client at the other end of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsPeer {
    /// Its certificates, its own first, as DER. That it has the key is proved; nothing else is.
    pub certificates: Vec<Vec<u8>>,
    /// By which name it has called the server (SNI).
    pub server_name: Option<String>,
}

impl TlsPeer {
    /// What a handshake has told.
    pub fn of(connection: &rustls::ServerConnection) -> Self {
        let shown = connection.peer_certificates().unwrap_or_default();
        Self {
            certificates: shown.iter().map(|certificate| certificate.to_vec()).collect(),
            server_name: connection.server_name().map(str::to_owned),
        }
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
    /// From PEM files; client certificates are taken, and not required. The files are read again
    /// when they have changed.
    pub fn read(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let certificate = Arc::new(Renewed::read(Files { certificate, key })?);
        Ok(Self { certificate, require_certificate: false })
    }

    /// Until when the certificate is valid that is shown now; `None`: it cannot be told.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.certificate.look(Instant::now());
        self.certificate.current.load().not_after
    }

    /// The file that the certificate is read from.
    pub fn certificate_file(&self) -> &Path {
        &self.certificate.files.certificate
    }
}

/// What shakes hands. `protocols` are those that it speaks, for clients that ask for one (ALPN,
/// RFC 7301).
pub fn acceptor(settings: &TlsSettings, protocols: &[&[u8]]) -> Result<TlsAcceptor, TlsError> {
    let provider = provider();
    let verifier = Arc::new(HasTheKey {
        algorithms: provider.signature_verification_algorithms,
        required: settings.require_certificate,
    });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(&settings.certificate) as _);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Where the server's certificate and its key are.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn load(&self) -> Result<Loaded, TlsError> {
        let unreadable = |what, path: &Path, reason: String| TlsError::File {
            what,
            path: path.to_owned(),
            reason,
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| error.to_string())
            .and_then(|chain| match chain.is_empty() {
                true => Err("there is none in it".to_owned()),
                false => Ok(chain),
            })
            .map_err(|reason| unreadable("a certificate", &self.certificate, reason))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unreadable("a private key", &self.key, error.to_string()))?;
        let not_after = Parsed::of_der(&chain[0]).ok().map(|parsed| parsed.not_after);
        let key = Arc::new(CertifiedKey::from_der(chain, key, &provider())?);
        Ok(Loaded { key, not_after })
    }

    /// When each was last written; `None`: it is not there.
    fn written(&self) -> [Option<SystemTime>; 2] {
        let when = |path| fs::metadata(path).and_then(|file| file.modified()).ok();
        [when(&self.certificate), when(&self.key)]
    }
}

/// The server's certificate, which is read again when somebody has renewed its files: whoever does
/// that every few weeks need not restart a server that gateways and devices speak to.
#[derive(Debug)]
struct Renewed {
    files: Files,
    current: ArcSwap<Loaded>,
    seen: Mutex<Seen>,
}

/// What was in the files.
#[derive(Debug)]
struct Loaded {
    key: Arc<CertifiedKey>,
    /// Until when the certificate is valid; `None`: it cannot be told.
    not_after: Option<Timestamp>,
}

/// The files when they were last looked at.
#[derive(Debug)]
struct Seen {
    at: Instant,
    written: [Option<SystemTime>; 2],
}

impl Renewed {
    fn read(files: Files) -> Result<Self, TlsError> {
        let seen = Seen { at: Instant::now(), written: files.written() };
        let current = ArcSwap::from_pointee(files.load()?);
        Ok(Self { files, current, seen: Mutex::new(seen) })
    }

    /// Reads the files again if they have changed. What cannot be used changes nothing: perhaps the
    /// one is written and the other is not yet.
    fn look(&self, now: Instant) {
        let Some(mut seen) = self.seen.try_lock() else { return };
        if now.duration_since(seen.at) < LOOK {
            return;
        }
        seen.at = now;
        let written = self.files.written();
        if written == seen.written {
            return;
        }
        seen.written = written;
        match self.files.load() {
            Ok(renewed) => {
                self.current.store(Arc::new(renewed));
                tracing::info!(file = %self.files.certificate.display(), "the TLS certificate is renewed");
            }
            Err(error) => tracing::warn!("the TLS certificate stays as it is: {error}"),
        }
    }
}

impl ResolvesServerCert for Renewed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.look(Instant::now());
        Some(Arc::clone(&self.current.load().key))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::identity::Authority;

    fn written(folder: &Path, text: [&str; 2]) -> Files {
        let files = Files { certificate: folder.join("a.pem"), key: folder.join("a.key") };
        fs::write(&files.certificate, text[0]).unwrap();
        fs::write(&files.key, text[1]).unwrap();
        files
    }

    #[test]
    fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let now = Clock::start().now();
        let authority = Authority::open(folder.path(), now).unwrap();
        let [one, two] = [(); 2].map(|()| authority.keys_and_certificate(now).unwrap());
        let files = written(folder.path(), [&one.certificate, &one.private_key]);
        let renewed = Renewed::read(files).unwrap();
        let shown = || renewed.current.load().key.cert.clone();
        let first = shown();
        let start = Instant::now();
        // Half of the renewal: the new certificate does not fit the old key.
        written(folder.path(), [&two.certificate, &one.private_key]);
        let set = |name: &str, seconds| {
            let file = fs::File::options().write(true).open(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(seconds)).unwrap();
        };
        set("a.pem", 1);
        renewed.look(start + LOOK);
        assert_eq!(shown(), first);
        written(folder.path(), [&two.certificate, &two.private_key]);
        set("a.key", 2);
        renewed.look(start + LOOK + Duration::from_secs(1));
        assert_eq!(shown(), first, "it is not looked at all the time");
        renewed.look(start + LOOK * 2);
        assert_ne!(shown(), first);
    }

    #[test]
    fn files_that_will_not_do_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let read = |files: Files| Renewed::read(files).unwrap_err().to_string();
        let gone = Files { certificate: folder.path().join("no"), key: folder.path().join("no") };
        assert!(read(gone).contains("/no"));
        let empty = read(written(folder.path(), ["", ""]));
        assert!(empty.contains("a.pem") && empty.contains("there is none in it"), "{empty}");
    }
}
