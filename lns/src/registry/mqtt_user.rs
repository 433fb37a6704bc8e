//! Users of MQTT: a name with a password, tokens, or both.

use std::fmt;

use lns_lorawan::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Kind, Registry, RegistryError};

/// How many tokens one user has.
const MAX_TOKENS: usize = 100;

/// A user. What it may do, the policies say that are attached to `user/{name}`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MqttUser {
    /// Its name.
    pub name: String,
    /// The hash of its password, in PHC's format; `None`: only its tokens let it in.
    #[serde(default)]
    pub password: Option<String>,
    /// Its tokens.
    #[serde(default)]
    pub tokens: Vec<MqttToken>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Grows with every change of password or tokens; 1 at first.
    pub version: u64,
}

/// A token: a secret that the server has made. It keeps the hash alone.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MqttToken {
    /// By which it is revoked.
    pub id: String,
    /// SHA-256 of the secret, in hexadecimal. The secret has 256 random bits, so that nothing
    /// slower is needed.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good for nothing; `None`: never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for MqttUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MqttUser({}, …)", self.name)
    }
}

impl fmt::Debug for MqttToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MqttToken({}, …)", self.id)
    }
}

impl Kept for MqttUser {
    type Key = String;
    const KIND: Kind = Kind::MqttUser;
    const TABLE: Table = Table::MqttUsers;
    const LIMIT: usize = 1_000_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn links(&self) -> Vec<String> {
        self.tokens.iter().map(|token| Self::link_to_token(&token.id)).collect()
    }

    fn check(&self, _registry: &Registry) -> Result<(), RegistryError> {
        if self.tokens.len() <= MAX_TOKENS {
            return Ok(());
        }
        Err(RegistryError::Unfit(format!(
            "user {} would have {} tokens and may have {MAX_TOKENS}; revoke one",
            self.name,
            self.tokens.len()
        )))
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.mqtt_users
    }
}

impl MqttUser {
    /// By what the user is found that has this token.
    pub fn link_to_token(id: &str) -> String {
        format!("token/{id}")
    }
}

impl MqttToken {
    /// Whether it has not expired.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
