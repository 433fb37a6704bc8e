//! What is attached to whom: policies and things of a certificate, a user or a thing group.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Certificate, Kind, MqttUser, Policy, Registry, RegistryError, Thing, ThingGroup};

/// How many policies are attached to one principal, as AWS has it.
pub const MAX_POLICIES: usize = 10;
/// How many things are attached to one principal.
const MAX_THINGS: usize = 100;

/// Somebody that something can be attached to, as the last part of an ARN says it:
/// `cert/{certificateId}`, `user/{name}` or `thinggroup/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrincipalName(String);

impl PrincipalName {
    /// A certificate.
    pub fn certificate(id: &str) -> Self {
        Self(format!("cert/{id}"))
    }

    /// A user of MQTT.
    pub fn user(name: &str) -> Self {
        Self(format!("user/{name}"))
    }

    /// A thing group.
    pub fn thing_group(name: &str) -> Self {
        Self(format!("thinggroup/{name}"))
    }

    /// What an ARN of iot names, whatever its region and account.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let is_iot = parts.next() == Some("arn") && parts.nth(1) == Some("iot");
        Self::parse(parts.nth(2)?).filter(|_| is_iot)
    }

    /// Reads the last part of an ARN.
    pub fn parse(text: &str) -> Option<Self> {
        let known = ["cert/", "user/", "thinggroup/"];
        let name = known.into_iter().find_map(|kind| text.strip_prefix(kind))?;
        (!name.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        let (kind, name) = self.parts();
        kind.arn(&name)
    }

    /// Its kind and its own name.
    pub fn parts(&self) -> (Kind, &str) {
        let (word, name) = self.0.split_once('/').unwrap_or_default();
        let kind = match word {
            "cert" => Kind::Certificate,
            "user" => Kind::MqttUser,
            _ => Kind::ThingGroup,
        };
        (kind, name)
    }

    /// Refuses one that there is not.
    pub fn require(&self, registry: &Registry) -> Result<(), RegistryError> {
        let (kind, name) = self.parts();
        let name = name.to_owned();
        if kind == Kind::Certificate {
            registry.require::<Certificate>(&name).map(drop)
        } else if kind == Kind::MqttUser {
            registry.require::<MqttUser>(&name).map(drop)
        } else {
            registry.require::<ThingGroup>(&name).map(drop)
        }
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is attached to one principal. A principal with nothing attached may have no record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Principal {
    /// Who it is.
    pub name: PrincipalName,
    /// The names of policies.
    #[serde(default)]
    policies: BTreeSet<String>,
    /// The names of things, and whether a thing is this principal's alone.
    #[serde(default)]
    things: BTreeMap<String, bool>,
}

impl Principal {
    /// The names of its policies.
    pub fn policies(&self) -> &BTreeSet<String> {
        &self.policies
    }

    /// Its things, and whether each is its alone.
    pub fn things(&self) -> &BTreeMap<String, bool> {
        &self.things
    }

    /// By what principals are found that have this policy.
    pub fn link_to_policy(name: &str) -> String {
        format!("policy/{name}")
    }

    /// By what principals are found that have this thing.
    pub fn link_to_thing(name: &str) -> String {
        format!("thing/{name}")
    }
}

impl Kept for Principal {
    type Key = PrincipalName;
    const KIND: Kind = Kind::Principal;
    const TABLE: Table = Table::Policies;
    const PREFIX: &'static str = "principal/";
    const LIMIT: usize = 10_000_000;

    fn key(&self) -> PrincipalName {
        self.name.clone()
    }

    fn links(&self) -> Vec<String> {
        let policies = self.policies.iter().map(|name| Self::link_to_policy(name));
        policies.chain(self.things.keys().map(|name| Self::link_to_thing(name))).collect()
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.principals
    }
}

impl Registry {
    /// Attaches a policy. Durable on return; again, it changes nothing.
    pub fn attach_policy(&self, policy: &str, to: &PrincipalName) -> Result<(), RegistryError> {
        self.change_principal(to, |registry, principal| {
            registry.require::<Policy>(&policy.to_owned())?;
            principal.policies.insert(policy.to_owned());
            if principal.policies.len() > MAX_POLICIES {
                return Err(RegistryError::Full { kind: Kind::Policy, limit: MAX_POLICIES });
            }
            Ok(())
        })
    }

    /// Detaches a policy. Durable on return; where it is not attached, it changes nothing.
    pub fn detach_policy(&self, policy: &str, from: &PrincipalName) -> Result<(), RegistryError> {
        self.change_principal(from, |_, principal| {
            principal.policies.remove(policy);
            Ok(())
        })
    }

    /// Attaches a thing, which may be for this principal alone. Durable on return.
    pub fn attach_thing(
        &self,
        thing: &str,
        to: &PrincipalName,
        alone: bool,
    ) -> Result<(), RegistryError> {
        self.change_principal(to, |registry, principal| {
            registry.require::<Thing>(&thing.to_owned())?;
            let others = registry.linked::<Principal>(&Principal::link_to_thing(thing));
            let mut others = others.iter().filter(|other| other.name != *to);
            let taken = others.find(|other| alone || other.things.get(thing) == Some(&true));
            if let Some(other) = taken {
                return Err(RegistryError::Unfit(format!(
                    "thing {thing} is attached to {} already, and one of the two would have it \
                     alone; detach it first",
                    other.name
                )));
            }
            // A principal with a thing of its own has no other.
            let mixed = principal
                .things
                .iter()
                .any(|(name, exclusive)| name != thing && (alone || *exclusive));
            if mixed {
                return Err(RegistryError::Unfit(format!(
                    "{to} has another thing, and one of the two would be its only one; detach that"
                )));
            }
            principal.things.insert(thing.to_owned(), alone);
            if principal.things.len() > MAX_THINGS {
                return Err(RegistryError::Full { kind: Kind::Thing, limit: MAX_THINGS });
            }
            Ok(())
        })
    }

    /// Detaches a thing. Durable on return; where it is not attached, it changes nothing.
    pub fn detach_thing(&self, thing: &str, from: &PrincipalName) -> Result<(), RegistryError> {
        self.change_principal(from, |_, principal| {
            principal.things.remove(thing);
            Ok(())
        })
    }

    /// Forgets what is attached to one that is gone. Durable on return.
    pub fn detach_all(&self, from: &PrincipalName) -> Result<(), RegistryError> {
        match self.find::<Principal>(from) {
            Some(_) => self.remove::<Principal>(from).map(drop),
            None => Ok(()),
        }
    }

    /// What is attached to one.
    pub fn principal(&self, name: &PrincipalName) -> Option<Arc<Principal>> {
        self.find(name)
    }

    /// Changes what is attached to one that there is.
    fn change_principal(
        &self,
        name: &PrincipalName,
        change: impl FnOnce(&Registry, &mut Principal) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        let _change = self.change.lock();
        name.require(self)?;
        let before = self.find::<Principal>(name);
        let mut principal = before.as_deref().cloned().unwrap_or_else(|| Principal {
            name: name.clone(),
            policies: BTreeSet::new(),
            things: BTreeMap::new(),
        });
        change(self, &mut principal)?;
        if before.as_deref() != Some(&principal) {
            self.keep(principal)?;
        }
        Ok(())
    }
}
