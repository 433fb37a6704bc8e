//! The way to an external broker: TCP, and TLS over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::BrokerUrl;
use crate::broker::BrokerError;
use crate::tls::TlsError;

/// How long connecting may take, TLS included.
const REACH: Duration = Duration::from_secs(10);

/// Whom to trust, and what to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerTls {
    /// A PEM file with the authorities to trust; `None`: those that the system trusts.
    pub authorities: Option<PathBuf>,
    /// PEM files with our certificate and its key, for a broker that asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// How a broker is reached.
pub(super) struct Way {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection to a broker.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Way {
    /// Reads the files of TLS, if it is spoken.
    pub fn new(url: &BrokerUrl, tls: &BrokerTls) -> Result<Self, BrokerError> {
        let (host, port) = (url.host.clone(), url.port);
        if !url.tls {
            return Ok(Self { host, port, tls: None });
        }
        let name = ServerName::try_from(host.clone()).map_err(|error| BrokerError::Url {
            url: url.to_string(),
            reason: format!("no certificate can be for {host}: {error}"),
        })?;
        let config = client(tls).map_err(BrokerError::ClientTls)?;
        let tls = Some((TlsConnector::from(Arc::new(config)), name));
        Ok(Self { host, port, tls })
    }

    /// Connects; why not, for people.
    pub async fn reach(&self) -> Result<Box<dyn Stream>, String> {
        let reached = timeout(REACH, self.connect()).await;
        reached.map_err(|_| "it does not answer".to_owned())?
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        let address = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let Some((connector, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let secure = connector.connect(name.clone(), stream).await;
        let secure = secure.map_err(|error| format!("TLS: {error}"))?;
        Ok(Box::new(secure))
    }
}

fn client(tls: &BrokerTls) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let trusted = match &tls.authorities {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(trusted);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let Some((certificate, key)) = &tls.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable("a private key", key, &error.to_string()))?;
    Ok(builder.with_client_auth_cert(certificates(certificate)?, secret)?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |reason: &str| unreadable("a certificate", path, reason);
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(&error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("there is none in it"));
    }
    Ok(certificates)
}

fn unreadable(what: &'static str, path: &Path, reason: &str) -> TlsError {
    TlsError::File { what, path: path.to_owned(), reason: reason.to_owned() }
}
