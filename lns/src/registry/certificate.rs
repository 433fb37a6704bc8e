//! Certificates: those of clients, and those of authorities that sign them.

use lns_lorawan::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Kind, Principal, PrincipalName, Registry, Tags};

/// Whether a certificate is good for anything, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CertificateStatus {
    /// It may be used.
    Active,
    /// It may not be used now.
    Inactive,
    /// It may not be used any more.
    Revoked,
    /// It registered itself and waits for somebody to let it in.
    PendingActivation,
}

impl CertificateStatus {
    /// Every status.
    pub const ALL: [Self; 4] =
        [Self::Active, Self::Inactive, Self::Revoked, Self::PendingActivation];

    /// AWS's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Revoked => "REVOKED",
            Self::PendingActivation => "PENDING_ACTIVATION",
        }
    }

    /// The status of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// How an authority was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CertificateMode {
    /// By a certificate that it signed over the registration code.
    Default,
    /// Not at all: clients must name this server in the TLS handshake.
    SniOnly,
}

impl CertificateMode {
    /// AWS's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::SniOnly => "SNI_ONLY",
        }
    }
}

/// A client's certificate. Its key is the client's alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// SHA-256 of its DER, in hexadecimal.
    pub id: String,
    /// The certificate.
    pub pem: String,
    /// Whether it may be used.
    pub status: CertificateStatus,
    /// How its authority was verified.
    pub mode: CertificateMode,
    /// The id of the registered authority that signed it; `None`: our own, or none.
    #[serde(default)]
    pub ca: Option<String>,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// Grows with every change; 1 at first.
    pub version: u32,
}

impl Kept for Certificate {
    type Key = String;
    const KIND: Kind = Kind::Certificate;
    const TABLE: Table = Table::Certificates;
    const PREFIX: &'static str = "cert/";
    const LIMIT: usize = 10_000_000;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn links(&self) -> Vec<String> {
        self.ca.iter().map(|ca| CaCertificate::link(ca)).collect()
    }

    /// What is attached to it.
    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let principal = registry.principal(&PrincipalName::certificate(&self.id))?;
        let policy = principal.policies().iter().next().map(|name| (Kind::Policy, name.clone()));
        policy.or_else(|| {
            let thing = Principal::things(&principal).keys().next()?;
            Some((Kind::Thing, thing.clone()))
        })
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.certificates
    }
}

/// The certificate of an authority that signs clients' certificates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaCertificate {
    /// SHA-256 of its DER, in hexadecimal.
    pub id: String,
    /// The certificate.
    pub pem: String,
    /// Whether certificates that it signed may be registered.
    pub active: bool,
    /// Whether a certificate that it signed registers itself when it is first used.
    pub registers_itself: bool,
    /// How it was verified.
    pub mode: CertificateMode,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// Grows with every change; 1 at first.
    pub version: u32,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

impl CaCertificate {
    /// By what certificates are found that it has signed.
    pub fn link(id: &str) -> String {
        format!("ca/{id}")
    }
}

impl Kept for CaCertificate {
    type Key = String;
    const KIND: Kind = Kind::CaCertificate;
    const TABLE: Table = Table::Certificates;
    const PREFIX: &'static str = "ca/";
    const LIMIT: usize = 1_000;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.ca_certificates
    }
}
