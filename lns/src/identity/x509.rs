//! Certificates as we read them: what policies see of them, how long they are valid, who signed them.

use std::collections::BTreeMap;

use lns_lorawan::Timestamp;
use ring::digest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

/// The longest certificate that we look at, in bytes, as AWS has it for PEM.
const MAX_DER: usize = 65_536;

/// Fields of a name, by their object identifiers (X.520).
const FIELDS: [(&str, &str); 13] = [
    ("2.5.4.46", "DistinguishedNameQualifier"),
    ("2.5.4.6", "Country"),
    ("2.5.4.10", "Organization"),
    ("2.5.4.11", "OrganizationalUnit"),
    ("2.5.4.8", "State"),
    ("2.5.4.3", "CommonName"),
    ("2.5.4.5", "SerialNumber"),
    ("2.5.4.12", "Title"),
    ("2.5.4.4", "Surname"),
    ("2.5.4.42", "GivenName"),
    ("2.5.4.43", "Initials"),
    ("2.5.4.65", "Pseudonym"),
    ("2.5.4.44", "GenerationQualifier"),
];

/// Why something is no certificate that we can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCertificate(String);

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// SHA-256 of its DER, in hexadecimal: AWS's certificateId.
    pub id: String,
    /// Its DER.
    pub der: Vec<u8>,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// What it says, as policies name it: `Subject.CommonName`, `SerialNumber` …
    pub fields: BTreeMap<String, Vec<String>>,
}

/// The id of a certificate: SHA-256 of its DER, in hexadecimal.
pub fn id_of(der: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, der))
}

/// DER as PEM.
pub fn to_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let body: String = lines.flat_map(|line| [line.into_owned(), "\n".to_owned()]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
}

impl Parsed {
    /// Reads the first certificate of a PEM text.
    pub fn of_pem(pem: &str) -> Result<Self, BadCertificate> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| BadCertificate(format!("it is no certificate in PEM: {error}")))?;
        Self::of_der(&der)
    }

    /// Reads DER.
    pub fn of_der(der: &[u8]) -> Result<Self, BadCertificate> {
        let certificate = read(der)?;
        let validity = certificate.validity();
        let seconds = |time: x509_parser::time::ASN1Time| Timestamp::from_secs(time.timestamp());
        Ok(Self {
            id: id_of(der),
            der: der.to_vec(),
            not_before: seconds(validity.not_before),
            not_after: seconds(validity.not_after),
            is_ca: certificate.is_ca(),
            fields: fields(&certificate),
        })
    }

    /// Whether it is valid at this time.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Whether the key of `authority` has signed it, and `authority` may sign.
    pub fn is_signed_by(&self, authority: &Parsed) -> bool {
        let (Ok(this), Ok(by)) = (read(&self.der), read(&authority.der)) else { return false };
        by.is_ca()
            && this.issuer().as_raw() == by.subject().as_raw()
            && this.verify_signature(Some(by.public_key())).is_ok()
    }

    /// The first common name of its subject.
    pub fn common_name(&self) -> Option<&str> {
        self.fields.get("Subject.CommonName")?.first().map(String::as_str)
    }
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, BadCertificate> {
    if der.len() > MAX_DER {
        let problem = format!("it has {} bytes and may have {MAX_DER}", der.len());
        return Err(BadCertificate(problem));
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(BadCertificate("something follows the certificate".to_owned())),
        Err(error) => Err(BadCertificate(format!("it is no X.509 certificate: {error}"))),
    }
}

fn fields(certificate: &X509Certificate<'_>) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let serial = hex::encode(certificate.raw_serial());
    fields.insert("SerialNumber".to_owned(), vec![serial]);
    of_name("Subject", certificate.subject(), &mut fields);
    of_name("Issuer", certificate.issuer(), &mut fields);
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                of_alternatives("Subject", &names.general_names, &mut fields);
            }
            ParsedExtension::IssuerAlternativeName(names) => {
                of_alternatives("Issuer", &names.general_names, &mut fields);
            }
            _ => {}
        }
    }
    fields
}

fn of_name(side: &str, name: &X509Name<'_>, fields: &mut BTreeMap<String, Vec<String>>) {
    for attribute in name.iter_attributes() {
        let oid = attribute.attr_type().to_id_string();
        let known = FIELDS.iter().find(|(known, _)| *known == oid);
        if let (Some((_, field)), Ok(value)) = (known, attribute.as_str()) {
            fields.entry(format!("{side}.{field}")).or_default().push(value.to_owned());
        }
    }
}

fn of_alternatives(
    side: &str,
    names: &[GeneralName<'_>],
    fields: &mut BTreeMap<String, Vec<String>>,
) {
    for name in names {
        let (field, value) = match name {
            GeneralName::RFC822Name(text) => ("RFC822Name", (*text).to_owned()),
            GeneralName::DNSName(text) => ("DNSName", (*text).to_owned()),
            GeneralName::DirectoryName(name) => ("DirectoryName", name.to_string()),
            GeneralName::URI(text) => ("UniformResourceIdentifier", (*text).to_owned()),
            GeneralName::IPAddress(bytes) => match address(bytes) {
                Some(address) => ("IPAddress", address),
                None => continue,
            },
            _ => continue,
        };
        fields.entry(format!("{side}.AlternativeName.{field}")).or_default().push(value);
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    use std::net::IpAddr;
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(address.to_string())
}
