//! What one client may do, by its policies; made anew when they change.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use lns_broker::{Access, Connect, ReasonCode, Version};
use lns_lorawan::Timestamp;
use lns_pipeline::policy::{self, Action, Context, Permissions};

use super::reserved;
use super::x509::Parsed;
use crate::registry::{
    Certificate, CertificateStatus, Kind, MqttUser, Policy, Principal, PrincipalName, Registry,
    Thing, ThingGroup,
};

/// What a client has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// That it has the key of the certificate with this id.
    Certificate(String),
    /// That it knows the password of a user with this hash.
    Password { user: String, hash: String },
    /// That it has a token of a user.
    Token { user: String, id: String },
    /// Nothing now: it is a user who was here before, and whose session is kept.
    User(String),
}

impl Proof {
    pub fn principal(&self) -> PrincipalName {
        match self {
            Proof::Certificate(id) => PrincipalName::certificate(id),
            Proof::Password { user, .. } | Proof::Token { user, .. } | Proof::User(user) => {
                PrincipalName::user(user)
            }
        }
    }

    /// How the principal is called in events, and by the broker: a certificate's id, a user's name.
    pub fn name(&self) -> &str {
        match self {
            Proof::Certificate(id) => id,
            Proof::Password { user, .. } | Proof::Token { user, .. } | Proof::User(user) => user,
        }
    }
}

/// A client, as far as its rights depend on it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub client_id: Box<str>,
    pub proof: Proof,
    pub source: Option<IpAddr>,
    pub domain: Option<Box<str>>,
}

/// The records that a client's rights are made of. The same records make the same rights.
#[derive(Clone, Default)]
pub(super) struct Sources {
    certificate: Option<Arc<Certificate>>,
    thing: Option<Arc<Thing>>,
    pub policies: Vec<Arc<Policy>>,
}

impl Sources {
    /// The records that make the rights of a client; `None`: its proof proves nothing any more.
    pub fn of(
        proof: &Proof,
        client_id: Option<&str>,
        (registry, now): (&Registry, Timestamp),
    ) -> Option<Self> {
        let certificate = match proof {
            Proof::Certificate(id) => {
                let certificate = registry.find::<Certificate>(id)?;
                let valid = (certificate.not_before..=certificate.not_after).contains(&now);
                if certificate.status != CertificateStatus::Active || !valid {
                    return None;
                }
                Some(certificate)
            }
            Proof::Password { user, hash } => {
                let user = registry.find::<MqttUser>(user)?;
                if user.password.as_ref() != Some(hash) {
                    return None;
                }
                None
            }
            Proof::Token { user, id } => {
                let user = registry.find::<MqttUser>(user)?;
                let mut good = user.tokens.iter().filter(|token| token.is_good(now));
                good.find(|token| token.id == *id)?;
                None
            }
            Proof::User(user) => {
                registry.find::<MqttUser>(user)?;
                None
            }
        };
        let (thing, policies) = attached(registry, &proof.principal(), client_id);
        Some(Self { certificate, thing, policies })
    }

    pub fn same(&self, other: &Self) -> bool {
        fn one<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
            a.map(Arc::as_ptr) == b.map(Arc::as_ptr)
        }
        let policies =
            |sources: &Self| sources.policies.iter().map(Arc::as_ptr).collect::<Vec<_>>();
        one(self.certificate.as_ref(), other.certificate.as_ref())
            && one(self.thing.as_ref(), other.thing.as_ref())
            && policies(self) == policies(other)
    }
}

/// What a client may do now.
struct Rights {
    sources: Sources,
    context: Context,
    permissions: Permissions,
}

/// What a client may do by its policies, as the broker asks.
pub(super) struct PolicyAccess {
    subject: Subject,
    rights: ArcSwap<Rights>,
}

/// What a change of records means for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// It may do other things than before.
    Rights,
    /// It may not be connected any more.
    Gone,
}

impl PolicyAccess {
    /// The rights of a client; `None`: its principal is good for nothing.
    pub fn new(subject: Subject, registry: &Registry, now: Timestamp) -> Option<Self> {
        let sources = Sources::of(&subject.proof, Some(&subject.client_id), (registry, now))?;
        let rights = ArcSwap::from_pointee(rights(&subject, sources));
        Some(Self { subject, rights })
    }

    /// Who it is.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The name of its thing.
    pub fn thing(&self) -> Option<String> {
        self.rights.load().sources.thing.as_ref().map(|thing| thing.name.clone())
    }

    /// Looks at the records again.
    pub fn refresh(&self, registry: &Registry, now: Timestamp) -> Change {
        let subject = &self.subject;
        let client_id = Some(&*subject.client_id);
        let Some(sources) = Sources::of(&subject.proof, client_id, (registry, now)) else {
            self.rights.store(Arc::new(rights(&self.subject, Sources::default())));
            return Change::Gone;
        };
        if sources.same(&self.rights.load().sources) {
            return Change::None;
        }
        self.rights.store(Arc::new(rights(&self.subject, sources)));
        // A connection that could not be made now is ended, whatever it asked for when it was made.
        if self.allows(Action::Connect, &self.subject.client_id) {
            Change::Rights
        } else {
            Change::Gone
        }
    }

