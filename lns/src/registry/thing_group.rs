//! Things under one name, in a tree.

use std::sync::Arc;

use lns_lorawan::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Attributes, Kind, Principal, PrincipalName, Registry, RegistryError, Tags};

/// How many levels the tree has.
const MAX_DEPTH: usize = 7;

/// How many children a group has.
const MAX_CHILDREN: usize = 100;

/// How many attributes a group has.
const MAX_ATTRIBUTES: usize = 50;

/// A static thing group. Its members know it by its id, so that they lose it when it goes, and do
/// not find themselves in another that is given its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThingGroup {
    /// Its name, made as a thing's.
    pub name: String,
    /// Its thingGroupId: a UUID.
    pub id: String,
    /// The name of the group that it is in; never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its attributes.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// When it was made.
    pub created_at: Timestamp,
    /// Grows with every change; 1 at first.
    pub version: u64,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl Kept for ThingGroup {
    type Key = String;
    const KIND: Kind = Kind::ThingGroup;
    const TABLE: Table = Table::Things;
    const PREFIX: &'static str = "group/";
    const LIMIT: usize = 10_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn repeats(&self, there: &Self) -> bool {
        (&self.parent, &self.description, &self.attributes, &self.tags)
            == (&there.parent, &there.description, &there.attributes, &there.tags)
    }

    fn alias(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn check(&self, registry: &Registry) -> Result<(), RegistryError> {
        let unfit = |problem: String| {
            Err(RegistryError::Unfit(format!("thing group {}: {problem}", self.name)))
        };
        if self.attributes.len() > MAX_ATTRIBUTES {
            let count = self.attributes.len();
            return unfit(format!(
                "it would have {count} attributes and may have {MAX_ATTRIBUTES}"
            ));
        }
        let Some(parent) = &self.parent else { return Ok(()) };
        let above = registry.require::<ThingGroup>(parent)?.ancestry(registry).len() + 1;
        if above >= MAX_DEPTH {
            return unfit(format!(
                "{above} groups are above it, and a tree has {MAX_DEPTH} levels"
            ));
        }
        let children = registry.children(parent).filter(|child| child.name != self.name).count();
        if children >= MAX_CHILDREN {
            return unfit(format!("{parent} has {children} children, which is the limit"));
        }
        Ok(())
    }

    /// A child, or a policy that is attached to it: another group of its name must not have it.
    /// Members are no reason to stay.
    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let child = registry.children(&self.name).next();
        let child = child.map(|child| (Kind::ThingGroup, child.name.clone()));
        child.or_else(|| {
            let principal = registry.find(&PrincipalName::thing_group(&self.name))?;
            let policy = Principal::policies(&principal).iter().next()?;
            Some((Kind::Policy, policy.clone()))
        })
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.thing_groups
    }
}

impl ThingGroup {
    /// The groups above it, the root first.
    pub fn ancestry(&self, registry: &Registry) -> Vec<Arc<ThingGroup>> {
        let mut above: Vec<Arc<ThingGroup>> = Vec::new();
        let mut next = self.parent.clone();
        while let Some(group) = next.and_then(|name| registry.find::<ThingGroup>(&name)) {
            next = group.parent.clone();
            above.push(group);
            if above.len() == MAX_DEPTH {
                break;
            }
        }
        above.reverse();
        above
    }
}

impl Registry {
    /// The groups directly in this one.
    fn children(&self, parent: &str) -> impl Iterator<Item = Arc<ThingGroup>> + use<> {
        let mut children = Vec::new();
        self.walk(None, &mut |group: &Arc<ThingGroup>| {
            if group.parent.as_deref() == Some(parent) {
                children.push(Arc::clone(group));
            }
            true
        });
        children.into_iter()
    }
}
