//! The server's own certificate authority.
//!
//! Its key and certificate are files of the data directory, in `tls/`, with the server's own: the
//! keys can be read by the server's user alone. They are not in the store, so that an export of the
//! store has no private key in it. They are made when they are first needed. Keys are ECDSA P-256.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lns_lorawan::{TimeDelta, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
};
use ring::digest;

use super::x509::Parsed;
use crate::entropy;

/// The folder in the data directory.
const FOLDER: &str = "tls";

/// Certificates are valid from a day before they are made: clocks of devices differ.
const SLACK: Duration = Duration::from_secs(24 * 3600);

/// How long the server's own certificate is valid. Some clients take none that is valid for longer.
const SERVER_VALIDITY: Duration = Duration::from_secs(825 * 24 * 3600);

/// The server's own certificate is renewed at the first start with less than this left.
const SERVER_RENEWAL: TimeDelta = TimeDelta::from_secs(200 * 24 * 3600);

/// Why the authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("cannot {verb} {path}: {error}")]
    File {
        /// What was attempted.
        verb: &'static str,
        /// Which file.
        path: PathBuf,
        /// What came of it.
        error: std::io::Error,
    },
    /// A file is there and its companion is not.
    #[error(
        "{missing} is missing beside {there}; restore both from a backup, or move both away to have new ones made"
    )]
    Torn {
        /// What is there.
        there: PathBuf,
        /// What is not.
        missing: PathBuf,
    },
    /// The file is there and holds no key.
    #[error("{} holds no private key: {error}; restore it from a backup", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        error: rcgen::Error,
    },
    /// Something is no key or no certificate.
    #[error("cannot make a certificate: {0}")]
    Unusable(#[from] rcgen::Error),
    /// A name for the server is none.
    #[error("{0:?} can be no name of a server; give a DNS name or an address")]
    BadName(String),
}

/// A key and its certificate.
#[derive(Clone)]
pub struct KeyAndCertificate {
    /// The certificate, in PEM.
    pub certificate: String,
    /// The public key, in PEM.
    pub public_key: String,
    /// The private key, in PEM (PKCS #8).
    pub private_key: String,
}

/// Where the server's own certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// The certificate, and the authority's behind it.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// The authority.
pub struct Authority {
    folder: PathBuf,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.folder.display())
    }
}

impl Authority {
    /// The authority of a data directory; made when there is none yet.
    pub fn open(data_dir: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let folder = data_dir.join(FOLDER);
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        match (read(&certificate)?, read(&key)?) {
            (Some(pem), Some(text)) => Self::with(folder, pem, key_of(&key, &text)?),
            (None, None) => {
                fs::create_dir_all(&folder).map_err(|error| AuthorityError::File {
                    verb: "create",
                    path: folder.clone(),
                    error,
                })?;
                let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
                let pem = root(now)?.self_signed(&pair)?.pem();
                write(&key, &pair.serialize_pem(), true)?;
                write(&certificate, &pem, false)?;
                Self::with(folder, pem, pair)
            }
            (Some(_), None) => Err(AuthorityError::Torn { there: certificate, missing: key }),
            // The key is written first, so this is a start that was cut short.
            (None, Some(text)) => {
                let pair = key_of(&key, &text)?;
                let pem = root(now)?.self_signed(&pair)?.pem();
                write(&certificate, &pem, false)?;
                Self::with(folder, pem, pair)
            }
        }
    }

    /// The certificate of a data directory's authority, in PEM; `None`: it has none yet.
    pub fn certificate(data_dir: &Path) -> Result<Option<String>, AuthorityError> {
        read(&data_dir.join(FOLDER).join("ca.pem"))
    }

    fn with(folder: PathBuf, pem: String, key: KeyPair) -> Result<Self, AuthorityError> {
        let issuer = Issuer::from_ca_cert_pem(&pem, key)?;
        Ok(Self { folder, pem, issuer })
    }

    /// Its certificate, in PEM: what clients must trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// 64 hexadecimal digits that are this server's alone, for whoever proves to have an
    /// authority's key. They are no secret.
    pub fn registration_code(&self) -> String {
        let text = format!("registration code of {}", self.pem);
        hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
    }