    /// What its policies say, without the topics that are the server's own.
    pub fn allows(&self, action: Action, name: &str) -> bool {
        self.rights.load().permissions.allows(action, name)
    }
}

impl Access for PolicyAccess {
    fn connect(&self, connect: &Connect) -> Result<(), ReasonCode> {
        let rights = self.rights.load();
        let persistent = match connect.version {
            Version::V311 => !connect.clean_start,
            Version::V5 => !connect.clean_start || connect.session_expiry.unwrap_or(0) > 0,
        };
        let will_topic = connect.will.as_ref().map(|will| will.message.topic.to_string());
        let asked = policy::Connect { persistent, will_topic };
        let context = Context { connect: Some(asked), ..rights.context.clone() };
        let policies = rights.sources.policies.iter().filter_map(|policy| policy.read());
        let permissions = Permissions::new(policies, &context);
        if permissions.allows(Action::Connect, &connect.client_id) {
            Ok(())
        } else {
            Err(ReasonCode::NotAuthorized)
        }
    }

    fn publish(&self, topic: &str) -> bool {
        reserved::may_publish(topic) && self.allows(Action::Publish, topic)
    }

    fn retain(&self, topic: &str) -> bool {
        self.allows(Action::RetainPublish, topic)
    }

    fn subscribe(&self, filter: &str) -> bool {
        reserved::may_hear(filter) && self.rights.load().permissions.may_subscribe(filter)
    }

    fn receive(&self, topic: &str) -> bool {
        reserved::may_hear(topic) && self.allows(Action::Receive, topic)
    }
}

/// The thing that a client is, and its policies.
fn attached(
    registry: &Registry,
    name: &PrincipalName,
    client_id: Option<&str>,
) -> (Option<Arc<Thing>>, Vec<Arc<Policy>>) {
    let principal = registry.principal(name);
    let thing = principal.as_deref().and_then(|principal| thing_of(principal, client_id, registry));
    let mut names: Vec<String> = Vec::new();
    names.extend(principal.iter().flat_map(|principal| principal.policies().iter().cloned()));
    names.extend(thing.iter().flat_map(|thing| policies_of_groups(thing, registry)));
    names.sort_unstable();
    names.dedup();
    let policies = names.iter().filter_map(|name| registry.find::<Policy>(name)).collect();
    (thing, policies)
}

/// The policies of a principal that connects under this client identifier, and what would be known
/// of it; whether it may connect at all is not looked at.
pub fn policies_of(
    registry: &Registry,
    name: &PrincipalName,
    client_id: Option<&str>,
) -> (Vec<Arc<Policy>>, Context) {
    let (thing, policies) = attached(registry, name, client_id);
    let (kind, id) = name.parts();
    let shown = (kind == Kind::Certificate).then(|| id.to_owned());
    let certificate = shown.and_then(|id| registry.find::<Certificate>(&id));
    let sources = Sources { certificate, thing, policies: Vec::new() };
    let context = context(client_id, (None, None), &sources);
    (policies, context)
}

/// The thing that a client is: the one it is called after, or the only one that its principal has
/// and that is its principal's alone.
fn thing_of(
    principal: &Principal,
    client_id: Option<&str>,
    registry: &Registry,
) -> Option<Arc<Thing>> {
    let own = client_id.and_then(|client_id| principal.things().get_key_value(client_id));
    let own = own.or_else(|| principal.things().iter().find(|(_, alone)| **alone));
    registry.find::<Thing>(own?.0)
}

/// The policies of the groups that a thing is in, and of those above them.
fn policies_of_groups(thing: &Thing, registry: &Registry) -> Vec<String> {
    let mut names = Vec::new();
    for id in &thing.groups {
        let Some(group) = registry.find_by_alias::<ThingGroup>(id) else { continue };
        for group in group.ancestry(registry).iter().chain([&group]) {
            let principal = registry.principal(&PrincipalName::thing_group(&group.name));
            names.extend(principal.iter().flat_map(|group| group.policies().iter().cloned()));
        }
    }
    names
}

fn rights(subject: &Subject, sources: Sources) -> Rights {
    let domain = subject.domain.as_deref();
    let context = context(Some(&subject.client_id), (subject.source, domain), &sources);
    let policies = sources.policies.iter().filter_map(|policy| policy.read());
    Rights { permissions: Permissions::new(policies, &context), context, sources }
}

/// What is known of a client, or of a request, which has no client identifier.
pub(super) fn context(
    client_id: Option<&str>,
    (source, domain): (Option<IpAddr>, Option<&str>),
    sources: &Sources,
) -> Context {
    let thing = sources.thing.as_deref().map(|thing| policy::Thing {
        name: thing.name.clone(),
        type_name: thing.thing_type.clone(),
        attributes: thing.attributes.clone(),
    });
    let parsed = sources.certificate.as_deref().map(|record| Parsed::of_pem(&record.pem));
    Context {
        client_id: client_id.map(str::to_owned),
        source,
        domain: domain.map(str::to_owned),
        thing,
        certificate: parsed.and_then(Result::ok).map(|parsed| parsed.fields).unwrap_or_default(),
        connect: None,
        topic: None,
    }
}
