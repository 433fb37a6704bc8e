//! Who a client is, and what it may do.
//!
//! [`Identity`] knows clients by their certificates, by user and password, and by tokens, and makes
//! their [`Access`] of the policies attached to them. Everybody else is left to the gate behind it,
//! which knows bridges and, on loopback, those who show nothing.
//!
//! A certificate lets its owner in because it is registered and `ACTIVE`, not because of who signed
//! it: that was looked at when it was registered. The TLS handshake has proved that the client has
//! the key.

mod access;
mod asker;
mod authority;
mod guess;
mod password;
mod reserved;
#[cfg(test)]
mod tests;
mod x509;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};

use lns_broker::{Access, ReasonCode};
use lns_lorawan::{TimeDelta, Timestamp};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::registry::{
    CaCertificate, Certificate, CertificateStatus, MqttUser, Policy, Principal, Registry, Thing,
    ThingGroup,
};

use access::{Change, PolicyAccess, Proof, Subject};
use password::{is_token, token_id};

pub use access::policies_of;
pub use asker::Asker;
use asker::Askers;
pub use authority::{Authority, AuthorityError, KeyAndCertificate, ServerFiles};
pub use password::{MAX_PASSWORD, NewToken, Passwords, Verdict, hash, new_token};
pub use reserved::may_publish;
pub use x509::{BadCertificate, Parsed, id_of, to_pem};

/// How often rights are looked at though no record has changed: certificates and tokens expire.
const EXPIRY: TimeDelta = TimeDelta::from_secs(30);

/// What a client shows of itself.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// Its client identifier; HTTP has none.
    pub client_id: &'a str,
    /// The user name.
    pub username: Option<&'a str>,
    /// The password, or a token.
    pub password: Option<&'a [u8]>,
    /// Its certificates in DER, its own first. It has proved that it has the key of its own.
    pub certificates: &'a [Vec<u8>],
    /// By which name it has called the server.
    pub server_name: Option<&'a str>,
    /// From where.
    pub source: IpAddr,
}

/// A client that has proved who it is.
pub struct Identified {
    /// Who it is: a certificate's id, or a user's name.
    pub principal: Arc<str>,
    /// The name of its thing.
    pub thing: Option<Arc<str>>,
    /// What it may do.
    pub access: Arc<dyn Access>,
}

/// What becomes of clients whose rights have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether anybody may do other things than before.
    pub rights: bool,
    /// The principals whose connections must end.
    pub gone: BTreeSet<String>,
}

/// Hears of certificates that have registered themselves. It must not block.
pub type Registrations = Box<dyn Fn(&Certificate) + Send + Sync>;

/// Who knows the clients.
pub struct Identity {
    registry: Arc<Registry>,
    clock: Clock,
    data_dir: PathBuf,
    passwords: Passwords,
    /// Opened when it is first needed.
    authority: Mutex<Option<Arc<Authority>>>,
    /// Told of certificates that have registered themselves.
    registrations: OnceLock<Registrations>,
    /// The rights that somebody holds: as many as there are sessions.
    held: Mutex<Held>,
    askers: Askers,
}

#[derive(Default)]
struct Held {
    accesses: Vec<Weak<PolicyAccess>>,
    /// How many there were when those that are gone were last dropped.
    swept: usize,
    /// The records' versions, and when they were looked at.
    seen: Option<([u64; 6], Timestamp)>,
}

impl Identity {
    /// Who knows the clients of this registry. The data directory is where the server's own
    /// authority is.
    pub fn new(registry: Arc<Registry>, clock: Clock, data_dir: PathBuf) -> Self {
        Self {
            registry,
            clock,
            data_dir,
            passwords: Passwords::default(),
            authority: Mutex::default(),
            registrations: OnceLock::new(),
            held: Mutex::default(),
            askers: Askers::default(),
        }
    }

    /// From now on `told` hears of certificates that have registered themselves, after it is durable.
    /// The first call counts.
    pub fn tell_registrations(&self, told: Registrations) {
        // Set before: then that one goes on hearing of them.
        let _ = self.registrations.set(told);
    }