    /// A new key with its certificate, for a client.
    pub fn keys_and_certificate(
        &self,
        now: Timestamp,
    ) -> Result<KeyAndCertificate, AuthorityError> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "AWS IoT Certificate");
        let certificate = self.sign(client(name, now), &pair)?;
        Ok(KeyAndCertificate {
            certificate,
            public_key: pair.public_key_pem(),
            private_key: pair.serialize_pem(),
        })
    }

    /// A certificate for the key and the name of a signing request. What else it asks for, such as
    /// to be an authority, it does not get.
    pub fn sign_request(&self, csr: &str, now: Timestamp) -> Result<String, AuthorityError> {
        let request = CertificateSigningRequestParams::from_pem(csr)?;
        self.sign(client(request.params.distinguished_name, now), &request.public_key)
    }

    fn sign(
        &self,
        params: CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<String, AuthorityError> {
        Ok(params.signed_by(key, &self.issuer)?.pem())
    }

    /// The server's own certificate under these names. It is kept as long as it is good.
    pub fn server(&self, names: &[String], now: Timestamp) -> Result<ServerFiles, AuthorityError> {
        let files = ServerFiles {
            certificate: self.folder.join("server.pem"),
            key: self.folder.join("server.key"),
        };
        let there = read(&files.certificate)?.zip(read(&files.key)?);
        if there.is_some_and(|(pem, _)| self.is_good(&pem, names, now)) {
            return Ok(files);
        }
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        set_validity(&mut params, now, Some(SERVER_VALIDITY));
        params.serial_number = Some(serial());
        params.distinguished_name = DistinguishedName::new();
        let first = names.first().map_or("lns", String::as_str);
        params.distinguished_name.push(DnType::CommonName, first);
        params.subject_alt_names =
            names.iter().map(|name| alternative(name)).collect::<Result<_, _>>()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let pem = self.sign(params, &pair)?;
        write(&files.key, &pair.serialize_pem(), true)?;
        write(&files.certificate, &format!("{pem}{}", self.pem), false)?;
        Ok(files)
    }

    /// Whether a certificate of the server is ours, has exactly these names and lasts.
    fn is_good(&self, pem: &str, names: &[String], now: Timestamp) -> bool {
        let (Ok(there), Ok(ours)) = (Parsed::of_pem(pem), Parsed::of_pem(&self.pem)) else {
            return false;
        };
        let of = |kind: &str| {
            let field = format!("Subject.AlternativeName.{kind}");
            there.fields.get(&field).cloned().unwrap_or_default()
        };
        let mut has = of("DNSName");
        has.extend(of("IPAddress"));
        let mut wanted: Vec<String> = names.to_vec();
        has.sort_unstable();
        wanted.sort_unstable();
        has == wanted && there.is_signed_by(&ours) && there.is_valid_at(now.plus(SERVER_RENEWAL))
    }
}

/// The authority's certificate, before it is signed.
fn root(now: Timestamp) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, None);
    params.serial_number = Some(serial());
    params.distinguished_name = DistinguishedName::new();
    // Two servers must not have authorities of one name.
    let name = format!("lns authority {}", hex::encode(entropy::bytes::<4>()));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// A client's certificate, before it is signed.
fn client(name: DistinguishedName, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, None);
    params.serial_number = Some(serial());
    params.distinguished_name = name;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A serial number that no other certificate has: 127 random bits.
fn serial() -> SerialNumber {
    let mut bytes = entropy::bytes::<16>();
    bytes[0] &= 0x7f;
    SerialNumber::from_slice(&bytes)
}

/// From when until when a certificate is valid. What nobody renews ends as AWS has it: within what
/// the clocks and parsers of small devices can say.
fn set_validity(params: &mut CertificateParams, now: Timestamp, span: Option<Duration>) {
    let seconds = Duration::from_secs(now.secs().unsigned_abs());
    let now = rcgen::date_time_ymd(1970, 1, 1) + seconds;
    params.not_before = now - SLACK;
    params.not_after = span.map_or(rcgen::date_time_ymd(2049, 12, 31), |span| now + span);
}

fn alternative(name: &str) -> Result<SanType, AuthorityError> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => {
            let bad = || AuthorityError::BadName(name.to_owned());
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-.*_".contains(&b);
            if name.is_empty() || !name.bytes().all(known) {
                return Err(bad());
            }
            Ok(SanType::DnsName(name.to_owned().try_into().map_err(|_| bad())?))
        }
    }
}

/// What a file says; `None`: it is not there.
fn read(path: &Path) -> Result<Option<String>, AuthorityError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AuthorityError::File { verb: "read", path: path.to_owned(), error }),
    }
}

fn key_of(path: &Path, text: &str) -> Result<KeyPair, AuthorityError> {
    KeyPair::from_pem(text)
        .map_err(|error| AuthorityError::Damaged { path: path.to_owned(), error })
}

/// Puts a file in its place at once, for everybody to read or for us alone.
fn write(path: &Path, text: &str, secret: bool) -> Result<(), AuthorityError> {
    let new = path.with_extension("new");
    let mode = if secret { 0o600 } else { 0o644 };
    let written = (|| {
        let _ = fs::remove_file(&new);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    written.map_err(|error| AuthorityError::File { verb: "write", path: path.to_owned(), error })
}