    /// The server's own authority; made at the first call.
    pub fn authority(&self) -> Result<Arc<Authority>, AuthorityError> {
        let mut authority = self.authority.lock();
        if let Some(open) = &*authority {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(Authority::open(&self.data_dir, self.clock.now())?);
        *authority = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Who a client is. `Ok(None)`: nobody that we know, and nobody that it must not be.
    ///
    /// Takes its time where a password is looked at.
    ///
    /// # Errors
    /// With which reason it is turned away.
    pub fn identify(&self, shown: &Shown<'_>) -> Result<Option<Identified>, ReasonCode> {
        let now = self.clock.now();
        let Some(proof) = self.prove(shown, now)? else { return Ok(None) };
        let subject = Subject {
            client_id: shown.client_id.into(),
            proof,
            source: Some(shown.source),
            domain: shown.server_name.map(Into::into),
        };
        self.admitted(subject, now).map(Some).ok_or(ReasonCode::NotAuthorized)
    }

    /// Who asks something over HTTP, where there is no connection whose rights would have to be
    /// kept: what is true now counts. `Ok(None)` and errors as of [`Self::identify`].
    pub fn asker(&self, shown: &Shown<'_>) -> Result<Option<Arc<Asker>>, ReasonCode> {
        let now = self.clock.now();
        let Some(proof) = self.prove(shown, now)? else {
            self.turn_away(shown);
            return Ok(None);
        };
        let asker = self.askers.of(&proof, shown, (&self.registry, now));
        asker.map(Some).ok_or(ReasonCode::NotAuthorized)
    }

    /// What a client has proved, if anything.
    fn prove(&self, shown: &Shown<'_>, now: Timestamp) -> Result<Option<Proof>, ReasonCode> {
        let by_certificate = match shown.certificates.first() {
            Some(der) => self.certificate(der, now)?,
            None => None,
        };
        let proof = match by_certificate {
            Some(proof) => Some(proof),
            None => self.by_secret(shown, now)?,
        };
        // A certificate that we do not know says nothing, least of all that it is nobody's.
        let strange = !shown.certificates.is_empty() && shown.username.is_none();
        if proof.is_none() && strange { Err(ReasonCode::NotAuthorized) } else { Ok(proof) }
    }

    /// What a client may do whose session was kept, and who is not there. `None`: nobody that we
    /// know.
    pub fn remembered(&self, client_id: &str, principal: &str) -> Option<Identified> {
        let proof = if self.registry.find::<Certificate>(&principal.to_owned()).is_some() {
            Proof::Certificate(principal.to_owned())
        } else {
            self.registry.find::<MqttUser>(&principal.to_owned())?;
            Proof::User(principal.to_owned())
        };
        let subject = Subject { client_id: client_id.into(), proof, source: None, domain: None };
        self.admitted(subject, self.clock.now())
    }

    fn admitted(&self, subject: Subject, now: Timestamp) -> Option<Identified> {
        let access = Arc::new(PolicyAccess::new(subject, &self.registry, now)?);
        self.held.lock().hold(&access);
        // What has changed before it was held was not told to it.
        if access.refresh(&self.registry, now) == Change::Gone {
            return None;
        }
        Some(Identified {
            principal: access.subject().proof.name().into(),
            thing: access.thing().map(Into::into),
            access,
        })
    }

    /// What a certificate proves. A bad one is refused, whatever else is shown.
    fn certificate(&self, der: &[u8], now: Timestamp) -> Result<Option<Proof>, ReasonCode> {
        let id = id_of(der);
        let Some(record) = self.registry.find::<Certificate>(&id) else {
            self.register_itself(der, now);
            return Ok(None);
        };
        let valid = (record.not_before..=record.not_after).contains(&now);
        match record.status {
            CertificateStatus::Active if valid => Ok(Some(Proof::Certificate(id))),
            CertificateStatus::Active
            | CertificateStatus::Inactive
            | CertificateStatus::Revoked
            | CertificateStatus::PendingActivation => Err(ReasonCode::NotAuthorized),
        }
    }

    /// Registers an unknown certificate, to be activated by somebody, if its authority is one
    /// whose certificates register themselves.
    fn register_itself(&self, der: &[u8], now: Timestamp) {
        let wants = |ca: &CaCertificate| ca.active && ca.registers_itself;
        if self.registry.first::<CaCertificate>(wants).is_none() {
            return;
        }
        let Ok(parsed) = Parsed::of_der(der) else { return };
        let signed = |ca: &CaCertificate| {
            wants(ca) && Parsed::of_pem(&ca.pem).is_ok_and(|ca| parsed.is_signed_by(&ca))
        };
        let Some(ca) = self.registry.first::<CaCertificate>(signed) else { return };
        let certificate = Certificate {
            id: parsed.id.clone(),
            pem: to_pem(der),
            status: CertificateStatus::PendingActivation,
            mode: ca.mode,
            ca: Some(ca.id.clone()),
            not_before: parsed.not_before,
            not_after: parsed.not_after,
            created_at: now,
            changed_at: now,
            version: 1,
        };
        match self.registry.create(certificate) {
            Ok(made) => {
                tracing::info!(
                    certificate = parsed.id,
                    ca = ca.id,
                    "a certificate has registered itself; activate it"
                );
                if let Some(told) = self.registrations.get() {
                    told(made.record());
                }
            }
            Err(error) => tracing::warn!(
                certificate = parsed.id,
                "a certificate cannot register itself: {error}"
            ),
        }
    }

    /// What a token or a password proves.
    fn by_secret(&self, shown: &Shown<'_>, now: Timestamp) -> Result<Option<Proof>, ReasonCode> {
        let Some(secret) = shown.password else {
            let user = shown.username.map(str::to_owned);
            let known = user.is_some_and(|user| self.registry.find::<MqttUser>(&user).is_some());
            return if known { Err(ReasonCode::BadUserNameOrPassword) } else { Ok(None) };
        };
        if let Some(id) = token_id(secret) {
            return self.token(shown, (id, secret), now).map(Some);
        }
        let Some(name) = shown.username else { return Ok(None) };
        let Some(user) = self.registry.find::<MqttUser>(&name.to_owned()) else {
            return Ok(None);
        };
        let kept = user.password.as_deref();
        match self.passwords.check((name, kept), secret, (shown.source, now)) {
            Verdict::Right => {
                Ok(kept
                    .map(|hash| Proof::Password { user: name.to_owned(), hash: hash.to_owned() }))
            }
            Verdict::Wrong => Err(ReasonCode::BadUserNameOrPassword),
            Verdict::NotNow => Err(ReasonCode::ConnectionRateExceeded),
        }
    }

    /// What a token proves. With a user name beside it, it must be that user's.
    fn token(
        &self,
        shown: &Shown<'_>,
        (id, token): (&str, &[u8]),
        now: Timestamp,
    ) -> Result<Proof, ReasonCode> {
        if !self.passwords.may_try(shown.source, TOKENS, now) {
            return Err(ReasonCode::ConnectionRateExceeded);
        }
        let users = self.registry.linked::<MqttUser>(&MqttUser::link_to_token(id));
        let found = users.iter().find(|user| {
            let mut good = user.tokens.iter().filter(|token| token.id == id && token.is_good(now));
            let named = shown.username.is_none_or(|name| name.is_empty() || name == user.name);
            named && good.any(|kept| is_token(token, &kept.hash))
        });
        match found {
            Some(user) => Ok(Proof::Token { user: user.name.clone(), id: id.to_owned() }),
            None => {
                self.passwords.wrong(shown.source, TOKENS, now);
                Err(ReasonCode::BadUserNameOrPassword)
            }
        }
    }

    /// Spends the time that a wrong password takes, for somebody who is no user.
    pub fn turn_away(&self, shown: &Shown<'_>) {
        let (Some(user), Some(password)) = (shown.username, shown.password) else { return };
        let when = (shown.source, self.clock.now());
        let _ = self.passwords.check((user, None), password, when);
    }

    /// Makes the rights anew that records have changed, and says what that means for clients. To
    /// be called several times a second: where nothing has changed, it costs nothing.
    pub fn refresh(&self) -> Changes {
        let now = self.clock.now();
        let registry = &self.registry;
        let versions = [
            registry.version_of::<Policy>(),
            registry.version_of::<Principal>(),
            registry.version_of::<Certificate>(),
            registry.version_of::<MqttUser>(),
            registry.version_of::<Thing>(),
            registry.version_of::<ThingGroup>(),
        ];
        let accesses = {
            let mut held = self.held.lock();
            let fresh = held
                .seen
                .is_some_and(|(seen, at)| seen == versions && now.since(at).abs() < EXPIRY);
            if fresh {
                return Changes::default();
            }
            held.seen = Some((versions, now));
            held.sweep();
            held.accesses.clone()
        };
        let mut changes = Changes::default();
        for access in accesses.iter().filter_map(Weak::upgrade) {
            match access.refresh(registry, now) {
                Change::None => {}
                Change::Rights => changes.rights = true,
                Change::Gone => {
                    changes.rights = true;
                    changes.gone.insert(access.subject().proof.name().to_owned());
                }
            }
        }
        changes
    }
}

/// Under which name guesses of tokens are counted; no user is called so.
const TOKENS: &str = "";

impl Held {
    fn hold(&mut self, access: &Arc<PolicyAccess>) {
        // Sweeping when their number has doubled keeps it linear.
        if self.accesses.len() >= 64.max(2 * self.swept) {
            self.sweep();
        }
        self.accesses.push(Arc::downgrade(access));
    }

    fn sweep(&mut self) {
        self.accesses.retain(|access| access.strong_count() > 0);
        self.swept = self.accesses.len();
    }
}
